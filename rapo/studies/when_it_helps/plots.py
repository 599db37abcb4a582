"""Pictures of the map of regimes: a heat map of gains, and gains against a feature."""

from typing import TYPE_CHECKING

from rapo.plots import style
from rapo.plots.arms import plot_differences
from rapo.plots.lines import plot_lines

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_heat_map(
    cells: "pd.DataFrame", *, xlabel: str, ylabel: str, label: str = "gain (of 10)", ax: "Axes | None" = None
) -> "Axes":
    """Gain by row and column; a cell whose interval leaves out zero is bold.

    Args:
        cells: columns row, column, estimate, low, high; a place may lack its cell.
        xlabel, ylabel: what columns and rows are.
        label: of the colours.
    """
    import seaborn as sns

    ax = style.axes(ax)
    wide = cells.pivot(index="row", columns="column", values="estimate")
    wide = wide.loc[list(dict.fromkeys(cells["row"])), list(dict.fromkeys(cells["column"]))]
    reach = float(cells["estimate"].abs().max()) or 1.0
    sns.heatmap(wide, center=0, vmin=-reach, vmax=reach, cmap="RdBu", cbar_kws={"label": label}, ax=ax)
    rows, columns = list(wide.index), list(wide.columns)
    numbers = cells[["estimate", "low", "high"]].to_numpy(dtype=float)
    for row, column, (estimate, low, high) in zip(cells["row"], cells["column"], numbers, strict=True):
        ax.text(
            columns.index(column) + 0.5, rows.index(row) + 0.5, f"{estimate:+.2f}\n[{low:.2f}, {high:.2f}]",
            ha="center", va="center", color="white" if abs(estimate) > 0.6 * reach else "black", fontsize="small",
            fontweight="bold" if low > 0 or high < 0 else "normal",
        )  # fmt: skip
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.tick_params(axis="y", rotation=0)
    return ax


def overshoot_panels(beyond: "pd.DataFrame") -> "Figure":
    """Sentences less the best number, a panel an arm; a world without a best number has one empty panel that says so.

    Args:
        beyond: columns group (arm), name (regime), estimate, low, high.
    """
    import matplotlib.pyplot as plt

    if beyond.empty:
        figure, ax = plt.subplots(figsize=(7, 1))
        ax.text(0.5, 0.5, "in no regime is there a best number of sentences", ha="center", va="center")
        ax.set_axis_off()
        return figure
    parts = list(beyond.groupby("group", sort=False))
    size = (13, 0.11 * len(beyond) + 1)
    figure, axes = plt.subplots(1, len(parts), figsize=size, sharex=True, sharey=True, squeeze=False)
    for ax, (arm, part) in zip(axes[0], parts, strict=True):
        plot_differences(part, label="sentences less the best number", ax=ax)
        ax.set_title(str(arm))
    return figure


def plot_slopes(slopes: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """How the reward follows the goal over the number of prompts, a line for each share of scored answers.

    Args:
        slopes: columns scored, pairs (0: before training), estimate, low, high.
    """
    axes = style.axes(ax)
    told = slopes.assign(share=[f"{100 * share:g} % scored" for share in slopes["scored"]])
    label = "slope of gold on the goal (points a point)"
    plot_lines(told, by="share", x="pairs", xlabel="prompts with pairs", ylabel=label, ax=axes)
    places = sorted(told["pairs"].unique())
    axes.set_xscale("symlog", linthresh=max(1, *places[1:2]))
    axes.set_xticks(places, [f"{place:,}" for place in places])
    axes.minorticks_off()
    axes.axhline(0, color="0.4", linewidth=1)
    return axes


def plot_against(gains: "pd.DataFrame", feature: str, *, label: str, ax: "Axes | None" = None) -> "Axes":
    """Gain of every regime, with its interval, against one feature.

    Args:
        gains: columns estimate, low, high and the feature.
        feature: a column.
        label: of the horizontal axis.
    """
    ax = style.axes(ax)
    ax.vlines(gains[feature], gains["low"], gains["high"], color="#0072B2", alpha=0.5)
    ax.plot(gains[feature], gains["estimate"], "o", color="#0072B2")
    ax.axhline(0, color="0.4", linewidth=1)
    ax.set(xlabel=label, ylabel="RA less its best control (of 10)")
    return ax
