"""Tables in files: read whole or in batches, whose memory is bounded by the batch and not by the file.

JSON lines, JSON arrays, CSV, parquet, Arrow files and the folders that `datasets.save_to_disk` writes; text may be
compressed. The content says the format (`rapo.pairs.sniff`). `rapo.pairs.writing` writes, by the name.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from rapo.pairs import arrowfiles, csvfiles, jsonarray, jsonlines, sniff
from rapo.pairs.faults import short
from rapo.pairs.jsonlines import Skip

BATCH_ROWS = 5_000
FORMATS = "JSON lines or arrays, CSV, parquet or Arrow, with the name's end that says so (.jsonl, .csv.gz, ...)"


def read(path: str | Path, *, split: str | None = None) -> pa.Table:
    """Read a whole table.

    Args:
        path: a file or folder; see the module's first lines.
        split: which split of a folder that holds several.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the file cannot be read; a bad row is named with its column and value.
    """
    file = File(Path(path), split, mapped=True)
    pieces = list(file.pieces(50_000))
    schema = file.joined(pieces)
    return pa.concat_tables([conform(piece, schema) for piece in pieces])


def batches(path: str | Path, *, rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
    """Read a table in batches of at most ``rows`` rows that all have one schema; an empty table is one batch.

    Text has no schema: it is read twice, once to find it. Raises what `read` raises.
    """
    file = File(Path(path))
    schema = file.schema()
    for piece in file.pieces(rows):
        yield conform(piece, schema)


@dataclass(frozen=True)
class File:
    """A file or folder to read.

    Attributes:
        path: where it lies.
        split: which split of a folder that holds several.
        called: what errors call it, where that is not its path.
        skip: is told of every line of JSON that cannot be read and is left out; None raises instead.
        mapped: True maps Arrow files instead of copying them: for who holds the whole. Batch by batch the map would
            count as memory in use, all that was read of it.
    """

    path: Path
    split: str | None = None
    called: str = ""
    skip: Skip | None = None
    mapped: bool = False

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.called or str(self.path)

    @cached_property
    def form(self) -> sniff.Form:
        """How it is to be read.

        Raises:
            FileNotFoundError: it is missing.
            ValueError: it holds nothing that can be read, or no splits though one is asked for.
        """
        if not self.path.exists():
            raise FileNotFoundError(f"{self.name} does not exist")
        if self.split and not (self.path / arrowfiles.SPLITS).is_file():
            raise ValueError(f"{self.name} has no splits, but --split {self.split} was asked for; leave it out")
        return sniff.look(self.path, self.name)

    @property
    def has_head(self) -> bool:
        """True where the format says its schema before the rows."""
        return self.form.kind in ("parquet", "arrow", "folder")

    def schema(self, start: pa.Schema | None = None) -> pa.Schema:
        """The schema that all rows fit, and those of ``start``; text must be read through for it."""
        pieces = self.pieces(BATCH_ROWS)
        return self.joined(islice(pieces, 1) if self.has_head else pieces, start)

    def joined(self, pieces: Iterable[pa.Table], start: pa.Schema | None = None) -> pa.Schema:
        """The one schema of pieces of this file, and of ``start``."""
        if self.form.kind != "csv":
            return one_schema(pieces, self.name, start=start)
        schema = pa.schema([])
        for piece in pieces:
            schema = csvfiles.numbers(piece, schema)
        return one_schema([schema.empty_table()], self.name, start=start)

    def pieces(self, rows: int) -> Iterator[pa.Table]:
        """Batches of at most ``rows`` rows, each with the schema of its own rows; at least one."""
        kind = self.form.kind
        try:
            if kind == "parquet":
                yield from arrowfiles.read_parquet(self.path, rows)
            elif kind == "arrow":
                yield from arrowfiles.read_arrow(self.path, rows, mapped=self.mapped)
            elif kind == "folder":
                yield from arrowfiles.read_folder(self.path, rows, self.split, mapped=self.mapped)
            else:
                yield from self._text(kind, rows)
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, OSError) and error.filename is not None:
                raise
            raise ValueError(f"{self.name} cannot be read as {self._what()}: {sniff.told_of(error)}") from error

    def _text(self, kind: str, rows: int) -> Iterator[pa.Table]:
        with pa.input_stream(str(self.path), compression=self.form.compression, buffer_size=1 << 20) as stream:
            if kind == "csv":
                with pa.input_stream(str(self.path), compression=self.form.compression) as start:
                    head = start.read(sniff.HEAD)
                yield from _rows_of(csvfiles.read(stream, self.name, head), rows)
                return
            file = cast(BinaryIO, _Buffered(stream))
            found = (
                jsonarray.lines(file, self.name) if kind == "json" else jsonlines.lines(file, self.name, self.skip)
            )
            yield from jsonlines.read(found, self.name, rows=rows, skip=self.skip)

    def _what(self) -> str:
        return f"{self.form.kind} inside {self.form.compression}" if self.form.compression else self.form.kind


def is_readable(path: Path) -> bool:
    """True where a file's name says a format that can be read."""
    return sniff.claimed(path.name)[0] is not None


def _rows_of(pieces: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    for piece in pieces:
        for start in range(0, max(len(piece), 1), rows):
            yield piece.slice(start, rows)


class _Buffered(io.BufferedReader):
    """An Arrow stream that reads line by line."""

    def __init__(self, stream: pa.NativeFile) -> None:
        super().__init__(cast(io.RawIOBase, stream), 1 << 20)


def one_schema(pieces: Iterable[pa.Table], path: str | Path, *, start: pa.Schema | None = None) -> pa.Schema:
    """The schema that every piece fits: whole numbers widen to fractions, missing columns become null."""
    schema, row = start or pa.schema([]), 1
    for piece in pieces:
        check_names(piece, path)
        for field in piece.schema:
            try:
                schema = pa.unify_schemas([schema, pa.schema([field])], promote_options="permissive")
            except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
                value = short(piece[field.name][0].as_py())
                raise ValueError(
                    f"{path}: column {field.name} changes from {schema.field(field.name).type} to {field.type} "
                    f"near row {row} (value {value}); make it one type throughout, or remove the column"
                ) from error
        row += len(piece)
    return schema


def check_names(table: pa.Table, name: str | Path) -> None:
    """Raise a ValueError where two columns have one name."""
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise ValueError(f"{name}: column {twice!r} stands in it twice; give every column its own name")


def conform(piece: pa.Table, schema: pa.Schema) -> pa.Table:
    """The piece with every column of the schema, in its type."""
    if piece.schema == schema:
        return piece
    have = set(piece.column_names)
    columns = [
        piece[field.name].cast(field.type) if field.name in have else pa.nulls(len(piece), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
