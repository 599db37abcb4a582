"""The study of objectives: what is compared, at how much compute, and with what settings."""

from typing import Any

import pytest

from rapo import config
from rapo.claims import published
from rapo.studies.common import arms
from rapo.studies.objectives_and_baselines import study
from rapo.studies.objectives_and_baselines.study import ARMS, EPOCHS, Cell

RECIPE = study.recipe_of("small")
METHODS = {**RECIPE["objectives"], **RECIPE["baselines"]}
# Rows that n untied pairs make, and the responses that a row trains on.
ROWS = {"uf": (1, 2), "ra": (2, 2), "best": (1, 1), "own score": (2, 1)}


@pytest.mark.parametrize("data", EPOCHS)
def test_every_arm_trains_on_four_sequences_a_pair(data: str) -> None:
    rows, responses = ROWS[data]
    assert rows * responses * EPOCHS[data] == 4


@pytest.mark.parametrize("name", METHODS)
def test_every_method_takes_as_many_sequences_a_step_and_as_many_settings(name: str) -> None:
    for arm in study.arms_of(RECIPE, name):
        data = ARMS[arm][0]
        options = study.options_of(RECIPE, name, data)
        assert len(options) == len(RECIPE["grid"])
        assert {option["batch_size"] * ROWS[data][1] for option in options} == {RECIPE["batch"]}
        assert {option["epochs"] for option in options} == {EPOCHS[data]}


def test_objectives_are_trained_plainly_and_relabelled_and_baselines_on_their_own_data() -> None:
    assert study.arms_of(RECIPE, "kto") == ["UF", "UF, g=10", "RA"]
    assert study.arms_of(RECIPE, "r-dpo") == ["UF", "UF, g=10"]
    assert study.arms_of(RECIPE, "best sft") == ["best", "best, g=10"]
    assert study.arms_of(RECIPE, "conditional sft") == ["own score"]
    assert [study.goals_of(data) for data in ROWS] == [[None, 10], [10], [None, 10], [10]]


def test_what_runs_is_known_and_what_does_not_has_a_reason() -> None:
    assert set(RECIPE["run"]) <= set(METHODS)
    assert set(METHODS) - set(RECIPE["run"]) <= set(RECIPE["left_out"])
    plan = study.plan(RECIPE)
    assert plan.loc["ORPO", ["kind", "data"]].tolist() == ["objective", "uf, ra"]
    assert plan.loc["R-DPO", ["kind", "length_penalty"]].tolist() == ["baseline", 0.05]
    with pytest.raises(ValueError, match="run names 'sigmoidal'"):
        study.plan({**RECIPE, "run": ["sigmoidal"]})


def test_losses_are_those_that_trl_knows() -> None:
    from trl import DPOConfig

    known = DPOConfig.__dataclass_fields__["loss_type"].metadata["help"]
    for method in METHODS.values():
        assert all(f"'{loss}'" in known for loss in method.get("loss_type", []))


def test_published_names_are_those_of_the_published_table() -> None:
    told = set(published.table("RA-A4")["arm"])
    assert {method["published"] for method in METHODS.values() if "published" in method} <= told


def test_objectives_share_the_base() -> None:
    one, other = study.model_run(RECIPE, Cell("ipo", "UF", 0), 1), study.model_run(RECIPE, Cell("kto", "RA", 2), 1)
    base = arms.base_run(RECIPE["central"], RECIPE["architecture"], 1)
    assert {run.needs["base"].key for run in (one, other)} == {base.key}
    # A goal is a matter of asking: both arms are one model where they choose one setting.
    asked = study.model_run(RECIPE, Cell("ipo", "UF, g=10", 0), 1)
    assert asked.key == one.key


def test_the_length_penalty_is_the_runs_and_not_the_trainers() -> None:
    run = study.model_run(RECIPE, Cell("r-dpo", "UF", 0), 1)
    assert run.config["length_penalty"] == 0.05
    assert "length_penalty" not in run.config["training"]
    assert run.key != study.model_run(RECIPE, Cell("sigmoid", "UF", 0), 1).key


def test_a_grid_of_another_length_is_refused() -> None:
    over: dict[str, Any] = {"objectives": {"ipo": {"grid": [{"learning_rate": 1e-4}]}}}
    with pytest.raises(ValueError, match="ipo has 1 settings, the others 3"):
        study.options_of(config.merge(RECIPE, over), "ipo", "uf")


def test_a_methods_own_grid_goes_before_its_fixed_options() -> None:
    own = [{"learning_rate": 1e-4, "beta": beta} for beta in (1.0, 2.0, 3.0)]
    recipe = config.merge(RECIPE, {"objectives": {"ipo": {"grid": own}}})
    assert [option["beta"] for option in study.options_of(recipe, "ipo", "ra")] == [1.0, 2.0, 3.0]


def test_kept_results_are_missed_by_name(rapo_root: object) -> None:
    with pytest.raises(FileNotFoundError, match="rapo reproduce"):
        study.results(scale="small", measure=False, jobs=1)
