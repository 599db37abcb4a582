"""Two measurements of the same claims: where they differ beyond their intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


def compare(new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where two measurements of the same claims differ beyond their intervals.

    Two estimates differ when the interval of their difference leaves out zero. It is built from the two intervals
    by adding squared half-widths on the sides that face each other (Zou and Donner's MOVER), so that two 95 %
    intervals give about a 95 % one; exact results may differ by rounding (1e-9 relative). Claims that only
    one side has are not compared.

    Returns:
        One record a differing claim: id, new, kept, difference, low, high, unit and both verdicts.

    >>> old = {"id": "RA-F2", "estimate": 1.0, "low": -2.0, "high": 4.0}
    >>> near = {"id": "RA-F2", "estimate": 4.0, "low": 2.0, "high": 6.0}
    >>> compare([near], [old])  # 3 - sqrt(2^2 + 3^2) = -0.61: zero lies inside
    []
    >>> far = {"id": "RA-F2", "estimate": 5.0, "low": 3.0, "high": 7.0}
    >>> [round(found["low"], 2) for found in compare([far], [old])]  # 4 - sqrt(2^2 + 3^2)
    [0.39]
    """
    before = {record["id"]: record for record in old}
    pairs = [(record, before[record["id"]]) for record in new if record["id"] in before]
    return [found for one, other in pairs if (found := _difference(one, other))]


def _difference(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any] | None:
    """The difference of two estimates with its interval, or None when zero lies inside."""
    difference = new["estimate"] - old["estimate"]
    rounding = 1e-9 * max(1.0, abs(new["estimate"]), abs(old["estimate"]))
    low = difference - math.hypot(new["estimate"] - new["low"], old["high"] - old["estimate"]) - rounding
    high = difference + math.hypot(new["high"] - new["estimate"], old["estimate"] - old["low"]) + rounding
    if low <= 0 <= high:
        return None
    return {
        "id": new["id"],
        "new": new["estimate"],
        "kept": old["estimate"],
        "difference": difference,
        "low": low,
        "high": high,
        "unit": new.get("unit", ""),
        "verdict": new.get("verdict", ""),
        "kept_verdict": old.get("verdict", ""),
    }
