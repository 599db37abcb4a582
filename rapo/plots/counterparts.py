"""A paper's bars beside ours: published left, measured here right, in the same order, marks and colours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rapo.plots import style
from rapo.plots.colours import COLOURS, UNSURE, colour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WARNING = "Compare directions, not heights."
WIDTH = 0.8  # of a group, taken by its bars
_ROOM = 0.24  # of the height of the bars, above them: for the numbers and the difference


@dataclass(frozen=True)
class Side:
    """One half of a row: what a paper publishes, or what was measured here.

    Attributes:
        bars: columns model, arm, estimate, low, high (NaN: none is told), one row a bar.
        gaps: columns model, estimate, low, high: the difference that is told above each model's bars.
        label: of the vertical axis, with its unit.
        title: above the panel.
        ordinal: only the order of the bars is known: no numbers, no ticks.
    """

    bars: "pd.DataFrame"
    gaps: "pd.DataFrame"
    label: str
    title: str
    ordinal: bool = False


def less(bars: "pd.DataFrame", first: str, second: str) -> "pd.DataFrame":
    """One published arm less another for every model that has both, without intervals: columns as `Side.gaps`."""
    wide = bars.pivot(index="model", columns="arm", values="estimate").reindex(columns=[first, second])
    gap = (wide[first] - wide[second]).dropna()
    order = [model for model in dict.fromkeys(bars["model"]) if model in gap.index]
    return gap.loc[order].rename("estimate").reset_index().assign(low=np.nan, high=np.nan)


def bars(
    rows: "list[tuple[Side, Side]]",
    *,
    arms: Mapping[str, str],
    compared: tuple[str, str],
    finding: str,
    note: str = "",
) -> "Figure":
    """Rows of two panels of bars: published left, ours right.

    Args:
        rows: one a quantity.
        arms: arm -> what the legend calls it, from left to right in each group; the arm gives the colour.
        compared: the arms whose difference is told above the bars of each model.
        finding: the title.
        note: what our estimates rest on.
    """
    import matplotlib.pyplot as plt

    wide = [max(_width(row[place], arms) for row in rows) for place in (0, 1)]
    size = (2.6 + 0.3 * sum(wide), 2.1 + 2.5 * len(rows))
    figure, axes = plt.subplots(len(rows), 2, figsize=size, width_ratios=wide, squeeze=False)
    for place, row in enumerate(rows):
        for ax, side in zip(axes[place], row, strict=True):
            plot_bars(side, arms=arms, compared=compared, ax=ax)
            if place:
                ax.set_title("")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour(arm), label=name) for arm, name in arms.items()]
    told = (
        f"above the bars: {' less '.join(compared)}, grey where its interval holds zero\n{WARNING} {note}".strip()
    )
    look: dict[str, Any] = {"title_fontsize": "small", "loc": "outside lower left", "ncols": len(arms)}
    legend = figure.legend(handles=handles, title=told, **look)
    legend.set_alignment("left")
    style.headline(figure, finding)
    return figure


def plot_bars(
    side: Side, *, arms: Mapping[str, str], compared: tuple[str, str], ax: "Axes | None" = None
) -> "Axes":
    """Bars of one side in groups, a group a model; see `bars`."""
    axes = style.axes(ax)
    table, models = side.bars[side.bars["arm"].isin(arms)], list(dict.fromkeys(side.bars["model"]))
    known = style.inside(table, side.label)
    bottom = 1.0 if style.span(side.label)[0] == 1 else 0.0
    each = WIDTH / len(arms)
    top = float(np.nanmax(known[["estimate", "high"]].to_numpy(float))) - bottom
    for at, model in enumerate(models):
        inside = known[known["model"] == model].set_index("arm")
        shown = [arm for arm in arms if arm in inside.index]
        for place, arm in enumerate(shown):
            x = at + each * (place - (len(shown) - 1) / 2)
            numbers = inside.loc[arm, ["estimate", "low", "high"]].to_numpy(float)
            _bar(axes, x, numbers, bottom=bottom, width=0.92 * each, arm=arm, side=side)
        gap = side.gaps[side.gaps["model"] == model]
        if len(gap):
            _difference(axes, at, bottom + 1.13 * top, gap.iloc[0], compared, side)
    axes.set_xticks(range(len(models)), models, fontsize="small")
    axes.set(xlim=(-0.6, len(models) - 0.4), ylim=(bottom, bottom + (1 + _ROOM) * top), ylabel=side.label)
    axes.set_title(side.title, fontweight="normal", fontsize="small")
    axes.tick_params(axis="x", length=0)
    if side.ordinal:
        axes.set_yticks([])
    return axes


def _bar(
    axes: "Axes", x: float, numbers: np.ndarray, *, bottom: float, width: float, arm: str, side: Side
) -> None:
    """One bar, its interval, and its number above."""
    estimate, low, high = numbers
    look: dict[str, Any] = {"alpha": 0.55, "hatch": "//", "edgecolor": "white"} if side.ordinal else {}
    axes.bar(x, estimate - bottom, width, bottom=bottom, color=colour(arm), **look)
    if np.isfinite(low):
        axes.plot([x, x], [low, high], color="0.15", linewidth=1.2)
    if not side.ordinal:
        digits = 1 if style.span(side.label)[1] == 100 else 2
        look = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 7.5}
        axes.annotate(f"{estimate:.{digits}f}", (x, np.nanmax([estimate, high])), (0, 2), **look)


def _difference(
    axes: "Axes", x: float, y: float, gap: "pd.Series[float]", compared: tuple[str, str], side: Side
) -> None:
    """The difference of the compared arms, in the colour of the one that is ahead."""
    estimate, low, high = gap[["estimate", "low", "high"]].to_numpy(float)
    ahead = compared[0] if estimate > 0 else compared[1]
    tone = UNSURE if low <= 0 <= high else COLOURS.get(ahead, UNSURE)
    digits = 1 if style.span(side.label)[1] == 100 else 2
    told = f"{compared[0]} higher" if side.ordinal else f"{estimate:+.{digits}f}"
    axes.text(x, y, told, color=tone, ha="center", va="bottom", fontweight="bold", fontsize="small")


def _width(side: Side, arms: Mapping[str, str]) -> float:
    """How many bars stand side by side, and room between their groups."""
    n = side.bars["arm"].isin(arms).sum()
    return max(6.0, float(n + side.bars["model"].nunique()))
