"""What a reproduction found, by hand."""

import json
from pathlib import Path

import pytest

from rapo import paths
from rapo.claims import claim
from rapo.claims.claim import Claim
from rapo.reproduction.keep import listing
from rapo.reproduction.outcome import outcome


def keep(*records: dict) -> None:
    paths.write_text(paths.results() / "claims.json", json.dumps(records))
    paths.write_text(paths.results() / "manifest.json", json.dumps(listing()))


def measure(name: str, estimate: float, *, notebook: str = "n", scale: str = "small") -> None:
    one = Claim(name, "is", "y", estimate, estimate - 1, estimate + 1)
    claim.save(one, scale=scale, notebook=notebook)


@pytest.fixture
def kept(rapo_root: Path) -> None:
    """Four claims of 1 [0, 2], the last of another notebook."""
    rows = [("X-1", "n"), ("X-2", "n"), ("X-3", "n"), ("Y-1", "other")]
    keep(*({"id": name, "notebook": of, "estimate": 1.0, "low": 0.0, "high": 2.0} for name, of in rows))


def test_verdicts_are_counted_and_the_farthest_comes_first(kept: None) -> None:
    for name, estimate in {"X-1": 5.0, "X-2": 0.5, "X-3": -9.0}.items():
        measure(name, estimate)
    measure("Y-1", 30.0, notebook="other")
    found = outcome("small", ["n"])
    assert found.counts == (("hold", 1), ("do not hold", 1), ("undecided", 1))  # 5 +- 1, -9 +- 1, 0.5 +- 1
    assert found.compared == 3
    # |-10| / sqrt(2), X-1: 4 / sqrt(2); X-2 differs by 0.5 < sqrt(2)
    assert [one["id"] for one in found.beyond] == ["X-3", "X-1"]


def test_only_small_is_held_against_what_is_kept(kept: None) -> None:
    measure("X-1", 5.0, scale="smoke")
    found = outcome("smoke", ["n"])
    assert (found.counts, found.compared, found.beyond) == ((("hold", 1),), 0, ())


def test_results_of_an_earlier_plan_are_not_compared(kept: None) -> None:
    paths.write_text(paths.results() / "outdated.json", json.dumps({"n": "another plan"}))
    measure("X-1", 5.0)
    assert outcome("small", ["n"]).compared == 0


def test_nothing_measured_says_nothing(rapo_root: Path) -> None:
    assert outcome("small", ["n"]).counts == ()
