"""What stands in columns of its own and belongs to the prompt: `input` and `history` (Alpaca), `system` (Orca)."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.messages import whole

_PARTS = ("instruction", "input")


def joined(table: pa.Table) -> tuple[pa.Table, str]:
    """One column ``prompt`` of ``instruction`` and ``input``, a line each, and what to tell; else the table and "".

    Earlier turns in ``history``, lists of [question, answer], come before it.

    >>> row = {"instruction": "Translate.", "input": "the cat"}
    >>> joined(pa.Table.from_pylist([row, row | {"input": ""}]))[0]["prompt"].to_pylist()
    ['Translate.\\nthe cat', 'Translate.']
    """
    if "prompt" in table.column_names or not all(_is_text(table, name) for name in _PARTS):
        return table, ""
    instructions, inputs = (whole(table[name]).cast(pa.string()) for name in _PARTS)
    given = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(inputs), ""), False)
    prompt = pc.if_else(given, pc.binary_join_element_wise(instructions, inputs, "\n"), instructions)
    used = [*_PARTS]
    if "history" in table.column_names and _is_history(table.schema.field("history").type):
        turns = map(_turns, table["history"].to_pylist(), prompt.to_pylist())
        prompt, used = pa.array(list(turns), messages.MESSAGES), [*used, "history"]
    made = table.drop_columns(used).add_column(0, "prompt", prompt)
    return made, f"prompt is {' and '.join((', '.join(used[:-1]), used[-1]))}"


def _turns(history: Any, question: str | None) -> list[dict[str, str | None]] | None:
    """Messages of a conversation; None where its last question is missing."""
    if question is None:
        return None
    said = [
        {"role": ("user", "assistant")[place % 2], "content": text}
        for asked in history or []
        for place, text in enumerate(asked or [])
    ]
    return [*said, {"role": "user", "content": question}]


def with_system(table: pa.Table) -> tuple[pa.Table, str]:
    """Prompts with the text of ``system`` as their first turn, and what to tell; else the table and "".

    A blank text makes no turn, and none is made where a prompt has a system's turn of its own.

    >>> row = {"system": "Be brief.", "prompt": [{"role": "user", "content": "q"}]}
    >>> [turn["role"] for turn in with_system(pa.Table.from_pylist([row]))[0]["prompt"][0].as_py()]
    ['system', 'user']
    """
    if not has_system(table) or not messages.is_messages(table.schema.field("prompt").type):
        return table, ""
    systems, prompt = whole(table["system"]).cast(pa.string()), messages.turns(whole(table["prompt"]))
    given = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(systems), ""), False)
    new = given.to_numpy(zero_copy_only=False) & (prompt.lengths > 0)
    new[prompt.row_of[(prompt.place == 0) & messages.equal(prompt.roles, "system")]] = False
    at = prompt.starts[new]  # before the first turns of these rows
    made = messages.Turns(
        _put(prompt.roles, at, pa.repeat(pa.scalar("system"), len(at))),
        _put(prompt.contents, at, systems.filter(pa.array(new))),
        prompt.lengths + new,
    ).column()
    where = table.column_names.index("prompt")
    told = "column system becomes the prompt's system turn"
    return table.set_column(where, "prompt", made).drop_columns(["system"]), told


def opened(prompts: pa.ListArray, table: pa.Table) -> pa.ListArray:
    """Prompts (messages) with what the table says in ``system`` before them. Shape: (n_rows,)"""
    if not has_system(table):
        return prompts
    return whole(with_system(pa.table({"prompt": prompts, "system": table["system"]}))[0]["prompt"])


def has_system(table: pa.Table) -> bool:
    """True where a column ``system`` holds texts."""
    return _is_text(table, "system")


def _put(values: pa.Array, at: np.ndarray, new: pa.Array) -> pa.Array:
    """Texts with new ones before those at these places."""
    order = np.insert(np.arange(len(values)), at, len(values) + np.arange(len(new)))
    return pa.concat_arrays([values.cast(pa.string()), new.cast(pa.string())]).take(pa.array(order))


def _is_text(table: pa.Table, name: str) -> bool:
    return name in table.column_names and messages.is_text(table.schema.field(name).type)


def _is_history(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind)
        and pa.types.is_list(kind.value_type)
        and messages.is_text(kind.value_type.value_type)
    )
