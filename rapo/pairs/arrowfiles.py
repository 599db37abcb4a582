"""Files that say their schema before the rows: parquet, Arrow, and the folders that `datasets.save_to_disk` writes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

STATE = "state.json"  # lists the files of an Arrow data set
SPLITS = "dataset_dict.json"


def is_data_set(path: Path) -> bool:
    """True for a folder that `datasets.Dataset.save_to_disk` or `datasets.DatasetDict.save_to_disk` wrote."""
    return (path / STATE).is_file() or (path / SPLITS).is_file()


def read_parquet(path: Path, rows: int) -> Iterator[pa.Table]:
    """A parquet file in batches of at most so many rows; at least one."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        if not file.metadata.num_rows:
            yield file.schema_arrow.empty_table().replace_schema_metadata(None)
        for batch in file.iter_batches(batch_size=rows):
            table = pa.Table.from_batches([batch]).replace_schema_metadata(None)
            table.validate(full=True)
            yield table


def read_folder(path: Path, rows: int, split: str | None, *, mapped: bool) -> Iterator[pa.Table]:
    """The data files named by a data set's state, in batches."""
    if (path / SPLITS).is_file():
        splits = json.loads((path / SPLITS).read_text(encoding="utf-8"))["splits"]
        if split not in splits:
            raise ValueError(f"{path} holds the splits {', '.join(splits)}; name one with --split")
        path = path / str(split)
    if not (path / STATE).is_file():
        raise ValueError(f"{path} is a folder without {STATE}, so no data set written by save_to_disk")
    names = [entry["filename"] for entry in json.loads((path / STATE).read_text(encoding="utf-8"))["_data_files"]]
    found = (batch for name in names for batch in _arrow_batches(path / name, mapped=mapped))
    yield from _regrouped_or_empty(found, rows)


def read_arrow(path: Path, rows: int, *, mapped: bool) -> Iterator[pa.Table]:
    """An Arrow file or stream in batches; ``mapped`` as `rapo.pairs.files.File` has it."""
    yield from _regrouped_or_empty(_arrow_batches(path, mapped=mapped), rows)


def _arrow_batches(path: Path, *, mapped: bool) -> Iterator[pa.RecordBatch]:
    """Batches of an Arrow file or stream; an empty one first, which shows the schema."""
    with pa.memory_map(str(path)) if mapped else pa.OSFile(str(path), "rb") as source:
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        with pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source) as reader:
            yield pa.RecordBatch.from_pylist([], schema=reader.schema.remove_metadata())
            batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else reader
            for batch in batches:
                yield batch.replace_schema_metadata(None)


def _regrouped_or_empty(found: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches as tables of ``rows`` rows; one empty table where there is no row."""
    first = next(found, None)
    done = False
    for table in _regrouped(found, rows):
        yield table
        done = True
    if first is not None and not done:
        yield pa.Table.from_batches([first])


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
