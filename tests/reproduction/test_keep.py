"""What is kept of a complete run."""

import json
from pathlib import Path

import pandas as pd
import pytest

from rapo import paths
from rapo.reproduction import marker as markers
from rapo.reproduction.keep import durations, listing
from rapo.reproduction.marker import Marker
from rapo.runs import store


def marker(seconds: float, saved: float = 0.0, runs: tuple[str, ...] = ()) -> Marker:
    return Marker("d", seconds, seconds + saved, {}, runs)


def test_what_is_kept_was_measured_and_not_guessed(rapo_root: Path) -> None:
    paths.write_text(paths.results() / "durations.json", json.dumps({"notebooks": {"a": 12.0, "b": 12.0}}))
    found = durations({"a": marker(5.0), "b": marker(5.0, 30.0), "c": marker(5.0, 30.0)})
    assert found == {"notebooks": {"a": 5.0, "b": 12.0, "c": 35.0}, "runs": {}}


def test_a_run_that_notebooks_share_counts_once(rapo_root: Path) -> None:
    """Two workers: a reuses 20 s and 40 s in place of 30 s, b reuses the 40 s in place of 20 s."""
    for key, seconds in {"own": 20.0, "shared": 40.0}.items():
        record = {"function": "m:f", "config": {"x": key}, "seconds": seconds}
        paths.write_text(paths.runs() / key / "result.json", json.dumps(record))
    found = durations({"a": marker(1.0, 30.0, ("own", "shared")), "b": marker(1.0, 20.0, ("shared",))})
    # a: 30 * (20 + 40/2) / 60 = 20; b: 20 * (40/2) / 40 = 10; together the 60 s on two workers
    assert found["notebooks"] == pytest.approx({"a": 21.0, "b": 11.0})
    assert sorted(found["runs"].values()) == [20.0, 40.0]


def test_the_manifest_says_what_each_file_is_and_what_measured_it(
    rapo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(name: str, y: list[float]) -> None:
        file = store.store(pd.DataFrame({"y": y}), name, scale="small")
        (paths.results() / file.name).write_bytes(file.read_bytes())

    def write(commit: str) -> dict[str, dict]:
        monkeypatch.setattr(markers, "made_by", lambda: {"commit": commit, "python": "3"})
        paths.write_text(paths.results() / "manifest.json", json.dumps(listing()))
        return store.manifest()

    paths.write_text(paths.results() / "claims.json", '[{"id": "X"}]')
    put("a", [1.0, 2.0])
    put("b", [3.0])
    before = write("one")
    assert [(name, about["rows"]) for name, about in before.items()] == [
        *(("a.parquet", 2), ("b.parquet", 1), ("claims.json", 1))
    ]
    assert "numpy" in before["a.parquet"]["versions"], "those that it was measured with"
    assert before["claims.json"]["versions"] == {"python": "3"}
    put("b", [4.0])
    (paths.results() / "claims.json").unlink()
    assert [(name, about["commit"]) for name, about in write("two").items()] == [
        *(("a.parquet", "one"), ("b.parquet", "two"))
    ]
    assert store.kept("b")["y"].tolist() == [4.0]
