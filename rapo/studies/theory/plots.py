"""Pictures of the two theorems: rates against the number of pairs, updates against the way of sampling."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rapo.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SAMPLING = {
    "uniform": (style.COLOURS["uniform"], "o"),
    "adversarial": (style.COLOURS["MAP"], "s"),
    "largest pull": (style.COLOURS["small Mpi"], "D"),
}


def rate_panels(means: pd.DataFrame, worst: pd.DataFrame, slopes: pd.DataFrame) -> "Figure":
    """Sub-optimality against the number of pairs for each class of policies, and the worst case; guides of slope -1/2.

    Args:
        means: of `plot_rates`, with the column ``policy``.
        worst: of `rapo.studies.theory.rates.worst_case`.
        slopes: of `rapo.studies.theory.tables.slopes`.
    """
    import matplotlib.pyplot as plt

    policies = list(dict.fromkeys(means["policy"]))
    figure, axes = plt.subplots(1, len(policies) + 1, figsize=(4.9 * (len(policies) + 1), 4.8))
    for ax, policy in zip(axes, policies, strict=False):
        plot_rates(means[means["policy"] == policy], ax=ax).set(ylim=(1e-4, 4))
        ax.set_title(f"{policy} policies", fontweight="normal")
        add_slope(-0.5, start=(500, 3.0), stop=30000, label="-1/2", ax=ax)
    axes[0].set_ylabel("sub-optimality, nats")
    plot_worst_case(worst, ax=axes[-1]).set(ylabel="loss of the greedy policy, nats")
    axes[-1].set_title("worst case over problems, exact", fontweight="normal")
    add_slope(-0.5, start=(500, 0.03), stop=30000, label="-1/2", ax=axes[-1]).legend(fontsize="small")
    ra = slopes[(slopes["method"] == "RA") & (slopes["coverage"] > 0)]["estimate"]
    told = f"from {ra.max():.2f} to {ra.min():.2f}"
    note = "at the lines' ends: share of prompts whose best answer is among the pairs; bands: 95 % intervals over seeds"
    style.headline(
        figure, f"RA's slope of log sub-optimality on log N lies {told} where the best answer is covered", note
    )
    return figure


def plot_rates(estimates: pd.DataFrame, *, ax: "Axes | None" = None) -> "Axes":
    """Sub-optimality against the number of pairs, log-log; a paler line where the best answer is rarer.

    Lines that end together share one name there.

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
    least, most = estimates["n_pairs"].min(), estimates["n_pairs"].max()
    axes.set_xlim(least / 1.5, most * 12)  # room for the names
    last = estimates[estimates["n_pairs"] == most]
    for method, ends in last.groupby("method", sort=False):
        _name_ends(axes, str(method), ends.sort_values("estimate"))
    return axes


NEAR = 1.9  # times: lines that end nearer than this share a name


def _name_ends(axes: "Axes", method: str, ends: pd.DataFrame) -> None:
    """The shares of the lines of a method where they end, those that lie together as a range."""
    groups = (ends["estimate"] / ends["estimate"].shift() > NEAR).cumsum()
    for _, near in ends.groupby(groups):
        shares = sorted(100 * near["coverage"])
        told = f"{method}, {shares[0]:g} %" if len(shares) == 1 else f"{method}, {shares[0]:g}-{shares[-1]:g} %"
        at = near["n_pairs"].iloc[0], float(np.exp(np.log(near["estimate"]).mean()))
        axes.annotate(
            told, at, (4, 0), textcoords="offset points", va="center", fontsize="small", color=style.colour(method)
        )


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


def update_panels(errors: pd.DataFrame, ratios: pd.DataFrame, *, kind: str) -> "Figure":
    """Error over updates for one kind of problems, and for all the ratio of updates to uniform sampling, by loss.

    Args:
        errors: as `plot_error_curves` takes them.
        ratios: as `plot_ratios` takes them, with the column ``loss``.
        kind: of problems whose errors are shown.
    """
    import matplotlib.pyplot as plt

    losses = list(dict.fromkeys(ratios["loss"]))
    figure, axes = plt.subplots(1, 1 + len(losses), figsize=(14, 4.3), width_ratios=[1.1, *[1] * len(losses)])
    plot_error_curves(errors, ax=axes[0]).set_ylim(1e-3, 1.1)
    axes[0].set_title(kind, fontweight="normal")
    axes[0].legend()
    for ax, loss in zip(axes[1:], losses, strict=True):
        plot_ratios(ratios[ratios["loss"] == loss], ax=ax).set(ylim=(0.08, 1.3))
        ax.set_title(f"{loss} loss", fontweight="normal")
    axes[1].set_ylabel("updates, adversarial / uniform")
    axes[-1].legend(title="condition", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    below, n = int((ratios["high"] < 1).sum()), len(ratios)
    extremes = f"{ratios['estimate'].min():.2f} to {ratios['estimate'].max():.2f} of uniform's updates"
    note = f"n = {ratios['n'].min()} problems a kind; 95 % intervals"
    style.headline(
        figure, f"Sampling the largest gap needs fewer updates in {below} of {n} kinds: {extremes}", note
    )
    return figure


def limit_panels(saturated: pd.DataFrame, noisy: pd.DataFrame, *, budget: int) -> "Figure":
    """Where the largest gap stops helping: large margins under the logistic loss, noisy targets.

    Args:
        saturated: as `plot_ratio_against` takes them, with the column ``spread``.
        noisy: likewise, with the column ``noise``.
        budget: updates after which errors are compared.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.3))
    plot_ratio_against(saturated, "spread", methods=("adversarial", "largest pull"), ax=axes[0])
    spreads = sorted(saturated["spread"].unique())
    axes[0].set_title("large margins, logistic loss", fontweight="normal")
    axes[0].set(xlabel="spread of the target margins, nats", xscale="log", ylabel="updates, over uniform")
    axes[0].set_xticks(spreads, [f"{spread:g}" for spread in spreads], minor=False)
    axes[0].set_xticks([], minor=True)
    axes[0].legend(loc="upper left")
    plot_ratio_against(noisy, "noise", ax=axes[1])
    axes[1].set_title("noisy targets, squared loss", fontweight="normal")
    axes[1].set(ylabel=f"error after {budget} updates, over uniform", xlabel="noise, share of the targets' spread")
    axes[1].set(yscale="linear", ylim=(0, None))
    told = []
    for table, x, what in (
        (saturated, "spread", "margins spread by {:g} nats"),
        (noisy, "noise", "noise of {:g}"),
    ):
        lost = table[(table["sampling"] == "adversarial") & (table["low"] > 1)][x]
        told.append(f"from {what.format(lost.min())} on" if len(lost) else f"with no {x} that was tried")
    style.headline(figure, f"The largest gap is surely worse than uniform sampling {', and '.join(told)}")
    return figure


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
