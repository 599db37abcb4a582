"""Pictures of arms: each with its interval, their differences, and several arms of each method."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import colours, style, words
from rapo.plots.style import colour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PANEL = 2.7  # inches: the width of one of several panels
MARKS = ("o", "s", "D", "^", "v")
SPREAD = 0.5  # of a row's height, taken by its marks


def plot_arms(
    estimates: "pd.DataFrame", *, label: str, reference: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """One dot an arm with its interval, the first row on top, under the headings of their groups.

    Args:
        estimates: columns arm, estimate, low, high, and group where there are several; the order of rows is kept.
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
    """Panels side by side that share their arms, and their axis where they show one quantity.

    The title tells the highest and the lowest arm of the first panel.

    Args:
        estimates: columns arm, estimate, low, high, and the column ``by``.
        panels: value of the column ``by`` -> its panel.
        by: "metric", "architecture", ...
        order: arms from top to bottom; those without an estimate are left out of a panel.
    """
    import matplotlib.pyplot as plt

    shown = estimates[estimates["arm"].isin(order) & estimates[by].isin(panels)]
    present = [arm for arm in order if arm in set(shown["arm"])]
    size = (3.0 + PANEL * len(panels), 1.6 + 0.36 * len(present))
    one = len({panel.label for panel in panels.values()}) == 1
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, sharex=one, squeeze=False)
    for ax, (value, panel) in zip(axes[0], panels.items(), strict=True):
        part = shown[shown[by] == value].set_index("arm").reindex(present).reset_index()
        plot_arms(part, label=panel.label, reference=panel.reference, ax=ax)
        ax.set_title(panel.title, fontweight="normal")
        ax.set_xlabel(_wrapped(panel.label))
    first, panel = next(iter(panels.items()))
    where = f", {panel.title}" * bool(panel.title)
    told = words.highest(shown[shown[by] == first], f"{panel.label.split(' (')[0]}{where}")
    style.headline(figure, told, words.counted(shown))
    return figure


def plot_differences(
    estimates: "pd.DataFrame", *, label: str, ahead: str = "", ax: "Axes | None" = None
) -> "Axes":
    """Differences with intervals against zero, in the colour of whoever is ahead, under the headings of their groups.

    A figure's only axes get a title that tells what is sure.

    Args:
        estimates: columns group, name, estimate, low, high; low and high may be NaN (published, no interval).
        label: of the horizontal axis, with its unit.
        ahead: the method that a difference above zero speaks for; by default the group and name tell it ("RA less").
    """
    ax = style.axes(ax)
    _dots(
        ax, estimates, names=estimates["name"], tones=colours.of_differences(estimates, ahead=ahead), label=label
    )
    ax.axvline(0, color="0.4", linewidth=1)
    if len(ax.figure.axes) == 1:
        style.headline(ax.figure, words.surely(estimates, ahead=ahead))
    return ax


def difference_panels(
    estimates: "pd.DataFrame",
    panels: Mapping[str, str],
    *,
    by: str,
    label: str = "",
    ahead: str = "",
    finding: str | None = None,
) -> "Figure":
    """Panels side by side of `plot_differences`, which share their rows, and one axis where ``label`` is given.

    Args:
        estimates: as `plot_differences` takes them, with the column ``by``.
        panels: value of that column -> the panel's title; without ``label``, the label of its horizontal axis.
        by: the column that tells panels apart.
        label: of the horizontal axis of all panels.
        ahead: as `plot_differences` takes it.
        finding: the title; None tells what is sure in the first panel.
    """
    import matplotlib.pyplot as plt

    first = estimates[estimates[by] == next(iter(panels))]
    size = (2.8 + PANEL * len(panels), 1.7 + 0.36 * len(first))
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, sharex=bool(label), squeeze=False)
    for ax, (value, told) in zip(axes[0], panels.items(), strict=True):
        plot_differences(estimates[estimates[by] == value], label=label or told, ahead=ahead, ax=ax)
        ax.set_title(told if label else "", fontweight="normal")
        ax.set_xlabel(_wrapped(label or told))
    said, where = words.surely(first, ahead=ahead), words.opening(panels[next(iter(panels))])
    said = said if said.startswith(where) else f"{where.split(', ')[0]}: {said}"
    style.headline(figure, said if finding is None else finding)
    return figure


