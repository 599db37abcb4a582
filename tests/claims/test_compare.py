"""Two measurements of the same claims, compared by their intervals."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.claims.compare import compare


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
