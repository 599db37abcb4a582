"""Read JSON lines into Arrow, in batches, with an error that names the row, the column and the value.

Arrow's own reader does the work. It is told which fields hold text (else it makes dates of texts that look like
dates), and when it refuses a batch the offending line is looked up.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from rapo.pairs import spelled
from rapo.pairs.columns import CANDIDATES, NUMBERS
from rapo.pairs.faults import short

ROW_BYTES = 64 << 20  # no pair is longer; a file that swells when unpacked could be
BATCH_BYTES = 64 << 20
_BOM = b"\xef\xbb\xbf"
_WORDS = {str: "text", int: "numbers", float: "numbers", list: "lists", dict: "objects"}
_CONFLICTS = 100  # lines of a batch whose type differs that are left out before the whole is refused

_SIDES = {"chosen", "rejected", CANDIDATES}

Skip = Callable[[str], None]


def lines(file: BinaryIO, name: str, skip: Skip | None) -> Iterator[bytes]:
    """Every line that is not blank, without a byte-order mark.

    Raises:
        ValueError: a line is too long to be a row, unless ``skip`` takes notice.
    """
    row = 0
    while line := file.readline(ROW_BYTES + 1):
        if line.isspace():
            continue
        row += 1
        if len(line) <= ROW_BYTES:
            yield line.removeprefix(_BOM)  # in the middle, too: files were put one behind the other
            continue
        if skip is None:
            raise ValueError(
                f"{name}: row {row} is longer than {ROW_BYTES >> 20} MiB, which no pair is; "
                "leave such rows out with --bad drop"
            )
        while line and not line.endswith(b"\n"):
            line = file.readline(ROW_BYTES)
        skip(f"row {row} is longer than {ROW_BYTES >> 20} MiB")


def read(rows_of: Iterable[bytes], name: str, *, rows: int, skip: Skip | None = None) -> Iterator[pa.Table]:
    """Batches of at most ``rows`` rows, each with the schema of its own rows; at least one batch.

    Args:
        rows_of: one line a row, as `lines` gives them.
        name: what errors call the file.
        rows: in a batch; fewer where they are very long.
        skip: is told why a line is left out; None raises instead.

    Raises:
        ValueError: a line is no JSON object, or a column changes its type.
    """
    done, hints = 0, pa.schema([])
    for batch in map(_without_parts, _batched(rows_of, rows)):
        hints = hints if done else _hints(batch[0])
        if not done and len(batch) == 1:
            _refuse_object(batch[0], name)
        table, hints = _parse(batch, name, done, hints, skip)
        yield table
        done += len(batch)
    if not done:
        yield pa.table({})


def _without_parts(batch: list[bytes]) -> list[bytes]:
    """Lines with texts where content comes in parts: other turns, or rows, may have plain texts there."""
    return [_plain(line) if b'"type"' in line else line for line in batch]


def _plain(line: bytes) -> bytes:
    if b'"content": [' not in line and b'"content":[' not in line:
        return line
    try:
        return json.dumps(spelled.without_parts(json.loads(line)), ensure_ascii=False).encode() + b"\n"
    except (ValueError, RecursionError):  # told when the batch is parsed
        return line


def _refuse_object(line: bytes, name: str) -> None:
    """Refuse one object that holds all rows, or all columns, as other tools write them."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return
    held = list(row.values()) if isinstance(row, dict) else []
    by_number = [isinstance(one, dict) and bool(one) and all(map(str.isdigit, one)) for one in held]
    by_list = [isinstance(one, list) and bool(one) and not isinstance(one[0], list | dict) for one in held]
    if len(held) > 1 and (all(by_number) or all(by_list)):
        remedy = "in pandas, to_json(..., orient='records', lines=True)"
        raise ValueError(f"{name} holds one object of columns; write a row a line: {remedy}")
    within = held[0][0] if len(held) == 1 and isinstance(held[0], list) and held[0] else None
    if isinstance(within, dict) and _SIDES & set(within):
        key = next(iter(row))
        remedy = f"take them out: jq .{key} {name} > rows.json"
        raise ValueError(f"{name} holds one object with the rows in {key!r}; {remedy}")


def _batched(rows_of: Iterable[bytes], rows: int) -> Iterator[list[bytes]]:
    held: list[bytes] = []
    size = 0
    for line in rows_of:
        held.append(line)
        size += len(line)
        if len(held) == rows or size > BATCH_BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held


