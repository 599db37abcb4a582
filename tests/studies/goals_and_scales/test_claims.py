"""Claims of the studies of goals: each takes the arms that it names."""

import numpy as np
import pandas as pd
import pytest

from rapo.claims import claim as saving
from rapo.studies.goals_and_scales import study as goal_studies
from rapo.studies.goals_and_scales.asked import sides_of
from rapo.studies.goals_and_scales.claims import claims

RECIPE = goal_studies.recipe_of("small")
BASE = np.random.default_rng(1).normal(5, 1, (len(RECIPE["seeds"]), 4))


def answers(gold: object, *, recipe: dict = RECIPE) -> pd.DataFrame:
    """Every cell's gold is that of its seed and prompt, plus ``gold(cell)``; attributes follow what is asked."""
    frames = []
    for cell in goal_studies.cells(recipe):
        values = dict.fromkeys(sides_of(recipe), 1.0)
        if cell.x in values and cell.arm == "RA, attributes":
            values[cell.x] = (cell.goal - 1) / 9
        rows = [
            {"seed": seed, "prompt": f"p{prompt}", "gold": BASE[i, prompt] + gold(cell), **values}  # type: ignore[operator]
            for i, seed in enumerate(recipe["seeds"]) for prompt in range(4)
        ]  # fmt: skip
        named = {name: getattr(cell, name) for name in ("study", "arm", "x", "asked", "goal")}
        frames.append(pd.DataFrame(rows).assign(**named, architecture="qwen2", sentences=3.0, parseable=True))
    return pd.concat(frames, ignore_index=True)


def effects(cell: goal_studies.Cell) -> float:
    """Known effects, one a study."""
    if cell.study == "attributes":
        return {"RA, attributes": 2.0, "RA": 1.5, "UF, all 10": 1.75, "UF": 0.5}.get(cell.arm, 0.0)
    if cell.study == "scale":
        top = {"1-5": 0.4, "1-10": 1.0, "1-100": 1.2, "standardised": 2.0}.get(cell.x, 0.0)
        return top if cell.arm == "RA" and cell.asked in ("5", "10", "100") else 0.25 * (cell.arm == "UF, g=10")
    if cell.study == "noise":
        return {"RA": 1.0 - 0.5 * float(cell.x), "UF, g=10": 0.25}.get(cell.arm, 0.0)
    if cell.study == "outside":
        return -0.1 * abs(cell.goal - 10) + (0.2 * (cell.goal == 10) if cell.arm == "RA, no top" else 0)
    turn = {"off-policy, round 1": 1, "off-policy, round 2": 2, "on-policy, round 1": 3, "on-policy, round 2": 5}
    return turn.get(cell.x, 0) * {"RA": 1.0, "UF, g=10": 0.5, "RA, attributes": 1.1}.get(cell.arm, 0.0)


TUNING = pd.DataFrame({"best": [False, True], "edge": [False, True]})


def by_id(given: pd.DataFrame, recipe: dict) -> dict[str, saving.Claim]:
    """The claims of some answers, by their ids."""
    return {claim.id: claim for claim in claims({"answers": given, "tuning": TUNING}, recipe)}


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    """Answers with the effects above."""
    return answers(effects)


