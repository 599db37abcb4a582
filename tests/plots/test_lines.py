"""Lines show the numbers that they are given, in order, each with its intervals."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from rapo.plots.lines import line_panels, plot_lines
from rapo.plots.style import colour

CURVES = pd.DataFrame(
    [
        {"arm": arm, "asked": asked, "pairs": pairs, "estimate": value, "low": value - 0.5, "high": value + 1}
        for asked in ("test", "evolved")
        for arm, values in {"uniform": (4.0, 4.5), "MAP": (4.0, 5.0)}.items()
        for pairs, value in zip((600, 900), values, strict=True)
    ]
)
BANDS = pd.DataFrame(
    {"arm": ["MAP", "MAP", "M+"], "x": [2, 1, 1], "estimate": [5, 4, 3], "low": [4, 3, 2], "high": [6, 5, 4]}
)


def test_bands_are_ordered_along_x_and_keep_the_colour_of_their_method() -> None:
    axes = plot_lines(BANDS, xlabel="share", ylabel="gold")
    assert axes.lines[0].get_xydata().tolist() == [[1, 4], [2, 5]]
    assert [to_hex(line.get_color()) for line in axes.lines] == [colour(arm).lower() for arm in ("MAP", "M+")]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xticks().tolist()) == ("share", "gold", [1, 2])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["MAP", "M+"]
    band = axes.collections[0].get_datalim(axes.transData)
    assert (band.ymin, band.ymax) == (3, 6)


def test_a_single_line_has_no_legend_and_colours_may_be_given() -> None:
    alone = plot_lines(BANDS[:2], xlabel="x", ylabel="y", tones={"MAP": "#000000"}, ax=plt.subplots()[1])
    assert alone.get_legend() is None
    assert to_hex(alone.lines[0].get_color()) == "#000000"


def test_many_places_have_no_tick_each() -> None:
    many = pd.DataFrame({"arm": "MAP", "x": range(30), "estimate": 1.0, "low": 0.0, "high": 2.0})
    assert len(plot_lines(many, xlabel="x", ylabel="y").get_xticks()) < 30


def test_bars_stand_side_by_side() -> None:
    axes = plot_lines(CURVES[CURVES["asked"] == "test"], x="pairs", xlabel="pairs", ylabel="gold", spread=10)
    containers = {container.get_label(): container for container in axes.containers}
    line, _, (bars,) = containers["MAP"].lines
    assert line.get_ydata().tolist() == [4.0, 5.0]
    assert line.get_xdata().tolist() == [605, 905]  # half of the spread to the right
    assert line.get_color() == colour("MAP")
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[3.5, 5.0], [4.5, 6.0]]
    assert axes.get_xticks().tolist() == [600, 900]


def test_lines_stand_in_the_order_of_their_names_and_may_lack_an_interval() -> None:
    estimates = pd.DataFrame(
        {"arm": ["RA", "IRA", "IRA"], "goal": [1.0, 10.0, 1.0], "estimate": [2.0, 7.0, 3.0],
         "low": [1.0, 6.0, np.nan], "high": [3.0, 8.0, np.nan]}
    )  # fmt: skip
    names = {"IRA": "implicit", "RA": "judge"}
    axes = plot_lines(estimates, x="goal", xlabel="goal", ylabel="gold", names=names, spread=0.08)
    assert axes.get_legend_handles_labels()[1] == ["implicit", "judge"]
    first, second = (container.lines[0] for container in axes.containers)
    assert first.get_xdata().tolist() == pytest.approx([0.96, 9.96])  # half of 0.08 to the left
    assert first.get_ydata().tolist() == [3.0, 7.0]
    assert second.get_xdata().tolist() == pytest.approx([1.04])


def test_panels_share_an_axis_where_they_share_a_label() -> None:
    panels = {"test": "test prompts", "evolved": "harder"}
    fig = line_panels(CURVES, panels, panel="asked", x="pairs", xlabel="pairs", ylabel="gold", legend="by")
    assert [ax.get_title(loc="left") or ax.get_title() for ax in fig.axes] == ["test prompts", "harder"]
    assert fig.axes[0].get_ylim() == fig.axes[1].get_ylim()
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == ["uniform", "MAP"]


def test_panels_of_different_quantities_have_their_own_axes() -> None:
    other = CURVES.assign(estimate=np.where(CURVES["asked"] == "test", 100.0, 1.0), low=np.nan, high=np.nan)
    names = {"test": "labels (%)", "evolved": "items"}
    fig = line_panels(other, names, panel="asked", x="pairs", xlabel="round", spread=0.1)
    assert [ax.get_ylabel() for ax in fig.axes] == ["labels (%)", "items"]
    assert fig.axes[0].get_ylim() != fig.axes[1].get_ylim()
