"""Read JSON lines into Arrow, in batches, with an error that names the row, the column and the value.

Arrow's own reader does the work. It is told which fields hold text (else it makes dates of texts that look like
dates), and when it refuses a batch the offending line is looked up.
"""

import gzip
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapo.pairs.faults import short

_BOM = b"\xef\xbb\xbf"


def read(path: Path, *, rows: int) -> Iterator[pa.Table]:
    """Batches of at most ``rows`` rows, each with the schema of its own rows; at least one batch.

    Blank lines are skipped and not counted. ``.gz`` is decompressed on the way.

    Raises:
        ValueError: a line is no JSON object, or a column changes its type.
    """
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
        lines = (line.removeprefix(_BOM) for line in file if not line.isspace())
        done, hints = 0, pa.schema([])
        while batch := list(islice(lines, rows)):
            hints = hints if done else _hints(batch[0])
            yield _parse(batch, path, done, hints)
            done += len(batch)
    if not done:
        yield pa.table({})


def _parse(lines: list[bytes], path: Path, done: int, hints: pa.Schema) -> pa.Table:
    import pyarrow.json as pj

    text = b"".join(lines)
    try:
        table = pj.read_json(
            pa.BufferReader(text),
            read_options=pj.ReadOptions(block_size=len(text) + 1, use_threads=False),
            parse_options=pj.ParseOptions(explicit_schema=hints),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: {_told(str(error), lines, done)}") from error
    # The first row's columns in its order, later ones behind.
    first = [name for name in json.loads(lines[0]) if name in table.column_names]
    return table.select(list(dict.fromkeys([*first, *table.column_names])))


def _hints(line: bytes) -> pa.Schema:
    """Which fields of the first row hold text, at any depth; nothing for a line that is no object."""
    try:
        row = json.loads(line)
    except ValueError:
        return pa.schema([])
    kind = _text_fields(row)
    return pa.schema(list(kind)) if kind is not None and pa.types.is_struct(kind) else pa.schema([])


def _text_fields(value: Any) -> pa.DataType | None:
    if isinstance(value, str):
        return pa.string()
    if isinstance(value, list):
        kind = _text_fields(value[0]) if value else None
        return None if kind is None else pa.list_(kind)
    if isinstance(value, dict):
        kinds = {name: _text_fields(held) for name, held in value.items()}
        fields = [pa.field(name, kind) for name, kind in kinds.items() if kind is not None]
        return pa.struct(fields) if fields else None
    return None


def _told(message: str, lines: list[bytes], done: int) -> str:
    """What is wrong, with row, column and value, where Arrow's message leads to them."""
    for i, line in enumerate(lines):
        try:
            row = json.loads(line)
        except ValueError as error:
            return f"row {done + i + 1} is not valid JSON ({error}); mend or remove the line"
        if not isinstance(row, dict):
            return f"row {done + i + 1} is {short(row)}, no JSON object; write one object a line"
    where, column = re.search(r"in row (\d+)", message), re.search(r"Column\(/([^/)]+)", message)
    number = int(where[1]) if where else 0
    if not column:
        return f"row {done + number + 1}: {message}"
    held = short(json.loads(lines[number]).get(column[1]))
    change = re.search(r"changed from (\w+) to (\w+)", message)
    what = f"where the rows before hold {change[1]}s" if change else f"({message})"
    return f"row {done + number + 1}, column {column[1]}: {held} {what}; give the column one type in every row"
