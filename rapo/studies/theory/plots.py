"""Pictures of the two theorems: rates against the number of pairs, updates against the way of sampling."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rapo.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SAMPLING = {
    "uniform": (style.COLOURS["uniform"], "o"),
    "adversarial": (style.COLOURS["MAP"], "s"),
    "largest pull": (style.COLOURS["small Mpi"], "D"),
}


def plot_rates(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Sub-optimality against the number of pairs, log-log; a paler line where the best answer is rarer.

    Args:
        estimates: columns ``method``, ``coverage`` (0..1), ``n_pairs``, ``estimate``, ``low``, ``high``, in nats.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    coverages = sorted(estimates["coverage"].unique(), reverse=True)
    strength = dict(zip(coverages, np.linspace(1.0, 0.3, len(coverages)), strict=True))
    for (method, _), part in estimates.groupby(["method", "coverage"], sort=False):
        coverage = float(part["coverage"].iloc[0])
        colour = _faded(style.colour(str(method)), strength[coverage])
        line: dict[str, Any] = {"color": colour, "linestyle": "-" if coverage > 0 else (0, (2, 1.5))}
        axes.fill_between(part["n_pairs"], part["low"], part["high"], color=colour, alpha=0.2, linewidth=0)
        axes.plot(part["n_pairs"], part["estimate"], label=f"{method}, {100 * coverage:g} %", **line)
    axes.set(xscale="log", yscale="log", xlabel="pairs N")
    return axes


def add_slope(slope: float, *, start: tuple[float, float], stop: float, label: str, ax: "Axes") -> "Axes":
    """A grey guide of a given slope in a log-log picture, from ``start`` (x, y) to x = ``stop``."""
    x = np.array([start[0], stop])
    y = start[1] * (x / x[0]) ** slope
    ax.plot(x, y, color="0.35", linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    ax.annotate(
        label, (x[1], y[1]), (3, 0), textcoords="offset points", va="center", color="0.35", fontsize="small"
    )
    return ax


def plot_worst_case(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Sub-optimality of single problems in grey, their upper envelope in black, log-log.

    Args:
        estimates: columns ``gap``, ``n_pairs``, ``suboptimality`` (nats).
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    worst = estimates.groupby("n_pairs")["suboptimality"].max()
    gaps = np.sort(estimates["gap"].unique())
    for gap in gaps[:: max(1, len(gaps) // 12)]:
        part = estimates[estimates["gap"] == gap]
        axes.plot(part["n_pairs"], part["suboptimality"], color="0.75", linewidth=1)
    axes.plot(worst.index, worst, color="black", linewidth=2.5, label="the worst problem at each N")
    axes.plot([], [], color="0.75", linewidth=1, label="one fixed problem each")
    axes.set(xscale="log", yscale="log", xlabel="pairs N", ylim=(worst.min() / 5, worst.max() * 3))
    return axes


def plot_ratios(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Ratio to uniform sampling by dimension, one series a condition number; below 1 is better.

    Args:
        estimates: columns ``dimension``, ``condition``, ``estimate``, ``low``, ``high``.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    dimensions = sorted(estimates["dimension"].unique())
    conditions = sorted(estimates["condition"].unique())
    colours = [_faded(style.COLOURS["MAP"], share) for share in np.linspace(0.45, 1.0, len(conditions))]
    for place, condition in enumerate(conditions):
        part = estimates[estimates["condition"] == condition].set_index("dimension").loc[dimensions]
        x = np.arange(len(dimensions)) + 0.16 * (place - (len(conditions) - 1) / 2)
        look: dict[str, Any] = {"color": colours[place], "marker": "os^Dv"[place % 5], "linestyle": "none"}
        axes.errorbar(x, part["estimate"], yerr=style.reach(part), markersize=7, label=f"{condition:g}", **look)
    axes.axhline(1.0, color="0.35", linewidth=1, linestyle=(0, (4, 2)))
    axes.set(xticks=range(len(dimensions)), xticklabels=dimensions, xlabel="dimension", yscale="log")
    axes.set_xlim(-0.5, len(dimensions) - 0.5)
    _plain_log_axis(axes)
    return axes


def plot_ratio_against(
    estimates: pd.DataFrame, x: str, *, methods: tuple[str, ...] = ("adversarial",), ax: "Axes | None" = None
) -> "Axes":
    """Ratio to uniform sampling against a quantity, one line a sampling; below 1 is better.

    Args:
        estimates: columns ``sampling``, ``estimate``, ``low``, ``high``, and the one named by ``x``.
        x: a column.
        methods: samplings to draw.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    for method in methods:
        part = estimates[estimates["sampling"] == method].sort_values(x)
        colour, marker = _SAMPLING[method]
        axes.errorbar(part[x], part["estimate"], yerr=style.reach(part), color=colour, marker=marker, label=method)
    axes.axhline(1.0, color="0.35", linewidth=1, linestyle=(0, (4, 2)))
    axes.set(yscale="log")
    _plain_log_axis(axes)
    return axes


def plot_error_curves(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Parameter error against updates, a line and a band for each sampling.

    Args:
        estimates: columns ``sampling``, ``update``, ``estimate``, ``low``, ``high``, as shares of the first error.
        ax: drawn into; a new one where None.
    """
    axes = style.axes(ax)
    for sampling, part in estimates.groupby("sampling", sort=False):
        colour, _ = _SAMPLING[str(sampling)]
        axes.fill_between(part["update"], part["low"], part["high"], color=colour, alpha=0.2, linewidth=0)
        axes.plot(part["update"], part["estimate"], color=colour, linewidth=2, label=sampling)
    axes.set(yscale="log", xlabel="updates", ylabel="error of theta, share of the first")
    axes.margins(x=0)
    return axes


def _faded(colour: str, strength: float) -> tuple[float, float, float]:
    """A colour mixed with white: 1 is the colour itself."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def _plain_log_axis(axes: "Axes") -> None:
    """0.1, 0.2, 0.5, 1, 2 ... rather than powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
