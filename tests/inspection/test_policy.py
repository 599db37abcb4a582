"""Quadrants and lean, by hand and by construction."""

from typing import Any

import numpy as np
import pytest
from scored_pairs import many

from rapo.inspection.audit import audit
from rapo.inspection.policy import QUADRANTS, quadrants
from rapo.stats.correlation import rank_correlation


def scored(explicit: list[float], implicit: list[float], *, reference: bool = False) -> list[dict[str, Any]]:
    """Pairs with these margins: of scores, and of log-probability sums over ten tokens each."""
    rows = []
    for row, margin, learnt in zip(many(len(explicit)), explicit, implicit, strict=True):
        row |= {"score_chosen": 5 + margin, "score_rejected": 5.0, "chosen_tokens": 10, "rejected_tokens": 10}
        row |= {"chosen_logprob_sum": -30.0 + learnt, "rejected_logprob_sum": -30.0}
        if reference:
            row |= {"ref_chosen_logprob_sum": -30.0 + 2 * learnt, "ref_rejected_logprob_sum": -30.0}
        rows.append(row)
    return rows


def test_a_policy_that_prefers_the_other_response() -> None:
    report = audit(scored([1, 2, 3, 0, 4], [1, -1, -9, -5, 2]))
    got = report.finding("policy-disagrees")
    assert (got.count, got.n, got.level) == (2, 4, "warning")  # the tie is left out
    assert [one.row for one in got.examples] == ["3", "2"]
    assert got.examples[0].note == "score margin 3, the policy's -0.9"
    assert "(SimPO)" in got.told


def test_reference_columns_make_it_the_dpo_reward() -> None:
    got = audit(scored([1, 2], [1, -1], reference=True)).finding("policy-disagrees")
    assert "(DPO)" in got.told
    assert (got.count, got.n) == (1, 2)  # log-ratio margins -1 and +1: now the first disagrees
    assert [one.row for one in got.examples] == ["1"]


def test_a_reversed_pair_is_turned_round() -> None:
    assert audit(scored([-1, -2], [-3, 3])).finding("policy-disagrees").count == 1


def test_quadrants_by_hand() -> None:
    # Median of the explicit sizes 2.5; of the implicit sizes 2.
    got = quadrants(np.array([4.0, 3.0, 2.0, -1.0]), np.array([3.0, 1.0, 3.0, 1.0]))
    assert got.tolist() == [0, 1, 2, 3]
    report = audit(scored([4, 3, 2, -1], [3, 1, 3, 1]))
    found = report.finding("little-left-to-learn")
    assert found.data["quadrants"] == dict.fromkeys(QUADRANTS, 1)
    assert (found.count, found.n, found.level) == (3, 4, "warning")
    assert found.advice.startswith("rapo select IN --metric alignment-potential")
    (picture,) = (one for one in report.pictures if one.group == "policy")
    assert picture.series["pairs"] == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("lean", "level", "metric"),
    [
        (1.0, "ok", "explicit-margin"),
        (-1.0, "warning", "alignment-potential"),
        (0.0, "note", "alignment-potential"),
    ],
)
def test_the_lean_of_the_scores(lean: float, level: str, metric: str) -> None:
    draw = np.random.default_rng(1)
    implicit = draw.normal(size=400)
    explicit = lean * implicit + draw.normal(size=400)
    got = audit(scored(explicit.tolist(), implicit.tolist())).finding("scores-and-likelihood")
    assert got.level == level
    assert f"--metric {metric} " in got.advice
    assert got.n == 400


@pytest.mark.parametrize(("kappa", "level"), [(-1.0, "ok"), (0.0, "ok"), (2.0, "warning")])
def test_a_judge_that_overrates_what_the_policy_finds_unlikely(kappa: float, level: str) -> None:
    # Truth and likelihood of a response correlate at 0.45; the judge sees truth less kappa times likelihood, and noise.
    draw = np.random.default_rng(3)
    likely = draw.normal(size=(500, 2))
    truth = 0.45 * likely + 0.893 * draw.normal(size=(500, 2))
    score = 1.5 * truth - kappa * likely + draw.normal(size=(500, 2))
    rows = scored((score[:, 0] - score[:, 1]).tolist(), (likely[:, 0] - likely[:, 1]).tolist())
    assert audit(rows).finding("scores-and-likelihood").level == level


def test_lengths_are_held_equal() -> None:
    draw = np.random.default_rng(2)
    more = draw.integers(-8, 9, size=300)
    explicit = more + 0.1 * draw.normal(size=300)
    rows = scored(explicit.tolist(), [0.0] * 300)
    mean = 0.05 * more + draw.normal(size=300)  # nats a token
    for row, extra, margin in zip(rows, more.tolist(), mean.tolist(), strict=True):
        row |= {"chosen_tokens": 10 + extra, "chosen_logprob_sum": (-3.0 + margin) * (10 + extra)}
    got = audit(rows).finding("scores-and-likelihood")
    want = rank_correlation(explicit, mean, given=more.astype(float))
    assert got.interval is not None
    assert got.interval.estimate == pytest.approx(want.estimate, abs=1e-9)
    assert abs(want.estimate) < abs(rank_correlation(explicit, mean).estimate)


def test_rows_without_a_log_probability_are_left_out() -> None:
    rows = scored([1, 2, 3], [1, -1, 2])
    rows[1]["chosen_logprob_sum"] = None
    got = audit(rows).finding("policy-disagrees")
    assert (got.count, got.n) == (0, 2)
    assert not [one for one in audit(many(3)).findings if one.group == "policy"]
