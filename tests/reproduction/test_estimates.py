"""How long notebooks take: by hand, from markers, runs on disk and kept durations."""

import json
from pathlib import Path

import pytest

from rapo import paths
from rapo.reproduction import estimates, marker
from rapo.reproduction.marker import Marker
from rapo.reproduction.notebook import Source


def source(name: str, cost: str = "heavy") -> Source:
    return Source(Path(f"{name}.ipynb"), name, cost, (), {}, "", "")


def noted(seconds: float, saved: float = 0.0, runs: tuple[str, ...] = ()) -> Marker:
    return Marker("d", seconds, seconds + saved, {}, runs)


@pytest.fixture
def three_runs(rapo_root: Path) -> None:
    for key, seconds in {"base": 40.0, "first": 20.0, "second": 60.0}.items():
        record = {"function": "m:f", "config": {"x": key}, "seconds": seconds}
        paths.write_text(paths.runs() / key / "result.json", json.dumps(record))


def test_a_run_that_notebooks_share_counts_for_the_longest(three_runs: None) -> None:
    long, short = noted(31.0, runs=("base", "first")), noted(2.0, 20.0, ("base",))
    # Both alone: 31 s and 22 s; the base that they share is computed by the long one, and `short` took 2 s at least.
    assert estimates.own_seconds({"short": short, "long": long}) == {"long": 31.0, "short": 2.0}


def test_runs_of_another_day_count_for_the_notebook_that_alone_uses_them(three_runs: None) -> None:
    long, other = noted(100.0, runs=("base", "first")), noted(5.0, 50.0, ("base", "second"))
    # other: 55 s alone, of which the base is 40 of 100 s of work: 55 * 60 / 100 = 33
    assert estimates.own_seconds({"long": long, "other": other}) == {"long": 100.0, "other": pytest.approx(33.0)}
    assert estimates.own_seconds({"other": other}) == {"other": 55.0}


def test_what_is_gone_takes_nothing_off(rapo_root: Path) -> None:
    assert estimates.own_seconds({"a": noted(5.0, 30.0, ("gone",)), "b": noted(7.0)}) == {"a": 35.0, "b": 7.0}


def test_here_goes_before_kept_and_kept_is_for_two_workers(rapo_root: Path) -> None:
    kept = {"notebooks": {"heavy": 60.0, "light": 6.0, "here": 9.0}}
    paths.write_text(paths.results() / "durations.json", json.dumps(kept))
    marker.write("here", "small", digest="d", began=0.0, measure=True)
    took = marker.read("here", "small")
    assert took is not None
    sources = [source("heavy"), source("light", "light"), source("here"), source("unknown")]
    found = estimates.expected(sources, "small", workers=4)
    assert found == {"heavy": 30.0, "light": 6.0, "here": took.anew}
    assert estimates.expected(sources, "smoke", workers=4) == {}
    assert estimates.expected(sources, "small", workers=4, measure=False) == {}


def test_pace_is_the_ratio_of_sums_and_needs_some_seconds_to_move() -> None:
    assert estimates.pace([(2.0, 1.0)]) == pytest.approx(62 / 61)  # (60 + 2) / (60 + 1)
    assert estimates.pace([(1000.0, 520.0), (160.0, 30.0)]) == 2.0  # (60 + 1160) / (60 + 550)
