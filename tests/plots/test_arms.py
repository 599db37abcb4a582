"""Pictures of arms show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from rapo.plots import arms
from rapo.plots.colours import UNSURE
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
    (_, plain), (_, relabelled) = (axes.collections[at : at + 2] for at in (0, 2))  # intervals, then marks
    assert plain.get_offsets().tolist() == [[2.0, 0.25], [4.0, 1.25]]
    assert relabelled.get_offsets().tolist() == [[6.0, 0.75]]
    assert to_hex(plain.get_facecolor()[0]) == colour("UF").lower()
    assert to_hex(relabelled.get_facecolor()[0]) == colour("RA").lower()
    assert axes.get_legend_handles_labels()[1] == ["plain", "relabelled"]


def test_intervals_and_the_reference_are_drawn() -> None:
    axes = arms.plot_rows(ESTIMATES, names={"dpo": "DPO"}, label="gold", arms={"RA": "RA"}, reference=5.5)
    ((left, right),) = axes.collections[0].get_segments()
    assert np.array([left, right]).tolist() == [[5.0, 0.0], [7.0, 0.0]]  # a single arm stands on its row's line
    assert axes.lines[-1].get_xdata() == [5.5, 5.5]


def test_leads_have_the_colour_of_whoever_is_surely_ahead() -> None:
    leads = ESTIMATES.iloc[:2].assign(estimate=[1.0, -1.0], low=[0.5, -2.0], high=[2.0, 1.0])
    axes = arms.plot_rows(leads, names={"ipo": "IPO", "dpo": "DPO"}, label="lead", arms={"UF": "UF"}, ahead="RA")
    tones = [to_hex(tone) for tone in axes.collections[1].get_facecolors()]
    assert tones == [COLOURS["RA"].lower(), UNSURE]


def test_every_line_of_unlearning_has_a_colour_of_its_own() -> None:
    assert len({COLOURS[name] for name in LINES.values()}) == len(LINES)


DIFFERENCES = pd.DataFrame(
    [("RA less", "UF", 1, 0.5, 2), ("RA less", "base", 2, 1, 3), ("half RA less", "UF", -1, -2, -0.5)],
    columns=["group", "name", "estimate", "low", "high"],
)


def test_groups_have_headings_and_their_rows_stand_below_them() -> None:
    axes = arms.plot_differences(DIFFERENCES, label="gold (of 10)")
    told = [text.get_text() for text in axes.get_yticklabels()]
    at = axes.get_yticks().tolist()
    assert [told[place] for place in np.argsort(at)[::-1]] == ["RA less", "UF", "base", "half RA less", "UF"]
    assert axes.figure.get_suptitle() == "RA is surely ahead of 2 of 2. Half RA is surely behind UF."


def test_a_single_group_has_no_heading() -> None:
    axes = arms.plot_differences(DIFFERENCES.iloc[:2], label="gold (of 10)", ax=plt.subplots()[1])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["UF", "base"]


def test_panels_of_one_quantity_share_its_axis_and_others_do_not() -> None:
    both = pd.concat([DIFFERENCES.assign(panel="a"), DIFFERENCES.assign(panel="b", estimate=9, high=10)])
    titles = {"a": "gold (of 10)", "b": "wins (points)"}
    alike = arms.difference_panels(both, titles, by="panel", label="points").axes
    assert alike[0].get_xlim() == alike[1].get_xlim()
    apart = arms.difference_panels(both, titles, by="panel").axes
    assert apart[0].get_xlim() != apart[1].get_xlim()
    assert apart[1].get_xlabel() == "wins (points)"


def test_shares_have_no_interval_beyond_their_range() -> None:
    broken = pd.DataFrame({"arm": ["RA"], "estimate": [1.0], "low": [-2.0], "high": [4.0]})
    axes = arms.plot_arms(broken, label="answers that break the form (%)")
    assert axes.lines[0].get_xdata().tolist() == [0, 4]


def test_panels_of_arms_tell_the_highest_and_what_they_rest_on() -> None:
    table = ESTIMATES.iloc[1:].assign(metric="gold", n_seeds=3, n_prompts=90)
    figure = arms.arm_panels(table, {"gold": arms.Panel("gold (1-10)")}, by="metric", order=["RA", "UF", "IRA"])
    assert figure.get_suptitle() == "Gold: highest RA 6.0 [5.0, 7.0], lowest UF 4.0 [3.5, 4.5]"
    assert figure.get_supxlabel() == "n = 3 seeds x 90 prompts; 95 % intervals"
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["RA", "UF"]
