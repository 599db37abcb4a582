"""Claims of self-play: each takes the arms and rounds that it names."""

import pandas as pd
import pytest
from studies.self_play.test_tables import EFFECT, FRAME, answers

from rapo.claims import claim as saving
from rapo.studies.self_play import study
from rapo.studies.self_play.claims import claims

RECIPE = study.recipe_of("small")
TOLD = {
    "rounds": pd.DataFrame({"arm": ["first pairs", "MAP"], "label_accuracy": [0.7, 0.9], "steps": [20, 40]}),
    "tuning": pd.DataFrame({"best": [True], "edge": [False]}),
}
FOUND = {claim.id: claim for claim in claims({"answers": FRAME, **TOLD}, RECIPE)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AP-S1", 0.6),  # the best rival is M+: 0.8 - 0.2
        ("AP-S1/evolved", -0.1),  # all rivals lie at 0
        ("AP-S1/plain-data", 0.8),
        ("AP-S1/own-answers", 0.8),
        ("AP-S1/uniform", 0.8),
        ("AP-S1/M-plus", 0.6),
        ("AP-S1/small-Mpi", 0.8),
        ("AP-S2", 0.4),
        ("AP-S2/evolved", -0.05),
        ("AP-S2/last", 0.3),
        ("AP-S2/steps", 0.8),
    ],
)
def test_each_claim_takes_the_arms_it_names(name: str, expected: float) -> None:
    assert FOUND[name].estimate == pytest.approx(expected)
    assert FOUND[name].verdict == ("holds" if expected > 0 else "does not hold")


def test_no_claim_is_left_over() -> None:
    assert len(FOUND) == 11
    assert "(M+)" in FOUND["AP-S1"].statistic
    assert FOUND["AP-S1"].n == "3 seeds x 4 prompts (many-sided world)"
    assert all(claim.figures for claim in FOUND.values())


def test_the_rival_may_change_with_the_prompts() -> None:
    frames = {"answers": answers({**EFFECT, ("uniform", 2, "evolved"): 0.3}), **TOLD}
    found = {claim.id: claim for claim in claims(frames, RECIPE)}
    assert "(uniform)" in found["AP-S1/evolved"].statistic
    assert found["AP-S1/evolved"].estimate == pytest.approx(-0.4)
    assert "(M+)" in found["AP-S1"].statistic


def test_models_too_small_to_tell_anything_are_told(rapo_root: object) -> None:
    for claim in claims({"answers": answers({}), **TOLD}, RECIPE):
        assert claim.estimate == pytest.approx(0)
        assert claim.verdict == "does not hold"
        saving.save(claim, scale="smoke", notebook="test")


def test_premises_are_told_by_figures() -> None:
    met = {one["premise"]: one["met"] for one in FOUND["AP-S1"].premises}
    assert met["labels right in 65 to 80 % (our assumption)"] == "met"  # 70 % of the first pairs
    assert met["about 190 steps"] == "not met"  # 40
    assert FOUND["AP-S2"].note == "Gold confirms 70 % of the labels of the first pairs; 20 to 40 steps."
