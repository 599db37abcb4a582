"""Pictures of goals show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from rapo.plots.style import colour
from rapo.stats.intervals import Interval
from rapo.studies.goals_and_scales import plots

FALLS = pd.DataFrame(
    {"asked": ["truth", "truth", "order", "order"], "realised": ["order", "truth", "order", "truth"],
     "estimate": [-0.04, 6.0, 3.0, 1.25]}
)  # fmt: skip


def test_falls_stand_where_asked_and_realised_meet() -> None:
    axes = plots.plot_falls(FALLS, limit=6)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["truth", "order"]
    told = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    assert told == {(0, 0): "6.0", (1, 0): "0.0", (0, 1): "1.2", (1, 1): "3.0"}  # (column, row)
    assert axes.images[0].get_clim() == (-6, 6)


def test_panels_of_falls_share_their_colours() -> None:
    frame = pd.concat([FALLS.assign(arm="base", estimate=FALLS["estimate"] / 2), FALLS.assign(arm="RA")])
    figure = plots.fall_panels(frame, {"base": "before", "RA": "after"})
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes[:2]] == ["before", "after"]
    assert {ax.images[0].get_clim() for ax in figure.axes[:2]} == {(-6, 6)}


LINES = pd.DataFrame(
    {"arm": ["RA", "RA", "UF", "UF"], "x": [3.0, 0.0, 0.0, 3.0], "goal": [15.0, 0.0, 0.0, 15.0],
     "estimate": [5.0, 8.0, 6.0, 5.5], "low": [4.0, 7.0, 5.0, 5.0], "high": [6.0, 9.0, 7.0, 6.0]}
)  # fmt: skip


def test_lines_are_sorted_and_keep_the_colour_of_their_method() -> None:
    axes = plots.plot_lines(LINES, xlabel="noise", ylabel="gold")
    assert axes.lines[0].get_xydata().tolist() == [[0, 8], [3, 5]]
    assert [to_hex(line.get_color()).lower() for line in axes.lines] == [
        colour(arm).lower() for arm in ("RA", "UF")
    ]
    assert axes.get_xticks().tolist() == [0, 3]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["RA", "UF"]


def test_what_lies_outside_the_scale_stands_on_grey() -> None:
    axes = plots.plot_outside(LINES, ends=(1, 10), xlabel="goal")
    edges = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches)
    # An edge of 3 % of 15 around the goals; the grey begins half of it beyond the scale's ends.
    assert np.array(edges) == pytest.approx(np.array([[-0.45, 0.775], [10.225, 15.45]]))
    inside = plots.plot_outside(LINES, ends=(0, 15), xlabel="goal", ax=plt.subplots()[1])
    assert not inside.patches


def test_a_panel_for_each_attribute_and_one_for_sentences() -> None:
    attributes = ["count", "truth", "unique", "order", "elaboration"]
    rows = [
        {"arm": arm, "attribute": attribute, "goal": goal, "metric": metric, "estimate": 3.0, "low": 2.0, "high": 4.0}
        for arm in ("base", "RA, attributes") for attribute in attributes for goal in (4, 10)
        for metric in ("score", "sentences") if metric == "score" or attribute == "elaboration"
    ]  # fmt: skip
    figure = plots.attribute_panels(pd.DataFrame(rows))
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes[:5]] == attributes
    assert len(figure.axes) == 6
    assert [len(ax.lines) for ax in figure.axes] == [3] * 5 + [2]  # two arms and the diagonal
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["base", "RA, attributes"]


def test_seven_attributes_without_an_amount_have_seven_panels() -> None:
    rows = [
        {"arm": "base", "attribute": str(n), "goal": goal, "metric": "score", "estimate": 3.0, "low": 2.0, "high": 4.0}
        for n in range(7) for goal in (4, 10)
    ]  # fmt: skip
    figure = plots.attribute_panels(pd.DataFrame(rows))
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert len(shown) == 7
    assert [bool(ax.get_xlabel()) for ax in shown] == [False] * 3 + [True] * 4  # the lowest of each column


def test_scales_are_named_where_their_lines_end_and_tell_how_far_they_rise() -> None:
    rows = [
        (arm, x, share, 5 + share + (x == "1-10"), 4, 9)
        for arm in ("base", "RA")
        for x in ("1-5", "1-10")
        for share in (1.0, 0.0)
    ]
    lines = pd.DataFrame(rows, columns=["arm", "x", "share", "estimate", "low", "high"])
    figure = plots.plot_scales(lines)
    assert [text.get_text() for text in figure.axes[1].texts] == ["1-5", "1-10"]
    assert "1-5 +1.00, 1-10 +1.00" in figure.get_suptitle().replace("\n", " ")


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other() -> None:
    axes = plt.subplots()[1]
    axes.set_ylim(0, 10)
    near = pd.DataFrame({"arm": ["RA", "base"], "x": [1, 1], "estimate": [5.0, 5.1]})
    plots.label_ends(axes, near, x="x")
    heights = [text.xy[1] for text in axes.texts]
    assert heights == [5.0, 5.7]  # 7 % of the axis apart


def test_goals_above_the_scale_are_told_against_its_top() -> None:
    lines = LINES[LINES["arm"] == "RA"].assign(x="1-10")
    top = lines.iloc[:1].assign(goal=10.0, estimate=7.0)
    figure = plots.outside_panels(pd.concat([lines, top]), {"1-10": (1, 10)})
    assert figure.get_suptitle().replace("\n", " ").endswith("1-10 -2.00")  # 5 at 15, less 7 at 10


def test_rounds_on_own_answers_stand_under_the_headings_of_their_sources() -> None:
    rows = [("base, g=10", ""), ("UF", "off"), ("UF", "on"), ("RA", "off"), ("RA", "on")]
    gold = pd.DataFrame(rows, columns=["arm", "x"]).assign(estimate=6.0, low=5.5, high=7.0)
    axes = plots.plot_own_answers(gold).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["UF", "RA", "UF", "RA", "off", "on"]
    assert "0 of 4 intervals lie above the base's 6.00" in axes.figure.get_suptitle().replace("\n", " ")


def test_leads_over_noise_are_told_where_they_are_sure() -> None:
    leads = LINES.assign(arm="RA less UF", low=[1, -1, 1, -1], estimate=2.0, high=3.0)
    assert plots.plot_noise(LINES, leads).get_suptitle() == "RA less UF is surely above zero in 2 of 4."


def test_own_answers_stand_beside_the_papers_order_after_the_first_round() -> None:
    cells = [
        (arm, x, value) for x, value in ((plots.FIRST, 8.0), ("on-policy, round 2", 9.0)) for arm in ("UF", "RA")
    ]
    lines = pd.DataFrame(cells, columns=["arm", "x", "estimate"]).assign(low=7.0, high=9.5)
    figure = plots.plot_own_beside(lines, Interval(-0.1, -0.2, 0.1, n=4))
    left, right = figure.axes
    assert (len(left.patches), left.get_yticks().tolist()) == (2, [])
    assert [bar.get_height() + 1 for bar in right.patches] == [8.0, 8.0]
    assert "Published: yes. Here: no sure difference, -0.10" in figure.get_suptitle().replace("\n", " ")


def test_several_attributes_stand_beside_the_published_ones() -> None:
    cells = pd.DataFrame({"arm": list(plots.SEVERAL), "metric": "gold", "estimate": 8.0, "low": 7.0, "high": 9.0})
    figure = plots.plot_several(cells, Interval(-0.5, -0.9, -0.1, n=9))
    assert sorted(bar.get_height() for bar in figure.axes[0].patches) == [53.7, 56.57]
    assert "Published: yes. Here: surely below" in figure.get_suptitle().replace("\n", " ")
