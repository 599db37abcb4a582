"""The plan of the ladder: what rungs share, and what they do not."""

import pytest

from rapo.studies.when_it_helps import ladder, study
from rapo.studies.when_it_helps.rungs import ARMS, CONTROLS

RECIPE = study.recipe_of("small")
OPTIONS = {name: {"learning_rate": 1e-4, "beta": 1.0} for name in ladder.MODELS}


def test_every_arm_has_a_model_and_every_control_is_an_arm() -> None:
    assert {trained for trained, _ in ARMS.values()} == {"base", *ladder.MODELS}
    assert set(CONTROLS) < set(ARMS)


@pytest.mark.parametrize("scale", ["smoke", "small"])
def test_rungs_rise(scale: str) -> None:
    own = study.recipe_of(scale)["ladder"]
    assert own["scored"] == sorted(set(own["scored"]))
    assert own["scored"][0] == 0
    assert own["pairs"] == sorted(set(own["pairs"]))
    assert min(len(own["scored"]), len(own["pairs"])) > 1
    assert len(own["goals"]) > 1


def test_a_rungs_base_sees_as_many_scores_as_it_says_and_each_seed_has_its_own() -> None:
    first, second = (ladder.model_run(RECIPE, (0.02, 0, "base", seed), OPTIONS) for seed in (1, 2))
    usual = RECIPE["central"]["corpus"]
    assert first.config["corpus"]["scored"] == 0.02
    assert first.config["corpus"]["attributes"] == pytest.approx(usual["attributes"] * 0.02 / usual["scored"])
    assert {**first.config["corpus"], **{name: usual[name] for name in ("scored", "attributes")}} == usual
    assert first.key != second.key
    arms = [ladder.model_run(RECIPE, (0.02, n, name, 1), OPTIONS) for n in (1000, 4000) for name in ladder.MODELS]
    assert {run.needs["base"].key for run in arms} == {first.key}
    assert [run.config["pairs"] for run in arms] == [1000, 1000, 4000, 4000]
    assert {run.config["arm"]["data"]: run.config["arm"].get("epochs", 1) for run in arms} == {"uf": 2, "ra": 1}


def test_test_prompts_are_answered_for_every_goal_and_tuning_prompts_by_controls_alone() -> None:
    def goals(name: str, split: str) -> list[object]:
        cell = (0.0, 1000, name, 1)
        run = ladder.evaluation(RECIPE, cell, ladder.model_run(RECIPE, cell, OPTIONS), split)
        return [goal for goal, _ in run.config["conditions"]]

    assert goals("RA", "test") == [10, 1, 4, 7]
    assert ladder.asked_of(RECIPE, "RA", "tuning") == []
    assert goals("base", "tuning") == [10]
    assert goals("UF, equal steps", "tuning") == [None, 10]
    assert goals("base", "test") == [None, 10, 1, 4, 7]
    assert goals("UF, equal steps", "test") == [None, 10]


def test_every_model_is_planned_once() -> None:
    cells = ladder.cells_of({"ladder": {"scored": [0.0, 0.45], "pairs": [10, 40, 80], "seeds": [1, 2]}})
    assert len(set(cells)) == len(cells) == 2 * 2 * (1 + 2 * 3)  # seeds, shares; a base, 2 arms of 3


def test_settings_are_the_central_studys_choice_over_all_its_architectures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def tuned(recipe: dict, names: list[str], **_: object) -> dict:
        asked.append(recipe["architectures"])
        return {name: {"learning_rate": 1e-4, "beta": 1.0} for name in names}

    monkeypatch.setattr(ladder, "tuned", tuned)
    ladder.planned(RECIPE, jobs=1)
    assert asked == [RECIPE["central"]["architectures"]]
    assert len(asked[0]) > 1
