"""Tables in files: read whole or in batches, whose memory is bounded by the batch and not by the file.

The name says the format: ``.jsonl``, ``.jsonl.gz``, ``.parquet``, or a folder that `datasets.save_to_disk` writes.
`rapo.pairs.writing` writes them.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from rapo.pairs import jsonlines
from rapo.pairs.faults import short

BATCH_ROWS = 5_000
FORMATS = ".jsonl, .jsonl.gz, .parquet, or a folder of an Arrow data set"
STATE = "state.json"  # lists the files of an Arrow data set
_SPLITS = "dataset_dict.json"


def kind(path: str | Path) -> str:
    """The format that a name stands for: "jsonl", "parquet" or "folder".

    Raises:
        ValueError: the suffix says nothing known.

    >>> kind("a.jsonl.gz"), kind("b.parquet"), kind("data/c")
    ('jsonl', 'parquet', 'folder')
    """
    name = Path(path).name
    if found := kind_of_name(name):
        return found
    if Path(path).is_dir() or "." not in name:
        return "folder"
    raise ValueError(f"{path}: the name says no known format; use {FORMATS}")


def kind_of_name(name: str) -> str | None:
    """The format of a file that its suffix says, if any."""
    if re.search(r"\.(jsonl|ndjson)(\.gz)?$", name):
        return "jsonl"
    return "parquet" if name.endswith(".parquet") else None


def read(path: str | Path, *, split: str | None = None) -> pa.Table:
    """Read a whole table.

    Args:
        path: a file or folder; see the module's first lines.
        split: which split of a folder that holds several.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the file cannot be read; a bad row is named with its column and value.
    """
    pieces = list(_pieces(_found(path), 50_000, split))
    schema = one_schema(pieces, path)
    return pa.concat_tables([conform(piece, schema) for piece in pieces])


def batches(
    path: str | Path, *, rows: int = BATCH_ROWS, split: str | None = None, schema: pa.Schema | None = None
) -> Iterator[pa.Table]:
    """Read a table in batches of at most ``rows`` rows that all have one schema; an empty table is one batch.

    JSON lines have no schema: they are read twice, once to find it, unless it is given. Raises what `read` raises.
    """
    source = _found(path)
    if schema is None and kind(source) == "jsonl":
        schema = one_schema(_pieces(source, rows, split), path)
    for piece in _pieces(source, rows, split):
        yield piece if schema is None else conform(piece, schema)


def schema(path: str | Path, *, split: str | None = None, start: pa.Schema | None = None) -> pa.Schema:
    """The schema that all rows fit, and those of ``start``; only JSON lines must be read through for it.

    Raises what `read` raises.
    """
    source = _found(path)
    pieces = _pieces(source, BATCH_ROWS, split)
    return one_schema(pieces if kind(source) == "jsonl" else islice(pieces, 1), path, start=start)


def is_readable(path: Path) -> bool:
    """True where a file's name says a known format."""
    return "." in path.name and kind_of_name(path.name) is not None


def is_arrow_folder(path: Path) -> bool:
    """True for a folder that `datasets.Dataset.save_to_disk` or `datasets.DatasetDict.save_to_disk` wrote."""
    return (path / STATE).is_file() or (path / _SPLITS).is_file()


def _found(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    kind(path)
    return path


def _pieces(path: Path, rows: int, split: str | None) -> Iterator[pa.Table]:
    form = kind(path)
    if split and not (path / _SPLITS).is_file():
        raise ValueError(f"{path} has no splits, but split={split!r} was asked for; leave split out")
    try:
        if form == "jsonl":
            yield from jsonlines.read(path, rows=rows)
        elif form == "parquet":
            yield from _read_parquet(path, rows)
        else:
            yield from _read_folder(path, rows, split)
    except (pa.ArrowInvalid, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as {form}: {error}") from error


def _read_parquet(path: Path, rows: int) -> Iterator[pa.Table]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        if not file.metadata.num_rows:
            yield file.schema_arrow.empty_table().replace_schema_metadata(None)
        for batch in file.iter_batches(batch_size=rows):
            yield pa.Table.from_batches([batch]).replace_schema_metadata(None)


def _read_folder(path: Path, rows: int, split: str | None) -> Iterator[pa.Table]:
    """The data files named by a data set's state, in batches."""
    if (path / _SPLITS).is_file():
        splits = json.loads((path / _SPLITS).read_text(encoding="utf-8"))["splits"]
        if split not in splits:
            raise ValueError(f"{path} holds the splits {', '.join(splits)}; name one with split=")
        path = path / str(split)
    if not (path / STATE).is_file():
        raise ValueError(f"{path} is a folder without {STATE}, so no data set written by save_to_disk")
    names = [entry["filename"] for entry in json.loads((path / STATE).read_text(encoding="utf-8"))["_data_files"]]
    done = False
    for name in names:
        with pa.memory_map(str(path / name)) as source, pa.ipc.open_stream(source) as reader:
            schema = reader.schema.remove_metadata()
            for table in _regrouped(reader, rows):
                yield table.replace_schema_metadata(None)
                done = True
    if names and not done:
        yield schema.empty_table()


def _regrouped(found: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The same rows in batches of ``rows``, the last one shorter."""
    held: list[pa.RecordBatch] = []
    for batch in found:
        for start in range(0, len(batch), rows):
            held.append(batch.slice(start, rows))
            table = pa.Table.from_batches(held)
            if len(table) >= rows:
                yield table.slice(0, rows)
                held = table.slice(rows).to_batches()
    if held:
        yield pa.Table.from_batches(held)


def one_schema(pieces: Iterable[pa.Table], path: str | Path, *, start: pa.Schema | None = None) -> pa.Schema:
    """The schema that every piece fits: whole numbers widen to fractions, missing columns become null."""
    schema, row = start or pa.schema([]), 1
    for piece in pieces:
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
