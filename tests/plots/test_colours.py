"""One colour means one thing, on light pages and on dark ones."""

import re

import numpy as np
import pandas as pd
import pytest

from rapo.plots import colours

DIFFERENCES = pd.DataFrame(
    [
        ("RA less", "UF", 0.3, 0.1, 0.5),
        ("RA less", "UF, g=10", -0.3, -0.5, -0.1),
        ("RA less", "base", 0.1, -0.1, 0.3),
        ("less default", "few pairs", 0.3, 0.1, 0.5),
    ],
    columns=["group", "name", "estimate", "low", "high"],
)


def test_a_difference_has_the_colour_of_whoever_is_surely_ahead() -> None:
    ra, asked = colours.COLOURS["RA"], colours.COLOURS["UF, g=10"]
    assert colours.of_differences(DIFFERENCES) == [ra, asked, colours.UNSURE, colours.AHEAD]


def test_whoever_leads_may_be_told() -> None:
    part = DIFFERENCES.assign(group="test", name="less M+").iloc[:2]
    assert colours.of_differences(part, ahead="MAP") == [colours.COLOURS["MAP"], colours.COLOURS["M+"]]


def test_a_published_difference_without_an_interval_has_a_colour_too() -> None:
    part = DIFFERENCES.iloc[:1].assign(low=np.nan, high=np.nan)
    assert colours.of_differences(part) == [colours.COLOURS["RA"]]


@pytest.mark.parametrize("arms", [("RA", "RA, g=10", "RA, unprompted", "half RA", "RA, no top", "IRA", "SFT")])
def test_arms_that_are_told_apart_have_colours_of_their_own(arms: tuple[str, ...]) -> None:
    assert len({colours.COLOURS[arm] for arm in arms}) == len(arms)


def test_every_mark_can_be_seen_on_a_dark_page_and_ink_and_page_change_places() -> None:
    tones = [*(tone.lower() for tone in colours.COLOURS.values()), "#262626", "#ffffff", "#010101"]
    told = colours.dark_rules({f"fill:{tone}": tone.replace("#", "of-") for tone in tones})
    shown = {f"#{was}": tone for was, tone in re.findall(r"\.of-(\w{6}){fill:(#\w{6})", told)}
    assert min(colours.contrast(tone, "#121619") for was, tone in shown.items() if was != "#ffffff") > 2
    assert (shown["#262626"], shown["#ffffff"]) == ("#e7eaed", "#121619")
    assert "#010101" not in shown  # what is written on a coloured ground stays
