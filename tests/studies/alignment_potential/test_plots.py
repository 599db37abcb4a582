"""Pictures of selection show the numbers that they are given."""

import matplotlib.pyplot as plt
import pandas as pd
from studies.alignment_potential.test_error_map import MAP

from rapo.stats.intervals import Interval
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


def test_the_contradiction_is_counted_in_the_title() -> None:
    rows = [
        (name, quantity, 25.0, 20.0, 30.0) for name in plots.QUADRANTS for quantity in ("pairs", "label right")
    ]
    figure = plots.plot_corner_shares(
        pd.DataFrame(rows, columns=["quadrant", "quantity", "estimate", "low", "high"])
    )
    assert figure.get_suptitle().startswith("The two margins contradict each other on 50 %")
    assert len(figure.axes) == 2


def test_the_papers_bars_have_an_order_and_ours_have_numbers() -> None:
    arms = pd.DataFrame({"arm": list(plots.METRICS), "architecture": "qwen2", "objective": "dpo", "estimate": 7.0})
    gaps = pd.DataFrame(
        {"group": ["all", "qwen2, DPO"], "name": "less M+", "estimate": 0.1, "low": [0.05, -1], "high": 1.0}
    )
    figure = plots.plot_trained(arms.assign(low=6.0, high=8.0), pd.Series({"qwen2": 6.5}), gaps)
    left, right = figure.axes
    assert (len(left.patches), len(right.patches)) == (16, 4)
    assert [text.get_text() for text in right.get_xticklabels()] == ["Qwen2-like\nDPO"]
    assert figure.get_suptitle().endswith("Published: in 4 of 4 models. Here: surely above, 0.10 [0.05, 1.00].")


def test_agreement_is_that_of_the_share_asked_for() -> None:
    rows = [(metric, share, 70.0 + share, 60.0, 80.0, 8) for metric in plots.METRICS for share in (0.4, 0.5)]
    agreed = pd.DataFrame(rows, columns=["metric", "share", "estimate", "low", "high", "n"])
    _, right = plots.plot_agreed(agreed, Interval(1.0, -1.0, 3.0, n=8), share=0.4).axes
    assert [round(bar.get_height(), 6) for bar in right.patches] == [70.4] * 4


def test_weights_and_joins_tell_their_numbers() -> None:
    line = pd.DataFrame({"arm": "MAP", "x": [4.0, 0.0], "estimate": [80.0, 82.0], "low": 70.0, "high": 90.0})
    told = plots.plot_weights(line, line).get_suptitle().replace("\n", " ")
    assert "right labels go from 82.0 to 80.0 %" in told
    joined = pd.DataFrame({"arm": ["RA", "MAP + RA"], "estimate": 7.0, "low": 6.0, "high": 8.0})
    lead = pd.DataFrame({"group": ["all"], "name": ["less RA"], "estimate": 1.0, "low": 0.5, "high": 2.0})
    assert plots.plot_join(joined, lead, reference=7).get_suptitle() == "MAP + RA is surely ahead of RA."