def plot_rows(
    estimates: "pd.DataFrame",
    *,
    names: Mapping[str, str],
    label: str,
    arms: Mapping[str, str],
    reference: float | None = None,
    ahead: str = "",
    ax: "Axes | None" = None,
) -> "Axes":
    """One row a method, the first on top; its arms below each other, with intervals.

    Args:
        estimates: columns method, arm, estimate, low, high; a method may lack some arms.
        names: method -> what the axis calls it, from top to bottom.
        label: of the horizontal axis, with its unit.
        arms: arm -> what the legend calls it, in its order; its colour is that of the arm.
        reference: where a thin line stands.
        ahead: the estimates are leads of this method over ``arms``, and have the colour of whoever is ahead.
    """
    axes = style.axes(ax)
    places = {method: len(names) - 1 - row for row, method in enumerate(names)}
    offsets = np.linspace(SPREAD / 2, -SPREAD / 2, len(arms)) if len(arms) > 1 else [0.0]
    known = style.inside(estimates[estimates["method"].isin(names)], label)
    for (arm, shown), offset, mark in zip(arms.items(), offsets, MARKS, strict=False):
        part = known[known["arm"] == arm]
        y = part["method"].map(places).to_numpy(dtype=float) + offset
        whose = part.assign(group=f"{ahead} less", name=arm)
        tones = colours.of_differences(whose) if ahead else [colour(arm)] * len(part)
        axes.hlines(y, part["low"], part["high"], color=tones, linewidth=2.2)
        axes.scatter(part["estimate"], y, s=36, marker=mark, color=tones, zorder=2)
        axes.plot([], [], mark, color="0.5" if ahead else colour(arm), markersize=6, label=shown)
    if reference is not None:
        axes.axvline(reference, color="0.4", linewidth=1, zorder=1.9)  # above the grid, below marks
    axes.set_yticks(list(places.values()), list(names.values()))
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(label)
    axes.grid(axis="x", color="0.92")
    return axes


def _wrapped(label: str) -> str:
    """An axis label in lines that fit below a panel."""
    return textwrap.fill(label, 27, break_on_hyphens=False)


def _dots(
    ax: "Axes", estimates: "pd.DataFrame", *, names: Iterable[str], tones: Iterable[str], label: str
) -> None:
    """A dot with its interval a row, from top to bottom; hollow where an estimate has no interval."""
    groups = list(estimates["group"]) if "group" in estimates else []
    places, headings = _places(groups or [""] * len(estimates))
    numbers = style.inside(estimates, label)[["estimate", "low", "high"]].to_numpy(dtype=float)
    for place, tone, (estimate, low, high) in zip(places, tones, numbers, strict=True):
        hollow = bool(np.isnan(low))
        if not hollow:
            ax.plot([low, high], [place, place], color=tone, linewidth=2.2, solid_capstyle="butt")
        ax.plot(estimate, place, "o", color=tone, markersize=7, markerfacecolor="white" if hollow else tone)
    ax.set_yticks([*places, *headings.values()], [*map(str, names), *headings])
    for text in ax.get_yticklabels()[len(places) :]:
        text.set_fontweight("bold")
    ax.set(xlabel=label, ylim=(-0.6, max([*places, *headings.values(), 0]) + 0.6))
    ax.grid(axis="x", color="0.92")
    ax.tick_params(axis="y", length=0)


def _places(groups: Sequence[str]) -> tuple[list[float], dict[str, float]]:
    """Where rows stand, the first on top, and the heading of each group, where there is more than one."""
    several = len(set(groups)) > 1
    rows: list[float] = []
    headings: dict[str, float] = {}
    at = 0.0
    for group, before in zip(groups, ["", *groups], strict=False):
        if several and (not rows or group != before):
            at -= 0.35 * bool(rows)
            headings[str(group)] = at
            at -= 1
        rows.append(at)
        at -= 1
    return [row - at - 1 for row in rows], {group: place - at - 1 for group, place in headings.items()}
