import bz2
import gzip
import json
import random
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
    path = json_lines(tmp_path / "a.jsonl", [{"n": 1}, {"n": "high"}])
    with pytest.raises(ValueError, match=r"column n changes from int64 to string near row 2 \(value 'high'\)"):
        files.one_schema(files.File(path).pieces(1), "a.jsonl")


def test_unreadable_files_are_told(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl does not exist"):
        files.read(tmp_path / "none.jsonl")
    for name, content, told in (
        ("a.parquet", b"PAR", "cannot be read as parquet"),
        ("b.parquet", b"PAR1 and no more", "cannot be read as parquet"),
        ("a.jsonl.gz", b"plain", "row 1 is not valid JSON"),
        ("b.jsonl.gz", gzip.compress(b"{}" * 99, mtime=0)[:-9], "it is cut short; copy it again"),
        (
            "c.jsonl.gz",
            gzip.compress(random.Random(0).randbytes(1 << 18).hex().encode(), mtime=0)[:-9],
            "cut short|not valid",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.*({told})"):
            files.read(tmp_path / name)
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


PLAIN = [{"text": "a", "n": 1}, {"text": "b", "n": 2}]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in PLAIN)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("A.JSONL", LINES),
        ("a.json", json.dumps(PLAIN).encode()),
        ("b.json", json.dumps(PLAIN, indent=2).encode()),
        ("c.json", b"\n".join(json.dumps(row, indent=1).encode() for row in PLAIN)),
        ("a.csv", b"text,n\na,1\nb,2\n"),
        ("A.TSV", b"text\tn\na\t1\nb\t2\n"),
        ("a.JSONL.GZ", gzip.compress(LINES, mtime=0)),
        ("a.jsonl.zst", pa.compress(LINES, codec="zstd", asbytes=True)),
        ("a.jsonl.bz2", bz2.compress(LINES)),
        ("a.csv.gz", gzip.compress(b"text,n\na,1\nb,2\n", mtime=0)),
        ("gzip.jsonl", gzip.compress(LINES, mtime=0)),
        ("plain.jsonl.gz", LINES),
        ("csv.jsonl", b"text,n\na,1\nb,2\n"),
        ("lines.parquet", LINES),
        ("nothing", LINES),
    ],
)
def test_the_content_says_the_format(name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    assert files.read(tmp_path / name).to_pylist() == PLAIN
    assert pa.concat_tables(files.batches(tmp_path / name, rows=1)).to_pylist() == PLAIN


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_files_and_parquet_under_another_name(stream: bool, tmp_path: Path):
    table = pa.Table.from_pylist(PLAIN)
    opened = pa.ipc.new_stream if stream else pa.ipc.new_file
    with opened(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, tmp_path / "a.jsonl")
    for name in ("a.arrow", "a.jsonl"):
        assert files.read(tmp_path / name).to_pylist() == PLAIN
    assert files.File(tmp_path / "a.jsonl").form.told == "holds parquet, whatever its name says"


def test_text_that_is_no_utf8_in_parquet_is_told(tmp_path: Path):
    wrong = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xe9")])
    pq.write_table(pa.table({"text": wrong}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet cannot be read as parquet: .*UTF8"):
        files.read(tmp_path / "a.parquet")
