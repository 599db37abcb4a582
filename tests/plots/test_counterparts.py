"""A paper's bars and ours have one look."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from rapo.plots import counterparts
from rapo.plots.colours import COLOURS, UNSURE
from rapo.plots.counterparts import Side

ARMS = {"base": "base", "UF": "+ DPO (UF)", "RA": "+ DPO (RA)"}
NAN = float("nan")
PAPER = pd.DataFrame(
    [("Qwen2", "UF", 20.0, NAN, NAN), ("Qwen2", "RA", 31.0, NAN, NAN), ("SPPO", "RA", 60.0, NAN, NAN)],
    columns=["model", "arm", "estimate", "low", "high"],
)
OURS = PAPER.assign(model="all", low=[18.0, 29.0, 0.0], high=[22.0, 33.0, 101.0]).iloc[:2]


def published(**changes: bool) -> Side:
    return Side(PAPER, counterparts.less(PAPER, "RA", "UF"), "LC win rate (%)", "published", **changes)


def here(low: float, label: str = "LC win rate (%)") -> Side:
    gap = pd.DataFrame({"model": ["all"], "estimate": [-1.0], "low": [low], "high": [0.5 if low < -1.5 else -0.2]})
    return Side(OURS, gap, label, "here")


def test_published_differences_are_subtracted_where_both_arms_are_published() -> None:
    gaps = counterparts.less(PAPER, "RA", "UF")
    assert gaps[["model", "estimate"]].to_numpy().tolist() == [["Qwen2", 11.0]]
    assert gaps[["low", "high"]].isna().all(axis=None)


def test_bars_stand_in_the_order_of_the_arms_with_their_numbers_above() -> None:
    ax = counterparts.plot_bars(published(), arms=ARMS, compared=("RA", "UF"))
    assert [round(bar.get_height(), 6) for bar in ax.patches] == [20, 31, 60]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches[:2]] == [
        COLOURS["UF"].lower(),
        COLOURS["RA"].lower(),
    ]
    assert [text.get_text() for text in ax.texts] == ["20.0", "31.0", "+11.0", "60.0"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Qwen2", "SPPO"]


@pytest.mark.parametrize(("low", "tone"), [(-1.4, COLOURS["UF"]), (-2.0, UNSURE)])
def test_the_difference_has_the_colour_of_whoever_is_surely_ahead(low: float, tone: str) -> None:
    ax = counterparts.plot_bars(here(low), arms=ARMS, compared=("RA", "UF"))
    (told,) = [text for text in ax.texts if text.get_text() == "-1.0"]
    assert told.get_color() == tone


def test_rewards_begin_at_one_and_intervals_end_where_the_scale_does() -> None:
    ax = counterparts.plot_bars(here(-1.4, "gold reward (1-10)"), arms=ARMS, compared=("RA", "UF"))
    assert ax.get_ylim()[0] == 1
    assert max(line.get_ydata().max() for line in ax.lines) == 10


def test_where_the_order_alone_is_published_no_number_is_shown() -> None:
    ax = counterparts.plot_bars(published(ordinal=True), arms=ARMS, compared=("RA", "UF"))
    assert [text.get_text() for text in ax.texts] == ["RA higher"]
    assert len(ax.get_yticks()) == 0


def test_published_left_and_ours_right_with_the_warning() -> None:
    row = (published(), here(-1.4))
    figure = counterparts.bars([row, row], arms=ARMS, compared=("RA", "UF"), finding="RA wins there", note="n = 3")
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes][:2] == ["published", "here"]
    assert figure.get_suptitle() == "RA wins there"
    (legend,) = figure.legends
    assert counterparts.WARNING + " n = 3" in legend.get_title().get_text()
    assert [text.get_text() for text in legend.get_texts()] == list(ARMS.values())
    assert not np.isnan(figure.axes[0].get_ylim()).any()
