"""Where a product goes: what is read is never written, and what cannot be written is told before any work."""

from pathlib import Path

import pyarrow as pa
import pytest

from rapo.pairs import targets, writing

TABLE = pa.table({"n": [1, 2, 3]})


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("data", "data/b.parquet", "would be read as a part of data"),
        ("data", "data/a.parquet", "would be read as a part of data"),
        ("data", "data/deep/c", "would be read as a part of data"),
        ("data/*.parquet", "data/a.parquet", "would be read as a part of"),
        ("data/*.parquet", "data/new.parquet", "would be read as a part of"),
        ("**/*.parquet", "data/a.parquet", "would be read as a part of"),
        ("data/data-00000-of-00001.parquet", "data", "holds the input data/data-00000-of-00001.parquet"),
        ("in.jsonl", "link.jsonl", "link.jsonl is the input itself"),
        ("link.jsonl", "in.jsonl", "in.jsonl is the input itself"),
        ("in.jsonl", "", "the name of the output is empty"),
    ],
)
def test_what_is_read_is_never_written(
    source: str, target: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("data/a.parquet", "data/data-00000-of-00001.parquet"):
        writing.write(TABLE, name)
    writing.write(TABLE, "in.jsonl")
    (tmp_path / "link.jsonl").symlink_to("in.jsonl")
    with pytest.raises(ValueError, match=told):
        targets.check_target(target, source, overwrite=True)
    for other in ("datas/b.parquet", "b.parquet", "data.parquet", "new"):
        targets.check_target(other, source, "-", "owner/name")


@pytest.mark.parametrize(
    ("target", "shard_rows", "told"),
    [
        ("o.csv", None, "o.csv: the name says no format that can be written"),
        ("in.jsonl", None, "in.jsonl is the input itself; choose another output"),
        ("o.parquet", 0, "shards of 0 rows"),
        ("-", 5, "shards of 5 rows cannot be written to -"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_before_any_work(
    target: str, shard_rows: int | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=told):
        targets.check_target(target, "in.jsonl", overwrite=True, shard_rows=shard_rows)
