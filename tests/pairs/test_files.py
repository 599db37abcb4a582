import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scored_pairs import json_lines

from rapo.pairs import files, writing

NAMES = ["a.jsonl", "a.jsonl.gz", "a.parquet", "a"]

ROWS = [
    {"text": "2020-01-01", "n": 1, "list": [{"role": "user", "content": "2021-02-03T00:00:00"}]},
    {"text": 'é "quoted"\n\u2028 ☃', "n": None, "list": []},
    {"text": None, "n": 3, "list": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_again(name: str, tmp_path: Path):
    table = pa.Table.from_pylist(ROWS)
    assert writing.write(table, tmp_path / name) == 3
    got = files.read(tmp_path / name)
    assert got.schema == table.schema
    assert got.to_pylist() == ROWS
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_batches_hold_the_same_rows_in_one_schema(name: str, rows: int, tmp_path: Path):
    writing.write(pa.Table.from_pylist(ROWS), tmp_path / name)
    got = list(files.batches(tmp_path / name, rows=rows))
    assert max(map(len, got)) <= rows
    assert len({str(piece.schema) for piece in got}) == 1
    assert pa.concat_tables(got).to_pylist() == ROWS


@pytest.mark.parametrize("name", ["a.parquet", "a"])
def test_an_empty_table_keeps_its_schema(name: str, tmp_path: Path):
    table = pa.Table.from_pylist(ROWS).slice(0, 0)
    writing.write(table, tmp_path / name)
    assert files.read(tmp_path / name).schema == table.schema
    assert [len(piece) for piece in files.batches(tmp_path / name)] == [0]


def test_a_folder_is_a_data_set_of_the_datasets_library_and_back(tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    table = pa.Table.from_pylist(ROWS)
    writing.write(table, tmp_path / "ours")
    assert datasets.load_from_disk(str(tmp_path / "ours")).to_list() == ROWS
    theirs = datasets.Dataset.from_list(ROWS)
    theirs.select([2, 0]).save_to_disk(str(tmp_path / "theirs"))
    assert files.read(tmp_path / "theirs").to_pylist() == [ROWS[2], ROWS[0]]
    datasets.DatasetDict(train=theirs, test=theirs.select([1])).save_to_disk(str(tmp_path / "splits"))
    assert files.read(tmp_path / "splits", split="test").to_pylist() == [ROWS[1]]
    with pytest.raises(ValueError, match="holds the splits train, test; name one"):
        files.read(tmp_path / "splits")


def test_types_widen_and_columns_join_between_batches(tmp_path: Path):
    path = json_lines(tmp_path / "a.jsonl", [{"s": 1}, {"s": 2.5, "late": "x"}, {"late": None}])
    expected = [{"s": 1.0, "late": None}, {"s": 2.5, "late": "x"}, {"s": None, "late": None}]
    assert pa.concat_tables(files.batches(path, rows=1)).to_pylist() == expected
    assert files.read(path).to_pylist() == expected


def test_a_column_that_changes_type_between_batches_is_named(tmp_path: Path):
    path = json_lines(tmp_path / "a.jsonl", [{"s": 1}, {"s": "high"}])
    with pytest.raises(ValueError, match=r"column s changes from int64 to string near row 2 \(value 'high'\)"):
        list(files.batches(path, rows=1))


def test_unreadable_files_are_told(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl does not exist"):
        files.read(tmp_path / "none.jsonl")
    for name, content in {
        "a.parquet": b"PAR",
        "a.jsonl.gz": b"plain",
        "b.jsonl.gz": gzip.compress(b"{}" * 99)[:-9],
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} cannot be read as"):
            files.read(tmp_path / name)
    (tmp_path / "a.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"use \.jsonl, \.jsonl\.gz, \.parquet"):
        files.read(tmp_path / "a.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=r"folder without state\.json"):
        files.read(tmp_path / "folder")
    with pytest.raises(ValueError, match="has no splits"):
        files.read(json_lines(tmp_path / "a.jsonl", [{"a": 1}]), split="train")


def test_parquet_batches_do_not_depend_on_row_groups(tmp_path: Path):
    pq.write_table(pa.table({"a": list(range(10))}), tmp_path / "a.parquet", row_group_size=3)
    got = list(files.batches(tmp_path / "a.parquet", rows=4))
    assert pa.concat_tables(got)["a"].to_pylist() == list(range(10))
    assert max(map(len, got)) <= 4


json_text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)

row = st.fixed_dictionaries(
    {"t": json_text, "x": st.floats(allow_nan=False, allow_infinity=False), "l": st.lists(json_text)}
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(row, min_size=1, max_size=6))
def test_json_lines_keep_every_text_and_number(tmp_path: Path, rows: list[dict[str, Any]]):
    table = pa.Table.from_pylist(
        rows, pa.schema([("t", pa.string()), ("x", pa.float64()), ("l", pa.list_(pa.string()))])
    )
    writing.write(table, tmp_path / "a.jsonl", overwrite=True)
    assert files.read(tmp_path / "a.jsonl").to_pylist() == rows
