"""Pictures of selection: two margins and who calls a pair good, agreement and gold reward over shares and weights."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MARGINS = ("size of the explicit margin (score points)", "size of the implicit margin (nats a token)")
_QUADRANTS = {
    "both": "#0072B2",
    "M+ alone": style.colour("M+"),
    "small Mpi alone": style.colour("small Mpi"),
    "neither": "0.75",
}


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
    for name, tone in _QUADRANTS.items():
        inside = (pairs["quadrant"] == name).to_numpy()
        label = f"{name}: {inside.mean():.0%}"
        axes.scatter(x[inside], y[inside], s=7, color=tone, alpha=0.7, linewidths=0, rasterized=True, label=label)
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


def plot_bars(
    estimates: "pd.DataFrame", *, label: str, reference: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """A dot a quadrant with its interval, in the quadrants' colours, the first on top.

    Args:
        estimates: columns quadrant, estimate, low, high (%).
        label: of the horizontal axis, with its unit.
        reference: where a thin line stands.
    """
    axes = style.axes(ax)
    places = np.arange(len(estimates))[::-1]
    numbers = estimates[["estimate", "low", "high"]].to_numpy(dtype=float)
    for place, name, (estimate, low, high) in zip(places, estimates["quadrant"], numbers, strict=True):
        axes.plot([low, high], [place, place], color=_QUADRANTS[name], linewidth=2.5, solid_capstyle="butt")
        axes.plot(estimate, place, "o", color=_QUADRANTS[name], markersize=7)
    if reference is not None:
        axes.axvline(reference, color="0.6", linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(places, list(estimates["quadrant"]))
    axes.set_ylim(-0.6, len(estimates) - 0.4)
    axes.set_xlabel(label)
    axes.grid(axis="x", color="0.92")
    return axes


def plot_curves(
    estimates: "pd.DataFrame", *, xlabel: str, ylabel: str, by: str = "arm", x: str = "x", ax: "Axes | None" = None
) -> "Axes":
    """A line an arm (or metric) with its band, over the share that is selected or the weight.

    Args:
        estimates: columns ``by``, ``x``, estimate, low, high.
        xlabel, ylabel: of the axes, with units.
        by: the column that tells lines apart, in the fixed colours of the metrics.
        x: the column of the horizontal axis.
    """
    axes = style.axes(ax)
    for name, part in estimates.groupby(by, sort=False):
        tone = style.colour(str(name))
        ordered = part.sort_values(x)
        axes.fill_between(ordered[x], ordered["low"], ordered["high"], color=tone, alpha=0.15, linewidth=0)
        axes.plot(ordered[x], ordered["estimate"], "o-", color=tone, markersize=5, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if estimates[by].nunique() > 1:
        axes.legend(title="selected by")
    return axes


def plot_faults(
    estimates: "pd.DataFrame", *, metrics: Sequence[str], label: str, ax: "Axes | None" = None
) -> "Axes":
    """Agreement of each metric's pairs under each fault of the reward model: a row a fault, a dot a metric.

    Args:
        estimates: columns fault, metric, estimate, low, high.
        metrics: which metrics, from top to bottom of a row and in the legend.
        label: of the horizontal axis, with its unit.
    """
    axes = style.axes(ax)
    faults = list(dict.fromkeys(estimates["fault"]))
    for order, metric in enumerate(metrics):
        part = estimates[estimates["metric"] == metric].set_index("fault").reindex(faults)
        places = np.arange(len(faults))[::-1] + 0.16 * ((len(metrics) - 1) / 2 - order)
        tone = style.colour(metric)
        axes.hlines(places, part["low"], part["high"], color=tone, linewidth=2.2)
        axes.plot(part["estimate"], places, "o", color=tone, markersize=6, label=metric)
    axes.set_yticks(np.arange(len(faults))[::-1], faults)
    axes.set_ylim(-0.6, len(faults) - 0.4)
    axes.set_xlabel(label)
    axes.grid(axis="x", color="0.92")
    axes.legend(title="selected by", loc="upper left", bbox_to_anchor=(0, -0.16), ncols=len(metrics))
    return axes
