"""Tables into files, whole or not at all; what is there is replaced when that is asked for, and only then.

The name says the format: ``.jsonl``, ``.parquet``, or a folder that `datasets.load_from_disk` reads; JSON lines also
with ``.gz`` or ``.zst`` behind, and ``-`` for standard output.
"""

import errno
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import pyarrow as pa

from rapo import paths
from rapo.pairs.arrowfiles import STATE
from rapo.pairs.json_text import Encoder
from rapo.pairs.targets import INFO, NO_INFO, STDOUT, check_target, kind, place

_log = logging.getLogger(__name__)

Put = Callable[[pa.Table], Any]


def write(
    tables: pa.Table | Iterable[pa.Table],
    path: str | Path,
    *,
    overwrite: bool = False,
    shard_rows: int | None = None,
) -> int:
    """Write a table, or batches of one schema, whole or not at all; return the number of rows.

    Args:
        tables: what is written.
        path: where; its name says the format.
        overwrite: see `rapo.pairs.targets.check_target`.
        shard_rows: cut the rows into files of this many, in a folder that is named as the file would be without its
            suffix: ``x/x-00000-of-00004.parquet``. They have their names together or not at all.

    Raises:
        ValueError: the name says no known format, or there is no batch.
        FileExistsError: something is there, and must not be replaced.
        OSError: the disk is full, or the folder cannot be written; names the file.
    """
    check_target(path, overwrite=overwrite, shard_rows=shard_rows)
    parts = iter([tables] if isinstance(tables, pa.Table) else tables)
    if (first := next(parts, None)) is None:
        raise ValueError(f"{path}: there is no batch to write")
    parts = chain([first], parts)
    if kind(path) == "stdout":
        return _put_all(parts, _jsonl(Path(path), first.schema))
    target = place(path, shard_rows=shard_rows)
    with paths.whole(target, replace=overwrite) as temporary, _disk_faults():
        if shard_rows or kind(path) == "folder":
            temporary.mkdir()
            rows = _shards(parts, temporary, Path(path), first.schema, shard_rows)
        else:
            rows = _put_all(parts, _writer(Path(path))(temporary, first.schema))
    return rows


def watched(tables: Iterable[pa.Table], progress: Callable[[int], None] | None) -> Iterator[pa.Table]:
    """The same tables; ``progress`` is told how many rows more were taken."""
    for table in tables:
        yield table
        if progress:
            progress(len(table))


def _put_all(tables: Iterable[pa.Table], writer: AbstractContextManager[Put]) -> int:
    rows = 0
    with writer as put:
        for table in tables:
            put(table)
            rows += len(table)
    return rows


def _shards(
    tables: Iterable[pa.Table], folder: Path, path: Path, schema: pa.Schema, shard_rows: int | None
) -> int:
    """Write files of so many rows into a folder; they are named when it is known how many there are."""
    is_data_set = kind(path) == "folder"
    suffix = ".arrow" if is_data_set else path.name[len(place(path.name, shard_rows=1).name) :]
    stem = "data" if is_data_set else place(path.name, shard_rows=1).name
    counts = [
        _put_all(shard, _writer(path)(folder / f"{i}.part", schema))
        for i, shard in enumerate(_cut(tables, shard_rows))
    ]
    names = [f"{stem}-{i:05d}-of-{len(counts):05d}{suffix}" for i in range(len(counts))]
    for i, name in enumerate(names):
        (folder / f"{i}.part").rename(folder / name)
    if is_data_set:
        _describe(folder, names)
    return sum(counts)


def _cut(tables: Iterable[pa.Table], rows: int | None) -> Iterator[Iterable[pa.Table]]:
    """The tables in groups of so many rows, the last one smaller; one group where none are asked for."""
    if rows is None:
        yield tables
        return
    left: list[pa.Table] = []
    rest = iter(tables)

    def group() -> Iterator[pa.Table]:
        need = rows
        while need and (table := left.pop() if left else next(rest, None)) is not None:
            yield table.slice(0, need)
            if len(table) > need:
                left.append(table.slice(need))
            need -= min(need, len(table))

    yield group()
    while left or (more := next((table for table in rest if len(table)), None)) is not None:
        if not left:
            left.append(more)
        yield group()


def _writer(path: Path) -> Callable[[Path, pa.Schema], AbstractContextManager[Put]]:
    """What writes the format that a name stands for."""
    form = kind(path)
    if form == "jsonl":
        codec = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
        return lambda file, schema: _jsonl(file, schema, codec=codec)
    return _parquet if form == "parquet" else _arrow


@contextmanager
def _jsonl(path: Path, schema: pa.Schema, *, codec: str | None = None) -> Iterator[Put]:
    encoder = Encoder()
    plain: AbstractContextManager[BinaryIO] = (
        nullcontext(sys.stdout.buffer) if str(path) == STDOUT else path.open("wb")
    )
    with plain as raw, _compressed(raw, codec) as file:

        def put(table: pa.Table) -> None:
            for piece in encoder.lines(table):
                file.write(piece)

        yield put
    for column, n in encoder.not_numbers.items():
        _log.warning("column %s: %d values are no finite numbers and were written as null", column, n)


@contextmanager
def _compressed(raw: Any, codec: str | None) -> Iterator[Any]:
    if codec is None:
        yield raw
        return
    if codec == "gzip":  # the same rows give the same bytes: no name and no time
        import gzip

        with gzip.GzipFile("", "wb", 6, raw, 0) as file:
            yield file
        return
    with pa.CompressedOutputStream(pa.PythonFile(raw, "w"), codec) as file:
        yield file


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Put]:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield writer.write_table


@contextmanager
def _arrow(path: Path, schema: pa.Schema) -> Iterator[Put]:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        yield lambda table: writer.write_table(table, max_chunksize=1000)


def _describe(folder: Path, names: list[str]) -> None:
    """What `datasets.load_from_disk` asks of a folder of Arrow files."""
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": uuid4().hex[:16],  # names the library's cached results: never the same for two data sets
        **dict.fromkeys(("_format_columns", "_format_type", "_split")),
        "_format_kwargs": {},
        "_output_all_columns": False,
    }
    (folder / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
    (folder / INFO).write_text(NO_INFO, encoding="utf-8")


@contextmanager
def _disk_faults() -> Iterator[None]:
    """Arrow tells a full disk in words of its own; `paths.whole` adds the name."""
    try:
        yield
    except OSError as error:
        if error.errno is None and "No space left" in str(error):
            raise OSError(errno.ENOSPC, str(error)) from error
        raise
