"""Messages spelled out in texts, as CSV files and tables saved by pandas hold them, become messages again.

A column is taken for messages where its first rows all hold a list of turns, {role, content} or {from, value}, as JSON
or as Python and NumPy write lists.
"""

import ast
import json
import re
from collections.abc import Mapping
from itertools import islice

import pyarrow as pa

from rapo.pairs import messages
from rapo.pairs.faults import short

_SAMPLE = 20
_BEGINS = re.compile(r"\s*\[\s*\{")
_PARTED = re.compile(r"\}\s*\n\s*\{")  # what NumPy writes between the items of an array
_TURNS = ({"role", "content"}, {"from", "value"})
_FROM_VALUE = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))


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
                found[name] = messages.MESSAGES if turns[0] and "role" in turns[0][0] else _FROM_VALUE
    return found


def read(table: pa.Table, found: Mapping[str, pa.DataType], *, name: str, row: int) -> pa.Table:
    """The table with messages in these columns; an empty cell has none.

    Args:
        table: some rows.
        found: of `columns`.
        name: what an error calls the table.
        row: the number of its first row, from 1.

    Raises:
        ValueError: a cell holds no list of turns, or they have further fields; tells the row.
    """
    for column, kind in found.items():
        turns = [
            _read(text, f"{name}, row {at}, column {column}") if text else None
            for at, text in enumerate(table[column].to_pylist(), row)
        ]
        table = table.set_column(table.column_names.index(column), column, pa.array(turns, kind))
    return table


def _read(text: str, where: str) -> list[dict[str, str]]:
    found = _turns(text)
    if found is None:
        raise ValueError(
            f"{where}: {short(text)} is no list of turns with role and content alone, as the rows before it are; mend "
            "it, or write the data as JSON lines or parquet, where turns may have further fields"
        )
    return found


def _turns(text: str) -> list[dict[str, str]] | None:
    """Turns of a text, all with the same two fields; None where it holds something else."""
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = ast.literal_eval(_PARTED.sub("}, {", text.strip()))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(found, list) or not found or not all(isinstance(turn, dict) for turn in found):
        return None
    fits = any(all(set(turn) == keys for turn in found) for keys in _TURNS)
    return found if fits and all(isinstance(held, str) for turn in found for held in turn.values()) else None
