import pytest

from rapo.world import data
from rapo.world.reward import ATTRIBUTES


def test_candidates_are_the_same_however_many_are_drawn() -> None:
    few, many = (data.candidates(data.World(), n, seed=2).to_pylist() for n in (3, 9))
    texts = [[[c["response"] for c in row["completions"]] for row in rows[:3]] for rows in (few, many)]
    assert texts[0] == texts[1]


def test_candidates_have_the_shape_of_ultrafeedback() -> None:
    row = data.candidates(data.World(), 1, seed=0).to_pylist()[0]
    assert len(row["completions"]) == 4
    assert set(row["completions"][0]) == {"model", "response", "overall_score", "annotations", "gold_score"}
    assert set(row["completions"][0]["annotations"]) == set(ATTRIBUTES)


def test_settings_make_a_world() -> None:
    world = data.make_world({"noise": 2.0, "skill": [0.1, 0.5], "gold": {"peak": 1}})
    assert (world.noise, world.skill, world.gold.peak) == (2.0, (0.1, 0.5), 1)
    with pytest.raises(TypeError):
        data.make_world({"nose": 1})


def test_a_regime_is_a_world_that_settings_may_change() -> None:
    world = data.make_world({"regime": "many-sided", "noise": 0.5, "gold": {"exponent": 3.0}})
    assert (world.noise, world.gold.exponent, world.gold.strict) == (0.5, 3.0, True)
    assert len(world.gold.sides) == 7
    row = data.candidates(world, 1, seed=0).to_pylist()[0]
    assert set(row["completions"][0]["annotations"]) == set(world.gold.sides)
    with pytest.raises(ValueError, match="regime is 'flat'; use one of one-sided, many-sided"):
        data.make_world({"regime": "flat"})
