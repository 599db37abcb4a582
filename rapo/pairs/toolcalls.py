"""Calls of tools in the turns of a conversation, as text of the turn: the schema's turns are a role and a content.

A call becomes ``<tool_call>`` with its name and arguments as JSON, as the chat templates of Hermes, Qwen and others
write it: what such a model reads is the same. Names and ids of calls and results are left out: results follow calls.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.schema import TEXTS

CALLS = "tool_calls"
LINKS = ("tool_call_id", "name")  # of a tool's turn


def written(table: pa.Table) -> tuple[pa.Table, int]:
    """The table with every call of a tool in its turn's content, and how many turns have calls.

    >>> call = {"function": {"name": "now", "arguments": '{"zone": "UTC"}'}}
    >>> row = {"prompt": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}]}
    >>> written(pa.Table.from_pylist([row]))[0]["prompt"][0][1]["content"].as_py()
    '<tool_call>\\n{"name": "now", "arguments": {"zone": "UTC"}}\\n</tool_call>'
    """
    found = 0
    for column in TEXTS:
        if column in table.column_names and _has_calls(table.schema.field(column).type):
            made, n = _column(messages.whole(table[column]))
            table = table.set_column(table.column_names.index(column), column, made)
            found += n
    return table, found


def _has_calls(kind: pa.DataType) -> bool:
    """True for messages with a field that only talks with tools have."""
    return messages.is_messages(kind) and bool({CALLS, LINKS[0]} & {field.name for field in kind.value_type})


def _column(column: pa.Array) -> tuple[pa.Array, int]:
    fields = messages.fields(column)
    calls = fields.pop(CALLS, pa.nulls(len(fields["role"])))
    if set(fields) & set(LINKS):
        is_tool = pc.fill_null(pc.equal(fields["role"], "tool"), False)
        fields |= {name: pc.if_else(is_tool, None, fields[name]) for name in LINKS if name in fields}
        fields = {name: held for name, held in fields.items() if name not in LINKS or held.null_count < len(held)}
    told = [[] if held is None else _texts(held) for held in calls.to_pylist()]
    n = sum(map(bool, told))
    if n:
        said = zip(fields["content"].to_pylist(), told, strict=True)
        joined = ["\n".join([*([text] if text else []), *more]) if more else text for text, more in said]
        fields["content"] = pa.array(joined, pa.string())
    return messages.of_fields(fields, messages.sizes(column)), n


def _texts(calls: Any) -> list[str]:
    """The calls of one turn, each as text; a text that is no JSON stays as it is."""
    found = _read(calls)
    if not isinstance(found, list):
        found = [found] if found else []
    return [_text(call) if isinstance(call, dict) else str(call) for call in found if call]


def _text(call: dict[str, Any]) -> str:
    inner = call.get("function") or call
    given = _read(inner.get("arguments"))
    said = json.dumps({"name": inner.get("name"), "arguments": _own(given) or {}}, ensure_ascii=False)
    return f"<tool_call>\n{said}\n</tool_call>"


def _own(given: Any) -> Any:
    """Arguments without what Arrow gave them of other calls: every object has the names of all, null where it has none.

    >>> _own({"filter": {"a": 1, "b": None}, "limit": None})
    {'filter': {'a': 1}}
    """
    if isinstance(given, list):
        return [_own(one) for one in given]
    return (
        {name: _own(held) for name, held in given.items() if held is not None}
        if isinstance(given, dict)
        else given
    )


def _read(held: Any) -> Any:
    """What a text of JSON holds; anything else as it is."""
    try:
        return json.loads(held) if isinstance(held, str) else held
    except ValueError:
        return held
