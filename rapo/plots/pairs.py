"""Pictures of a preference data set: scores, margins, and the premises of the papers."""

from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHOSEN, REJECTED, TIES, PLAIN = "#009E73", "#D55E00", "#7f7f7f", "#0072B2"


def plot_scores(histogram: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Scores of chosen and rejected responses, side by side in each bin.

    Args:
        histogram: from `rapo.pairs.audit.score_histogram`.
        ax: where to draw; a new figure by default.
    """
    ax = style.axes(ax)
    for side, colour, shift in (("chosen", CHOSEN, 0.0), ("rejected", REJECTED, 0.5)):
        bins = histogram[histogram["response"] == side]
        width = 0.46 * (bins["high"] - bins["low"])
        left = bins["low"] + (0.04 + shift) * (bins["high"] - bins["low"])
        label = f"{side} (n = {bins['count'].sum():,})"
        ax.bar(left, 100 * bins["share"], width, align="edge", color=colour, label=label)
    ax.set(xlabel="score", ylabel="responses (%)")
    _legend_above(ax)
    return ax


def plot_margins(histogram: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Margins of the pairs; ties stand apart, at zero.

    Args:
        histogram: from `rapo.pairs.audit.margin_histogram`.
        ax: where to draw; a new figure by default.
    """
    ax = style.axes(ax)
    told, ties = histogram[~histogram["tie"]], histogram[histogram["tie"]]
    width = told["high"] - told["low"]
    heights = 100 * told["share"].to_numpy(float)
    ax.bar(
        told["low"] + 0.04 * width,
        heights,
        0.92 * width,
        align="edge",
        color=PLAIN,
        label=f"a margin ({told['count'].sum():,})",
    )
    if ties["count"].sum():
        at_zero = heights[(told["low"] < 0) & (told["high"] > 0)].sum()
        label = f"ties ({ties['count'].sum():,})"
        ax.bar([0.0], 100 * ties["share"], 0.92 * width.max(), bottom=at_zero, color=TIES, label=label)
    ax.set(xlabel="margin: score of chosen - score of rejected")
    ax.set_ylabel(f"pairs (%), n = {histogram['count'].sum():,}")
    _legend_above(ax)
    return ax


def plot_premises(shares: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Shares of the pairs that the papers' arguments rest on, with their intervals.

    Args:
        shares: from `rapo.audit`.
        ax: where to draw; a new figure by default.
    """
    ax = style.axes(ax)
    rows = np.arange(len(shares))[::-1]
    share, low, high = (100 * shares[column].to_numpy(float) for column in ("share", "low", "high"))
    ax.errorbar(share, rows, xerr=[share - low, high - share], fmt="o", color=PLAIN, capsize=3)
    labels = [f"{row.quantity}\n{row.count:,} of {row.n:,}" for row in shares.itertuples()]
    ax.set_yticks(rows, labels, fontsize="small")
    ax.set(xlabel="share (%), with 95 % interval", xlim=(-2, 102), ylim=(-0.6, len(shares) - 0.4))
    ax.grid(axis="x", alpha=0.3)
    return ax


def plot_overview(scores: "pd.DataFrame", margins: "pd.DataFrame", shares: "pd.DataFrame") -> "Figure":
    """Scores, margins and premises of one data set side by side.

    Args:
        scores, margins, shares: from `rapo.pairs.audit`: score_histogram, margin_histogram and audit.
    """
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14.5, 4.2), width_ratios=[1.1, 1.1, 1])
    plot_scores(scores, ax=left)
    plot_margins(margins, ax=middle)
    plot_premises(shares, ax=right)
    return figure


def _legend_above(ax: "Axes") -> None:
    """A legend over the axes, where it covers no bar."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
