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


def test_scores_may_be_on_several_scales_and_nothing_else_changes() -> None:
    plain, mixed = (
        data.corpus(data.World(), 400, seed=1, scored=0.6, goal_noise=0, scales=scales)
        for scales in (None, {"100": 0.25, "5": 0.25})
    )
    assert [(one.prompt, one.answer) for one in plain] == [(one.prompt, one.answer) for one in mixed]
    scored = [(one.goal, other) for one, other in zip(plain, mixed, strict=True) if one.goal is not None]
    tops = [other.top for _, other in scored]
    assert {tops.count(top) / len(tops) > share for top, share in ((100, 0.2), (5, 0.2), (10, 0.4))} == {True}
    for goal, other in scored:
        # Rounded to whole tenths on 1-10, to whole scores of its own scale there: at most half a step of each.
        back = 1 + (other.goal - 1) * 9 / (other.top - 1)
        assert abs(back - goal) <= 0.5 + 0.5 * 9 / (other.top - 1) + 1e-9
        assert 1 <= other.goal <= other.top


@pytest.mark.parametrize("scales", [{"1": 0.1}, {"5": 0.7, "100": 0.4}, {"5": -0.1}])
def test_impossible_scales_are_refused(scales: dict) -> None:
    with pytest.raises(ValueError, match="scales is"):
        data.corpus(data.World(), 3, seed=1, scales=scales)


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
