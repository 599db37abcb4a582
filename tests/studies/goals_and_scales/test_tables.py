"""Tables of the studies of goals: arithmetic by hand on tiny frames."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.goals_and_scales import tables
from rapo.world.reward import ATTRIBUTES

GOLD = np.random.default_rng(0).normal(5, 1, (2, 3))


def answers(
    golds: dict[tuple[str, str, str, str], float], *, goals: dict[str, float] | None = None
) -> pd.DataFrame:
    """(study, arm, x, asked) -> what is added to the gold of two seeds and three prompts."""
    rows = [
        {"study": study, "arm": arm, "x": x, "asked": asked, "goal": float(asked) if asked.isdigit() else np.nan,
         "architecture": "qwen2", "seed": seed, "prompt": f"p{prompt}", "gold": GOLD[seed, prompt] + extra,
         "sentences": np.nan if prompt == 0 else 3.0, "parseable": prompt != 0, "length": 5,
         **dict.fromkeys(ATTRIBUTES, np.nan if prompt == 0 else 1.0)}
        for (study, arm, x, asked), extra in golds.items() for seed in range(2) for prompt in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_broken_answer_scores_one_and_has_no_sentence() -> None:
    frame = tables.with_scores(answers({("noise", "RA", "1", "10"): 0}), ATTRIBUTES)
    assert frame["count"].tolist() == [1, 10, 10] * 2
    assert frame["sentences"].tolist() == [0, 3, 3] * 2
    assert frame["unparseable"].tolist() == [100, 0, 0] * 2


def test_gold_with_what_stands_beside_it() -> None:
    found = tables.gold(answers({("noise", "RA", "1", "10"): 1, ("noise", "UF", "1", ""): 0}), "noise")
    assert found["estimate"].to_numpy() == pytest.approx([GOLD.mean() + 1, GOLD.mean()])
    assert found["sentences"].tolist() == [2, 2]
    assert found["unparseable"].to_numpy() == pytest.approx([100 / 3] * 2)


def test_a_missing_cell_is_named() -> None:
    with pytest.raises(ValueError, match="arm 'IRA'"):
        tables.pick(answers({("noise", "RA", "1", "10"): 0}), "noise", "IRA")


def test_leads_over_the_noise_their_end_and_their_slope() -> None:
    frame = answers(
        {("noise", arm, x, asked): lead[x] if arm == "RA" else 0
         for arm, asked in (("UF", ""), ("UF, g=10", "10"), ("RA", "10")) for lead in [{"10": -0.5, "0": 1.5, "2": 1.0}]
         for x in lead}
    )  # fmt: skip
    assert tables.noises(frame) == ["0", "2", "10"]
    leads = tables.noise_gaps(frame)
    part = leads[leads["arm"] == "RA less UF"]
    assert part["x"].tolist() == [0, 2, 10]
    assert part["estimate"].to_numpy() == pytest.approx([1.5, 1.0, -0.5])
    # mean 4: weights (-4, -2, 6) / 56; -4 * 1.5 - 2 * 1 - 6 * .5 = -11
    assert tables.noise_slope(frame, "UF").estimate == pytest.approx(-11 / 56)
    assert tables.helps_until(leads).splitlines()[0] == "RA less UF: above zero up to a noise of 2"
    never = leads.assign(low=-1.0)
    assert "not surely above zero" in tables.helps_until(never)


def test_help_that_comes_back_does_not_count() -> None:
    leads = pd.DataFrame({"arm": "RA less UF", "x": [0.0, 1.0, 2.0], "low": [0.1, -0.1, 0.1]})
    assert tables.helps_until(leads).endswith("up to a noise of 0")


def test_tops_of_scales() -> None:
    frame = answers(
        {("scale", "UF", "", ""): 0, ("scale", "UF, g=10", "", "10"): 0.5, ("scale", "RA", "1-10", "10"): 1,
         ("scale", "RA", "1-10", "1"): -3, ("scale", "RA", "1-5", "5"): 2, ("scale", "base", "1-5", "5"): 9}
    )  # fmt: skip
    assert tables.scales(frame) == ["1-5", "1-10"]
    found = tables.top_gaps(frame).set_index(["group", "name"])["estimate"]
    assert found["less UF", "1-5"] == pytest.approx(2)
    assert found["less UF, g=10", "1-10"] == pytest.approx(0.5)
    assert found["less RA on 1-10", "1-5"] == pytest.approx(1)
    assert ("less RA on 1-10", "1-10") not in found
    places = tables.on_scales(frame).set_index(["arm", "x", "asked"])["share"]
    assert places["RA", "1-5", "5"] == 1
    assert places["RA", "1-10", "1"] == 0


def test_beyond_the_ends() -> None:
    frame = answers({("outside", "RA", "1-10", goal): extra for goal, extra in
                     {"0": -4, "1": -2, "8": 1, "10": 3, "11": 2, "15": 0}.items()})  # fmt: skip
    assert tables.beyond(frame, "1-10").estimate == pytest.approx(-2)  # (2 + 0) / 2 - 3
    assert tables.beyond(frame, "1-10", side="below").estimate == pytest.approx(-2)
    assert tables.goals_beyond(frame, "1-10")
    assert not tables.goals_beyond(frame, "1-100")
    assert tables.unseen_gain(frame, "RA", 8).to_numpy() == pytest.approx(2)


def test_own_answers_against_annotators() -> None:
    golds = {}
    for source, extra in (("off-policy", 0), ("on-policy", 1)):
        for arm, asked, more in (("UF", "", 0), ("UF, g=10", "10", 0.25), ("RA", "10", 2)):
            golds["on-policy", arm, f"{source}, round 1", asked] = extra * (1 + more) + more
    frame = answers({**golds, ("on-policy", "base", "", ""): 0})
    found = tables.policy_gaps(frame).set_index(["group", "name"])["estimate"]
    assert found["RA less UF", "off-policy, round 1"] == pytest.approx(2)
    assert found["RA less UF, g=10", "on-policy, round 1"] == pytest.approx(5 - 1.5)
    assert found["on-policy less off-policy", "RA, round 1"] == pytest.approx(3)
    assert len(found) == 2 + 2 + 3
