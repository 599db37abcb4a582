"""Pictures of selection show the numbers that they are given."""

import matplotlib.pyplot as plt
import pandas as pd
from studies.alignment_potential.test_error_map import MAP

from rapo.studies.alignment_potential import error_map, plots

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
    assert (x, y) == (8.0, 2.0)


def test_potential_marks_wrong_labels() -> None:
    axes = plots.plot_potential(PAIRS, ax=plt.subplots()[1])
    assert axes.get_legend_handles_labels()[1] == ["left out: 50%", "selected by MAP: 50%", "label wrong: 25%"]
    assert axes.collections[1].get_offsets()[:, 1].tolist() == [0.1, 0.2]
    assert axes.collections[2].get_offsets()[:, 1].tolist() == [2.0]


def test_the_map_has_a_panel_for_each_policy_and_length_bias() -> None:
    figure = plots.plot_map(error_map.gaps(MAP))
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert titles == [f"{policy}, length bias {bias}" for bias in (0, 3) for policy in ("on-policy", "off-policy")]
    assert [text.get_text().split("\n")[0] for text in figure.axes[0].texts] == ["+8.0"] * 2 + ["-2.0"] * 2 + [
        "-3.0"
    ] * 2
    assert len({ax.images[0].get_clim() for ax in figure.axes}) == 1  # panels are compared


def test_lines_over_the_lean_in_a_panel_a_policy() -> None:
    figure = plots.plot_right(error_map.right(MAP))
    assert [ax.get_title() for ax in figure.axes] == ["on-policy", "off-policy"]
