"""Pictures of selection: two margins, and who calls a pair good."""

from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MARGINS = ("size of the explicit margin (score points)", "size of the implicit margin (nats a token)")
QUADRANTS = ("both", "M+ alone", "small Mpi alone", "neither")


def _sizes(pairs: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """Sizes of both margins; explicit ones are whole, so points are spread by up to 0.35 sideways, to be seen."""
    spread = np.random.default_rng(0).uniform(-0.35, 0.35, len(pairs))
    return np.abs(pairs["explicit"].to_numpy()) + spread, np.abs(pairs["implicit"].to_numpy())


def _label_margins(axes: "Axes", y: np.ndarray) -> None:
    axes.set(xlabel=MARGINS[0], ylabel=MARGINS[1])
    axes.set_ylim(-0.02 * np.quantile(y, 0.995), 1.1 * np.quantile(y, 0.995))


def plot_quadrants(pairs: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Both margins of each pair, coloured by who selects it; the legend tells the share of each quadrant.

    The vertical axis ends a little above its 99.5th percentile.

    Args:
        pairs: of `rapo.studies.alignment_potential.tables.placed`: columns explicit, implicit, quadrant.
    """
    axes = style.axes(ax)
    x, y = _sizes(pairs)
    for name in QUADRANTS:
        inside = (pairs["quadrant"] == name).to_numpy()
        label = f"{name}: {inside.mean():.0%}"
        axes.scatter(
            x[inside],
            y[inside],
            s=7,
            color=style.colour(name),
            alpha=0.7,
            linewidths=0,
            rasterized=True,
            label=label,
        )
    _label_margins(axes, y)
    axes.legend(title="selected by", markerscale=2.5, loc="upper left", bbox_to_anchor=(0, -0.17), ncols=2)
    return axes


def plot_potential(pairs: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Both margins of each pair, filled where alignment potential selects it, crossed where its label is wrong.

    Args:
        pairs: of `rapo.studies.alignment_potential.tables.placed`: columns explicit, implicit, gold, picked.
    """
    axes = style.axes(ax)
    x, y = _sizes(pairs)
    picked, wrong = pairs["picked"].to_numpy(), (pairs["gold"] < 0).to_numpy()
    for inside, tone, label in ((~picked, "0.75", "left out"), (picked, style.colour("MAP"), "selected by MAP")):
        label = f"{label}: {inside.mean():.0%}"
        axes.scatter(x[inside], y[inside], s=7, color=tone, alpha=0.7, linewidths=0, rasterized=True, label=label)
    label = f"label wrong: {wrong.mean():.0%}"
    axes.scatter(
        x[wrong], y[wrong], s=9, marker="x", color="#D55E00", linewidths=0.6, rasterized=True, label=label
    )
    _label_margins(axes, y)
    axes.legend(markerscale=2, loc="upper left", bbox_to_anchor=(0, -0.17), ncols=2)
    return axes
