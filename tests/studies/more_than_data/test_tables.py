"""Tables of half RA, implicit goals, unlearning and the fault, by hand."""

import numpy as np
import pandas as pd
import pytest

from rapo.relabelling.goals import COMPACT
from rapo.studies.more_than_data import tables
from rapo.world import data


def answers(values: dict[str, list[list[float]]], **columns: object) -> pd.DataFrame:
    """Gold by arm, as a list of seeds of a list of prompts."""
    rows = [
        {"architecture": "qwen2", "arm": arm, "seed": seed, "goal": np.nan, "prompt": f"p{place}", "gold": gold,
         "length": 9, "sentences": np.nan, "parseable": gold > 1}
        for arm, seeds in values.items() for seed, golds in enumerate(seeds) for place, gold in enumerate(golds)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


ANSWERS = answers(
    {"UF": [[1.0, 5.0], [3.0, 5.0]], "RA": [[4.0, 6.0], [5.0, 7.0]], "IRA": [[4.0, 6.0], [5.0, 6.0]]}
)


def test_rivals_have_as_many_rows() -> None:
    assert tables.rivals(1) == ["UF", "UF, g=10"]
    assert tables.rivals(2) == [
        "UF, equal steps", "UF, equal steps, g=10", "UF, duplicated", "UF, duplicated, g=10",
    ]  # fmt: skip


def test_arms_have_means_and_shares() -> None:
    found = tables.arms(ANSWERS, ["RA", "UF"]).set_index(["arm", "metric"])
    assert found.loc[("UF", "gold"), "estimate"] == 3.5
    assert found.loc[("UF", "unparseable"), "estimate"] == 25.0  # one answer of four scores 1
    assert found.loc[("UF", "sentences"), "estimate"] == 0.0
    assert found.loc[("RA", "gold"), ["n_seeds", "n_prompts"]].tolist() == [2, 2]
    assert (found["low"] <= found["estimate"]).all()


def test_gaps_are_paired() -> None:
    assert tables.gap(ANSWERS, "RA", "UF").estimate == 2.0  # (3 + 1 + 2 + 2) / 4
    assert tables.gap(ANSWERS, "RA", "UF", metric="unparseable").estimate == -25.0
    found = tables.gaps(ANSWERS, {"RA": ["UF", "IRA"]})
    assert found["group"].tolist() == ["RA less", "RA less"]
    assert found["estimate"].tolist() == [2.0, 0.25]


def test_implicit_goals_are_averaged_over_seeds() -> None:
    frame = pd.DataFrame(
        [("implicit", 1.0, 2.0, 3, 0.5, 1), ("implicit", 1.0, 4.0, 3, 0.7, 2), ("implicit", 10.0, 9.0, 1, 0.5, 1),
         ("judge", 7.0, 5.0, 4, 0.9, 1), ("judge", 7.0, 5.0, 3, 0.8, 2)],
        columns=["kind", "goal", "gold", "n", "correlation", "seed"],
    )  # fmt: skip
    found = tables.implicit_goals(frame).set_index(["arm", "goal"])
    assert found["estimate"].tolist() == [3.0, 9.0, 5.0]
    # Student's t with one degree of freedom is 12.706; the standard error of (2, 4) is 1.
    assert found.loc[("IRA", 1.0), "low"] == pytest.approx(3 - 12.706, abs=1e-3)
    assert np.isnan(found.loc[("IRA", 10.0), "low"])
    assert found.loc[("IRA", 1.0), "share"] == pytest.approx(600 / 7)  # 6 of both seeds' 7 responses
    assert found.loc[("IRA", 10.0), "share"] == pytest.approx(25.0)  # 1 of the 4 of the seed that knows it
    assert tables.correlations(frame).loc[2].to_dict() == {"implicit": 0.7, "judge": 0.8}


def unlearning() -> pd.DataFrame:
    """Two seeds: UF loses 2 and 4 nats, RA under the own score gains 1 and loses 1; RA has twice the steps."""
    ends = {("UF", "plain"): (-2.0, -4.0), ("RA", "own score"): (1.0, -1.0)}
    rows = []
    for (arm, how), changes in ends.items():
        for seed, change in enumerate(changes):
            last = 4 if arm == "UF" else 8
            for step, value in ((0, -30.0 - seed), (last // 2, -30.0 - seed), (last, -30.0 - seed + change)):
                rows.append((arm, how, "rejected", seed, step, step / last, value, 5))
    columns = ["arm", "conditioning", "side", "seed", "step", "share", "logprob", "n"]
    return pd.DataFrame(rows, columns=columns)


def test_changes_start_at_zero_under_the_same_prompt() -> None:
    found = tables.changes(unlearning())
    assert found[found["share"] == 0]["change"].tolist() == [0.0] * 4
    assert tables.final_change(unlearning(), "UF").tolist() == [-2.0, -4.0]
    assert tables.final_change(unlearning(), "RA, own score").tolist() == [1.0, -1.0]


def test_curves_run_over_the_seeds() -> None:
    found = tables.curves(unlearning()).set_index(["line", "share"])
    assert found.loc[("UF", 1.0), "estimate"] == -3.0
    assert found.loc[("UF", 1.0), "high"] == pytest.approx(-3 + 12.706, abs=1e-3)  # as above
    assert found.loc[("RA, own score", 0.5), ["estimate", "low", "high"]].tolist() == [0.0, 0.0, 0.0]


def test_curves_pair_checkpoints_whose_shares_differ_by_rounding() -> None:
    frame = unlearning()
    frame.loc[(frame["seed"] == 1) & (frame["share"] == 0.5), "share"] = 0.52
    found = tables.curves(frame)
    assert sorted(found.loc[found["line"] == "UF", "share"]) == [0.0, 0.51, 1.0]


def test_what_ra_keeps_is_paired_by_seed() -> None:
    found = tables.kept_gap(unlearning(), "RA, own score", "UF")
    assert (found.estimate, found.low, found.high) == (3.0, 3.0, 3.0)  # 1 + 2 and -1 + 4


def moving(line: tuple[str, str], far: list[float], lost: list[float], *, seed: int = 0) -> pd.DataFrame:
    """One line's distances from the base and losses, checkpoint by checkpoint."""
    columns = ["arm", "conditioning", "side", "seed", "step", "share", "logprob", "n"]
    rows = [
        (*line, side, seed, step, step / (len(far) - 1), -30.0 - value, 5)
        for side, values in ((tables.OWN, far), ("rejected", lost)) for step, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def test_what_is_lost_is_read_at_equal_distance() -> None:
    uf = moving(("UF", "plain"), [0, 1, 5], [0, 0.5, 4.5])
    ra = moving(("RA", "g=10"), [0, 2, 3], [0, 1, 1.2])
    both = pd.concat([uf, ra])
    own = pd.concat([both, moving(("RA", "own score"), [0, 2, 3], [0, 0.1, 0.3]).query("side == 'rejected'")])
    assert tables.reached(own, "UF").tolist() == [5]
    assert tables.reached(own, "RA, own score").tolist() == [3]  # that of the model asked for 10
    # Three nats away UF has lost 0.5 + (3 - 1) / (5 - 1) * 4 = 2.5.
    assert tables.at_distance(own, "UF", pd.Series({0: 3.0})).tolist() == [-2.5]
    two = pd.concat([own, own.assign(seed=1)])
    assert tables.matched_gap(two, "RA, g=10", "UF").estimate == pytest.approx(-1.2 + 2.5)
    assert tables.matched_gap(two, "RA, own score", "UF").estimate == pytest.approx(-0.3 + 2.5)
    assert tables.matched_gap(two, "UF", "RA, g=10").estimate == pytest.approx(1.2 - 2.5)


def test_a_line_that_comes_back_counts_where_it_first_was() -> None:
    there_and_back = moving(("UF", "plain"), [0, 4, 1, 4], [0, 2, 9, 9])
    assert tables.at_distance(there_and_back, "UF", pd.Series({0: 4.0})).tolist() == [-2]
    assert tables.at_distance(there_and_back, "UF", pd.Series({0: 1.0})).tolist() == [-0.5]
    assert tables.at_distance(there_and_back, "UF", pd.Series({0: 9.0})).tolist() == [-2]


def test_paths_have_a_place_a_checkpoint() -> None:
    found = tables.paths(
        pd.concat([moving(("UF", "plain"), [0, 1], [0, far], seed=n) for n, far in ((0, 1), (1, 3))])
    )
    assert found["distance"].tolist() == [0, 1]
    assert found["estimate"].tolist() == [0, -2]


def fault() -> pd.DataFrame:
    """RA gains half a point a goal, the base nothing; the other seed a tenth less."""
    rows = []
    for arm, slope in (("RA", 0.5), ("base", 0.0)):
        for seed in (0, 1):
            for goal in (1.0, 4.0, 10.0):
                gold = 3 + (slope - 0.1 * seed * (arm == "RA")) * goal
                rows.append(answers({arm: [[gold, gold]]}, goal=goal, seed=seed))
    rows.append(answers({"RA": [[2.0, 2.0]], "base": [[2.0, 2.0]], "UF": [[4.0, 4.0]]}))
    return pd.concat(rows, ignore_index=True)


def test_slopes_are_those_of_a_straight_line() -> None:
    found = tables.slope(fault(), "RA")
    assert found.to_numpy() == pytest.approx(np.array([[0.5, 0.5], [0.4, 0.4]]))
    golds = [3 + 0.5 * goal for goal in (1, 4, 10)]
    assert found.iloc[0, 0] == pytest.approx(np.polyfit([1, 4, 10], golds, 1)[0])
    assert tables.slope(fault(), "base").to_numpy() == pytest.approx(np.zeros((2, 2)))


def test_goal_curves_have_a_point_a_goal() -> None:
    found = tables.goal_curve(fault(), ["RA"])
    assert found["goal"].tolist() == [1.0, 4.0, 10.0]
    assert found["estimate"].tolist() == pytest.approx([3.45, 4.8, 7.5])


def test_arms_at_the_top_goal_are_named_as_elsewhere() -> None:
    frame = pd.DataFrame(
        [("base", np.nan), ("base", 10.0), ("UF", np.nan), ("UF, g=10", 10.0), ("RA", 10.0), ("RA", np.nan),
         ("RA, faulty", 10.0), ("RA", 4.0), ("UF, equal steps", 10.0)],
        columns=["arm", "goal"],
    )  # fmt: skip
    assert tables.at_top(frame)["arm"].tolist() == [
        "base", "base, g=10", "UF", "UF, g=10", "RA", "RA, unprompted", "RA, faulty", "UF, equal steps, g=10",
    ]  # fmt: skip


def test_a_pair_shows_what_the_fault_does() -> None:
    found = tables.pair_rows(data.World(), seed=3).set_index("data")
    right, wrong = found.loc["correct"], found.loc["faulty"]
    assert right["goal"].tolist() == wrong["goal"].tolist()
    assert len(right) == 2
    assert right["goal"].iloc[0] != right["goal"].iloc[1]
    assert right["goal"].iloc[0].startswith(COMPACT.text(1)[:15])
    assert right["preferred"].iloc[0] == right["not preferred"].iloc[1] == wrong["preferred"].iloc[1]
    assert (wrong["preferred"] == wrong["preferred"].iloc[0]).all()
