"""Pictures of many methods: one row a method, one mark an arm."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS = ("o", "s", "D", "^", "v")
SPREAD = 0.5  # of a row's height, taken by its marks


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
        axes.hlines(y, part["low"], part["high"], color=style.colour(arm), linewidth=2.2)
        axes.plot(part["estimate"], y, mark, color=style.colour(arm), markersize=6, label=shown)
    if reference is not None:
        axes.axvline(reference, color="0.4", linewidth=1, zorder=1.9)  # above the grid, below marks
    axes.set_yticks(list(places.values()), list(names.values()))
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(label)
    axes.grid(axis="x", color="0.92")
    return axes


def row_panels(n_rows: int, *, panels: int = 2) -> "tuple[Figure, list[Axes]]":
    """A figure whose panels share their rows."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, panels, figsize=(2.4 + 4.6 * panels, 1.7 + 0.46 * n_rows), sharey=True)
    return figure, list(np.atleast_1d(axes))
