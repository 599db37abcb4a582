"""The selection study's plan: what is drawn, tuned, trained and asked, and what is kept."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rapo.runs.run import Result
from rapo.studies.alignment_potential import plan as planned
from rapo.studies.alignment_potential import runs
from rapo.studies.alignment_potential import study as potential
from rapo.studies.alignment_potential.tables import METRICS
from rapo.studies.common import arms, candidates
from rapo.world import prompts

RECIPE = potential.recipe_of("small")
PLAN = planned.plan(RECIPE)


def study(name: str) -> list[dict]:
    return [arm for arm in PLAN if arm["study"] == name]


def run_of(name: str, arm: str, seed: int = 1, **wanted: object) -> potential.Run:
    (found,) = [
        one for one in study(name)
        if one["arm"] == arm and one["architecture"] == "qwen2" and one["objective"] == "dpo"
        and all(one.get(key) == value for key, value in wanted.items())
    ]  # fmt: skip
    return potential.selected_run(RECIPE, found, 1e-4, seed)


def test_every_metric_meets_every_base_model_and_objective() -> None:
    cells = {(arm["architecture"], arm["objective"], arm["arm"]) for arm in study("metric")}
    assert len(cells) == len(RECIPE["architectures"]) * 2 * len(METRICS) == len(study("metric"))
    assert {arm["rule"]["fraction"] for arm in study("metric")} == {RECIPE["fraction"]}
    longer = {(arm["architecture"], arm["objective"], arm["arm"]) for arm in study("long")}
    assert longer == {cell for cell in cells if cell[2] in ("M+", "MAP")}
    assert {arm["epochs"] for arm in study("long")} == {3}


@pytest.mark.parametrize("base_seed", [0, None])
def test_bases_are_those_of_the_central_study(base_seed: int | None) -> None:
    recipe = {**RECIPE, "central": {**RECIPE["central"], "base_seed": base_seed}}
    runs_of = [potential.candidates_run(recipe, "llama", seed) for seed in (1, 2)]
    expected = [arms.base_run(recipe["central"], "llama", seed).key for seed in (1, 2)]
    assert [run.needs["base"].key for run in runs_of] == expected
    assert len(set(expected)) == (1 if base_seed == 0 else 2)


def test_what_is_measured_twice_is_one_run() -> None:
    usual = run_of("metric", "MAP")
    assert run_of("weight", "MAP", x=1.0).key == run_of("share", "MAP", x=0.4).key == usual.key
    assert run_of("weight", "MAP", x=2.5).key != usual.key
    everything = [run_of("share", name, x=1.0).key for name in ("uniform", "MAP")]
    assert everything[0] == everything[1]  # all pairs are the same, whoever selects them


def test_contrasts_differ_in_what_they_are_named_for() -> None:
    usual = run_of("metric", "MAP")
    off = run_of("off-policy", "MAP")
    assert off.config == usual.config
    assert (off.needs["candidates"].config["policy"], usual.needs["candidates"].config["policy"]) == ("off", "on")
    corner = run_of("corner", "MAP", x=-2.0)
    assert corner.needs["candidates"].key == usual.needs["candidates"].key
    assert corner.config["reward"]["lean"] == -2.0
    assert {**corner.config, "reward": RECIPE["reward"]} == usual.config
    assert {arm["x"] for arm in study("corner")} == {-2.0, 2.0}


def test_the_map_trains_nothing() -> None:
    run = potential.map_run(RECIPE, "llama", 2, "off")
    assert set(run.needs) == {"candidates"}
    assert run.needs["candidates"].key == potential.candidates_run(RECIPE, "llama", 2, policy="off").key
    seeds = len(RECIPE["architectures"]) * len(RECIPE["seeds"]) * RECIPE["map"]["draws"]
    assert seeds >= 20


def test_grids_span_a_factor_of_thirty_two() -> None:
    for rates in RECIPE["rates"].values():
        assert max(rates) / min(rates) >= 32


def test_each_metric_takes_its_own_rate() -> None:
    tuning = pd.DataFrame(
        {
            "objective": ["dpo", "dpo", "dpo", "simpo"], "metric": ["MAP", "MAP", "M+", "MAP"],
            "learning_rate": [1e-4, 2e-4, 3e-4, 4e-4], "best": [False, True, True, True],
        }
    )  # fmt: skip
    assert potential.rates(tuning) == {("dpo", "MAP"): 2e-4, ("dpo", "M+"): 3e-4, ("simpo", "MAP"): 4e-4}


def test_the_join_compares_equal_pairs_and_equal_steps() -> None:
    joined = {arm["arm"]: arm for arm in study("join")}
    assert {arm["rule"]["fraction"] for arm in joined.values()} == {RECIPE["fraction"]}
    # Relabelling makes two rows of a pair, so one epoch of it is as long as two epochs of the plain pairs.
    rows = {name: arm["epochs"] * (2 if arm["data"] == "ra" else 1) for name, arm in joined.items()}
    assert set(rows.values()) == {2}
    assert {arm["goal"] for arm in joined.values()} == {10}


def test_the_untrained_base_is_asked_plainly_and_for_the_top_score() -> None:
    asked = {(arm["architecture"], arm["goal"]) for arm in planned.bases(RECIPE)}
    assert asked == {(a, goal) for a in RECIPE["architectures"] for goal in (None, 10)}


def kept(folder: Path, gold: list[list[float]]) -> Result:
    """A finished run that drew answers of these gold scores: means of -1, -2 nats a token."""
    shape = np.array(gold)
    texts = [[f"{row} {place}" for place in range(shape.shape[1])] for row in range(len(shape))]
    likely = np.tile([-4.0, -8.0], (len(shape), 1))
    found = candidates.Candidates(
        prompts.draw(len(shape), split="train", seed=1), texts, shape, 15 + 0 * shape, likely, 4 + 0 * shape
    )
    candidates.keep(found, folder / runs.FILE)
    return Result("key", "drawn", folder, {}, {}, 0.0, False)


def test_margins_of_candidates_by_hand(tmp_path: Path) -> None:
    result = kept(tmp_path, [[9.0, 1.0], [3.0, 4.0], [5.0, 5.0]])
    found = potential.margins_of(result, {"noise": 0.0, "length_bias": 1.0, "lean": 0.0}, 7)
    assert found["pair_id"].tolist() == ["7-0", "7-1"]  # the tie is out
    assert found["explicit"].tolist() == found["gold"].tolist() == [8.0, 1.0]
    assert found["implicit"].tolist() == [1.0, -1.0]  # -4/4 + 8/4, and the other way round
    assert found["chosen"].tolist() == ["0 0", "1 1"]
    leaning = potential.margins_of(result, {"noise": 0.0, "length_bias": 0.0, "lean": -5.0}, 7)
    # Every prompt's answers are half a nat from their mean, 1 and -1 SD: ten points against what is likelier.
    assert leaning["explicit"].tolist() == [2.0, 11.0, 10.0]
    assert leaning["gold"].tolist() == [-8.0, 1.0, 0.0]


def test_the_rule_for_the_noise_looks_at_labels_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [kept(tmp_path, [[6.0, 4.0]] * 400)]
    recipe = {**RECIPE, "architectures": ["qwen2"], "reward": {"noise": 9.0, "length_bias": 0.0, "lean": 0.0}}
    asked: list[object] = []
    monkeypatch.setattr(potential, "run_all", lambda found, **_: asked.extend(found) or results)
    table = potential.agreement_by_noise(recipe, [0.0, 2.0, 50.0], jobs=1).set_index("noise")
    assert [run.config["seed"] for run in asked] == [arms.own_seed("qwen2", 0)]  # the tuning base alone
    assert table["agreement"][0.0] == 100
    # A difference of 2 against noise of 2 in both: P(N < 2 / 2.83) = .76; against 50: .51.
    assert table["agreement"][2.0] == pytest.approx(76, abs=5)
    assert table["agreement"][50.0] == pytest.approx(51, abs=6)
    assert table["nearest"].tolist() == [False, True, False]


def test_kept_results_are_missed_by_name(rapo_root: object) -> None:
    with pytest.raises(FileNotFoundError, match="rapo reproduce"):
        potential.results(scale="small", measure=False, jobs=1)