def _parse(
    batch: list[bytes], name: str, done: int, hints: pa.Schema, skip: Skip | None
) -> tuple[pa.Table, pa.Schema]:
    """A batch of lines as a table, and the hints for the next; bad lines are told, or left out one after the other."""
    places = list(range(len(batch)))
    for _ in range(_CONFLICTS):
        kept = [batch[at] for at in places]
        try:
            table = _table(kept, hints) if kept else pa.table({})
            if dated := [field for field in table.schema if _undated(field.type) != field.type]:
                told = {field.name: field.type for field in hints}
                hints = pa.schema({**told, **{field.name: _undated(field.type) for field in dated}})
                table = _table(kept, hints)
            return table, hints
        except pa.ArrowInvalid as error:
            wrong = _wrong(kept, str(error))
            if skip is None:
                at, what = wrong[0]
                raise ValueError(f"{name}: row {done + places[at] + 1}{what}") from error
            for at, what in wrong:
                skip(f"row {done + places[at] + 1}{what.partition('; ')[0]}")
            out = {at for at, _ in wrong}
            places = [place for at, place in enumerate(places) if at not in out]
            if not done and 0 in out and places:
                hints = _hints(batch[places[0]])
    raise ValueError(f"{name}: near row {done + 1} a column has many types; give it one type in every row")


def _table(batch: list[bytes], hints: pa.Schema) -> pa.Table:
    import pyarrow.json as pj

    text = b"".join(batch)
    table = pj.read_json(
        pa.BufferReader(text),
        read_options=pj.ReadOptions(block_size=len(text) + 1, use_threads=False),
        parse_options=pj.ParseOptions(explicit_schema=hints),
    )
    table.validate(full=True)  # Arrow's reader lets bytes through that are no UTF-8
    if len(table) != len(batch) or not all(line.lstrip().startswith(b"{") for line in batch):
        raise pa.ArrowInvalid("a line is not one object")
    # The first row's columns in its order, later ones behind.
    first = [column for column in json.loads(batch[0]) if column in table.column_names]
    return table.select(list(dict.fromkeys([*first, *table.column_names])))


def _hints(line: bytes) -> pa.Schema:
    """Which fields of the first row hold text, at any depth, and scores; nothing for a line that is no object."""
    try:
        row = json.loads(line)
    except ValueError:
        return pa.schema([])
    kind = _text_fields(row)
    found = {field.name: field.type for field in kind} if kind is not None and pa.types.is_struct(kind) else {}
    if isinstance(row, dict):
        found |= {name: pa.float64() for name in NUMBERS if type(row.get(name)) in (int, float)}
    return pa.schema(list(found.items()))


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


def _undated(kind: pa.DataType) -> pa.DataType:
    """The type with text where Arrow made dates of texts that look like dates: JSON has none."""
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_undated(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _undated(field.type)) for field in kind])
    return kind


def _wrong(batch: list[bytes], message: str) -> list[tuple[int, str]]:
    """Every line that is wrong by itself, from 0, and what is wrong; else those of another type than most, or the one
    where Arrow's message leads to."""
    found = [(at, what) for at, line in enumerate(batch) if (what := _told(line))]
    if found:
        return found
    where, column = re.search(r"in row (\d+)", message), re.search(r"Column\(/([^/)]+)", message)
    at = int(where[1]) if where else 0
    if not column:
        return [(at, f": {message}; mend or remove the line")]
    if unlike := _unlike(batch, column[1]):
        return unlike
    held = short(json.loads(batch[at]).get(column[1]))
    change = re.search(r"changed from (\w+) to (\w+)", message)
    what = f"where the rows before hold {change[1]}s" if change else f"({message})"
    return [(at, f", column {column[1]}: {held} {what}; give the column one type in every row")]


def _unlike(batch: list[bytes], column: str) -> list[tuple[int, str]]:
    """Lines that hold another type in a column than most do, and what is wrong; none where all hold the same."""
    values = [json.loads(line).get(column) for line in batch]
    kinds = [None if value is None else _WORDS.get(type(value), "true or false") for value in values]
    most = Counter(kind for kind in kinds if kind).most_common(1)[0][0]
    what = f"where most rows hold {most}; give the column one type, or leave such rows out with --bad drop"
    return [
        (at, f", column {column}: {short(value)} {what}")
        for at, (value, kind) in enumerate(zip(values, kinds, strict=True))
        if kind not in (None, most)
    ]


def _told(line: bytes) -> str:
    """What is wrong with a line by itself, or ""."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        near = line[max(error.start - 12, 0) : error.start + 4]
        return f": {short(near)} is no UTF-8; write the file as UTF-8, or leave such rows out with --bad drop"
    try:
        row = json.loads(text, object_pairs_hook=_distinct)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return f": {short(str(error.object)[error.start])} is half of a character (a lone surrogate); remove it"
    except RecursionError:
        return " is nested too deeply; remove the line"
    except ValueError as error:
        return f" is not valid JSON ({error}); mend or remove the line"
    if not isinstance(row, dict):
        return f" is {short(row)}, no JSON object; write one object a line"
    return ""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands in it twice")
    return row
