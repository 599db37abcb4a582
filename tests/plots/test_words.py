"""Titles tell what the estimates say, and change with them."""

import pandas as pd

from rapo.plots import words

COLUMNS = ["group", "name", "estimate", "low", "high"]


def table(*rows: tuple[str, str, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def test_the_highest_and_the_lowest_arm_are_named() -> None:
    rows = table(("", "base", 7.5, 7, 8), ("", "RA", 8.25, 8.0, 8.5), ("", "UF", 8, 7, 9))
    arms = rows.rename(columns={"name": "arm"})
    told = words.highest(arms, "gold reward (1-10)")
    assert told == "Gold reward: highest RA 8.25 [8.00, 8.50], lowest base 7.5 [7.0, 8.0]"
    assert words.highest(arms.iloc[:0], "gold") == ""


def test_rivals_are_counted_by_what_is_sure_and_one_alone_is_named() -> None:
    rows = table(("RA less", "UF", 1, 0.5, 2), ("RA less", "base", -1, -2, -0.5), ("RA less", "SFT", 0, -1, 1))
    assert words.surely(rows) == "RA is surely ahead of 1 of 3 (UF), surely behind 1 of 3 (base)."
    assert words.surely(pd.concat([rows.iloc[:1], rows.iloc[:1]])) == "RA is surely ahead of 2 of 2."
    assert words.surely(rows.iloc[:1]) == "RA is surely ahead of UF."
    assert words.surely(rows.iloc[2:]) == "RA: undecided."
    unsure = table(("RA less", "UF", 1, -0.5, 2), ("RA less", "SFT", 0, -1, 1))
    assert words.surely(unsure) == "RA is surely ahead of or behind none of 2."


def test_whoever_leads_may_be_told_and_less_is_not_said_twice() -> None:
    rows = table(("all", "less M+", 1, 0.5, 2), ("all", "less uniform", 0, -0.5, 2))
    assert words.surely(rows, ahead="MAP") == "MAP is surely ahead of 1 of 2 (M+)."


def test_groups_that_are_differences_tell_where_they_are_sure() -> None:
    rows = table(("half less UF", "round 1", 1, 0.5, 2), ("half less UF", "round 2", -1, -2, -0.5))
    unsure = table(("x less y", "a", 0, -1, 1), ("x less y", "b", 0, -1, 1))
    assert (
        words.surely(rows)
        == "Half less UF is surely above zero in 1 of 2 (round 1), surely below zero in 1 of 2 (round 2)."
    )
    assert words.surely(pd.concat([rows, unsure])).endswith(" X less y: none of 2 is sure.")


def test_lines_tell_where_they_begin_and_end() -> None:
    rows = pd.DataFrame({"arm": ["RA", "RA", "UF"], "x": [3, 0, 0], "estimate": [8.0, 7.0, 6.0]})
    axes = {"quantity": "gold reward (1-10)", "along": "noise (points)"}
    told = words.ends(rows, by="arm", x="x", names=["UF", "RA"], **axes)
    assert told == "Gold reward, noise from 0 to 3: UF 6.00 to 6.00, RA 7.00 to 8.00"
    percent = rows.assign(estimate=[80, 70.04, -0.04])
    assert words.ends(percent, by="arm", x="x", names=["UF", "RA"], **axes).endswith(
        "UF 0.0 to 0.0, RA 70.0 to 80.0"
    )


def test_models_and_prompts_are_counted_where_they_are_told() -> None:
    rows = pd.DataFrame({"n_seeds": [3, 3], "n_prompts": [1000, 1500]})
    assert words.counted(rows) == "n = 3 seeds x 1,000 to 1,500 prompts; 95 % intervals"
    assert words.counted(rows.drop(columns="n_seeds")) == ""
