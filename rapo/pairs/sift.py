"""Where bad rows are left out, one of them must not spoil its whole column: here its value is made missing instead."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages
from rapo.pairs.schema import SCORES, TEXTS

_NUMBER = r"^\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*$"


def sifted(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table with columns that its good rows allow, and what was done.

    Scores that are text become numbers, null where they are none; messages with a further field lose all their turns.
    The check then finds nothing in such rows, and leaves them out.

    >>> sifted(pa.table({"score_chosen": ["9", "9/10"]}))[0]["score_chosen"].to_pylist()
    [9.0, None]
    """
    told: list[str] = []
    for column in (*SCORES, *TEXTS):
        if column not in table.column_names:
            continue
        kind, made = table.schema.field(column).type, None
        if column in SCORES and messages.is_text(kind):
            made, what = _numbers(table[column]), "holds text: it is read as numbers, and what is none is left out"
        elif column in TEXTS and (names := _further(kind)):
            made = _without(messages.whole(table[column]), names)
            what = f"rows whose turns have a further field ({', '.join(names)}) are left out"
        if made is not None:
            table = table.set_column(table.column_names.index(column), column, made)
            told.append(f"column {column}: {what}")
    return table, told


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = column.cast(pa.string())
    known = pc.match_substring_regex(texts, _NUMBER)
    return pc.utf8_trim_whitespace(pc.if_else(known, texts, None)).cast(pa.float64())


def _further(kind: pa.DataType) -> list[str]:
    """Fields of messages beside role and content."""
    if not messages.is_messages(kind):
        return []
    return [field.name for field in kind.value_type if field.name not in ("role", "content")]


def _without(column: pa.Array, names: list[str]) -> pa.Array:
    """Messages of role and content; none where a turn has one of these fields."""
    parts = messages.turns(column)
    flat = column.flatten()
    held = np.zeros(len(flat), bool)
    for name in names:
        held |= pc.struct_field(flat, name).is_valid().to_numpy(zero_copy_only=False)
    bad = np.zeros(len(column), bool)
    bad[parts.row_of[held]] = True
    return parts.take(np.flatnonzero(~bad[parts.row_of]), np.where(bad, 0, parts.lengths)).column()
