"""Levels and shares."""

import math

import pytest

from rapo.inspection import finding
from rapo.inspection.finding import ANY, NEVER, Example, Finding
from rapo.stats.intervals import Interval, wilson


@pytest.mark.parametrize(
    ("count", "level"),
    [(0, "ok"), (1, "ok"), (9, "ok"), (10, "note"), (49, "note"), (50, "warning"), (200, "serious")],
)
def test_the_level_follows_the_share(count: int, level: str) -> None:
    got = finding.share("x", "scores", "told", count=count, n=1000, bounds=(0.01, 0.05, 0.2), advice="do")
    assert got.level == level
    assert got.interval == wilson(count, 1000)
    assert got.advice == ("" if level == "ok" else "do")


def test_one_is_enough_where_the_bound_is_any() -> None:
    assert finding.share("x", "scores", "", count=1, n=10**6, bounds=(NEVER, ANY, 0.1)).level == "warning"
    assert finding.share("x", "scores", "", count=0, n=10**6, bounds=(NEVER, ANY, 0.1)).level == "ok"
    assert finding.share("x", "scores", "", count=5, n=5, bounds=(NEVER, NEVER, NEVER)).level == "ok"


def test_of_nothing_there_is_no_share() -> None:
    got = finding.share("x", "scores", "", count=0, n=0, bounds=(ANY, ANY, ANY))
    assert (got.level, got.interval) == ("ok", None)


@pytest.mark.parametrize(
    ("low", "high", "distance"), [(0.6, 0.8, 0.1), (0.2, 0.3, 0.2), (0.4, 0.9, 0.0), (math.nan, math.nan, 0.0)]
)
def test_a_statistic_counts_from_the_near_end(low: float, high: float, distance: float) -> None:
    interval = Interval((low + high) / 2, low, high, n=9)
    assert finding.distance(interval, zero=0.5) == pytest.approx(distance)
    got = finding.statistic(
        "x", "lengths", "", measure="share", interval=interval, count=1, bounds=(0.05, 0.15, NEVER), zero=0.5,
        examples=[Example(1, "chosen")], advice="do",
    )  # fmt: skip
    assert got.level == {0.1: "note", 0.2: "warning", 0.0: "ok"}[distance]
    assert bool(got.examples) == bool(got.advice) == (distance > 0)


def test_the_worst_come_first_and_keep_their_order() -> None:
    made = [
        Finding(name, "scores", level, "", 0, 0) for name, level in zip("abcd", finding.LEVELS * 1, strict=True)
    ]
    again = Finding("e", "scores", "serious", "", 0, 0)
    assert "".join(one.name for one in finding.worst_first([*made, again])) == "decba"
