"""Made-up judges: their exact figures against large samples, and the claims about them."""

import numpy as np
import pytest

from rapo.claims.claim import save
from rapo.judging import agreement, bias, votes
from rapo.studies.judge_agreement import simulation as room
from rapo.studies.judge_agreement.claims import claims

CASES = [room.TwoJudges(), room.TwoJudges(0.3, 1.2, 0.0, 0.0), room.TwoJudges(1.0, 0.5, 1.0, 0.8)]


@pytest.mark.parametrize("judges", CASES)
def test_exact_figures_are_those_of_a_large_sample(judges):
    pairs = room.judged_pairs(judges, n_pairs=200_000, seed=1)
    first, second, forward, backward = (
        votes.of(pairs[column], middle=1.5) for column in ("first", "second", "forward", "backward")
    )
    found = agreement.by_margin(first, second, pairs["first"] - 1.5, bins=[0, 0.1, 0.3, 0.45, 0.49, 0.5])
    distance = (pairs["first"] - 1.5).abs().to_numpy()
    for _, row in found.iterrows():
        inside = distance[(distance >= row["low"]) & (distance < row["high"])]
        expected = room.expected_agreement(inside, judges).mean()
        assert row["agreement"] == pytest.approx(expected, abs=4 * 0.5 / row["n"] ** 0.5)
    # Standard errors are below 0.5 / sqrt(200,000) = 0.0011.
    place = bias.position_bias(forward, backward, n_resamples=20).bias.estimate
    assert place == pytest.approx(room.expected_position_bias(judges), abs=0.004)
    longer = bias.length_bias(second, pairs["length_model"], pairs["length_baseline"], n_resamples=20)
    # Rounded lengths hide the sign of the smallest differences.
    assert longer.longer.estimate == pytest.approx(room.expected_longer(judges), abs=0.005)


def test_two_noisy_judges_agree_by_the_arcsine_law():
    # Without biases what both see has correlation 1 / sqrt(v1 v2): P(agree) = 1/2 + arcsin(r) / pi.
    judges = room.TwoJudges(noise=1.0, second_noise=0.5, length_bias=0.0, position_bias=0.0)
    pairs = room.judged_pairs(judges, n_pairs=100_000)
    exact = 0.5 + np.arcsin(1 / np.sqrt(2 * 1.25)) / np.pi
    distance = (pairs["first"] - 1.5).abs()
    assert room.expected_agreement(distance, judges).mean() == pytest.approx(exact, abs=0.002)
    first, second = (votes.of(pairs[side], middle=1.5) for side in ("first", "second"))
    assert agreement.agreement(first, second).agreement.estimate == pytest.approx(exact, abs=0.006)


def test_a_judge_without_faults_is_the_truth():
    pairs = room.judged_pairs(room.TwoJudges(0.0, 0.0, 0.0, 0.0), n_pairs=50)
    assert (pairs["second"] == pairs["truth"]).all()
    assert ((pairs["first"] > 1.5) == (pairs["truth"] == 2)).all()
    assert room.judged_pairs(room.TwoJudges(), n_pairs=50, seed=1).equals(
        room.judged_pairs(room.TwoJudges(), n_pairs=50, seed=1)
    )


def test_claims_hold_where_the_faults_are_and_not_where_they_are_not():
    pairs = room.judged_pairs(room.TwoJudges(), n_pairs=4000)
    verdicts = {claim.id: claim.verdict for claim in claims({"pairs": pairs}, {})}
    assert verdicts == {"JA/rises": "holds", "JA/length": "holds", "JA/position": "holds"}
    fair = room.judged_pairs(room.TwoJudges(0.7, 0.7, 0.0, 0.0), n_pairs=4000)
    verdicts = {claim.id: claim.verdict for claim in claims({"pairs": fair}, {})}
    assert verdicts["JA/position"] == "does not hold"
    assert verdicts["JA/length"] in ("undecided", "does not hold")


def test_claims_leave_out_what_is_not_known(rapo_root):
    pairs = room.judged_pairs(room.TwoJudges(), n_pairs=400)[["instruction", "first", "second"]]
    (only,) = claims({"pairs": pairs}, {})
    assert only.id == "JA/rises"
    assert only.n == "400 pairs of 400 prompts"
    assert save(only, scale="smoke", notebook="judge_agreement").is_file()
