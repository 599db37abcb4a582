"""Messages spelled out in texts, as CSV files and tables saved by pandas hold them, become messages again.

A column is taken for messages where its first rows all hold a list of turns, {role, content} or {from, value}, as JSON
or as Python and NumPy write lists. Content in parts, ``[{"type": "text", "text": ...}]``, is their texts.
"""

import ast
import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.faults import short

_SAMPLE = 20
_BEGINS = re.compile(r"\s*\[\s*\{")
_PARTED = re.compile(r"\}\s*\n\s*\{")  # what NumPy writes between the items of an array
_NAMES = (("role", "content"), ("from", "value"))
Turn = dict[str, str | None]


def columns(sample: pa.Table) -> dict[str, pa.DataType]:
    """The columns of text that hold messages, as the first rows show, and the type that they become.

    >>> list(columns(pa.table({"chosen": ['[{"role": "user", "content": "hi"}]'], "prompt": ["[a]"]})))
    ['chosen']
    """
    found = {}
    for name in sample.column_names:
        if messages.is_text(sample.schema.field(name).type):
            cells = (cell.as_py() for cell in sample[name].slice(0, 1000))
            texts = list(islice(filter(None, cells), _SAMPLE))
            turns = [_turns(text) for text in texts if _BEGINS.match(text)]
            if texts and len(turns) == len(texts) and None not in turns:
                fields = dict.fromkeys(field for talk in turns for turn in talk or () for field in turn)
                found[name] = pa.list_(pa.struct([(field, pa.string()) for field in fields]))
    return found


def read(
    table: pa.Table, found: Mapping[str, pa.DataType], *, name: str, row: int, drop: bool = False
) -> pa.Table:
    """The table with messages in these columns; an empty cell has none.

    Args:
        table: some rows.
        found: of `columns`.
        name: what an error calls the table.
        row: the number of its first row, from 1.
        drop: a cell that cannot be read has none either, so that the check leaves its row out.

    Raises:
        ValueError: a cell holds no list of turns, or they have fields that those of the first rows have not; tells
            the row.
    """
    for column, kind in found.items():
        fields = {field.name for field in kind.value_type}
        turns = [
            _read(text, fields, None if drop else f"{name}, row {at}, column {column}") if text else None
            for at, text in enumerate(table[column].to_pylist(), row)
        ]
        table = table.set_column(table.column_names.index(column), column, pa.array(turns, kind))
    return table


def parted(table: pa.Table) -> pa.Table:
    """The table with texts where messages have content in parts; none where a part is no text.

    >>> said = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    >>> parted(pa.Table.from_pylist([{"prompt": [said]}]))["prompt"].to_pylist()
    [[{'role': 'user', 'content': 'hi'}]]
    """
    for name in [name for name in table.column_names if _has_parts(table.schema.field(name).type)]:
        column = messages.whole(table[name])
        fields = messages.fields(column)
        fields["content"] = _joined(fields["content"])
        made = messages.of_fields(fields, messages.sizes(column))
        table = table.set_column(table.column_names.index(name), name, made)
    return table


def _joined(contents: pa.Array) -> pa.Array:
    """Texts of contents in parts; null where a part is no text, or there is no content."""
    sizes, texts = messages.sizes(contents), pc.struct_field(contents.flatten(), "text")
    joined = pc.binary_join(messages.lists(pc.fill_null(texts, ""), sizes), "\n\n")
    missing = contents.is_null().to_numpy(zero_copy_only=False)
    missing[np.repeat(np.arange(len(contents)), sizes)[texts.is_null().to_numpy(zero_copy_only=False)]] = True
    return pc.if_else(missing, None, joined)


def without_parts(value: Any) -> Any:
    """A value of JSON, with texts where turns have content in parts; with none where a part is no text.

    >>> without_parts([{"role": "user", "content": [{"type": "text", "text": "hi"}]}, {"role": "tool", "content": "1"}])
    [{'role': 'user', 'content': 'hi'}, {'role': 'tool', 'content': '1'}]
    """
    if isinstance(value, list):
        return [without_parts(one) for one in value]
    if not isinstance(value, dict):
        return value
    content = value.get("content")
    if "role" in value and isinstance(content, list) and all(isinstance(part, dict) for part in content):
        value = {**value, "content": _text(content)}
    return {name: without_parts(held) for name, held in value.items()}


def _has_parts(kind: pa.DataType) -> bool:
    """True for messages whose content is a list of parts, of which some may be texts."""
    if not messages.is_messages(kind):
        return False
    content = kind.value_type.field("content").type
    if not any(test(content) for test in messages.LISTS) or not pa.types.is_struct(content.value_type):
        return False
    place = content.value_type.get_field_index("text")
    return place >= 0 and messages.is_text(content.value_type.field(place).type)


def _read(text: str, fields: set[str], where: str | None) -> list[Turn] | None:
    found = _turns(text)
    if found is not None and all(set(turn) <= fields for turn in found):
        return found
    if where is None:
        return None
    raise ValueError(
        f"{where}: {short(text)} is no list of turns with {' and '.join(sorted(fields))} alone, as the rows before it "
        "are; mend it, leave such rows out with --bad drop, or write the data as JSON lines or parquet"
    )


def _turns(text: str) -> list[Turn] | None:
    """Turns of a text; further fields that hold something as JSON, None where it holds no turns."""
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = ast.literal_eval(_PARTED.sub("}, {", text.strip()))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(found, list) or not found or not all(isinstance(turn, dict) for turn in found):
        return None
    if "\\ud" in text.lower() and not messages.is_utf8(json.dumps(found, ensure_ascii=False, default=str)):
        return None
    names = next((names for names in _NAMES if all(set(names) <= set(turn) for turn in found)), None)
    if names is None or not all(_is_said(turn[name]) for turn in found for name in names):
        return None
    return [_turn(turn, names) for turn in found]


def _is_said(held: Any) -> bool:
    """True for a text, for none (a turn that calls a tool), and for content in parts."""
    return (
        held is None or isinstance(held, str) or (isinstance(held, list) and isinstance((held or [""])[0], dict))
    )


def _turn(turn: Mapping[str, Any], names: tuple[str, str]) -> Turn:
    further = {name: held for name, held in turn.items() if name not in names and held is not None}
    texts = {name: held if isinstance(held, str) else json.dumps(held) for name, held in further.items()}
    return {**{name: _text(turn[name]) for name in names}, **texts}


def _text(said: Any) -> str | None:
    """A text, or the text of parts; None where a part is no text, which the check then finds missing."""
    if not isinstance(said, list):
        return said
    found = (part.get("text") if isinstance(part, dict) else None for part in said)
    texts = [text for text in found if isinstance(text, str)]
    return "\n\n".join(texts) if len(texts) == len(said) else None
