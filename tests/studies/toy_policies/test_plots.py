"""Pictures of the toy policies: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from rapo.plots import style
from rapo.studies.toy_policies import plots
from rapo.studies.toy_policies.transfer import ARMS


def test_a_line_for_each_policy_on_a_log_axis() -> None:
    estimates = pd.DataFrame({"panel": ["UF", "UF", "RA, g=8", "RA, g=8"], "step": [0, 10, 0, 10]})
    estimates = estimates.assign(estimate=[0.5, 0.1, 0.5, 0.9], low=0.0, high=1.0)
    axes = plots.plot_learning(estimates)
    assert axes.get_xscale() == "log"
    # Step 0 has no place on a log axis.
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.1], [0.9]]
    assert [to_hex(line.get_color()) for line in axes.lines] == [
        style.COLOURS[name].lower() for name in ("UF", "RA")
    ]


def test_paths_end_in_the_corners_of_their_answers() -> None:
    rows = {"panel": "UF", "start": [0, 0, 1, 1], "step": [0, 9, 0, 9]}
    paths = pd.DataFrame({**rows, "y1": [0.2, 1, 0.2, 0], "y2": [0.4, 0, 0.4, 0], "y3": [0.4, 0, 0.4, 1]})
    axes = plots.plot_simplex(paths)
    ends = [
        line.get_xydata()[0] for line in axes.lines if line.get_markersize() == 6 and len(line.get_xdata()) == 1
    ]
    # y1 is the left corner (0, 0), y3 the top one (1/2, sqrt(3)/2).
    assert np.array(ends) == pytest.approx(np.array([[0, 0], [0.5, np.sqrt(3) / 2]]))


def test_bars_have_the_lengths_given() -> None:
    estimates = pd.DataFrame(
        {"pairs": ["a", "a", "b", "b"], "goal": [9.0, 1.0] * 2, "estimate": [0.2, 0.4, 1.0, 0.6]}
    )
    axes = plots.plot_shares(estimates.assign(low=0.1, high=1.0), ax=plt.subplots()[1])
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.4, 1.0, 0.6]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["goal 9", "goal 1"]


def test_every_arm_has_a_look_and_the_strip_covers_goal_10() -> None:
    frames = [
        pd.DataFrame({"arm": arm, "goal": np.arange(1.0, 11.0), "estimate": 5.0, "low": 4.0, "high": 6.0})
        for arm in ARMS
    ]
    axes = plots.plot_carry_over(pd.concat(frames))
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["as asked", *ARMS]
    assert axes.patches[0].get_x() == 9.5


def test_the_map_shows_goals_across_and_scores_up() -> None:
    goals = np.arange(1.0, 11.0)
    grid = pd.DataFrame(
        [{"goal": goal, "score": score, "estimate": goal * 100 + score} for goal in goals for score in goals]
    )
    axes = plots.plot_score_map(grid)
    shown = axes.collections[0].get_array().reshape(10, 10)
    # Row: score; column: goal.
    assert shown[2, 6] == 7 * 100 + 3
