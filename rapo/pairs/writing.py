"""Tables into files, whole or not at all.

The name says the format: ``.jsonl``, ``.jsonl.gz``, ``.parquet``, or a folder that `datasets.load_from_disk` reads.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from rapo import paths
from rapo.pairs.files import STATE, kind

_INFO, _DATA = "dataset_info.json", "data-00000-of-00001.arrow"

Put = Callable[[pa.Table], Any]


def check_target(target: str | Path, source: str | Path) -> None:
    """Refuse, before any work, a target that is the source itself, or whose name says no known format."""
    kind(target)
    if Path(target).resolve() == Path(source).resolve():
        raise ValueError(f"{target} is the input itself; choose another output")


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
    (path / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
    (path / _INFO).write_text("{}\n", encoding="utf-8")


def _is_dataset(path: Path) -> bool:
    return (path / STATE).is_file() or (path.is_dir() and not any(path.iterdir()))
