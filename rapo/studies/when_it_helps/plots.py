"""Pictures of the map of regimes: a heat map of gains, and gains against a feature."""

from typing import TYPE_CHECKING

import pandas as pd

from rapo.plots import heat, style, words
from rapo.plots.arms import difference_panels, plot_differences
from rapo.plots.lines import plot_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_heat_map(cells: "pd.DataFrame", *, xlabel: str, ylabel: str, ax: "Axes | None" = None) -> "Axes":
    """Gain of RA over its best control by row and column; see `heat.plot_differences`.

    Args:
        cells: columns row, column, estimate, low, high; a place may lack its cell.
        xlabel, ylabel: what columns and rows are.
    """
    named = cells.rename(columns={"row": ylabel, "column": xlabel})
    axes = heat.plot_differences(named, rows=ylabel, columns=xlabel, ahead="RA", behind="UF", digits=2, ax=ax)
    best = cells.sort_values("estimate").iloc[-1]
    told = words.number(*best[["estimate", "low", "high"]].to_numpy(dtype=float))
    ahead, behind = int((cells["low"] > 0).sum()), int((cells["high"] < 0).sum())
    does = "gains most" if best["estimate"] > 0 else "loses least"
    finding = (
        f"RA is surely ahead in {ahead} of {len(cells)} cells, surely behind in {behind}; it {does}, {told} of 10, at "
        f"{ylabel} {best['row']}, {xlabel} {best['column']}"
    )
    style.headline(axes.figure, finding)
    return axes


def overshoot_panels(beyond: "pd.DataFrame") -> "Figure":
    """Sentences less the best number, a panel an arm.

    Args:
        beyond: columns group (arm), name (regime), estimate, low, high; not empty.
    """
    arms = {str(arm): str(arm) for arm in dict.fromkeys(beyond["group"])}
    ended = beyond[beyond["group"] == list(arms)[-1]]
    near = int((ended["low"].le(0) & ended["high"].ge(0)).sum())
    told = f"{list(arms)[-1]} ends within its interval of the best number in {near} of {len(ended)} regimes"
    return difference_panels(beyond, arms, by="group", label="sentences less the best number", finding=told)


def plot_gains(fair: "pd.DataFrame", plain: "pd.DataFrame") -> "Figure":
    """Gold of RA less its best control, and less plain UF, in every regime and over all of them.

    Args:
        fair: of `tables.with_mean`.
        plain: likewise, of the naive comparison.
    """
    titles = {"fair": "less its best control", "plain": "less UF asked plainly"}
    both = pd.concat([fair.assign(panel="fair"), plain.assign(panel="plain")])
    each = fair[fair["group"] != "all regimes"]
    above, below = int((each["low"] > 0).sum()), int((each["high"] < 0).sum())
    told = f"RA is surely ahead of its best control in {above} of {len(each)} regimes, surely behind in {below}"
    return difference_panels(both, titles, by="panel", label="gold of RA, less (of 10)", ahead="RA", finding=told)


def plot_features(found: "pd.DataFrame", gains: "pd.DataFrame") -> "Figure":
    """What goes with RA's gain over regimes, and the gain against how well the base follows goals.

    Args:
        found: of `tables.associations`, without those that could not be told.
        gains: of `tables.gains`.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(14, 4.8), width_ratios=[1.2, 1])
    plot_differences(found, label="rank correlation with the gain, over regimes", ax=axes[0])
    axes[0].set_xlim(-1, 1)
    plot_against(gains, "slope", label="gold of the base asked for 10, less asked for 1", ax=axes[1])
    style.headline(figure, words.surely(found), f"n = {len(gains)} regimes; 95 % intervals")
    return figure


def plot_slopes(slopes: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """How the reward follows the goal over the number of prompts, a line for each share of scored answers.

    Args:
        slopes: columns scored, pairs (0: before training), estimate, low, high.
    """
    axes, numbers = style.axes(ax), sorted(slopes["pairs"].unique())
    trained = slopes.sort_values("pairs").drop_duplicates("scored", keep="last")
    sure, best = int((trained["low"] > 0).sum()), trained.sort_values("estimate").iloc[-1]
    finding = (
        f"After RA the reward surely follows the goal on {sure} of {len(trained)} kinds of base, most "
        f"({best['estimate']:.2f} points a point) where {100 * best['scored']:g} % of the corpus has a score"
    )
    told = slopes.assign(
        share=[f"{100 * share:g} %" for share in slopes["scored"]],
        place=[numbers.index(number) for number in slopes["pairs"]],
    ).sort_values("scored", ascending=False, kind="stable")
    label = "slope of gold on the goal (points a point)"
    xlabel = "prompts with pairs"
    plot_lines(told, by="share", x="place", xlabel=xlabel, ylabel=label, legend=None, finding=finding, ax=axes)
    axes.set_xticks(range(len(numbers)), [f"{number:,}" for number in numbers])
    axes.axhline(0, color="0.4", linewidth=1)
    axes.legend(title="scored", loc="upper left", bbox_to_anchor=(1.01, 1))
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
