"""Pictures of win rates show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rapo.plots import winrates as plots

BOARD = pd.DataFrame(
    {
        "model": ["a", "b"],
        "length_ratio": [0.5, 2.0],
        "win_rate": [20.0, 60.0],
        "length_controlled_winrate": [30.0, 50.0],
        "lc_low": [25.0, 44.0],
        "lc_high": [36.0, 57.0],
        "truth": [31.0, 49.0],
    }
)


def points(ax, label: str) -> list[list[float]]:
    """Coordinates of the line or error bars with a label."""
    handles, labels = ax.get_legend_handles_labels()
    handle = handles[labels.index(label)]
    line = handle if hasattr(handle, "get_xydata") else handle[0]
    return np.asarray(line.get_xydata()).tolist()


def test_length_bias_draws_both_rates_over_length_and_the_stroke_between_them() -> None:
    ax = plots.plot_length_bias(BOARD)
    assert points(ax, "win rate") == [[0.5, 20.0], [2.0, 60.0]]
    assert points(ax, "length-controlled") == [[0.5, 30.0], [2.0, 50.0]]
    strokes = [path.vertices.tolist() for path in ax.collections[0].get_paths()]
    assert strokes == [[[0.5, 20.0], [0.5, 30.0]], [[2.0, 60.0], [2.0, 50.0]]]
    assert "%" in ax.get_ylabel()


@pytest.mark.parametrize("log", [False, True])
def test_against_a_reference_draws_the_line_of_agreement(log) -> None:
    ax = plots.plot_against(BOARD, reference="truth", label="truth (%)", log=log)
    assert points(ax, "length-controlled (95 %)") == [[31.0, 30.0], [49.0, 50.0]]
    assert points(ax, "raw") == [[31.0, 20.0], [49.0, 60.0]]
    assert ax.get_xlim() == ax.get_ylim()
    low, high = ax.get_xlim()
    assert low < 20
    assert high > 60
    assert ax.get_xscale() == ("log" if log else "linear")


def test_without_raw_rates_only_the_controlled_ones_are_drawn() -> None:
    ax = plots.plot_against(BOARD.drop(columns="win_rate"), reference="truth", label="truth (%)")
    assert ax.get_legend_handles_labels()[1] == ["length-controlled (95 %)"]


def test_length_effect_marks_where_the_rate_is_read_off() -> None:
    estimates = pd.DataFrame(
        {
            "kind": ["judged", "judged", "fitted", "fitted", "at equal length"],
            "longer": [-50.0, 80.0, -100.0, 100.0, 0.0],
            "win_rate": [20.0, 50.0, 15.0, 60.0, 33.0],
            "low": [10.0, 40.0, np.nan, np.nan, np.nan],
            "high": [30.0, 60.0, np.nan, np.nan, np.nan],
        }
    )
    ax = plots.plot_length_effect(estimates)
    assert points(ax, "length-controlled win rate") == [[0.0, 33.0]]
    assert points(ax, "judged, by bins (95 %)") == [[-50.0, 20.0], [80.0, 50.0]]
    assert points(ax, "regression") == [[-100.0, 15.0], [100.0, 60.0]]


def test_axes_that_are_given_are_used_and_nothing_is_changed() -> None:
    _, (left, right) = plt.subplots(1, 2)
    before = BOARD.copy()
    assert plots.plot_length_bias(BOARD, ax=left) is left
    assert not right.lines
    pd.testing.assert_frame_equal(before, BOARD)


def test_a_leaderboard_has_the_best_on_top_and_an_interval_where_one_is_known() -> None:
    board = pd.DataFrame(
        {"model": ["a", "b"], "score": [60.0, 40.0], "low": [55.0, np.nan], "high": [64.0, np.nan]}
    )
    ax = plots.plot_leaderboard(board, label="score (%)")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]
    assert np.asarray(ax.lines[0].get_xydata()).tolist() == [[60.0, 1.0], [40.0, 0.0]]
    strokes = [path.vertices[:, 0].tolist() for path in ax.collections[0].get_paths()]
    assert strokes == [[55.0, 64.0], [40.0, 40.0]]
    assert [line.get_xdata()[0] for line in ax.lines[-1:]] == [50]
    plain = plots.plot_leaderboard(board, label="score", even=None)
    assert len(plain.lines) == len(ax.lines) - 1
