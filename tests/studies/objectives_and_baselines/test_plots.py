"""Pictures of many methods show the numbers that they are given."""

import numpy as np
import pandas as pd

from rapo.plots.style import colour
from rapo.studies.objectives_and_baselines import plots

ESTIMATES = pd.DataFrame(
    [("ipo", "UF", 2.0, 1.0, 3.0), ("dpo", "UF", 4.0, 3.5, 4.5), ("dpo", "RA", 6.0, 5.0, 7.0)],
    columns=["method", "arm", "estimate", "low", "high"],
)


def test_rows_stand_in_the_given_order_and_arms_below_each_other() -> None:
    names = {"dpo": "DPO", "ipo": "IPO"}
    axes = plots.plot_rows(ESTIMATES, names=names, label="gold", arms={"UF": "plain", "RA": "relabelled"})
    ticks = dict(zip([text.get_text() for text in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    assert ticks == {"DPO": 1, "IPO": 0}
    plain, relabelled = axes.lines
    assert dict(zip(plain.get_xdata(), plain.get_ydata(), strict=True)) == {2.0: 0.25, 4.0: 1.25}
    assert (relabelled.get_xdata().tolist(), relabelled.get_ydata().tolist()) == ([6.0], [0.75])
    assert (plain.get_color(), relabelled.get_color()) == (colour("UF"), colour("RA"))
    assert axes.get_legend_handles_labels()[1] == ["plain", "relabelled"]


def test_intervals_and_the_reference_are_drawn() -> None:
    axes = plots.plot_rows(ESTIMATES, names={"dpo": "DPO"}, label="gold", arms={"RA": "RA"}, reference=5.5)
    ((left, right),) = axes.collections[0].get_segments()
    assert np.array([left, right]).tolist() == [[5.0, 0.0], [7.0, 0.0]]  # a single arm stands on its row's line
    assert axes.lines[-1].get_xdata() == [5.5, 5.5]


def test_panels_share_their_rows() -> None:
    figure, axes = plots.row_panels(9)
    assert len(axes) == 2
    assert axes[0].get_shared_y_axes().joined(*axes)
    assert figure.get_size_inches()[1] > plots.row_panels(4)[0].get_size_inches()[1]
