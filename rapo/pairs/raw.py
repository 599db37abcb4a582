"""Rows as they come, from wherever they lie: files, shards, standard input, a hub, or data in memory."""

import shutil
import sys
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from glob import glob, has_magic
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from rapo.pairs import files, hub, shards, spelled
from rapo.pairs.faults import short
from rapo.pairs.jsonlines import Skip

STDIN = "-"
HELD_BYTES = 256 << 20  # text that is parsed into no more than this is parsed once


class Piece(NamedTuple):
    """Some rows, what an error calls where they lie, and the number of the first of them there, from 1."""

    table: pa.Table
    name: str
    row: int


@dataclass(frozen=True)
class Raw:
    """Rows that can be read more than once.

    Attributes:
        name: what errors and reports call them.
        pieces: gives them in batches of at most so many rows, from the start, all of one schema.
        told: what was found out about where they lie, and about columns once the first rows were read.
        skipped: what is wrong with lines that could not be read and were left out in the last pass.
    """

    name: str
    pieces: Callable[[int], Iterator[Piece]]
    told: Sequence[str] = ()
    skipped: Sequence[str] = ()


def opened(
    source: Any,
    *,
    split: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    name: str = "<table>",
    drop: bool = False,
) -> Raw:
    """Find out what a source is; columns of text that hold messages are read as messages.

    Args:
        source: as `rapo.pairs.door.open_pairs` takes it.
        split: which split of a folder or a data set on a hub that holds several.
        revision, streaming: of a data set on a hub.
        name: what errors call data in memory.
        drop: leave out lines that cannot be read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the name says nothing known, or a split or revision is asked of what has none.
        TypeError: ``source`` is of no known kind.
    """
    return _with_messages(_opened(source, split, revision, streaming, name, drop), drop)


def _opened(source: Any, split: str | None, revision: str | None, streaming: bool, name: str, drop: bool) -> Raw:
    if not isinstance(source, str | Path) and not _are_paths(source):
        _refuse(f"{type(source).__name__} in memory", revision=revision)
        return _in_memory(source, split, name)
    if not source:
        raise ValueError("the name of the data is empty; name a file, a folder, or - for standard input")
    if hub.is_hub(source):
        found = hub.read(str(source), split=split, revision=revision, streaming=streaming)
        return _batched(found.name, found.batches, [found.told])
    _refuse(str(source), revision=revision)
    skipped: list[str] = []
    skip = skipped.append if drop else None
    if source == STDIN:
        return _stdin(split, skip, skipped)
    paths = [Path(path) for path in source] if isinstance(source, list | tuple) else _globbed(source)
    called = str(source) if isinstance(source, str | Path) else ", ".join(map(str, source))
    parts = [files.File(*part, skip=skip) for path in paths for part in shards.of(path, split)]
    return _files(called, parts, skipped)


def read(
    source: Any, *, split: str | None = None, revision: str | None = None, streaming: bool = False
) -> pa.Table:
    """All rows as they are, of no shape in particular: prompts, candidates. Takes and raises what `opened` does."""
    found = opened(source, split=split, revision=revision, streaming=streaming)
    return pa.concat_tables(piece.table for piece in found.pieces(50_000))


def _with_messages(found: Raw, drop: bool) -> Raw:
    """The same rows, with messages where a column spells them out, and texts where their content comes in parts."""
    told = list(found.told)

    def pieces(rows: int) -> Iterator[Piece]:
        columns: Mapping[str, pa.DataType] | None = None
        for piece in found.pieces(rows):
            if columns is None:
                columns = spelled.columns(piece.table)
                line = f"{found.name}: {', '.join(columns)}: texts that spell messages out are read as messages"
                told.extend([line] if columns and line not in told else [])
            table = spelled.read(piece.table, columns, name=piece.name, row=piece.row, drop=drop)
            yield piece._replace(table=spelled.parted(table))

    return replace(found, pieces=pieces, told=told)


def _in_memory(data: Any, split: str | None, name: str) -> Raw:
    called = f"{type(data).__name__} in memory"
    if isinstance(data, dict) and data and all(hasattr(held, "with_format") for held in data.values()):
        _, data = hub.one_split(data, split, called)
    else:
        _refuse(called, split=split)
    if hasattr(data, "with_format"):
        return _batched(name, lambda rows: hub.batches(data, rows))
    table = _as_table(data, name)
    files.check_names(table, name)
    return Raw(name, lambda rows: _again(table, name, rows))


def _as_table(data: Any, name: str) -> pa.Table:
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, list):
        return _of_rows(data, name)
    if hasattr(data, "columns"):
        return pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    raise TypeError(f"{type(data).__name__} is no Arrow table, DataFrame, data set or list of rows")


