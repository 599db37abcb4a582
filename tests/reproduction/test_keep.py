"""What is kept of a complete run."""

import json

import pytest

from rapo import paths
from rapo.reproduction.keep import durations
from rapo.reproduction.notebook import Marker


def marker(seconds: float, saved: float = 0.0, runs: tuple[str, ...] = ()) -> Marker:
    return Marker("d", seconds, seconds + saved, {}, runs)


def test_what_is_kept_was_measured_and_not_guessed(rapo_root):
    paths.write_text(paths.results() / "durations.json", json.dumps({"notebooks": {"a": 12.0, "b": 12.0}}))
    found = durations({"a": marker(5.0), "b": marker(5.0, 30.0), "c": marker(5.0, 30.0)})
    assert found == {"notebooks": {"a": 5.0, "b": 12.0, "c": 35.0}, "runs": {}}


def test_a_run_that_notebooks_share_counts_once(rapo_root):
    """Two workers: a reuses 20 s and 40 s in place of 30 s, b reuses the 40 s in place of 20 s."""
    for key, seconds in {"own": 20.0, "shared": 40.0}.items():
        record = {"function": "m:f", "config": {"x": key}, "seconds": seconds}
        paths.write_text(paths.runs() / key / "result.json", json.dumps(record))
    found = durations({"a": marker(1.0, 30.0, ("own", "shared")), "b": marker(1.0, 20.0, ("shared",))})
    # a: 30 * (20 + 40/2) / 60 = 20; b: 20 * (40/2) / 40 = 10; together the 60 s on two workers
    assert found["notebooks"] == pytest.approx({"a": 21.0, "b": 11.0})
    assert sorted(found["runs"].values()) == [20.0, 40.0]
