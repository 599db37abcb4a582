"""Two measurements of the same claims, compared by their intervals."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.claims.claim import slug
from rapo.claims.compare import compare, is_against, otherwise, replication, told


def claim(estimate: float, low: float, high: float) -> dict[str, Any]:
    return {"id": "X", "estimate": estimate, "low": low, "high": high, "unit": "points", "verdict": "holds"}


def test_differences_beyond_the_intervals() -> None:
    old = claim(10.0, 7.0, 14.0)  # 3 below, 4 above
    # Above: 16 - 10 = 6; the sides that face each other are 3 (new, below) and 4 (kept, above): 6 - 5 = 1 > 0.
    (found,) = compare([claim(16.0, 13.0, 30.0)], [old])
    assert (found["difference"], found["low"]) == (6.0, pytest.approx(1.0))
    assert found["high"] == pytest.approx(6 + math.hypot(14, 3))
    # 15 - 10 = 5 = the joint half-width: zero is the bound and lies inside.
    assert compare([claim(15.0, 12.0, 16.0)], [old]) == []
    # Below: 5 - 10 = -5; facing sides are 1 (new, above) and 3 (kept, below): -5 + sqrt(10) < 0.
    (found,) = compare([claim(5.0, 4.0, 6.0)], [old])
    assert found["high"] == pytest.approx(-5 + math.sqrt(10))
    assert (found["new"], found["kept"], found["kept_verdict"]) == (5.0, 10.0, "holds")


def test_exact_results_may_differ_by_rounding_only() -> None:
    assert compare([claim(0.1 + 0.2, 0.1 + 0.2, 0.1 + 0.2)], [claim(0.3, 0.3, 0.3)]) == []
    assert len(compare([claim(0.3001, 0.3001, 0.3001)], [claim(0.3, 0.3, 0.3)])) == 1


def test_claims_of_one_side_only_are_not_compared() -> None:
    assert compare([claim(1.0, 1.0, 1.0)], []) == []
    assert compare([], [claim(1.0, 1.0, 1.0)]) == []


values = st.floats(-100, 100)
halves = st.floats(0, 50)


@given(values, halves, halves, values, halves, halves)
def test_comparison_is_symmetric(a: float, b: float, c: float, d: float, e: float, f: float) -> None:
    one, two = claim(a, a - b, a + c), claim(d, d - e, d + f)
    there, back = compare([one], [two]), compare([two], [one])
    assert len(there) == len(back)
    if there:
        assert there[0]["difference"] == -back[0]["difference"]
        assert there[0]["low"] == pytest.approx(-back[0]["high"])


def measured(name: str, notebook: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {"id": name, "notebook": notebook, "estimate": (low + high) / 2, "low": low, "high": high, **more}


def test_replication_counts_by_notebook_what_came_out_otherwise() -> None:
    old = [
        measured("same", "a", 1.0, 3.0),
        measured("turned", "a", 1.0, 3.0),  # 2 +- 1, holds
        measured("moved", "b", 0.5, 1.5),  # 1 +- .5, holds
        measured("equal", "b", -1.0, 1.0, margin="gold"),
        measured("gone", "b", 0.0, 1.0),
    ]
    new = [
        measured("same", "a", 0.5, 2.0),
        measured("turned", "a", -3.0, -1.0),  # -2 +- 1: differ by 4 > sqrt(1 + 1) = 1.41
        measured("moved", "b", -0.2, 1.8),  # .8 +- 1: differ by .2 < 1.12, undecided
        measured("equal", "b", -0.1, 0.2, margin="gold"),  # undecided before, equal now
        measured("fresh", "b", 0.0, 1.0),
    ]
    found = replication(new, old)
    assert found["notebooks"] == {
        "a": {"compared": 2, "beyond": 1, "turned": 1, "moved": 1},
        "b": {"compared": 2, "beyond": 0, "turned": 0, "moved": 2},
    }
    assert found["total"] == {"compared": 4, "beyond": 1, "turned": 1, "moved": 3}
    assert [(one["id"], one["old_verdict"], one["new_verdict"]) for one in otherwise(found)] == [
        ("turned", "holds", "does not hold"),
        ("moved", "holds", "undecided"),
        ("equal", "undecided", "equal"),
    ]
    assert (found["only_new"], found["only_old"]) == (["fresh"], ["gone"])
    same = found["claims"][0]
    assert (same["id"], same["old_estimate"], same["new_estimate"]) == ("same", 2.0, 1.25)
    assert is_against(same, old[0])
    assert not is_against(same, new[0])
    assert not is_against(same, old[0] | {"high": 3.5})
    assert told(found).startswith("Measured anew with other seeds, bases included: 1 of 4 claims (25 %;")


def test_two_machines_of_the_first_report(shared_data: Path, repository: Path) -> None:
    kept = json.loads((repository / "data" / "results" / "claims.json").read_text(encoding="utf-8"))
    records = json.loads((shared_data / "second_machine" / "claims.json").read_text(encoding="utf-8"))
    new = [record | {"id": slug(record["id"])} for record in records]
    if {one["id"] for one in kept} != {one["id"] for one in new}:
        pytest.skip("the kept results are newer than the first report")
    found = replication(new, kept)["total"]
    assert (found["compared"], found["moved"], found["beyond"], found["turned"]) == (186, 50, 44, 0)
