"""Pictures of self-play show the numbers that they are given."""

import numpy as np
import pandas as pd

from rapo.plots.style import colour
from rapo.studies.self_play import plots

CURVES = pd.DataFrame(
    [
        {"arm": arm, "asked": asked, "pairs": pairs, "estimate": value, "low": value - 0.5, "high": value + 1}
        for asked in ("test", "evolved")
        for arm, values in {"uniform": (4.0, 4.5), "MAP": (4.0, 5.0)}.items()
        for pairs, value in zip((600, 900), values, strict=True)
    ]
)


def test_a_line_an_arm_with_its_intervals() -> None:
    axes = plots.plot_growth(
        CURVES[CURVES["asked"] == "test"], x="pairs", xlabel="pairs", ylabel="gold", spread=10
    )
    containers = {container.get_label(): container for container in axes.containers}
    line, _, (bars,) = containers["MAP"].lines
    assert line.get_ydata().tolist() == [4.0, 5.0]
    assert line.get_xdata().tolist() == [605, 905]  # half of the spread to the right
    assert line.get_color() == colour("MAP")
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[3.5, 5.0], [4.5, 6.0]]
    assert axes.get_xticks().tolist() == [600, 900]


def test_panels_share_an_axis_where_they_share_a_label() -> None:
    panels = {"test": "test prompts", "evolved": "harder"}
    fig = plots.growth_panels(CURVES, panels, by="asked", x="pairs", xlabel="pairs", ylabel="gold", legend="by")
    assert [ax.get_title(loc="left") or ax.get_title() for ax in fig.axes] == ["test prompts", "harder"]
    assert fig.axes[0].get_ylim() == fig.axes[1].get_ylim()
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == ["uniform", "MAP"]


def test_panels_of_different_quantities_have_their_own_axes() -> None:
    other = CURVES.assign(estimate=np.where(CURVES["asked"] == "test", 100.0, 1.0), low=np.nan, high=np.nan)
    fig = plots.growth_panels(
        other, {"test": "labels (%)", "evolved": "items"}, by="asked", x="pairs", xlabel="round"
    )
    assert [ax.get_ylabel() for ax in fig.axes] == ["labels (%)", "items"]
    assert fig.axes[0].get_ylim() != fig.axes[1].get_ylim()
