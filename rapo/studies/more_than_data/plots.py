"""Pictures of unlearning: log-probabilities over training, and what is left of them at the end."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = ("UF", "UF, g=10", "RA, own score", "RA, unprompted", "RA, g=10")


def plot_change(curves: "pd.DataFrame", *, label: str, ax: "Axes | None" = None) -> "Axes":
    """Change of log-probability over training: a line a model and prompt, with its band.

    Args:
        curves: columns line (one of `LINES`), share (of the steps), estimate, low, high.
        label: of the vertical axis, with its unit.
    """
    axes = style.axes(ax)
    for name in [name for name in LINES if name in set(curves["line"])]:
        tone = style.colour(name)
        part = curves[curves["line"] == name].sort_values("share")
        dashes = "--" if name.startswith("UF, ") else "-"
        share = 100 * part["share"]
        axes.fill_between(share, part["low"], part["high"], color=tone, alpha=0.15, linewidth=0)
        axes.plot(share, part["estimate"], f"o{dashes}", color=tone, markersize=4, label=name)
    axes.axhline(0, color="0.6", linewidth=1, zorder=0)
    axes.set(xlabel="training (% of the steps)", ylabel=label)
    return axes


def change_panels(curves: "pd.DataFrame", titles: Mapping[str, str], *, label: str) -> "Figure":
    """One panel a side of `plot_change`, with one legend below.

    Args:
        curves: as `plot_change` takes them, with the column side.
        titles: value of ``side`` -> the panel's title.
        label: of the vertical axis, with its unit.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(titles), figsize=(5.4 * len(titles), 4.2), sharey=True, squeeze=False)
    for ax, (side, title) in zip(axes[0], titles.items(), strict=True):
        plot_change(curves[curves["side"] == side], label=label if ax is axes[0, 0] else "", ax=ax)
        ax.set_title(title)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


def plot_goals(
    estimates: "pd.DataFrame", *, names: Mapping[str, str], label: str, ax: "Axes | None" = None
) -> "Axes":
    """A line an arm with intervals, against the goal.

    Args:
        estimates: columns arm, goal, estimate, low, high (NaN: no interval).
        names: arm -> what the legend calls it, in its order.
        label: of the vertical axis, with its unit.
    """
    axes = style.axes(ax)
    for place, (arm, shown) in enumerate(names.items()):
        part = estimates[estimates["arm"] == arm].sort_values("goal")
        errors = style.reach(part)
        beside = part["goal"] + 0.08 * (place - (len(names) - 1) / 2)
        axes.errorbar(
            beside, part["estimate"], yerr=errors, fmt="o-", color=style.colour(arm), markersize=5, label=shown
        )
    axes.set(xlabel="goal (1-10)", ylabel=label)
    axes.set_xticks(sorted(set(estimates["goal"])))
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.17), ncols=2)
    return axes
