"""Claims of the selection study: right numbers, and no crash where models are too small to tell anything."""

import logging

import numpy as np
import pandas as pd
import pytest

from rapo.claims import claim as saving
from rapo.selection import margins
from rapo.studies.alignment_potential import study
from rapo.studies.alignment_potential.claims import claims
from rapo.studies.alignment_potential.tables import scores_vary

RECIPE = {**study.recipe_of("smoke"), "architectures": ["qwen2", "llama"], "faults": {"random 1": {"noise": 1.0}}}


def pairs() -> pd.DataFrame:
    """Gold agrees with the label throughout, but for small explicit margins under the fault "main"."""
    parts = []
    for fault in ("main", "random 1"):
        for seed in RECIPE["seeds"]:
            rng = np.random.default_rng([seed, 5])
            explicit, implicit = rng.integers(1, 9, 60).astype(float), rng.normal(0, 1, 60)
            gold = np.where((explicit < 5) & (fault == "main"), -1.0, 1.0)
            potential_ = margins.alignment_potential(explicit, implicit)
            frame = pd.DataFrame(
                {"explicit": explicit, "implicit": implicit, "gold": gold, "potential": potential_}
            )
            ids = [f"p{i}" for i in range(60)]
            parts.append(frame.assign(pair_id=ids, fault=fault, architecture="qwen2", seed=seed))
    return pd.concat(parts, ignore_index=True)


def answers(*, effect: dict[str, float]) -> pd.DataFrame:
    """Every arm's gold is 5 plus its effect, whatever the prompt."""
    rows = [
        {**{name: arm[name] for name in ("study", "architecture", "objective", "arm", "x")}, "seed": seed,
         "prompt": f"p{prompt}", "gold": 5 + effect.get(arm["arm"], 0.0), "label_accuracy": 1.0}
        for arm in study.plan(RECIPE) for seed in RECIPE["seeds"] for prompt in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_rival_is_the_best_of_the_others() -> None:
    effect = {"MAP": 0.5, "M+": 0.2, "uniform": -1.0, "MAP + RA": 0.9, "RA": 0.7}
    found = {claim.id: claim for claim in claims({"pairs": pairs(), "answers": answers(effect=effect)}, RECIPE)}
    assert found["AP-F1b"].estimate == pytest.approx(0.3)  # 0.5 - 0.2, not 0.5 + 1.0
    assert "(M+)" in found["AP-F1b"].statistic
    assert found["AP-F1b"].verdict == "holds"
    assert found["AP-F1b/uniform"].estimate == pytest.approx(1.5)
    assert found["AP-J"].estimate == pytest.approx(0.2)  # 0.9 - 0.7: RA, not MAP for two epochs (0)
    assert found["AP-J/MAP"].estimate == pytest.approx(0.9)
    assert found["AP-A1"].verdict == "holds"  # no weight matters: within the margin
    assert {"AP-F1b/qwen2-DPO", "AP-F1b/llama-SimPO", "AP-F3/random-1", "AP-A2", "AP-F2"} <= set(found)


def test_agreement_follows_the_pairs() -> None:
    found = {claim.id: claim for claim in claims({"pairs": pairs(), "answers": answers(effect={})}, RECIPE)}
    assert found["AP-F3"].estimate < 0  # wrong labels sit at small explicit margins, where M+ never looks
    assert found["AP-F3/random-1"].estimate == 0  # gold agrees with every label


@pytest.mark.filterwarnings("error")
def test_models_too_small_to_tell_anything_make_claims_of_zero(rapo_root: object) -> None:
    same = answers(effect={})
    found = claims({"pairs": pairs(), "answers": same}, RECIPE)
    assert not scores_vary(same)
    training = next(claim for claim in found if claim.id == "AP-F1b")
    assert (training.estimate, training.low, training.high) == (0, 0, 0)
    assert training.verdict == "does not hold"
    assert training.note
    for claim in found:
        saving.save(claim, scale="smoke", notebook="test")


def test_what_cannot_be_computed_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        frames = {"pairs": pairs().assign(gold=0.0), "answers": answers(effect={})}
        found = {claim.id for claim in claims(frames, RECIPE)}
    assert not {"AP-F3", "AP-F2/aimed"} & found
    assert {"AP-F1a", "AP-F2", "AP-F1b"} <= found
    assert "claim AP-F3 is left out" in caplog.text
