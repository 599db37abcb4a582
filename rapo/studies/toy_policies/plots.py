"""Pictures of the toy policies: learning curves, paths in the simplex, carry-over to unseen goals."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rapo.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = np.sqrt(3) / 2
# Corners of the triangle: y1 left, y2 right, y3 on top.
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, _HEIGHT]])
_LOOK: dict[str, dict[str, Any]] = {
    "UF, same features": {"color": style.COLOURS["UF"], "linestyle": "-", "marker": "s"},
    "RA, tabular": {"color": style.COLOURS["RA"], "linestyle": ":", "marker": "v"},
    "RA, goals 8 and 9": {"color": style.COLOURS["RA"], "linestyle": "--", "marker": "D"},
    "RA, goals 1 to 9": {"color": style.COLOURS["RA"], "linestyle": "-", "marker": "o"},
}


def plot_learning(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Probability of one answer against gradient steps, a line and a band for each policy.

    Args:
        estimates: columns ``panel`` (a policy), ``step``, ``estimate``, ``low``, ``high``.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    for panel, part in estimates[estimates["step"] > 0].groupby("panel", sort=False):
        colour, line = _method_look(str(panel))
        axes.fill_between(part["step"], part["low"], part["high"], color=colour, alpha=0.15, linewidth=0)
        # Policies that coincide stay visible: the unconditioned line is broad and lies below.
        width, order = (2, 3) if str(panel).startswith("RA") else (7, 2)
        look: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": width, "zorder": order}
        axes.plot(part["step"], part["estimate"], label=panel, solid_capstyle="butt", **look)
    axes.set(xscale="log", ylim=(-0.02, 1.02), xlabel="gradient steps")
    axes.margins(x=0)
    return axes


def plot_simplex(paths: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Policies over three answers as points of a triangle, from hollow starts to full ends.

    Args:
        paths: columns ``panel`` (one policy), ``start``, ``step``, ``y1``, ``y2``, ``y3``.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    colour, _ = _method_look(str(paths["panel"].iloc[0]))
    outline = np.vstack([_CORNERS, _CORNERS[:1]])
    axes.plot(*outline.T, color="0.65", linewidth=1, zorder=1)
    for _, path in paths.sort_values("step").groupby("start"):
        points = path[["y1", "y2", "y3"]].to_numpy() @ _CORNERS
        axes.plot(*points.T, color=colour, alpha=0.55, linewidth=1, zorder=2)
        axes.plot(*points[0], "o", markersize=3.5, markerfacecolor="white", markeredgecolor=colour, zorder=3)
        axes.plot(*points[-1], "o", markersize=6, color=colour, markeredgecolor="white", zorder=4, clip_on=False)
    for name, corner, (dx, dy) in zip(
        ("$y_1$", "$y_2$", "$y_3$"), _CORNERS, ((-10, -6), (10, -6), (0, 10)), strict=True
    ):
        axes.annotate(name, corner, (dx, dy), textcoords="offset points", ha="center", va="center")
    axes.set(xlim=(-0.12, 1.12), ylim=(-0.1, _HEIGHT + 0.1), aspect="equal")
    axes.set_axis_off()
    return axes


def plot_shares(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Shares of random draws as horizontal bars with intervals, grouped by what was compared.

    Args:
        estimates: columns ``goal``, ``pairs`` (what was trained on), ``estimate``, ``low``, ``high``, in 0..1.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    goals = list(dict.fromkeys(estimates["goal"]))
    groups = list(dict.fromkeys(estimates["pairs"]))
    height = 0.8 / len(groups)
    for place, group in enumerate(groups):
        part = estimates[estimates["pairs"] == group].set_index("goal").loc[goals]
        y = np.arange(len(goals)) + (place - (len(groups) - 1) / 2) * height
        errors = style.reach(part)
        bars: dict[str, Any] = {"color": (style.COLOURS["RA"], "0.45", "0.7")[place % 3], "ecolor": "black"}
        axes.barh(y, part["estimate"], height * 0.92, xerr=errors, label=group, **bars)
        for at, value in zip(y, part["estimate"], strict=True):
            axes.annotate(f"{100 * value:.0f} %", (0.015, at), va="center", color="white", fontsize="small")
    axes.set(xlim=(0, 1), yticks=range(len(goals)), yticklabels=[f"goal {goal:g}" for goal in goals])
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.invert_yaxis()
    fewest = estimates.groupby("pairs", sort=False)["estimate"].min()
    told = ", ".join(f"{group} at least {100 * share:.0f} %" for group, share in fewest.items())
    style.headline(axes.figure, f"Coordinates that end at the table, over goals: {told}")
    return axes


def plot_carry_over(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Mean score against the goal asked for, a line and interval for each arm.

    Args:
        estimates: columns ``arm``, ``goal``, ``estimate``, ``low``, ``high``, in points.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    goals = np.sort(estimates["goal"].unique())
    axes.axvspan(9.5, goals.max() + 0.5, color="0.93", linewidth=0, zorder=0)
    axes.plot(goals, goals, color="0.6", linewidth=1, linestyle=(0, (1, 2)), label="as asked")
    for arm, part in estimates.groupby("arm", sort=False):
        look = _LOOK[str(arm)]
        errors = style.reach(part)
        axes.errorbar(part["goal"], part["estimate"], yerr=errors, label=arm, markersize=5, **look)
    axes.annotate("never\na goal", (10, 1.2), ha="center", va="bottom", fontsize="small", color="0.35")
    axes.set(xlim=(goals.min() - 0.5, goals.max() + 0.5), ylim=(0.7, 10.5), xticks=goals, yticks=range(1, 11))
    axes.set(xlabel="goal asked for, points", ylabel="mean score of the answers, points")
    return axes


def plot_score_map(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """How often each score is given at each goal, as a heat map of one arm.

    Args:
        estimates: columns ``goal``, ``score``, ``estimate`` (a probability), one row a goal and score.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    table = estimates.pivot(index="score", columns="goal", values="estimate")
    edges = np.arange(0.5, 11.0)
    axes.pcolormesh(edges, edges, table.to_numpy(), cmap="Blues", vmin=0, vmax=1, rasterized=True)
    axes.axvline(9.5, color="0.35", linewidth=1, linestyle=(0, (2, 2)))
    axes.set(xticks=(1, 4, 7, 10), yticks=(1, 4, 7, 10), aspect="equal", xlabel="goal")
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    return axes


def _method_look(panel: str) -> tuple[str, str]:
    """Colour by method; RA's goals are told apart by the line."""
    if panel.startswith("RA"):
        return style.COLOURS["RA"], {"9": "-", "8": "--", "1": "--", "0": ":"}.get(panel.split("=")[-1], "-")
    return style.COLOURS["UF"], "-"
