"""The central study's plan: what is trained, what is asked, how settings are chosen."""

import numpy as np
import pandas as pd
import pytest

from rapo import config
from rapo.studies.central_results import study
from rapo.studies.common import arms

RECIPE = config.recipe("central_results", "small")


def test_controls_are_arms_and_ra_is_none_of_them() -> None:
    assert set(arms.CONTROLS) < set(arms.ARMS)
    assert not {"RA", "RA, unprompted", "base"} & set(arms.CONTROLS)


def test_equal_steps_means_as_many_rows_as_ra() -> None:
    assert arms.ARMS["UF, equal steps"][0] == {"data": "uf", "epochs": 2}


def test_arms_choose_from_one_grid() -> None:
    uf, ra = (study.options_of(RECIPE, {"data": kind}) for kind in ("uf", "ra"))
    assert uf == ra == [{**options, **RECIPE["training"]} for options in RECIPE["grid"]]
    rates = {options["learning_rate"] for options in study.options_of(RECIPE, {"data": "best"})}
    assert rates == {options["learning_rate"] for options in RECIPE["grid"]}


def test_tuning_seed_and_split_are_not_those_of_the_tests() -> None:
    assert not set(RECIPE["tuning_seeds"]) & set(RECIPE["seeds"])


def test_the_same_base_serves_every_arm() -> None:
    runs = [arms.arm_run(RECIPE, "llama", {"data": kind}, {"learning_rate": 1e-4}, 1) for kind in ("uf", "ra")]
    assert runs[0].needs["base"].key == runs[1].needs["base"].key
    assert runs[0].key != runs[1].key


def test_goals_are_asked_of_base_and_ra_at_the_usual_temperature_only() -> None:
    asked = arms.conditions_of(RECIPE, ["RA, unprompted", "RA"])
    usual = [goal for goal, heat in asked if heat == RECIPE["temperature"]]
    assert usual == [None, *RECIPE["goals"]]
    assert arms.conditions_of(RECIPE, ["UF"]) == [(None, 0.7), (None, 1.0)]


def test_chosen_setting_is_the_best_of_its_arm() -> None:
    tuning = pd.DataFrame(
        {
            "architecture": ["llama", "llama", "qwen2", "llama"],
            "arm": ["UF", "UF", "UF", "SFT"],
            "learning_rate": [1e-4, 2e-4, 2e-4, 3e-4],
            "beta": [0.3, 1.0, 1.0, np.nan],
            "best": [False, True, True, True],
        }
    )
    expected = {"learning_rate": 2e-4, "beta": 1.0, **RECIPE["training"]}
    assert study.chosen(RECIPE, tuning, "UF") == expected
    assert "beta" not in study.chosen(RECIPE, tuning, "SFT")


def test_seeds_share_a_base_or_have_one_each() -> None:
    plain = RECIPE | {"aligned": None}
    one, each = plain | {"base_seed": 0}, plain | {"base_seed": None}
    assert arms.base_run(one, "llama", 1).key == arms.base_run(one, "llama", 2).key
    assert arms.base_run(each, "llama", 1).key != arms.base_run(each, "llama", 2).key
    assert arms.base_run(each, "llama", 2).config["seed"] == 2


def test_an_aligned_base_is_trained_on_pairs_that_no_arm_sees() -> None:
    aligned = {"pairs": 6000, "training": {"learning_rate": 4e-4}, "world": {"skill": [0.3, 0.85]}}
    recipe = RECIPE | {"base_seed": None, "aligned": aligned}
    run = arms.base_run(recipe, "llama", 1)
    assert run.needs["base"].key == arms.base_run(recipe | {"aligned": None}, "llama", 1).key
    assert run.config["world"]["skill"] == [0.3, 0.85]
    assert run.config["training"] == RECIPE["training"] | {"learning_rate": 4e-4}
    arm = arms.arm_run(recipe, "llama", {"data": "uf"}, {"learning_rate": 1e-4}, 1)
    assert arm.needs["base"].key == run.key
    assert arm.config["seed"] != run.config["seed"]


def test_no_two_models_share_pairs() -> None:
    runs = [
        arms.arm_run(RECIPE, architecture, {"data": "uf"}, {"learning_rate": 1e-4}, seed)
        for architecture in RECIPE["architectures"]
        for seed in [*RECIPE["tuning_seeds"], *RECIPE["seeds"]]
    ]
    assert len({run.config["seed"] for run in runs}) == len(runs)


def test_kept_results_are_missed_by_name(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="rapo reproduce"):
        study.results(scale="small", measure=False, jobs=1)


def test_settings_are_chosen_over_all_architectures_whichever_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[str]] = {}

    def tune(recipe: dict, **_: object) -> pd.DataFrame:
        seen["tuned"] = recipe["architectures"]
        return pd.DataFrame()

    def sample(recipe: dict, *_: object, **__: object) -> tuple[pd.DataFrame, pd.DataFrame]:
        seen["trained"] = recipe["architectures"]
        return pd.DataFrame(), pd.DataFrame()

    monkeypatch.setattr(study, "tuning_table", tune)
    monkeypatch.setattr(study, "sample_arms", sample)
    study.measure_arms(RECIPE, jobs=1, architectures=["llama"])
    assert seen == {"tuned": RECIPE["architectures"], "trained": ["llama"]}
    study.measure_arms(RECIPE, jobs=1)
    assert seen["trained"] == RECIPE["architectures"]
