"""Pictures of judges: agreement by margin and by selected share, and what sways them."""

from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style, words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MEASURED, _KNOWN = "#0072B2", "#E69F00"
_ANNOTATORS = {"truth": "#7f7f7f", "first": "#0072B2", "second": "#D55E00"}


def plot_by_margin(estimates: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Agreement by the first judge's margin: a point a bin with its interval, each bin as wide as it has pairs.

    Args:
        estimates: of `rapo.judging.agreement.by_margin`; a column ``expected`` (0..1) is drawn as a line.
    """
    ax = style.axes(ax)
    share = 100 * estimates["agreement"].to_numpy()
    reach = 100 * style.reach(estimates, "agreement", "agreement_low", "agreement_high")
    sizes = estimates["n"].to_numpy()
    ends = np.concatenate([[0], np.cumsum(sizes)]) * 100 / sizes.sum()
    middles = (ends[1:] + ends[:-1]) / 2
    if "expected" in estimates:
        ax.plot(middles, 100 * estimates["expected"], color=_KNOWN, label="known", zorder=1)
    n = f"{sizes.min():,}" if sizes.min() == sizes.max() else f"{sizes.min():,} to {sizes.max():,}"
    ax.errorbar(middles, share, reach, fmt="o", color=_MEASURED, label=f"measured (95 %), n = {n} a bin")
    ax.axhline(50, **style.GUIDE)
    edges = [*estimates["low"], estimates["high"].iloc[-1]]
    digits = 2 - int(np.floor(np.log10(max(edges[-1], 1e-12))))
    texts = [f"{round(edge, digits):g}" for edge in edges]
    ax.set_xticks(ends, texts, fontsize="small", rotation=45 * (len(edges) > 12))
    ax.set_xlim(-1, 101)
    ax.margins(y=0.1)
    ax.set(xlabel="first judge's margin, at the bins' edges", ylabel="agreement (%)")
    ax.legend(loc="best")
    told = (
        f"{share[0]:.0f} % agreement at the smallest margins of the first judge, {share[-1]:.0f} % at the largest"
    )
    _title(ax, told)
    return ax


def plot_by_share(estimates: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Agreement on the selected pairs (of `rapo.judging.agreement.by_share`) against their share, a line a metric."""
    ax = style.axes(ax)
    for metric, part in estimates.groupby("metric", sort=False):
        colour = style.colour(str(metric))
        percent, rate, low, high = (
            100 * part[name] for name in ("share", "agreement", "agreement_low", "agreement_high")
        )
        ax.fill_between(percent, low, high, color=colour, alpha=0.15, linewidth=0)
        ax.plot(percent, rate, "o-", color=colour, label=metric)
    ax.set(xlabel="pairs selected (%)", ylabel="agreement on them (%)")
    ax.legend(title="selected by")
    least = estimates[estimates["share"] == estimates["share"].min()]
    told = [f"{metric} {100 * rate:.0f} %" for metric, rate in least[["metric", "agreement"]].to_numpy()]
    _title(ax, f"Agreement on the top {100 * least['share'].iloc[0]:g} %: {', '.join(told)}")
    return ax


def plot_sways(estimates: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Share of votes for the longer answer and for the first place, a row an annotator; 50 % is unbiased.

    Args:
        estimates: of `rapo.judging.bias.sways`; a column ``expected`` (0..1, NaN where not known) is marked.
    """
    ax = style.axes(ax)
    rows = np.arange(len(estimates))[::-1]
    reach = 100 * style.reach(estimates, "share", "low", "high")
    for row, who, value, both in zip(rows, estimates["annotator"], 100 * estimates["share"], reach.T, strict=True):
        colour = _ANNOTATORS.get(who, "#009E73")
        ax.errorbar(value, row, xerr=both[:, None], fmt="o", color=colour, markersize=7, capsize=4)
    if "expected" in estimates:
        known = 100 * estimates["expected"].to_numpy(dtype=float)
        ax.plot(known, rows, "|", color=_KNOWN, markersize=22, markeredgewidth=2.5, label="known", zorder=0)
        ax.legend(loc="upper right", markerscale=0.6)
    names = [f"{who}: {what}" for who, what in zip(estimates["annotator"], estimates["votes for"], strict=True)]
    ax.set_yticks(rows, names)
    ax.axvline(50, **style.GUIDE)
    ax.margins(y=0.25)
    ax.set_xlabel("votes (%), 50 is unbiased")
    most = estimates.iloc[int(np.argmax(np.abs(estimates["share"].to_numpy() - 0.5)))]
    told = words.number(*(100 * most[["share", "low", "high"]].to_numpy(float)))
    _title(ax, f"The furthest from 50 %: {most['annotator']}, {told} % of the votes for {most['votes for']}")
    return ax


def _title(ax: "Axes", told: str) -> None:
    if len(ax.figure.axes) == 1:
        style.headline(ax.figure, told)
