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
    """Scores of chosen and rejected responses, side by side in each bin; from `rapo.pairs.audit.score_histogram`."""
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
    """Margins of the pairs, from `rapo.pairs.audit.margin_histogram`; ties stand apart, at zero."""
    ax = style.axes(ax)
    told, ties = histogram[~histogram["tie"]], histogram[histogram["tie"]]
    width = told["high"] - told["low"]
    heights = 100 * told["share"].to_numpy(float)
    label = f"a margin ({told['count'].sum():,})"
    ax.bar(told["low"] + 0.04 * width, heights, 0.92 * width, align="edge", color=PLAIN, label=label)
    if ties["count"].sum():
        at_zero = heights[(told["low"] < 0) & (told["high"] > 0)].sum()
        label = f"ties ({ties['count'].sum():,})"
        ax.bar([0.0], 100 * ties["share"], 0.92 * width.max(), bottom=at_zero, color=TIES, label=label)
    n = histogram["count"].sum()
    ax.set(xlabel="margin: score of chosen - score of rejected", ylabel=f"pairs (%), n = {n:,}")
    _legend_above(ax)
    if len(ax.figure.axes) == 1 and len(told):
        low, high = told[["low", "high"]].to_numpy(float)[int(told["share"].to_numpy().argmax())]
        tied = 100 * ties["share"].sum()
        style.headline(ax.figure, f"The commonest margin is {low:g} to {high:g} points; {tied:.0f} % are ties")
    return ax


def plot_premises(shares: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Shares of the pairs that the papers' arguments rest on, from `rapo.pairs.audit.shares`."""
    ax = style.axes(ax)
    rows = np.arange(len(shares))[::-1]
    reach = 100 * style.reach(shares, "share", "low", "high")
    ax.errorbar(100 * shares["share"], rows, xerr=reach, fmt="o", color=PLAIN, capsize=3)
    labels = [f"{row.quantity}\n{row.count:,} of {row.n:,}" for row in shares.itertuples()]
    ax.set_yticks(rows, labels, fontsize="small")
    ax.set(xlabel="share (%), with 95 % interval", xlim=(-2, 102), ylim=(-0.6, len(shares) - 0.4))
    ax.grid(axis="x", alpha=0.3)
    return ax


def plot_overview(scores: "pd.DataFrame", margins: "pd.DataFrame", shares: "pd.DataFrame") -> "Figure":
    """`plot_scores`, `plot_margins` and `plot_premises` of one data set side by side."""
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14.5, 4.2), width_ratios=[1.1, 1.1, 1])
    plot_scores(scores, ax=left)
    plot_margins(margins, ax=middle)
    plot_premises(shares, ax=right)
    told = [f"{name} {100 * share:.0f} %" for name, share in shares[["quantity", "share"]].to_numpy()]
    style.headline(figure, f"Of these pairs and their answers: {', '.join(told)}")
    return figure


def _legend_above(ax: "Axes") -> None:
    """A legend over the axes, where it covers no bar."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
