"""Pictures of unlearning and goals show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rapo.plots.style import COLOURS
from rapo.studies.more_than_data import plots

CURVES = pd.DataFrame(
    {
        "line": ["RA, g=10", "UF", "UF", "RA, g=10"],
        "side": ["rejected", "rejected", "rejected", "chosen"],
        "share": [1.0, 1.0, 0.0, 1.0],
        "estimate": [-1.0, -3.0, 0.0, 2.0],
        "low": [-2.0, -4.0, 0.0, 1.0],
        "high": [0.0, -2.0, 0.0, 3.0],
    }
)


def test_changes_are_drawn_in_percent_and_in_order() -> None:
    axes = plots.plot_change(CURVES[CURVES["side"] == "rejected"], label="nats", ax=plt.subplots()[1])
    assert axes.get_legend_handles_labels()[1] == ["UF", "RA, g=10"]
    assert axes.lines[0].get_xdata().tolist() == [0.0, 100.0]
    assert axes.lines[0].get_ydata().tolist() == [0.0, -3.0]
    assert axes.get_ylabel() == "nats"


def test_panels_share_one_legend() -> None:
    figure = plots.change_panels(CURVES, {"rejected": "left", "chosen": "right"}, label="nats")
    assert [axes.get_title() for axes in figure.axes] == ["left", "right"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["nats", ""]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["UF", "RA, g=10"]


def test_every_line_has_a_colour_of_its_own() -> None:
    assert len({COLOURS[name] for name in plots.LINES}) == len(plots.LINES)


def test_goals_stand_side_by_side_and_may_lack_an_interval() -> None:
    estimates = pd.DataFrame(
        {"arm": ["IRA", "RA", "IRA"], "goal": [10.0, 1.0, 1.0], "estimate": [7.0, 2.0, 3.0],
         "low": [6.0, 1.0, np.nan], "high": [8.0, 3.0, np.nan]}
    )  # fmt: skip
    axes = plots.plot_goals(
        estimates, names={"IRA": "implicit", "RA": "judge"}, label="gold", ax=plt.subplots()[1]
    )
    assert axes.get_legend_handles_labels()[1] == ["implicit", "judge"]
    first, second = (container.lines[0] for container in axes.containers)
    assert first.get_xdata().tolist() == pytest.approx([0.96, 9.96])  # half of 0.08 to the left
    assert first.get_ydata().tolist() == [3.0, 7.0]
    assert second.get_xdata().tolist() == pytest.approx([1.04])
    assert axes.get_xticks().tolist() == [1.0, 10.0]
