"""Columns of both responses that are written in different types can still change places, or are told."""

from pathlib import Path
from typing import Any

import pytest
from scored_pairs import json_lines, pair

from rapo.pairs import files
from rapo.pairs.door import open_pairs
from rapo.relabelling.relabel import relabel_file

REVERSED = pair(score_chosen=2.0, score_rejected=9.0)


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [(1, 2.5), ("m", None), ([{"by": "a"}], []), ({"a": 1}, {"b": "x"})],
    ids=["numbers", "none", "empty list", "fields"],
)
def test_they_change_places(chosen: Any, rejected: Any, tmp_path: Path) -> None:
    rows = [{**REVERSED, "x_chosen": chosen, "x_rejected": rejected}] * 2
    path = json_lines(tmp_path / "a.jsonl", rows)
    got = open_pairs(path, reversed_pairs="swap").read().to_pylist()[0]
    assert _told(got["x_chosen"]) == _told(rejected)
    assert _told(got["x_rejected"]) == _told(chosen)
    swapped = [{**row, "score_chosen": 9.0, "score_rejected": 2.0} for row in rows]
    relabel_file(json_lines(tmp_path / "b.jsonl", swapped), tmp_path / "rows.parquet")
    made = files.read(tmp_path / "rows.parquet").to_pylist()
    assert [_told(row["x_chosen"]) for row in made] == [_told(chosen)] * 2 + [_told(rejected)] * 2


def _told(held: Any) -> Any:
    """A value without the fields that hold nothing."""
    return {name: value for name, value in held.items() if value is not None} if isinstance(held, dict) else held


def test_those_that_cannot_are_named(tmp_path: Path) -> None:
    rows = [{**pair(), "x_chosen": "one", "x_rejected": 2}]
    assert open_pairs(rows).read()["x_chosen"].to_pylist() == ["one"]
    told = "column x_chosen holds string and x_rejected int64, and both change places"
    with pytest.raises(ValueError, match=told):
        open_pairs(rows, reversed_pairs="swap").read()
    with pytest.raises(ValueError, match=told):
        relabel_file(json_lines(tmp_path / "a.jsonl", rows), tmp_path / "rows.jsonl")
    assert not (tmp_path / "rows.jsonl").exists()
