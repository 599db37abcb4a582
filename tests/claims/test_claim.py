"""Verdicts follow from intervals; claims are stored with the verdict that was computed."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo import paths
from rapo.claims import claim as claims
from rapo.claims.claim import Claim, verdict

NUMBERS = st.floats(-1e6, 1e6)
CLAIM = Claim(
    id="RA-F2/naive",
    statement="RA beats UF",
    statistic="win rate of RA less that of UF",
    estimate=5.25,
    low=1.0,
    high=9.5,
    unit="points",
    n="3 seeds x 300 prompts",
    paper="+ 9.7 (Qwen2-7B)",
)


@pytest.mark.parametrize(
    ("low", "high", "threshold", "direction", "expected"),
    [
        (0.5, 2.0, 0.0, "greater", "holds"),
        (-3.0, -1.0, 0.0, "greater", "does not hold"),
        (-1.0, 2.0, 0.0, "greater", "undecided"),
        (0.0, 2.0, 0.0, "greater", "undecided"),  # an interval that touches the threshold contains it
        (0.5, 2.0, 0.0, "less", "does not hold"),
        (-3.0, -1.0, 0.0, "less", "holds"),
        (51.0, 55.0, 50.0, "greater", "holds"),
        (0.0, 0.0, 0.0, "greater", "does not hold"),  # exact, and not greater than zero
        (0.0, 0.0, 0.0, "less", "does not hold"),
        (1.0, 1.0, 0.0, "greater", "holds"),
        (-0.2, 0.1, 0.5, "equal", "holds"),
        (-0.5, 0.5, 0.5, "equal", "holds"),
        (0.0, 0.0, 0.0, "equal", "holds"),
        (0.4, 0.9, 0.5, "equal", "undecided"),
        (0.6, 0.9, 0.5, "equal", "does not hold"),
        (-0.9, -0.6, 0.5, "equal", "does not hold"),
    ],
)
def test_verdict(low: float, high: float, threshold: float, direction: str, expected: str) -> None:
    assert verdict(low, high, threshold=threshold, direction=direction) == expected


@given(NUMBERS, NUMBERS, NUMBERS)
def test_greater_and_less_mirror_each_other(one: float, other: float, threshold: float) -> None:
    low, high = min(one, other), max(one, other)
    greater = verdict(low, high, threshold=threshold, direction="greater")
    assert greater == verdict(-high, -low, threshold=-threshold, direction="less")


@given(NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1e3), st.sampled_from(["greater", "less"]))
def test_a_wider_interval_decides_nothing_else(
    one: float, other: float, threshold: float, by: float, direction: str
) -> None:
    low, high = min(one, other), max(one, other)
    narrow = verdict(low, high, threshold=threshold, direction=direction)
    wide = verdict(low - by, high + by, threshold=threshold, direction=direction)
    assert wide in (narrow, "undecided")


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_an_interval_that_is_none_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="empty or NaN; compute it from at least two units"):
        verdict(low, high)


def test_unknown_directions_and_negative_margins_are_refused() -> None:
    with pytest.raises(ValueError, match="'bigger'; use 'greater', 'less' or 'equal'"):
        verdict(0.0, 1.0, direction="bigger")
    with pytest.raises(ValueError, match="0 or more"):
        verdict(0.0, 1.0, threshold=-0.1, direction="equal")


def test_a_saved_claim_carries_its_computed_verdict_scale_and_notebook(rapo_root: Path) -> None:
    target = claims.save(CLAIM, scale="smoke", notebook="central_results")
    assert target == paths.figures("smoke") / "claims" / "RA-F2.naive.json"
    record = json.loads(target.read_text(encoding="utf-8"))
    assert (record["verdict"], record["scale"], record["notebook"]) == ("holds", "smoke", "central_results")
    assert CLAIM.scale == ""  # the argument is left as it was


def test_claims_load_sorted_by_id_and_other_files_are_left_alone(rapo_root: Path) -> None:
    for name in ("RA-T2", "RA-F2/naive", "RA-T1"):
        claims.save(replace(CLAIM, id=name), scale="small", notebook="x")
    folder = paths.figures("small") / "claims"
    (folder / "notes.txt").write_text("not a claim", encoding="utf-8")
    assert [record["id"] for record in claims.load(folder)] == ["RA-F2/naive", "RA-T1", "RA-T2"]
    assert claims.load(folder / "missing") == []


def test_numbers_from_numpy_are_saved_as_numbers(rapo_root: Path) -> None:
    claim = replace(CLAIM, estimate=np.float32(5.25), data={"per_seed": np.array([1, 2]), "n": np.int64(3)})
    record = json.loads(claims.save(claim, scale="small", notebook="x").read_text(encoding="utf-8"))
    assert record["estimate"] == 5.25
    assert record["data"] == {"per_seed": [1, 2], "n": 3}


@pytest.mark.parametrize("field", ["estimate", "low", "high"])
def test_a_claim_without_a_number_is_not_saved(rapo_root: Path, field: str) -> None:
    with pytest.raises(ValueError, match=r"claim RA-F2/naive: .* is not finite"):
        claims.save(replace(CLAIM, **{field: math.nan}), scale="small", notebook="x")
    assert not paths.figures("small").exists()


def test_the_table_of_a_notebook_says_paper_ours_interval_and_verdict() -> None:
    table = claims.table([CLAIM, replace(CLAIM, id="RA-T1", estimate=1234.5, high=1300.0, unit="")])
    assert list(table["ours"]) == ["5.25 points", "1234"]
    assert list(table["95% interval"]) == ["[1, 9.5]", "[1, 1300]"]
    assert list(table["verdict"]) == ["holds", "holds"]
    assert list(table["kind"]) == ["ours", "ours"]
    marked = claims.table([replace(CLAIM, kind="paper's claim", could_fail=False)])
    assert list(marked["kind"]) == ["paper's claim, exact"]
    assert list(table["paper"]) == ["+ 9.7 (Qwen2-7B)"] * 2
    assert "99.5% interval" in claims.table([replace(CLAIM, level=0.995)])


def test_kinds_and_premises_have_their_own_words(rapo_root: Path) -> None:
    with pytest.raises(ValueError, match="kind is 'theirs'; use one of"):
        replace(CLAIM, kind="theirs")
    premises = ({"premise": "the base is aligned", "met": "in part"},)
    record = json.loads(claims.save(replace(CLAIM, premises=premises), scale="small", notebook="x").read_text())
    assert record["premises"] == [{"premise": "the base is aligned", "met": "in part"}]
    for wrong in ({"premise": "p", "met": "yes"}, {"met": "met"}):
        with pytest.raises(ValueError, match="must say `premise`, and `met`"):
            replace(CLAIM, premises=(wrong,))


@pytest.mark.parametrize(
    "name", ["RA-F2/win rate", "RA-F2/controls, gold", "AP-F1b/M+", "RA-F2/a/b", "../RA-F2", ""]
)
def test_an_id_that_is_no_slug_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no slug; use"):
        replace(CLAIM, id=name)


def _claim(name, estimate, half, **fields):
    return Claim(name, "is", "s", estimate, estimate - half, estimate + half, **fields)


def test_a_margin_makes_an_undecided_difference_equal():
    assert _claim("X", 0.1, 0.15).verdict == "undecided"
    assert _claim("X", 0.1, 0.15, margin="gold").verdict == "equal"  # [-0.05, 0.25] lies within 0.3
    assert _claim("X", 0.1, 0.25, margin="gold").verdict == "undecided"  # up to 0.35
    assert _claim("X", 0.1, 0.05, margin="gold").verdict == "holds"  # small, but there
    assert _claim("X", -1.9, 0.15, threshold=-2.0, margin="gold").verdict == "equal"
    with pytest.raises(ValueError, match="margin is 'luck'; use one of gold"):
        _claim("X", 0.0, 1.0, margin="luck")


def test_holm_by_hand():
    # z = estimate / (half / 1.96): 3.92, 2.352, 2.156; p = 0.00009, 0.0187, 0.0311. Holm asks for 0.05 / 3, / 2, / 1:
    # all three are below, in this order. With a fourth of p = 0.9 the bounds are 0.0125, 0.0167, ...: the second fails.
    three = [_claim(f"X/{i}", 1.0, half) for i, half in enumerate([0.5, 1 / 1.2, 1 / 1.1])]
    assert set(claims.holm(three).values()) == {"holds"}
    four = [*three, _claim("X/3", 0.01, 0.2)]
    assert list(claims.holm(four).values()) == ["holds", "undecided", "undecided", "undecided"]
    copies = [
        *three,
        _claim("X/worst", 1.0, 0.5),
        _claim("X/hardest", 1.0, 1 / 1.1),
    ]  # of the first, and of the last
    assert set(claims.holm(copies).values()) == {"holds"}
    assert set(claims.holm([*copies, _claim("X/3", 0.01, 0.2)]).values()) == {"holds", "undecided"}
    other = _claim("Y", -1.0, 1 / 1.1)  # alone in its family
    exact = _claim("X/exact", 1.0, 0.0)
    equal = _claim("X/equal", 0.0, 0.1, threshold=0.3, direction="equal")
    found = claims.holm([*three, other, exact, equal])
    assert (found["Y"], found["X/exact"], found["X/equal"], found["X/2"]) == (
        "does not hold",
        "holds",
        "holds",
        "holds",
    )


def test_the_table_says_what_the_untrained_base_does_where_somebody_looked() -> None:
    plain = {"statement": "s", "statistic": "t", "estimate": 1.0, "low": 0.5, "high": 1.5}
    one, other = claims.Claim("RA-X", **plain), claims.Claim("RA-Y", **plain, base_meets_it=True)
    assert claims.table([one, other])["untrained base"].tolist() == ["", "meets it too"]
    assert "untrained base" not in claims.table([one])
