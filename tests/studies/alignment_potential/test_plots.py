"""Pictures of selection show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rapo.studies.alignment_potential import plots

PAIRS = pd.DataFrame(
    {
        "explicit": [8.0, -6.0, 2.0, 1.0],
        "implicit": [2.0, 0.1, -1.0, 0.2],
        "gold": [-3.0, 2.0, 0.0, 1.0],
        "quadrant": ["M+ alone", "both", "neither", "small Mpi alone"],
        "picked": [False, True, False, True],
    }
)


def test_quadrants_are_counted_in_the_legend() -> None:
    axes = plots.plot_quadrants(PAIRS)
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["both: 25%", "M+ alone: 25%", "small Mpi alone: 25%", "neither: 25%"]
    ((x, y),) = axes.collections[1].get_offsets()
    assert y == 2.0
    assert abs(x - 8) <= 0.35


def test_potential_marks_wrong_labels() -> None:
    axes = plots.plot_potential(PAIRS, ax=plt.subplots()[1])
    assert axes.get_legend_handles_labels()[1] == ["left out: 50%", "selected by MAP: 50%", "label wrong: 25%"]
    assert axes.collections[1].get_offsets()[:, 1].tolist() == [0.1, 0.2]
    assert axes.collections[2].get_offsets()[:, 1].tolist() == [2.0]


def test_bars_stand_from_top_to_bottom() -> None:
    estimates = pd.DataFrame({"quadrant": ["both", "neither"], "estimate": [5, 7], "low": [4, 6], "high": [6, 8]})
    axes = plots.plot_bars(estimates, label="pairs (%)", reference=3, ax=plt.subplots()[1])
    assert [line.get_xdata().tolist() for line in axes.lines[:4]] == [[4, 6], [5], [6, 8], [7]]
    assert axes.lines[1].get_ydata()[0] > axes.lines[3].get_ydata()[0]


def test_curves_are_ordered_along_x() -> None:
    estimates = pd.DataFrame(
        {"arm": ["MAP", "MAP", "M+"], "x": [2, 1, 1], "estimate": [5, 4, 3], "low": [4, 3, 2], "high": [6, 5, 4]}
    )
    axes = plots.plot_curves(estimates, xlabel="x", ylabel="y")
    assert axes.get_legend_handles_labels()[1] == ["MAP", "M+"]
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert axes.lines[0].get_ydata().tolist() == [4, 5]
    alone = plots.plot_curves(estimates[:2], xlabel="x", ylabel="y", ax=plt.subplots()[1])
    assert alone.get_legend() is None


def test_faults_are_rows_and_metrics_dots() -> None:
    estimates = pd.DataFrame(
        {
            "fault": ["random", "random", "length", "length"],
            "metric": ["M+", "MAP"] * 2,
            "estimate": [90.0, 80.0, 70.0, np.nan],
            "low": [85.0, 75.0, 65.0, np.nan],
            "high": [95.0, 85.0, 75.0, np.nan],
        }
    )
    axes = plots.plot_faults(estimates, metrics=["M+", "MAP"], label="%", ax=plt.subplots()[1])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["random", "length"]
    assert axes.lines[0].get_xdata().tolist() == [90, 70]
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([1.08, 0.08])  # 0.16 / 2 above the row's middle
