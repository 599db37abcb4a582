"""Pictures of arms: each with its interval, their differences, and several arms of each method."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style
from rapo.plots.style import colour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_TONES = ("#0072B2", "#7f7f7f", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
MARKS = ("o", "s", "D", "^", "v")
SPREAD = 0.5  # of a row's height, taken by its marks


def plot_arms(
    estimates: "pd.DataFrame", *, label: str, reference: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """One dot an arm with its interval, the first row on top.

    Args:
        estimates: columns arm, estimate, low, high; the order of the rows is kept.
        label: of the horizontal axis, with its unit.
        reference: where a thin line stands (a draw, an optimum).
    """
    ax = style.axes(ax)
    _dots(ax, estimates, names=estimates["arm"], tones=map(colour, estimates["arm"]), label=label)
    if reference is not None:
        ax.axvline(reference, color="0.35", linewidth=1.2, linestyle=(0, (4, 3)), zorder=1.5)
    return ax


@dataclass(frozen=True)
class Panel:
    """One panel of `arm_panels`: its axis label, and where a thin line stands."""

    label: str
    reference: float | None = None
    title: str = ""


def arm_panels(
    estimates: "pd.DataFrame", panels: Mapping[str, Panel], *, by: str, order: Sequence[str]
) -> "Figure":
    """Panels side by side that share their arms.

    Args:
        estimates: columns arm, estimate, low, high, and the column ``by``.
        panels: value of the column ``by`` -> its panel.
        by: "metric", "architecture", ...
        order: arms from top to bottom; those without an estimate are left out of a panel.
    """
    import matplotlib.pyplot as plt

    size = (3.2 + 3.3 * len(panels), 0.8 + 0.38 * len(order))
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    for ax, (value, panel) in zip(axes[0], panels.items(), strict=True):
        part = estimates[estimates[by] == value].set_index("arm").reindex(list(order)).reset_index()
        plot_arms(part, label=panel.label, reference=panel.reference, ax=ax)
        ax.set_title(panel.title)
    return figure


def plot_differences(
    estimates: "pd.DataFrame", *, label: str, names: Mapping[str, str] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Differences with intervals against zero, in groups of one colour a group.

    Args:
        estimates: columns group, name, estimate, low, high; low and high may be NaN (published, no interval).
        label: of the horizontal axis, with its unit.
        names: how to show a group in the legend.
    """
    ax = style.axes(ax)
    tones = dict(zip(estimates["group"].unique(), _TONES, strict=False))
    _dots(ax, estimates, names=estimates["name"], tones=estimates["group"].map(tones), label=label)
    for group, tone in tones.items():
        ax.plot([], [], "o", color=tone, label=(names or {}).get(str(group), str(group)))
    ax.axvline(0, color="0.4", linewidth=1)
    if len(tones) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2)
    return ax


def plot_rows(
    estimates: "pd.DataFrame",
    *,
    names: Mapping[str, str],
    label: str,
    arms: Mapping[str, str],
    reference: float | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """One row a method, the first on top; its arms below each other, with intervals.

    Args:
        estimates: columns method, arm, estimate, low, high; a method may lack some arms.
        names: method -> what the axis calls it, from top to bottom.
        label: of the horizontal axis, with its unit.
        arms: arm -> what the legend calls it, in its order; its colour is that of the arm.
        reference: where a thin line stands.
    """
    axes = style.axes(ax)
    places = {method: len(names) - 1 - row for row, method in enumerate(names)}
    offsets = np.linspace(SPREAD / 2, -SPREAD / 2, len(arms)) if len(arms) > 1 else [0.0]
    for (arm, shown), offset, mark in zip(arms.items(), offsets, MARKS, strict=False):
        part = estimates[(estimates["arm"] == arm) & estimates["method"].isin(names)]
        y = part["method"].map(places).to_numpy(dtype=float) + offset
        axes.hlines(y, part["low"], part["high"], color=colour(arm), linewidth=2.2)
        axes.plot(part["estimate"], y, mark, color=colour(arm), markersize=6, label=shown)
    if reference is not None:
        axes.axvline(reference, color="0.4", linewidth=1, zorder=1.9)  # above the grid, below marks
    axes.set_yticks(list(places.values()), list(names.values()))
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(label)
    axes.grid(axis="x", color="0.92")
    return axes


def _dots(
    ax: "Axes", estimates: "pd.DataFrame", *, names: Iterable[str], tones: Iterable[str], label: str
) -> None:
    """A dot with its interval a row, from top to bottom; hollow where an estimate has no interval."""
    places = np.arange(len(estimates))[::-1]
    numbers = estimates[["estimate", "low", "high"]].to_numpy(dtype=float)
    for place, tone, (estimate, low, high) in zip(places, tones, numbers, strict=True):
        hollow = bool(np.isnan(low))
        if not hollow:
            ax.plot([low, high], [place, place], color=tone, linewidth=2.2, solid_capstyle="butt")
        ax.plot(estimate, place, "o", color=tone, markersize=7, markerfacecolor="white" if hollow else tone)
    ax.set_yticks(places, list(names))
    ax.set(xlabel=label, ylim=(-0.6, len(estimates) - 0.4))
    ax.grid(axis="x", color="0.92")
