"""Claims of the central comparison on made-up answers: whose zero, in which world, what the base meets too."""

import numpy as np
import pandas as pd
import pytest

from rapo import config
from rapo.claims.claim import Claim
from rapo.studies.central_results import claims, study
from rapo.studies.common.arms import ARMS, ROUNDS

RECIPE = {
    **config.recipe("central_results", "small"),
    **{"world": {"regime": "one-sided"}, "worlds": {}, "goals": [2, 10], "architectures": ["llama", "gemma2"]},
}
BOTH = {**RECIPE, "worlds": {"many-sided": {}}}
# Asked for 10, the untrained base is already better than UF; RA adds half a point.
GOLD = {"base": 4.0, "base, g=10": 6.0, "UF": 5.0, "UF, g=10": 5.5, "RA": 6.5}
ROUND = {"UF": 5.0, "UF, g=10": 5.5, "UF, then UF again": 4.0, "UF, then UF again, g=10": 5.8, "UF, then RA": 6.2}


def judged(gold: dict[str, float], *, seed: int = 0) -> pd.DataFrame:
    """Answers of every arm, and of base and RA to the low goal; a point of gold is 10 points of win rate."""
    rng = np.random.default_rng(seed)
    rows = []
    for architecture in RECIPE["architectures"]:
        for model in (1, 2, 3):
            for prompt in range(30):
                cells = [(arm, arm.removesuffix(", g=10"), ARMS[arm][1], gold.get(arm, 5.0)) for arm in ARMS]
                cells += [("", "base", 2.0, 4.0), ("", "RA", 2.0, 2.5)]
                for arm, trained, goal, mean in cells:
                    value = mean + rng.normal(0, 0.05)
                    rows.append(
                        {
                            "architecture": architecture, "seed": model, "prompt": f"p{prompt}", "arm": arm,
                            "trained": trained, "goal": np.nan if goal is None else float(goal), "gold": value,
                            "temperature": RECIPE["temperature"], "preference": 1.5 + (value - 5) / 10,
                            "length": int(rng.integers(5, 30)), "reference_length": 15, "sentences": mean / 3,
                            "parseable": True, "count": 0.5,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def frames(gold: dict[str, float] = GOLD) -> dict[str, pd.DataFrame]:
    table = judged(gold)
    rng = np.random.default_rng(1)
    used = [
        {"architecture": "gemma2", "seed": seed, "prompt": f"p{prompt}", "arm": arm, "trained": arm,
         "gold": ROUND[arm] + rng.normal(0, 0.05)}
        for arm in ROUNDS for seed in (1, 2, 3) for prompt in range(30)
    ]  # fmt: skip
    skills = [
        {"architecture": architecture, "seed": seed, "arm": arm, "skill": skill, "accuracy": right + change + seed / 9}
        for architecture in RECIPE["architectures"] for seed in (1, 2, 3)
        for arm, change in (("base", 0.0), ("RA", 0.4))
        for skill, right in (("last", 40.0), ("copy", 0.0), ("counting", 99.0))
    ]  # fmt: skip
    figures = {
        "chosen answers worse than the base's mean (%)": 60.0, "LC points that UF gains": -6.0,
        "sides with head-room": 2, "base's slope on the goal": 0.25,
    }  # fmt: skip
    looked = pd.DataFrame([{"base": "all", "figure": name, "value": value} for name, value in figures.items()])
    return {"judged": table, "used": pd.DataFrame(used), "skills": pd.DataFrame(skills), "premises": looked}


@pytest.fixture(scope="module")
def alone() -> dict[str, Claim]:
    return {one.id: one for one in claims.claims(frames(), RECIPE)}


@pytest.fixture(scope="module")
def both() -> dict[str, Claim]:
    """The main world as `alone`; in the other one RA is behind the base that is asked alike, and ahead of UF."""
    other = frames({**GOLD, "RA": 5.8})
    main = frames()
    joined = {
        name: pd.concat([main[name].assign(world="one-sided"), other[name].assign(world="many-sided")])
        for name in main
    }
    return {one.id: one for one in claims.claims(joined, BOTH)}


def test_a_claim_that_the_untrained_base_meets_is_marked(alone: dict[str, Claim]) -> None:
    naive = alone["RA-F2/gold"]
    assert (naive.verdict, naive.base_meets_it) == ("holds", True)  # the base is ahead of UF by 1 as well
    assert naive.data["base"]["estimate"] == pytest.approx(1.0, abs=0.05)
    assert alone["RA-F2/win-rate"].base_meets_it is True
    assert alone["RA-F2/UF-asked-gold"].base_meets_it is True  # 6 > 5.5
    assert alone["RA-A2/RA"].base_meets_it is True
    assert alone["RA-T7/RA"].base_meets_it is True  # 6 > 5
    hindered = {one.id: one for one in claims.claims(frames({**GOLD, "base, g=10": 4.5}), RECIPE)}
    assert hindered["RA-F2/gold"].base_meets_it is False


def test_every_comparison_begins_at_its_zero(alone: dict[str, Claim]) -> None:
    leads = {name: alone[f"RA-F2/{name}-gold"].estimate for name in claims.ZEROS}
    expected = {"base-asked": 0.5, "UF-asked": 1.0, "UF-asked-longer": 1.5}  # 6.5 less 6, 5.5 and 5
    assert leads == pytest.approx(expected, abs=0.05)
    assert alone["RA-F2/base-asked"].base_meets_it is None, "nobody beats oneself"
    assert alone["RA-F2/controls-gold"].statistic.endswith("(base, g=10)")
    assert alone["RA-T7/base-asked"].estimate == pytest.approx(0.2, abs=0.05)  # 6.2 - 6
    assert alone["RA-T7/UF-asked"].estimate == pytest.approx(0.7, abs=0.05)  # 6.2 - 5.5
    assert (alone["RA-T7/UF"].direction, alone["RA-T7/UF"].verdict) == ("less", "holds")


def test_the_slope_is_what_training_adds(alone: dict[str, Claim]) -> None:
    # RA (6.5 - 2.5) / 8 = .5, base (6 - 4) / 8 = .25
    assert alone["RA-A2"].estimate == pytest.approx(0.25, abs=0.02)
    assert alone["RA-A2/RA"].estimate == pytest.approx(0.5, abs=0.02)
    assert alone["RA-A2"].statistic.startswith("slope of gold on the goal, RA (0.50) less base (0.25)")


def test_skills_that_can_only_rise_or_fall_are_left_out(alone: dict[str, Claim]) -> None:
    found = alone["RA-T4"]
    assert "at 1 held-out skills that can rise and fall (2 left out)" in found.statistic
    assert found.estimate == pytest.approx(0.4)
    assert (found.direction, found.threshold, found.verdict) == ("equal", 1.0, "holds")


def test_premises_follow_from_what_was_measured(alone: dict[str, Claim]) -> None:
    met = {one["premise"]: one["met"] for one in alone["RA-F2/gold"].premises}
    assert met == {
        "the base is better than most chosen answers": "met",
        "plain DPO on these pairs changes the base little": "in part",
        "quality has many sides with head-room": "not met",
        "the base knows that 10 is more than 9": "met",
    }
    kept = claims.claims({**frames(), "premises": pd.DataFrame()}, RECIPE)
    assert next(one for one in kept if one.id == "RA-F2/gold").premises == ()


def test_one_world_alone_says_nothing_of_worlds(alone: dict[str, Claim]) -> None:
    assert not [name for name in alone if "world" in name or "-sided" in name]
    assert not [one for one in alone.values() if "world" in one.statement]


def test_a_claim_of_both_worlds_holds_in_both_or_says_in_which(both: dict[str, Claim]) -> None:
    assert both["RA-F2/base-asked-gold"].verdict == "holds"
    assert both["RA-F2/base-asked-gold"].statement.endswith("(one-sided world)")
    assert both["RA-F2/base-asked-gold-many-sided"].verdict != "holds"  # 5.8 less 6
    joined = both["RA-F2/base-asked-gold-worlds"]
    assert joined.verdict != "holds"
    assert joined.statement.endswith(", in every world (holds in one-sided)")
    assert joined.estimate == both["RA-F2/base-asked-gold-many-sided"].estimate
    naive = both["RA-F2/gold-worlds"]
    assert (naive.verdict, naive.base_meets_it) == ("holds", True)
    assert naive.statement.endswith(", in every world (holds in both)")
    assert naive.estimate == pytest.approx(0.8, abs=0.05), "of the world that is harder on it"
    assert {"RA-T4", "RA-T4/many-sided", "RA-T4/worlds", "RA-A2/worlds"} <= set(both)
    # Only the one-sided world has a best number of sentences.
    assert [name for name in both if name.startswith("RA-F2/mechanism")] == ["RA-F2/mechanism"]


def test_worlds_of_a_recipe() -> None:
    assert list(study.worlds(RECIPE)) == ["one-sided"]
    several = {**RECIPE, "world": {"regime": "many-sided", "noise": 2.0},
               "worlds": {"one-sided": {"pairs": 10, "world": {"flips": 0.1}}}}  # fmt: skip
    main, other = study.worlds(several).values()
    assert main["world"] == {"regime": "many-sided", "noise": 2.0}
    assert other["world"] == {"regime": "one-sided", "flips": 0.1}, "the main world's settings are its own"
    assert (main["pairs"], other["pairs"], other["seeds"]) == (RECIPE["pairs"], 10, RECIPE["seeds"])
    assert "worlds" not in main
    with pytest.raises(ValueError, match="worlds names 'one-sided', which is the main world already"):
        study.worlds({**RECIPE, "worlds": {"one-sided": {}}})
