"""Claims of the selection study: right numbers, and no crash where models are too small to tell anything."""

import logging

import numpy as np
import pandas as pd
import pytest
from studies.alignment_potential.test_error_map import MAP

from rapo.claims import claim as saving
from rapo.studies.alignment_potential import plan, study, tables
from rapo.studies.alignment_potential.claims import claims

RECIPE = {
    **study.recipe_of("smoke"), "architectures": ["qwen2", "llama"], "corners": [{"lean": -2.0}, {"lean": 2.0}],
    "long": {"metrics": ["M+", "MAP"], "epochs": 3},
}  # fmt: skip
TUNING = pd.DataFrame({"best": [True], "edge": [False]})


def pairs() -> pd.DataFrame:
    """Gold agrees with the label throughout, but for small explicit margins of the base's own answers."""
    parts = []
    for policy in ("on", "off"):
        for seed in RECIPE["seeds"]:
            rng = np.random.default_rng([seed, 5])
            explicit, implicit = rng.integers(1, 9, 60).astype(float), rng.normal(0, 1, 60)
            gold = np.where((explicit < 5) & (policy == "on"), -1.0, 1.0)
            frame = pd.DataFrame({"explicit": explicit, "implicit": implicit, "gold": gold})
            ids = [f"p{i}" for i in range(60)]
            about = {"policy": policy, "architecture": "qwen2", "seed": seed, "words": 0}
            parts.append(frame.assign(pair_id=ids, **about))
    return pd.concat(parts, ignore_index=True)


def answers(*, effect: dict[str, float]) -> pd.DataFrame:
    """Every arm's gold is 5 plus its effect, whatever the prompt."""
    rows = [
        {**{name: arm[name] for name in ("study", "architecture", "objective", "arm", "x")}, "seed": seed,
         "prompt": f"p{prompt}", "gold": 5 + effect.get(arm["arm"], 0.0), "label_accuracy": 1.0, "steps": 20.0}
        for arm in (*plan.bases(RECIPE), *plan.plan(RECIPE)) for seed in RECIPE["seeds"] for prompt in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def found_of(effect: dict[str, float], **others: pd.DataFrame) -> dict[str, saving.Claim]:
    frames = {"pairs": pairs(), "map": MAP, "tuning": TUNING, "answers": answers(effect=effect)}
    return {claim.id: claim for claim in claims({**frames, **others}, RECIPE)}


def test_the_rival_is_the_best_of_the_others() -> None:
    found = found_of({"MAP": 0.5, "M+": 0.2, "uniform": -1.0, "MAP + RA": 0.9, "RA": 0.7, "base, g=10": 0.1})
    assert found["AP-F1b"].estimate == pytest.approx(0.3)  # 0.5 - 0.2, not 0.5 + 1.0
    assert "(M+)" in found["AP-F1b"].statistic
    assert found["AP-F1b"].verdict == "holds"
    assert found["AP-F1b/uniform"].estimate == pytest.approx(1.5)
    assert found["AP-F1b/longer"].estimate == found["AP-F1b/off-policy"].estimate == pytest.approx(0.3)
    assert found["AP-map/trained-against"].estimate == pytest.approx(0.3)
    assert found["AP-J"].estimate == pytest.approx(0.2)  # 0.9 - 0.7: RA, not MAP for two epochs (0)
    assert found["AP-J/MAP"].estimate == pytest.approx(0.9)
    assert found["AP-J/base"].estimate == pytest.approx(0.8)
    assert found["AP-A1"].verdict == "holds"  # no weight matters: within the margin
    assert {"AP-F1b/qwen2-DPO", "AP-F1b/llama-SimPO", "AP-F3/off-policy", "AP-A2", "AP-F2"} <= set(found)


def test_agreement_follows_the_pairs() -> None:
    found = found_of({})
    assert found["AP-F3"].estimate < 0  # wrong labels sit at small explicit margins, where M+ never looks
    assert found["AP-F3/off-policy"].estimate == 0  # gold agrees with every label
    assert found["AP-F3"].estimate < found["AP-F3/second-judge"].estimate < 0  # who errs sees less of it


def test_examples_are_counted() -> None:
    found = found_of({}, pairs=pairs().assign(gold=-1.0))["AP-F2"]
    share, main = RECIPE["fraction"], pairs()
    wrong = sum(
        int((tables.ranked(part, "M+", share) & ~tables.ranked(part, "MAP", share)).sum())
        for part in tables.models(main[main["policy"] == "on"])
    )
    assert (found.estimate, found.low, found.high) == (wrong, wrong, wrong)
    assert found.verdict == "holds"
    assert found.note.startswith("A count")
    none = found_of({}, pairs=pairs().assign(gold=1.0))["AP-F2"]
    assert (none.estimate, none.verdict) == (0, "does not hold")


def test_claims_of_the_map() -> None:
    found = found_of({})
    assert found["AP-map"].estimate == pytest.approx(8)  # lean -2 of the map's tests
    assert found["AP-map"].verdict == "holds"
    assert found["AP-map/off-policy"].estimate == pytest.approx(0.5)
    assert found["AP-map/signed"].estimate == pytest.approx(1)
    assert found["AP-map/independent"].estimate == pytest.approx(2)
    assert found["AP-map/length"].estimate == pytest.approx(-2)
    assert found["AP-map/towards"].estimate == pytest.approx(3)


def test_words_and_premises_say_whose_the_pairs_are() -> None:
    found = found_of({})
    for name, claim in found.items():
        told = claim.statement + claim.statistic
        assert "on-policy" in told or "off-policy" in told, name
    met = {one["premise"][:9]: one["met"] for one in found["AP-F1b"].premises}
    assert met["on-policy"] == met["a rate tu"] == "met"
    assert met["about 190"] == "not met"  # 20 steps
    off = {one["premise"][:9]: one["met"] for one in found["AP-F1b/off-policy"].premises}
    assert off["on-policy"] == "not met"
    assert "20 steps in one epoch" in found["AP-F1b"].note


@pytest.mark.filterwarnings("error")
def test_models_too_small_to_tell_anything_make_claims_of_zero(rapo_root: object) -> None:
    assert not tables.scores_vary(answers(effect={}))
    found = found_of({})
    training = found["AP-F1b"]
    assert (training.estimate, training.low, training.high) == (0, 0, 0)
    assert training.verdict == "does not hold"
    assert training.note
    for claim in found.values():
        saving.save(claim, scale="smoke", notebook="test")


def test_what_cannot_be_computed_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = set(found_of({}, pairs=pairs().assign(gold=0.0)))
    assert not {"AP-F3", "AP-F2/aimed"} & found
    assert {"AP-F1a", "AP-F2", "AP-F1b"} <= found
    assert "claim AP-F3 is left out" in caplog.text