def _of_rows(rows: Sequence[Any], name: str) -> pa.Table:
    """A column for every key of any row; null where a row has it not."""
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"{name}: row {at + 1} is {short(row)}; give one dictionary a row")
    columns = dict.fromkeys(key for row in rows for key in row)
    return pa.table({column: _values([row.get(column) for row in rows], column, name) for column in columns})


def _values(values: Sequence[Any], column: str, name: str) -> pa.Array:
    with suppress(pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values)
    try:
        return pa.array(spelled.without_parts([*values]))  # texts in some turns, parts in others
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        kinds = [None if value is None else type(value) for value in values]
        most, _ = Counter(filter(None, kinds)).most_common(1)[0]
        at = next((at for at, kind in enumerate(kinds) if kind not in (None, most)), None)
        held = "" if at is None else f" {short(values[at])} in row {at + 1}, where most rows hold {most.__name__}"
        raise ValueError(f"{name}: column {column}:{held} ({error}); give the column one type") from error


def _are_paths(source: Any) -> bool:
    return isinstance(source, list | tuple) and bool(source) and isinstance(source[0], str | Path)


def _refuse(name: str, **asked: str | None) -> None:
    for option, value in asked.items():
        if value is not None:
            raise ValueError(f"{name} has no {option}s, but --{option} {value} was asked for; leave it out")


def _globbed(source: str | Path) -> list[Path]:
    """The files that a name with wildcards stands for, in order; else the name itself."""
    if Path(source).exists() or not has_magic(str(source)):
        return [Path(source)]
    found = sorted(glob(str(source), recursive=True))
    if not found:
        raise FileNotFoundError(f"no file matches {source}")
    return [Path(path) for path in found]


def together(pieces: Iterable[Piece], column: str) -> Iterator[Piece]:
    """The same rows, but neighbours with one value in a column are never parted."""
    held: Piece | None = None
    for piece in pieces:
        if held is not None and held.name != piece.name:
            yield held
            held = None
        table, row = piece.table, piece.row
        if held is not None:
            table, row = pa.concat_tables([held.table, table]), held.row
        values = table[column].to_pylist()
        start = len(values)
        while start > 0 and values[start - 1] == values[-1]:
            start -= 1
        if start:
            yield Piece(table.slice(0, start), piece.name, row)
        held = Piece(table.slice(start), piece.name, row + start)
    if held is not None:
        yield held


def _files(name: str, parts: Sequence[files.File], skipped: list[str]) -> Raw:
    """One or several files of one schema, which is looked for once."""
    told = [f"{part.name} {part.form.told}" for part in parts if part.form.told]
    held: list[pa.Table] = []

    @cache
    def schema() -> pa.Schema:
        found = pa.schema([])
        for part in parts:
            found = part.joined(_kept(part, held), found) if len(parts) == 1 else part.schema(found)
        return found

    def pieces(rows: int) -> Iterator[Piece]:
        one = schema()
        if held:
            yield from _again(pa.concat_tables(files.conform(table, one) for table in held), name, rows)
            return
        skipped.clear()
        for part in parts:
            row = 1
            for table in part.pieces(rows):
                yield Piece(files.conform(table, one), part.name, row)
                row += len(table)

    return Raw(name, pieces, told, skipped)


def _kept(file: files.File, held: list[pa.Table]) -> Iterator[pa.Table]:
    """Pieces of a file, which are kept in ``held`` in case that all of them are small: text is then parsed once."""
    if file.has_head:
        yield from islice(file.pieces(files.BATCH_ROWS), 1)
        return
    size = 0
    for table in file.pieces(files.BATCH_ROWS):
        yield table
        size += table.nbytes
        if size <= HELD_BYTES:
            held.append(table)
        else:
            held.clear()


def _again(table: pa.Table, name: str, rows: int) -> Iterator[Piece]:
    for start in range(0, max(len(table), 1), rows):
        yield Piece(table.slice(start, rows), name, start + 1)


def _stdin(split: str | None, skip: Skip | None, skipped: list[str]) -> Raw:
    """What comes in through a pipe waits in a temporary file, so that it can be read twice."""
    held = Path(tempfile.mkdtemp(prefix="rapo-"))
    with (held / "stdin").open("wb") as stream:
        shutil.copyfileobj(sys.stdin.buffer, stream, 1 << 20)
    found = _files("standard input", [files.File(held / "stdin", split, "standard input", skip)], skipped)
    weakref.finalize(found, shutil.rmtree, held, ignore_errors=True)
    return found


def _batched(name: str, batches: Callable[[int], Iterator[pa.Table]], told: Sequence[str] = ()) -> Raw:
    """Rows that come in batches of at most as many as are asked for."""

    def pieces(rows: int) -> Iterator[Piece]:
        row = 1
        for table in batches(rows):
            yield Piece(table, name, row)
            row += len(table)

    return Raw(name, pieces, told)