@pytest.fixture(scope="module")
def found(known: pd.DataFrame) -> dict[str, saving.Claim]:
    """Their claims."""
    return by_id(known, RECIPE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RA-T8", 6),
        ("RA-T8/truth", 6),
        ("RA-T8/trained", 6),  # the base's attributes do not move
        ("RA-T8/gold", 0.5),
        ("RA-T8/UF", 1.5),
        ("RA-T8/controls", 0.25),  # less UF asked for all 10
        ("RA-T8/on-policy", 3.3),
        ("RA-T8/on-policy-overall", 0.3),
        ("RA-A1", 0.4),  # 1-5 is the worst
        ("RA-A1/controls", 0.15),
        ("RA-A1/1-5", -0.6),
        ("RA-A1/1-100", 0.2),
        ("RA-A1/standardised", 1),
        ("RA-A1/noise", -0.5),
        ("RA-A1/noise-slope", -0.5),
        ("RA-A1/noise-controls", -0.75),
        ("RA-A1/noise-slope-controls", -0.5),
        ("RA-A2/outside", -0.1 * (1 + 2 + 5) / 3),
        ("RA-A2/outside-1-5", -0.1 * (4 + 3 + 0) / 3 + 0.1 * 5),
        ("RA-A2/below", -0.1),
        ("RA-A2/unseen", 0.4),
        ("RA-A2/unseen-less-base", 0.2),
        ("RA-A2/unseen-all-data", 0.2),
        ("RA-T9", 3),
        ("RA-T9/controls", 1.5),
        ("RA-T9/source", 2),
        ("RA-T9/last-round", 5),
        ("RA-T9/last-round-controls", 2.5),
        ("RA-T9/last-round-source", 3),
        ("RA-T9/rounds", 2),
    ],
)
def test_estimates_by_hand(name: str, expected: float, found: dict[str, saving.Claim]) -> None:
    assert found[name].estimate == pytest.approx(expected)


def test_directions(found: dict[str, saving.Claim]) -> None:
    assert found["RA-A1/standardised"].verdict == "does not hold"  # alike means within half a point
    assert found["RA-A1/1-100"].verdict == "holds"
    assert found["RA-A1/noise-slope"].verdict == "holds"
    assert found["RA-A2/below"].verdict == "holds"
    assert found["RA-A1/noise"].verdict == "does not hold"


def test_hindsight_names_its_choice(found: dict[str, saving.Claim]) -> None:
    assert "(1-5)" in found["RA-A1"].statistic
    assert "(UF, all 10)" in found["RA-T8/controls"].statistic


@pytest.mark.filterwarnings("error")
def test_every_scale_of_the_study_makes_claims_that_can_be_saved(rapo_root: object) -> None:
    recipe = goal_studies.recipe_of("smoke")
    every = claims({"answers": answers(lambda cell: 0.0, recipe=recipe), "tuning": TUNING}, recipe)
    for claim in every:
        saving.save(claim, scale="smoke", notebook="test")
    ids = {claim.id for claim in every}
    assert {"RA-T8", "RA-A1", "RA-A1/noise", "RA-A2/outside", "RA-T9"} <= ids
    assert "RA-A2/below" not in ids  # no goal below the scale is asked


def test_the_sides_of_the_world_have_a_claim_each(found: dict[str, saving.Claim]) -> None:
    central = {**RECIPE["central"], "world": {"regime": "one-sided"}}
    recipe = {**RECIPE, "central": central}
    other = by_id(answers(effects, recipe=recipe), recipe)
    assert found["RA-T8/facts"].estimate == pytest.approx(6)
    assert "RA-T8/elaboration" not in found
    assert "RA-T8/elaboration" in other
    assert "mean of 7 attributes" in found["RA-T8"].statistic
    assert other["RA-A1/noise-slope"].estimate == pytest.approx(-0.5)


def test_a_claim_about_a_scale_says_whether_the_base_knows_it(
    known: pd.DataFrame, found: dict[str, saving.Claim]
) -> None:
    of = {name: {**RECIPE, "central": {**RECIPE["central"], "corpus": {"scored": 0.45, "scales": scales}}}
          for name, scales in (("one", {"100": 0.2}), ("none", {}))}  # fmt: skip
    one = by_id(known, of["one"])
    met = {name: one[name].premises[0]["met"] for name in ("RA-A1", "RA-A1/1-100", "RA-A1/standardised")}
    assert met == {"RA-A1": "in part", "RA-A1/1-100": "met", "RA-A1/standardised": "in part"}
    unknown = by_id(known, of["none"])
    assert unknown["RA-A1/1-100"].premises[0]["met"] == "in part"
    assert found["RA-A1"].premises[0]["met"] == "met"
