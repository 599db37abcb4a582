"""Pictures of the map of regimes: a heat map of gains, and gains against a feature."""

from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_heat_map(cells: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Gain by place (rows) and weight (columns) of the optimum; a cell whose interval leaves out zero is bold.

    Args:
        cells: columns optimum, weight, estimate, low, high.
    """
    import seaborn as sns

    ax = style.axes(ax)
    wide = cells.pivot(index="optimum", columns="weight", values="estimate")
    wide = wide.loc[list(dict.fromkeys(cells["optimum"])), list(dict.fromkeys(cells["weight"]))]
    reach = float(np.abs(wide.to_numpy(dtype=float)).max()) or 1.0
    sns.heatmap(wide, center=0, vmin=-reach, vmax=reach, cmap="RdBu", cbar_kws={"label": "gain (of 10)"}, ax=ax)
    rows, columns = list(wide.index), list(wide.columns)
    numbers = cells[["estimate", "low", "high"]].to_numpy(dtype=float)
    for row, column, (estimate, low, high) in zip(cells["optimum"], cells["weight"], numbers, strict=True):
        ax.text(
            columns.index(column) + 0.5, rows.index(row) + 0.5, f"{estimate:+.2f}\n[{low:.2f}, {high:.2f}]",
            ha="center", va="center", color="white" if abs(estimate) > 0.6 * reach else "black", fontsize="small",
            fontweight="bold" if low > 0 or high < 0 else "normal",
        )  # fmt: skip
    ax.set(xlabel="weight of elaboration", ylabel="best number of sentences")
    ax.tick_params(axis="y", rotation=0)
    return ax


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
