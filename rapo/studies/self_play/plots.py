"""Pictures of self-play: reward over data size and rounds, and what the added pairs are like."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_growth(
    curves: "pd.DataFrame",
    *,
    x: str,
    xlabel: str,
    ylabel: str,
    spread: float = 0.0,
    ax: "Axes | None" = None,
) -> "Axes":
    """A line an arm with intervals, over rounds or data size.

    Args:
        curves: columns arm, ``x``, estimate, low, high (NaN: no interval).
        x: the column of the horizontal axis.
        xlabel, ylabel: of the axes, with units.
        spread: how far arms stand apart sideways, so that their intervals can be told; in units of ``x``.
    """
    axes = style.axes(ax)
    names = list(dict.fromkeys(curves["arm"]))
    for place, name in enumerate(names):
        some = curves[curves["arm"] == name].sort_values(x)
        beside = some[x] + spread * (place - (len(names) - 1) / 2)
        errors = style.reach(some)
        axes.errorbar(
            beside,
            some["estimate"],
            yerr=errors,
            fmt="o-",
            color=style.colour(name),
            markersize=5,
            elinewidth=1.6,
            label=name,
        )
    axes.set_xticks(sorted(set(curves[x])))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(axis="y", color="0.92")
    return axes


def growth_panels(
    curves: "pd.DataFrame",
    panels: Mapping[str, str],
    *,
    by: str,
    x: str,
    xlabel: str,
    ylabel: str = "",
    spread: float = 0.0,
    legend: str = "",
) -> "Figure":
    """Panels side by side of `plot_growth`, with one legend below.

    Args:
        curves: as `plot_growth` takes them, with the column ``by``.
        panels: value of the column ``by`` -> the panel's title; without ``ylabel``, the label of its vertical axis.
        by: the column that tells panels apart.
        x, xlabel, ylabel, spread: as `plot_growth` takes them; with ``ylabel`` the panels share their vertical axis.
        legend: its title.
    """
    import matplotlib.pyplot as plt

    size = (max(9.2, 3.2 * len(panels)), 4.2)
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=bool(ylabel), squeeze=False)
    for ax, (value, name) in zip(axes[0], panels.items(), strict=True):
        some = curves[curves[by] == value]
        plot_growth(some, x=x, xlabel=xlabel, ylabel=ylabel or name, spread=spread, ax=ax)
        if ylabel:
            ax.set_title(name)
            ax.label_outer()
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, title=legend, loc="outside lower center", ncols=len(names))
    return figure
