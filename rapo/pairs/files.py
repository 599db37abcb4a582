"""Tables in files: read whole or in batches, write whole or not at all.

The name says the format: ``.jsonl``, ``.jsonl.gz``, ``.parquet``, or a folder that `datasets.load_from_disk` reads
and `save_to_disk` writes.
In batches, memory is bounded by the batch and not by the file.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from rapo import paths
from rapo.pairs import jsonlines
from rapo.pairs.faults import short

BATCH_ROWS = 5_000
FORMATS = ".jsonl, .jsonl.gz, .parquet, or a folder of an Arrow data set"
_STATE, _INFO, _SPLITS, _DATA = "state.json", "dataset_info.json", "dataset_dict.json", "data-00000-of-00001.arrow"

Put = Callable[[pa.Table], Any]


def check_target(target: str | Path, source: str | Path) -> None:
    """Refuse, before any work, a target that is the source itself, or whose name says no known format."""
    kind(target)
    if Path(target).resolve() == Path(source).resolve():
        raise ValueError(f"{target} is the input itself; choose another output")


def kind(path: str | Path) -> str:
    """The format that a name stands for: "jsonl", "parquet" or "folder".

    Raises:
        ValueError: the suffix says nothing known.

    >>> kind("a.jsonl.gz"), kind("b.parquet"), kind("data/c")
    ('jsonl', 'parquet', 'folder')
    """
    name = Path(path).name
    if re.search(r"\.(jsonl|ndjson)(\.gz)?$", name):
        return "jsonl"
    if name.endswith(".parquet"):
        return "parquet"
    if Path(path).is_dir() or "." not in name:
        return "folder"
    raise ValueError(f"{path}: the name says no known format; use {FORMATS}")


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
    schema = _one_schema(pieces, path)
    return pa.concat_tables([_conform(piece, schema) for piece in pieces])


def batches(path: str | Path, *, rows: int = BATCH_ROWS, split: str | None = None) -> Iterator[pa.Table]:
    """Read a table in batches of at most ``rows`` rows that all have one schema; an empty table is one batch.

    JSON lines have no schema: they are read twice, once to find it. Raises what `read` raises.
    """
    source = _found(path)
    if kind(source) != "jsonl":
        yield from _pieces(source, rows, split)
        return
    schema = _one_schema(_pieces(source, rows, split), path)
    for piece in _pieces(source, rows, split):
        yield _conform(piece, schema)


def write(tables: pa.Table | Iterable[pa.Table], path: str | Path) -> int:
    """Write a table, or batches of one schema, whole or not at all; return the number of rows.

    Raises:
        ValueError: the name says no known format, there is no batch, or a folder would replace something else.
    """
    path, form = Path(path), kind(path)
    if form == "folder" and path.exists() and not _is_dataset(path):
        raise ValueError(f"{path} exists and is no Arrow data set; choose another folder")
    parts = iter([tables] if isinstance(tables, pa.Table) else tables)
    if (first := next(parts, None)) is None:
        raise ValueError(f"{path}: there is no batch to write")
    rows = 0
    writer = {"jsonl": _gzip if path.suffix == ".gz" else _jsonl, "parquet": _parquet, "folder": _folder}[form]
    with paths.whole(path) as temporary, writer(temporary, first.schema) as put:
        for part in chain([first], parts):
            put(part)
            rows += len(part)
    return rows


@contextmanager
def _jsonl(path: Path, schema: pa.Schema, *, compressed: bool = False) -> Iterator[Put]:
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, 0) if compressed else nullcontext(raw) as file:

        def put(table: pa.Table) -> None:
            for batch in table.to_batches(max_chunksize=1000):
                text = "\n".join([*map(encode, batch.to_pylist()), ""])
                file.write(text.encode())

        yield put


_gzip = partial(_jsonl, compressed=True)


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Put]:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield writer.write_table


@contextmanager
def _folder(path: Path, schema: pa.Schema) -> Iterator[Put]:
    path.mkdir()
    with pa.OSFile(str(path / _DATA), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        yield lambda table: writer.write_table(table, max_chunksize=1000)
    state: dict[str, Any] = {
        "_data_files": [{"filename": _DATA}],
        "_fingerprint": uuid4().hex[:16],  # names the library's cached results: never the same for two data sets
        **dict.fromkeys(("_format_columns", "_format_type", "_split")),
        "_format_kwargs": {},
        "_output_all_columns": False,
    }
    (path / _STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
    (path / _INFO).write_text("{}\n", encoding="utf-8")


def _is_dataset(path: Path) -> bool:
    return (path / _STATE).is_file() or (path.is_dir() and not any(path.iterdir()))


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
    if not (path / _STATE).is_file():
        raise ValueError(f"{path} is a folder without {_STATE}, so no data set written by save_to_disk")
    names = [entry["filename"] for entry in json.loads((path / _STATE).read_text(encoding="utf-8"))["_data_files"]]
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


def _one_schema(pieces: Iterable[pa.Table], path: str | Path) -> pa.Schema:
    """The schema that every piece fits: whole numbers widen to fractions, missing columns become null."""
    schema, row = pa.schema([]), 1
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


def _conform(piece: pa.Table, schema: pa.Schema) -> pa.Table:
    """The piece with every column of the schema, in its type."""
    if piece.schema == schema:
        return piece
    have = set(piece.column_names)
    columns = [
        piece[field.name].cast(field.type) if field.name in have else pa.nulls(len(piece), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
