"""What is kept of a complete run."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from rapo import paths
from rapo.reproduction import marker as markers
from rapo.reproduction import notebook
from rapo.reproduction.keep import durations, keep, listing
from rapo.reproduction.marker import Marker
from rapo.runs import progress, store


def marker(seconds: float, saved: float = 0.0, runs: tuple[str, ...] = ()) -> Marker:
    return Marker("d", seconds, seconds + saved, {}, runs)


def test_durations_are_those_of_today_and_of_others_what_was_kept(rapo_root: Path) -> None:
    kept = {"notebooks": {"a": 12.0, "b": 12.0, "c": 9.0}, "runs": {"m:f {}": 3.0}}
    paths.write_text(paths.results() / "durations.json", json.dumps(kept))
    found = durations({"a": marker(5.0), "b": marker(5.0, 30.0)})
    assert found == {"notebooks": {"a": 5.0, "b": 35.0}, "runs": {}}
    assert durations({"a": marker(5.0)}, others={"b", "c"}) == {
        "notebooks": {"a": 5.0, "b": 12.0, "c": 9.0},
        "runs": {"m:f {}": 3.0},
    }


def test_what_another_notebook_computes_is_not_counted_twice(rapo_root: Path) -> None:
    for key, seconds in {"own": 20.0, "shared": 40.0}.items():
        record = {"function": "m:f", "config": {"x": key}, "seconds": seconds}
        paths.write_text(paths.runs() / key / "result.json", json.dumps(record))
    markers.write("long", "small", digest="d", began=0.0, runs=["shared"])
    found = durations({"a": marker(1.0, 29.0, ("own", "shared"))}, others={"long"})
    assert found["notebooks"] == {"a": 10.0}  # 30 * 20 / 60
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


@pytest.fixture
def two_notebooks(rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Notebooks a and b, of which a was run: a claim of each is kept, and a figure of each."""
    monkeypatch.delenv("RAPO_BUILD", raising=False)
    found = [SimpleNamespace(name=name, parameters={"measure": True}) for name in ("a", "b")]
    monkeypatch.setattr(notebook, "find", lambda: found)
    monkeypatch.setattr(notebook, "digest", lambda one, **_: one.name)
    claim = {"statement": "s", "statistic": "t", "estimate": 1.0, "low": 0.5, "high": 1.5, "threshold": 0.0}
    kept = [{"id": "RA-T1", "notebook": "a", **claim, "estimate": 0.9}, {"id": "RA-T2", "notebook": "b", **claim}]
    paths.write_text(paths.results() / "claims.json", json.dumps(kept))
    paths.write_text(paths.results() / "outdated.json", json.dumps({"a": "another plan", "b": "another plan"}))
    paths.write_text(
        paths.results() / "durations.json", json.dumps({"notebooks": {"a": 1.0, "b": 2.0}, "runs": {}})
    )
    paths.write_text(paths.results() / "manifest.json", json.dumps(listing()))
    for name in ("RA-T1_x.png", "RA-T2_x.png"):
        paths.write_text(paths.kept_figures() / name, "old")
    new = paths.figures("small") / "claims" / "RA-T1.json"
    paths.write_text(new, json.dumps({"id": "RA-T1", "notebook": "a", **claim}))
    paths.write_text(paths.figures("small") / "RA-T1_x.png", "new")
    products = [str(new.relative_to(rapo_root)), "build/small/figures/RA-T1_x.png"]
    monkeypatch.setattr(markers, "is_done", lambda name, *_, **__: name == "a")
    made = Marker("d", 3.0, 3.0, dict.fromkeys(products, ""), ())
    monkeypatch.setattr(markers, "read", lambda name, *_, **__: made if name == "a" else None)
    return rapo_root


def test_what_was_kept_of_other_notebooks_stays(two_notebooks: Path) -> None:
    keep(["a"])
    found = {record["id"]: record["estimate"] for record in store.kept_claims()}
    assert found == {"RA-T1": 1.0, "RA-T2": 1.0}
    assert store.outdated() == {"b": "another plan"}
    assert progress.kept_durations("notebooks") == {"a": 3.0, "b": 2.0}
    figures = {file.name: file.read_text() for file in paths.kept_figures().glob("*.png")}
    assert figures == {"RA-T1_x.png": "new", "RA-T2_x.png": "old"}


def test_all_are_kept_or_none_where_no_names_are_given(two_notebooks: Path) -> None:
    with pytest.raises(
        ValueError, match=r"not every notebook has been run at scale small: b; run .* or name those"
    ):
        keep()
    with pytest.raises(ValueError, match="no notebook c; there are a, b"):
        keep(["a", "c"])
    assert store.kept_claims()[0]["estimate"] == 0.9
