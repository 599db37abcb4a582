"""Pictures of the two theorems: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from rapo.plots import style
from rapo.studies.theory import plots


def test_rates_are_log_log_with_paler_lines_for_rarer_answers() -> None:
    rows = [("RA", 0.3), ("RA", 0.01), ("UF", 0.3)]
    frames = [
        pd.DataFrame({"method": method, "coverage": coverage, "n_pairs": [50, 500], "estimate": [1.0, 0.1]})
        for method, coverage in rows
    ]
    axes = plots.plot_rates(pd.concat(frames).assign(low=0.05, high=2.0))
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [line.get_label() for line in axes.lines] == ["RA, 30 %", "RA, 1 %", "UF, 30 %"]
    common, rare, plain = (line.get_color() for line in axes.lines)
    assert to_hex(common) == style.COLOURS["RA"].lower()
    assert to_hex(plain) == style.COLOURS["UF"].lower()
    assert sum(rare) > sum(common)


def test_the_guide_has_its_slope() -> None:
    axes = plots.add_slope(-0.5, start=(100.0, 3.0), stop=10_000.0, label="-1/2", ax=plt.subplots()[1])
    # A hundred times the pairs: a tenth.
    assert axes.lines[0].get_ydata() == pytest.approx([3.0, 0.3])


def test_the_envelope_is_the_largest_at_each_size() -> None:
    frame = pd.DataFrame(
        {"gap": [1.0, 1.0, 2.0, 2.0], "n_pairs": [10, 100] * 2, "suboptimality": [0.5, 0.2, 0.6, 0.1]}
    )
    axes = plots.plot_worst_case(frame)
    (worst,) = (line for line in axes.lines if line.get_label() == "the worst problem at each N")
    assert worst.get_ydata().tolist() == [0.6, 0.2]


def test_ratios_are_points_by_dimension_and_condition() -> None:
    rows = [(5, 1.0, 0.1), (5, 10.0, 0.2), (20, 1.0, 0.3), (20, 10.0, 0.4)]
    frame = pd.DataFrame(rows, columns=["dimension", "condition", "estimate"]).assign(low=0.05, high=0.5)
    axes = plots.plot_ratios(frame)
    points = [line.get_ydata().tolist() for line in axes.lines if line.get_marker() in ("o", "s")]
    assert points == [[0.1, 0.3], [0.2, 0.4]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "20"]


def test_lines_against_a_quantity_are_sorted_and_chosen() -> None:
    frame = pd.DataFrame({"sampling": ["adversarial", "adversarial", "largest pull"], "noise": [1.0, 0.1, 0.5]})
    axes = plots.plot_ratio_against(frame.assign(estimate=[1.4, 0.8, 9.0], low=0.5, high=9.5), "noise")
    (line,) = (line for line in axes.lines if line.get_marker() == "s")
    assert line.get_xdata().tolist() == [0.1, 1.0]
    assert line.get_ydata().tolist() == [0.8, 1.4]


def test_error_curves_have_one_line_a_sampling() -> None:
    frame = pd.DataFrame({"sampling": ["uniform"] * 2 + ["adversarial"] * 2, "update": [0, 1] * 2})
    axes = plots.plot_error_curves(frame.assign(estimate=[1, 0.5, 1, 0.1], low=0.05, high=1.0))
    assert [to_hex(line.get_color()) for line in axes.lines] == [
        style.COLOURS["uniform"].lower(),
        style.COLOURS["MAP"].lower(),
    ]
    assert np.ravel([line.get_ydata() for line in axes.lines]).tolist() == [1, 0.5, 1, 0.1]


def test_lines_that_end_together_share_a_name() -> None:
    ends = {0.3: 0.001, 0.1: 0.0015, 0.0: 2.0}
    rows = [("RA", share, n, end * 1000 / n, end, end) for share, end in ends.items() for n in (100, 1000)]
    axes = plots.plot_rates(
        pd.DataFrame(rows, columns=["method", "coverage", "n_pairs", "estimate", "low", "high"])
    )
    assert [text.get_text() for text in axes.texts] == ["RA, 10-30 %", "RA, 0 %"]


def test_panels_tell_what_their_tables_say() -> None:
    updates = pd.DataFrame(
        {"sampling": ["uniform"] * 2, "update": [0, 1], "estimate": [1, 0.5], "low": 0.1, "high": 1.0}
    )
    ratios = pd.DataFrame({"loss": ["a", "b"], "dimension": 5, "condition": 1, "estimate": [0.2, 0.9], "n": 20})
    figure = plots.update_panels(updates, ratios.assign(low=0.1, high=[0.3, 1.2]), kind="small")
    assert figure.get_suptitle().replace("\n", " ") == (
        "Sampling the largest gap needs fewer updates in 1 of 2 kinds: 0.20 to 0.90 of uniform's updates"
    )
    limits = pd.DataFrame(
        {"sampling": "adversarial", "spread": [1.0, 4.0], "noise": [0.1, 0.2], "estimate": [0.5, 2]}
    )
    limits = limits.assign(low=[0.4, 1.5], high=[0.6, 2.5])
    figure = plots.limit_panels(limits, limits.assign(low=0.4), budget=300)
    assert (
        figure.get_suptitle()
        .replace("\n", " ")
        .endswith("from margins spread by 4 nats on, and with no noise that was tried")
    )
