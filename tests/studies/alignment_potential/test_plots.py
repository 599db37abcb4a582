"""Pictures of selection show the numbers that they are given."""

import matplotlib.pyplot as plt
import pandas as pd

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
