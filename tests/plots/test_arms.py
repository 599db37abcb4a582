"""Pictures of arms show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from rapo.plots import arms
from rapo.plots.style import COLOURS, colour
from rapo.studies.more_than_data.tables import LINES

ESTIMATES = pd.DataFrame(
    [("ipo", "UF", 2.0, 1.0, 3.0), ("dpo", "UF", 4.0, 3.5, 4.5), ("dpo", "RA", 6.0, 5.0, 7.0)],
    columns=["method", "arm", "estimate", "low", "high"],
)


def test_arms_stand_from_top_to_bottom() -> None:
    estimates = pd.DataFrame({"arm": ["both", "neither"], "estimate": [5, 7], "low": [4, 6], "high": [6, 8]})
    axes = arms.plot_arms(estimates, label="pairs (%)", reference=3, ax=plt.subplots()[1])
    assert [line.get_xdata().tolist() for line in axes.lines[:4]] == [[4, 6], [5], [6, 8], [7]]
    assert axes.lines[1].get_ydata()[0] > axes.lines[3].get_ydata()[0]


def test_rows_stand_in_the_given_order_and_arms_below_each_other() -> None:
    names = {"dpo": "DPO", "ipo": "IPO"}
    axes = arms.plot_rows(ESTIMATES, names=names, label="gold", arms={"UF": "plain", "RA": "relabelled"})
    ticks = dict(zip([text.get_text() for text in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    assert ticks == {"DPO": 1, "IPO": 0}
    plain, relabelled = axes.lines
    assert dict(zip(plain.get_xdata(), plain.get_ydata(), strict=True)) == {2.0: 0.25, 4.0: 1.25}
    assert (relabelled.get_xdata().tolist(), relabelled.get_ydata().tolist()) == ([6.0], [0.75])
    assert (plain.get_color(), relabelled.get_color()) == (colour("UF"), colour("RA"))
    assert axes.get_legend_handles_labels()[1] == ["plain", "relabelled"]


def test_intervals_and_the_reference_are_drawn() -> None:
    axes = arms.plot_rows(ESTIMATES, names={"dpo": "DPO"}, label="gold", arms={"RA": "RA"}, reference=5.5)
    ((left, right),) = axes.collections[0].get_segments()
    assert np.array([left, right]).tolist() == [[5.0, 0.0], [7.0, 0.0]]  # a single arm stands on its row's line
    assert axes.lines[-1].get_xdata() == [5.5, 5.5]


def test_every_line_of_unlearning_has_a_colour_of_its_own() -> None:
    assert len({COLOURS[name] for name in LINES.values()}) == len(LINES)
