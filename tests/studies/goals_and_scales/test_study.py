"""What the studies of goals ask, and how answers find their cell."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rapo.relabelling.goals import COMPACT
from rapo.runs.run import Result, Run
from rapo.studies.goals_and_scales import asked
from rapo.studies.goals_and_scales import study as goal_studies
from rapo.world import lexicon

RECIPE = goal_studies.recipe_of("small")
CELLS, SIDES = asked.cells(RECIPE), asked.sides_of(RECIPE)
OPTIONS = {name: {"learning_rate": 1e-4, "beta": 1.0, "batch_size": 32} for name in asked.METHODS}


@pytest.mark.parametrize("scale", ["smoke", "small"])
def test_every_cell_asks_a_model_that_is_trained_in_words_that_it_has(scale: str) -> None:
    recipe = goal_studies.recipe_of(scale)
    trained, known = goal_studies.trained(recipe, OPTIONS, 1), set(lexicon.vocabulary())
    for cell in asked.cells(recipe):
        assert cell.model in trained, cell
        assert not set((cell.wish or "").split()) - known, cell


def test_no_two_cells_go_by_one_name() -> None:
    names = [(cell.study, cell.arm, cell.x, cell.asked) for cell in CELLS]
    assert len(set(names)) == len(names)


def test_each_attribute_is_asked_low_in_turn_while_the_others_are_asked_for_ten() -> None:
    wanted = {cell.asked: cell for cell in CELLS if cell.study == "attributes" and cell.arm == "RA, attributes"}
    assert set(wanted) == {"all 10", *(f"{name} {level}" for name in SIDES for level in (1, 4, 7))}
    assert wanted["truth 4"].wish == (
        "count : 10 . truth : 4 . order : 10 . facts : 10 . concise : 10 . form : 10 . close : 10 ."
    )
    assert wanted["all 10"].wish == COMPACT.best(SIDES)
    base = {cell.asked for cell in CELLS if cell.study == "attributes" and cell.arm == "base, all 10"}
    assert base == set(wanted)


def test_goals_name_the_sides_of_the_world_and_its_own_noise_is_measured() -> None:
    recipe = {**RECIPE, "central": {**RECIPE["central"], "world": {"regime": "one-sided"}}}
    sides = asked.sides_of(recipe)
    wanted = {cell.asked: cell.wish for cell in asked.cells(recipe) if cell.arm == "RA, attributes"}
    assert {name.split()[0] for name in wanted} == {"all", *sides}
    assert wanted["all 10"] == COMPACT.best(sides)
    assert asked.noises_of(recipe) == [0, 1, 2, 3]
    assert {cell.model for cell in asked.cells(recipe)} <= set(goal_studies.trained(recipe, OPTIONS, 1))


def test_each_scale_is_asked_of_its_own_model_and_of_the_base() -> None:
    found = {(cell.arm, cell.x): cell.model for cell in CELLS if cell.study == "scale" and cell.x}
    assert found["RA", "1-10"] == ("RA", "")
    assert found["RA", "1-100"] == ("RA", "1-100")
    assert found["base", "1-100"] == ("base", "")
    tops = {cell.x: cell.asked for cell in CELLS if cell.study == "scale" and cell.arm == "RA"}
    assert tops == {"1-5": "5", "1-10": "10", "1-100": "100", "standardised": "10"}  # the last one asked


def test_goals_outside_hold_both_ends_and_what_lies_beyond() -> None:
    goals = {(cell.arm, cell.goal) for cell in CELLS if cell.study == "outside" and cell.x == "1-10"}
    for arm in ("base", "RA", "RA, no top"):
        assert {(arm, goal) for goal in (0, 1, 8, 10, 11, 15)} <= goals
    assert not [cell for cell in CELLS if cell.x == "1-100" and cell.arm == "RA, no top"]


def test_controls_are_asked_for_ten_where_their_name_says_so() -> None:
    for cell in CELLS:
        if cell.arm == "UF, g=10":
            assert cell.wish == COMPACT.text(10)
            assert cell.model[0] == "UF, g=10"
        if cell.arm == "UF":
            assert cell.wish is None


def test_models_that_arms_share_are_asked_once() -> None:
    found = {(1, name): run for name, run in goal_studies.trained(RECIPE, OPTIONS, 1).items()}
    asking = goal_studies.answer_runs(RECIPE, found, CELLS)
    shared = asking[1, found[1, ("UF", "")].key]
    assert found[1, ("UF", "")].key == found[1, ("UF, g=10", "")].key  # the same setting here
    assert shared.config["wishes"] == [None, COMPACT.text(10), COMPACT.best(SIDES)]
    assert len(asking) == len({run.key for run in found.values()})


def test_answers_find_their_cells(tmp_path: Path) -> None:
    model = Run("rapo.studies.goals_and_scales.runs:train_goals", {"seed": 1})
    cells = [
        asked.Cell("noise", "RA", "3", "10", 10.0, ("RA", ""), COMPACT.text(10)),
        asked.Cell("scale", "RA", "", "", np.nan, ("RA", ""), None),
    ]
    columns = dict.fromkeys([*goal_studies.COLUMNS, *SIDES], 0.5)
    rows = [{**columns, "prompt": "p", "gold": gold, "text": "", "wish": wish} for gold, wish in
            ((7.0, ""), (9.0, COMPACT.text(10)))]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "answers.parquet")
    told = Result(model.key, "", tmp_path, {}, {}, 1.0, False)
    recipe = {**RECIPE, "seeds": [1]}
    table = goal_studies.answers_of(recipe, {(1, ("RA", "")): model}, cells, {(1, model.key): told})
    assert {"task", "answer", *SIDES} <= set(table)
    assert table[["study", "x", "asked", "gold"]].to_numpy().tolist() == [
        ["noise", "3", "10", 9.0],
        ["scale", "", "", 7.0],
    ]


def test_kept_results_are_missed_by_name(rapo_root: object) -> None:
    with pytest.raises(FileNotFoundError, match="rapo reproduce"):
        goal_studies.results(scale="small", measure=False, jobs=1)
