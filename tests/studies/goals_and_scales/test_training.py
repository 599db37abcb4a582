"""The models of the studies of goals: which are shared, and what differs between two of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rapo.relabelling.goals import COMPACT
from rapo.runs.run import Result, Run
from rapo.studies.common import arms
from rapo.studies.common.micro_pairs import pair_quality, pairs
from rapo.studies.goals_and_scales import study
from rapo.studies.goals_and_scales.asked import METHODS, SOURCES, THREE
from rapo.world import data

RECIPE = study.recipe_of("small")
OPTIONS = {
    name: {"learning_rate": rate, "beta": 1.0, "batch_size": 32}
    for name, rate in (("UF", 4e-4), ("UF, g=10", 2e-4), ("RA", 3e-4), ("RA, attributes", 1e-4))
}
FOUND = study.trained(RECIPE, OPTIONS, 1)


def differing(one: Run, other: Run) -> set[str]:
    return {name for name in {*one.config, *other.config} if one.config.get(name) != other.config.get(name)}


def test_every_model_starts_from_the_central_base() -> None:
    base = arms.base_run(RECIPE["central"], RECIPE["architecture"], 1)
    assert FOUND["base", ""].key == base.key
    starts = {name: run.needs["base"] for name, run in FOUND.items() if name != ("base", "")}
    assert {name for name, run in starts.items() if run.key != base.key} == {
        (arm, f"{source}, round 2") for arm in THREE for source in SOURCES
    }


def test_an_arm_without_variant_is_the_central_arm_on_fewer_pairs() -> None:
    shared = {**RECIPE["central"], "pairs": RECIPE["pairs"]}
    run = arms.arm_run(shared, RECIPE["architecture"], {"data": "ra"}, OPTIONS["RA"], 1)
    assert FOUND["RA", ""].key == run.key
    run = arms.arm_run(shared, RECIPE["architecture"], {"data": "uf"}, OPTIONS["UF, g=10"], 1)
    assert FOUND["UF, g=10", ""].key == run.key


def test_noise_changes_the_judge_alone() -> None:
    noisy, plain = FOUND["RA", "noise 3"], FOUND["RA", ""]
    assert differing(noisy, plain) == {"world"}
    assert noisy.config["world"] == {**plain.config["world"], "noise": 3}
    assert ("RA", "noise 1") in FOUND
    assert ("RA", "noise 1.5") not in FOUND  # the world's own


def test_a_scale_changes_the_goals_alone() -> None:
    assert differing(FOUND["RA", "1-5"], FOUND["RA", "1-100"]) == {"scale"}
    assert FOUND["RA", "1-5"].config["scale"] == "1-5"


def test_without_the_top_scores_the_source_alone_differs() -> None:
    top, attributes = FOUND["RA", "top"].config, FOUND["RA, attributes", ""].config
    assert top["source"] == {**attributes["source"], "top": 8}
    assert top["training"] == OPTIONS["RA"]
    assert attributes["training"] == OPTIONS["RA, attributes"]


def test_all_pairs_of_a_seed_answer_the_same_prompts() -> None:
    own = arms.own_seed(RECIPE["architecture"], 1)
    assert {FOUND[name].config["source"]["seed"] for name in (("RA", "1-5"), ("RA", "top"))} == {own}
    assert FOUND["RA", ""].config["seed"] == own


def test_own_answers_meet_as_many_pairs_on_the_same_prompts_and_the_same_steps() -> None:
    for arm in THREE:
        (first, second), (own_first, own_second) = (
            study.rounds(RECIPE, OPTIONS, 1, arm, source) for source in SOURCES
        )
        for annotated, own in ((first, own_first), (second, own_second)):
            assert differing(annotated, own) == {"source"}
            pairs, source = own.needs["pairs"].config, annotated.config["source"]
            assert all(pairs[name] == source[name] for name in ("prompts", "pairs", "seed"))
            assert source["rule"] == "worst"
        assert own_second.needs["base"].key == own_second.needs["pairs"].needs["model"].key == own_first.key
        assert first.config["source"]["seed"] != second.config["source"]["seed"]


def test_all_arms_share_the_first_sample_and_the_second_is_asked_as_the_arm_is() -> None:
    chains = {
        arm: [run.needs["pairs"] for run in study.rounds(RECIPE, OPTIONS, 1, arm, "on-policy")] for arm in METHODS
    }
    assert len({pairs[0].key for pairs in chains.values()}) == 1
    assert {arm: pairs[1].config["wish"] for arm, pairs in chains.items() if arm in THREE} == {
        "UF": None, "UF, g=10": None, "RA": COMPACT.text(10)
    }  # fmt: skip


def test_no_two_rounds_or_seeds_share_a_seed() -> None:
    drawn = [
        run.config["seed"]
        for seed in RECIPE["seeds"]
        for run in study.rounds(RECIPE, OPTIONS, seed, "UF", "off-policy")
    ]
    assert len(set(drawn)) == len(drawn)
    assert not set(RECIPE["central"]["tuning_seeds"]) & set(RECIPE["seeds"])


def test_what_was_trained_on_is_told() -> None:
    quality = {"scores": 10, "label_accuracy": 0.8, "gold_chosen": 5.0, "gold_rejected": 3.0}
    found = {(1, name): run for name, run in FOUND.items()}
    results = {run.key: result(run, {"pairs": 7, "rows": 14, "goals": 4, **quality}) for run in found.values()}
    own = FOUND["RA", "on-policy, round 1"]
    results[own.key] = result(own, {**quality, "pairs": 5, "rows": 10, "label_accuracy": 0.6, "goals": None})
    for run in FOUND.values():
        if "pairs" in run.needs:
            results[run.needs["pairs"].key] = result(run.needs["pairs"], {"gold": 4.5, "parseable": 1.0})
    table = study.training_table(found, results).set_index(["arm", "variant"])
    assert len(table) == len(FOUND) - 1  # all but the base
    # Of a central arm, plain or not, the scores that its pairs would give RA; of others the goals they have.
    assert table.loc[[("RA", "noise 3"), ("UF", ""), ("RA", "1-5")], "goals"].tolist() == [10, 10, 4]
    assert table.loc[("UF", ""), ["pairs", "label_accuracy"]].tolist() == [7, 0.8]
    row = table.loc[("RA", "on-policy, round 1")]
    assert (row["label_accuracy"], row["own_gold"]) == (0.6, 4.5)
    assert np.isnan(row["goals"])
    assert np.isnan(table.loc[("RA", "off-policy, round 1"), "own_gold"])


def result(run: Run, metrics: dict[str, Any]) -> Result:
    return Result(run.key, run.label, Path(), dict(run.config), metrics, 1.0, False)


def test_pairs_of_a_noisier_judge_are_labelled_worse() -> None:
    worlds = [{**RECIPE["central"]["world"], "noise": noise, "length_bias": 0.0} for noise in (0, 3)]
    sure, noisy = (pair_quality(pairs(data.make_world(world), 200, seed=1)) for world in worlds)
    assert sure["label_accuracy"] == 1  # whole scores differ only where gold does
    assert noisy["label_accuracy"] < 0.9
    assert sure["gold_chosen"] > noisy["gold_chosen"]


def test_attributes_are_tuned_on_tuning_prompts_and_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "tune", lambda cells, **_: cells)
    found = [run for _, run, _ in study.tuning_table(RECIPE, jobs=1)]
    assert len(found) == len(RECIPE["central"]["grid"]) * len(RECIPE["central"]["tuning_seeds"])
    assert {run.config["split"] for run in found} == {"tuning"}
    own = {arms.own_seed(RECIPE["architecture"], seed) for seed in RECIPE["central"]["tuning_seeds"]}
    assert {run.config["seed"] for run in found} == own
    assert all(run.needs["model"].config["arm"] == {"data": "attributes"} for run in found)
