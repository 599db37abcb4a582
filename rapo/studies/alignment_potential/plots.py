"""Pictures of selection: two margins, and who calls a pair good."""

from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import heat, lines, style
from rapo.studies.alignment_potential.error_map import POLICIES, cell_mask

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGINS = ("size of the explicit margin (score points)", "size of the implicit margin (nats a token)")
QUADRANTS = ("both", "M+ alone", "small Mpi alone", "neither")


def _sizes(pairs: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """Sizes of both margins."""
    return np.abs(pairs["explicit"].to_numpy()), np.abs(pairs["implicit"].to_numpy())


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


AXES = {"lean": "lean of the error (points a SD)", "noise": "noise of the reward model (points)"}


def plot_map(cells: "pd.DataFrame") -> "Figure":
    """Right labels of MAP less those of M+ over lean and noise: a panel a policy, a row of panels a length bias.

    Args:
        cells: of `rapo.studies.alignment_potential.error_map.gaps`.
    """
    import matplotlib.pyplot as plt

    biases = sorted(cells["length_bias"].unique())
    reach = float(cells["estimate"].abs().max())
    size = (5.6 * len(POLICIES), 0.4 + (1.3 + 0.55 * cells["lean"].nunique()) * len(biases))
    figure, axes = plt.subplots(len(biases), len(POLICIES), figsize=size, sharex=True, sharey=True, squeeze=False)
    for row, bias in enumerate(biases):
        for ax, (policy, name) in zip(axes[row], POLICIES.items(), strict=True):
            part = cells[cell_mask(cells, policy, bias)].sort_values(["lean", "noise"]).rename(columns=AXES)
            heat.plot_differences(
                part, rows=AXES["lean"], columns=AXES["noise"], ahead="MAP", behind="M+", reach=reach, ax=ax
            )
            ax.set_title(f"{name}, length bias {bias:g}")
            ax.label_outer()
    return figure


def plot_right(shown: "pd.DataFrame") -> "Figure":
    """Right labels of every metric over the lean, a panel a policy.

    Args:
        shown: of `rapo.studies.alignment_potential.error_map.right`.
    """
    return lines.line_panels(
        shown, POLICIES, panel="policy", by="metric", x="lean", spread=0.08, xlabel=AXES["lean"],
        ylabel="selected labels that gold confirms (%)", legend="selected by",
    )  # fmt: skip
