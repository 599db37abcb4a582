"""Tables into files: whole or not at all, and nothing of a person's is lost."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs import files, targets, writing

NAMES = ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet", "a"]
TABLE = pa.table({"n": [1, 2, 3], "t": ["x", None, "z"]})


@pytest.mark.parametrize("name", NAMES)
def test_a_failing_write_leaves_nothing_and_keeps_the_old(name: str, tmp_path: Path):
    def failing() -> Any:
        yield TABLE
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        writing.write(failing(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    writing.write(TABLE, tmp_path / name)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(RuntimeError, match="stop"):
        writing.write(failing(), tmp_path / name, overwrite=True)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a"])
def test_what_exists_is_replaced_when_that_is_asked_for_and_only_then(name: str, tmp_path: Path):
    writing.write(TABLE, tmp_path / name)
    with pytest.raises(FileExistsError, match=rf"{name} exists; choose another output, or say --overwrite"):
        writing.write(TABLE.slice(1), tmp_path / name)
    assert files.read(tmp_path / name) == TABLE
    writing.write(TABLE.slice(1), tmp_path / name, overwrite=True)
    assert files.read(tmp_path / name) == TABLE.slice(1)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["mine.jsonl", "mine.parquet", "mine"])
def test_a_folder_that_is_no_product_is_never_replaced(name: str, overwrite: bool, tmp_path: Path):
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.tex").write_text("dear", encoding="utf-8")
    with pytest.raises(FileExistsError, match="never replaced; choose another output"):
        writing.write(TABLE, tmp_path / name, overwrite=overwrite)
    assert (tmp_path / name / "thesis.tex").read_text() == "dear"


def test_a_data_set_that_holds_a_persons_file_too_is_never_replaced(tmp_path: Path):
    writing.write(TABLE, tmp_path / "a")
    (tmp_path / "a" / "README.md").write_text("my notes", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"a holds more than a data set \(README.md\)"):
        writing.write(TABLE, tmp_path / "a", overwrite=True)
    (tmp_path / "a" / "README.md").write_text(f"{targets.MARK}\nours", encoding="utf-8")
    writing.write(TABLE, tmp_path / "a", overwrite=True)
    assert not (tmp_path / "a" / "README.md").exists()


@pytest.mark.parametrize("name", ["train-00000-of-00001.parquet", "data.arrow", "state.json", "dataset_info.json"])
def test_a_folder_of_a_data_set_that_others_wrote_is_never_replaced(name: str, tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text('{"mine": 1}')
    with pytest.raises(FileExistsError, match=rf"data holds more than a data set \({name}\)"):
        writing.write(TABLE, tmp_path / "data", overwrite=True)
    with pytest.raises(FileExistsError, match=rf"data holds more than a data set \({name}\)"):
        writing.write(TABLE, tmp_path / "data.parquet", overwrite=True, shard_rows=2)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [name]


def test_an_empty_folder_may_become_a_data_set_and_a_file_never_a_folder(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert writing.write(TABLE, tmp_path / "empty") == 3
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="file is a file and is never replaced"):
        writing.write(TABLE, tmp_path / "file", overwrite=True)


def test_two_writers_of_one_new_name_do_not_lose_the_first_ones_work(tmp_path: Path):
    def slow() -> Iterator[pa.Table]:
        yield TABLE
        writing.write(TABLE.slice(2), tmp_path / "a.parquet")

    with pytest.raises(FileExistsError, match="written meanwhile by another process"):
        writing.write(slow(), tmp_path / "a.parquet")
    assert files.read(tmp_path / "a.parquet") == TABLE.slice(2)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_number_is_null_in_json_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    writing.write(pa.table({"s": [float("nan"), 1.0]}), tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == '{"s": null}\n{"s": 1.0}\n'
    assert "column s: 1 values are no finite numbers and were written as null" in caplog.text


def test_no_two_folders_share_a_fingerprint(tmp_path: Path):
    """`datasets` names its cached results by it: of two data sets with one, the second would read the first's."""
    for name in "ab":
        writing.write(TABLE, tmp_path / name)
    prints = [json.loads((tmp_path / name / "state.json").read_text())["_fingerprint"] for name in "ab"]
    assert prints[0] != prints[1]


@pytest.mark.parametrize(
    ("name", "suffix"), [("x.parquet", ".parquet"), ("x.jsonl.gz", ".jsonl.gz"), ("x", ".arrow")]
)
def test_shards_are_counted_in_their_names_and_hold_so_many_rows(name: str, suffix: str, tmp_path: Path):
    tables = [TABLE.slice(0, 2), TABLE.slice(2), TABLE, TABLE.slice(0, 0), TABLE.slice(0, 1)]  # 7 rows
    assert writing.write(tables, tmp_path / name, shard_rows=3) == 7
    stem = "data" if suffix == ".arrow" else "x"
    shards = sorted(file for file in (tmp_path / "x").iterdir() if file.name.startswith(stem + "-"))
    assert [file.name for file in shards] == [f"{stem}-{i:05d}-of-00003{suffix}" for i in range(3)]
    if suffix == ".arrow":
        found = files.read(tmp_path / "x")
    else:
        parts = [files.read(file) for file in shards]
        assert [len(part) for part in parts] == [3, 3, 1]
        found = pa.concat_tables(parts)
    assert found.to_pylist() == pa.concat_tables(tables).to_pylist()
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
    assert writing.write(TABLE, tmp_path / name, shard_rows=3, overwrite=True) == 3
    assert len(list((tmp_path / "x").glob(f"*{suffix}"))) == 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.integers(1, 5))
def test_any_batches_make_shards_of_the_same_rows(tmp_path_factory: Any, sizes: list[int], rows: int):
    folder = tmp_path_factory.mktemp("shards")
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    tables = [
        pa.table({"n": pa.array(range(end - n, end), pa.int64())}) for end, n in zip(ends, sizes, strict=True)
    ]
    writing.write(tables, folder / "x.parquet", shard_rows=rows)
    parts = [files.read(file)["n"].to_pylist() for file in sorted((folder / "x").iterdir())]
    assert [n for part in parts for n in part] == list(range(ends[-1]))
    assert all(len(part) == rows for part in parts[:-1])
    assert len(parts) == max(-(-ends[-1] // rows), 1)


def test_an_empty_table_is_one_empty_shard(tmp_path: Path):
    writing.write(TABLE.slice(0, 0), tmp_path / "x.parquet", shard_rows=2)
    assert files.read(tmp_path / "x" / "x-00000-of-00001.parquet").schema == TABLE.schema


def test_standard_output_takes_json_lines(monkeypatch: pytest.MonkeyPatch):
    held = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(held))
    writing.write(TABLE.slice(0, 2), "-")
    assert held.getvalue() == b'{"n": 1, "t": "x"}\n{"n": 2, "t": null}\n'


def test_compressed_lines_are_the_same_lines_and_the_same_rows_the_same_bytes(tmp_path: Path):
    import gzip

    for name in ("a.jsonl", "a.jsonl.gz", "b.jsonl.gz", "a.jsonl.zst"):
        writing.write(TABLE, tmp_path / name)
    plain = (tmp_path / "a.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == plain
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    with pa.input_stream(str(tmp_path / "a.jsonl.zst"), compression="zstd") as stream:
        assert stream.read() == plain


def test_a_full_disk_is_told_with_the_files_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full() -> Iterator[pa.Table]:
        yield TABLE
        raise OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device")

    with pytest.raises(OSError, match="No space left") as told:
        writing.write(full(), tmp_path / "a.parquet")
    assert told.value.filename == str(tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []
