"""Pictures of judges show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from rapo.judging import agreement, bias, votes
from rapo.plots import agreement as plots
from rapo.studies.judge_agreement import simulation


@pytest.fixture(scope="module")
def pairs():
    return simulation.judged_pairs(simulation.TwoJudges(), n_pairs=400)


@pytest.fixture(scope="module")
def both(pairs):
    return [votes.of(pairs[side], middle=1.5) for side in ("first", "second")]


def test_by_margin_draws_bins_as_wide_as_they_have_pairs(pairs, both):
    estimates = agreement.by_margin(*both, pairs["first"] - 1.5, bins=[0, 0.3, 0.5])
    axes = plots.plot_by_margin(estimates.assign(expected=[0.6, 0.8]))
    known, points = axes.lines[0], axes.containers[0].lines[0]
    share = 100 * estimates["n"].iloc[0] / 400
    assert_allclose(points.get_xdata(), [share / 2, (share + 100) / 2])
    assert_allclose(points.get_ydata(), 100 * estimates["agreement"])
    assert_allclose(known.get_ydata(), [60, 80])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.3", "0.5"]
    assert f"n = {estimates['n'].min()} to {estimates['n'].max()} a bin" in axes.get_legend_handles_labels()[1][1]


def test_by_share_draws_a_line_a_metric(pairs, both):
    metrics = {"uniform": np.arange(400), "M+": (pairs["first"] - 1.5).abs()}
    estimates = agreement.by_share(*both, metrics, shares=(0.25, 1.0))
    axes = plots.plot_by_share(estimates, ax=plt.subplots()[1])
    assert axes.get_legend_handles_labels()[1] == ["uniform", "M+"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[25, 100], [25, 100]]
    # All pairs are all pairs, whatever selects them.
    assert axes.lines[0].get_ydata()[1] == axes.lines[1].get_ydata()[1]


def test_sways_draws_a_row_an_annotator(pairs):
    estimates = bias.sways(pairs)
    axes = plots.plot_sways(estimates.assign(expected=0.5))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "truth: the longer answer"
    assert labels[-1] == "second: the first shown"
    shown = [container.lines[0].get_xdata()[0] for container in axes.containers]
    assert_allclose(shown, 100 * estimates["share"])
    assert plots.plot_sways(estimates, ax=plt.subplots()[1]).get_legend() is None


def test_figures_change_no_table(pairs, both):
    estimates = agreement.by_margin(*both, pairs["first"] - 1.5, bins=3)
    before = estimates.copy()
    plots.plot_by_margin(estimates)
    pd.testing.assert_frame_equal(estimates, before)
