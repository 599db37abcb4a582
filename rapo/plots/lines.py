"""Lines with their intervals, over shares, goals, rounds or noise."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rapo.plots import style, words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW = 10  # up to here each value of a horizontal axis has its own tick


def plot_lines(
    estimates: "pd.DataFrame",
    *,
    xlabel: str,
    ylabel: str,
    by: str = "arm",
    x: str = "x",
    names: Mapping[str, str] | None = None,
    tones: Mapping[str, str] | None = None,
    spread: float | None = None,
    legend: str | None = "",
    finding: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """A line for each value of a column, with its intervals. A figure's only axes get a title.

    Args:
        estimates: columns ``by``, ``x``, estimate, low, high (NaN: no interval).
        xlabel, ylabel: of the axes, with units.
        by: the column that tells lines apart.
        x: the column of the horizontal axis.
        names: value of ``by`` -> what the legend calls it, in its order; by default all, as they come.
        tones: colour of each line; the method's own by default.
        spread: None draws intervals as a band; a number as bars, lines that far apart, in units of ``x``.
        legend: title of the legend below the axes; None: no legend. A single line has none.
        finding: the title; None tells where lines begin and end.
    """
    axes = style.axes(ax)
    lines = names or {str(name): str(name) for name in dict.fromkeys(estimates[by])}
    known = style.inside(estimates, ylabel)
    for place, (name, shown) in enumerate(lines.items()):
        part = known[known[by].astype(str) == name].sort_values(x)
        tone = (tones or {}).get(name) or style.colour(name)
        if spread is None:
            axes.fill_between(part[x], part["low"], part["high"], color=tone, alpha=0.15, linewidth=0)
            axes.plot(part[x], part["estimate"], "o-", color=tone, markersize=5, label=shown)
        else:
            beside, reach = part[x] + spread * (place - (len(lines) - 1) / 2), style.reach(part)
            axes.errorbar(
                beside, part["estimate"], yerr=reach, fmt="o-", color=tone, markersize=5, elinewidth=1, label=shown
            )
    alone = len(axes.figure.axes) == 1
    axes.set(xlabel=xlabel, ylabel=textwrap.fill(ylabel, 30) if alone else ylabel)
    if estimates[x].nunique() <= FEW:
        axes.set_xticks(sorted(estimates[x].unique()))
    if legend is not None and len(lines) > 1:
        axes.legend(title=legend, loc="upper left", bbox_to_anchor=(0, -0.17), ncols=4, columnspacing=1.2)
    if alone:
        ends = words.ends(estimates, by=by, x=x, names=list(lines), quantity=ylabel, along=xlabel)
        style.headline(axes.figure, ends if finding is None else finding)
    return axes


def line_panels(
    estimates: "pd.DataFrame",
    panels: Mapping[str, str],
    *,
    panel: str,
    xlabel: str,
    ylabel: str = "",
    by: str = "arm",
    x: str = "x",
    spread: float | None = None,
    legend: str = "",
) -> "Figure":
    """Panels side by side of `plot_lines`, with one legend below.

    Args:
        estimates: as `plot_lines` takes them, with the column ``panel``.
        panels: value of that column -> the panel's title; without ``ylabel``, the label of its vertical axis.
        panel: the column that tells panels apart.
        xlabel, ylabel, by, x, spread: as `plot_lines` takes them; with ``ylabel`` panels share their vertical axis.
        legend: its title.
    """
    import matplotlib.pyplot as plt

    size = (max(9.2, 3.2 * len(panels)), 4.2)
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=bool(ylabel), squeeze=False)
    for ax, (value, name) in zip(axes[0], panels.items(), strict=True):
        part, label = estimates[estimates[panel] == value], ylabel or name
        plot_lines(part, xlabel=xlabel, ylabel=label, by=by, x=x, spread=spread, legend=None, ax=ax)
        if ylabel:
            ax.set_title(name)
            ax.label_outer()
    handles, shown = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, shown, title=legend, loc="outside lower center", ncols=len(shown))
    return figure
