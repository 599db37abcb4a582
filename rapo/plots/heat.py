"""A table of differences as a heat map, each cell with its number and interval."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import colours, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_differences(
    cells: "pd.DataFrame",
    *,
    rows: str,
    columns: str,
    ahead: str,
    behind: str,
    reach: float | None = None,
    digits: int = 1,
    ax: "Axes | None" = None,
) -> "Axes":
    """Differences by two settings, in the colour of the method that is ahead; bold where the interval leaves out zero.

    Args:
        cells: columns ``rows``, ``columns``, estimate, low, high; in the order of their first rows, top left first.
        rows, columns: the columns that tell cells apart; the labels of the axes.
        ahead, behind: methods whose colours stand for differences above and below zero.
        reach: the difference that has the full colour, for panels that are compared; by default the largest here.
        digits: of the numbers.
    """
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    axes = style.axes(ax)
    down, along = (list(dict.fromkeys(cells[name])) for name in (rows, columns))
    numbers = cells[["estimate", "low", "high"]].to_numpy(dtype=float)
    full = reach or float(np.nanmax(np.abs(numbers[:, 0]), initial=0.0)) or 1.0
    tones = LinearSegmentedColormap.from_list("who is ahead", [style.colour(behind), "white", style.colour(ahead)])
    shown = np.full((len(down), len(along)), np.nan)
    for row, column, (estimate, low, high) in zip(cells[rows], cells[columns], numbers, strict=True):
        at = down.index(row), along.index(column)
        shown[at] = estimate
        ink = colours.ink_on(to_hex(tones(0.5 + 0.5 * np.clip(estimate / full, -1, 1))))
        axes.text(
            at[1], at[0], f"{estimate:+.{digits}f}\n[{low:.{digits}f}, {high:.{digits}f}]", ha="center", va="center",
            fontsize="small", color=ink, fontweight="bold" if low > 0 or high < 0 else "normal",
        )  # fmt: skip
    axes.imshow(shown, cmap=tones, vmin=-full, vmax=full, aspect="auto")
    axes.set_xticks(range(len(along)), [_told(value) for value in along])
    axes.set_yticks(range(len(down)), [_told(value) for value in down])
    axes.set(xlabel=columns, ylabel=textwrap.fill(rows, 30))
    axes.tick_params(length=0)
    return axes


def _told(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
