"""Pictures of goals: asked against realised attributes, reward over scales, noise and goals outside the seen range."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style
from rapo.plots.lines import plot_lines

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCALE_TONES = {"1-5": "#E69F00", "1-10": "#0072B2", "1-100": "#009E73", "standardised": "#CC79A7"}
LEAD_TONES = {"RA less UF": "#E69F00", "RA less UF, g=10": "#B37400"}


def plot_falls(estimates: "pd.DataFrame", *, limit: float, ax: "Axes | None" = None) -> "Axes":
    """A heat map: rows are the attribute that is asked low, columns what is realised; cells say how far it falls.

    Args:
        estimates: columns asked, realised, estimate (score points).
        limit: where the colours end, on both sides of zero.
    """
    axes = style.axes(ax)
    order = list(dict.fromkeys(estimates["asked"]))
    table = estimates.pivot(index="asked", columns="realised", values="estimate").loc[order, order]
    falls = table.to_numpy(dtype=float).round(1) + 0.0  # no "-0.0"
    axes.imshow(falls, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
    for (row, column), fall in np.ndenumerate(falls):
        tone = "white" if abs(fall) > 0.65 * limit else "0.15"
        axes.text(column, row, f"{fall:.1f}", ha="center", va="center", color=tone, fontsize="small")
    axes.set_xticks(range(len(order)), order, rotation=30, ha="right")
    axes.set_yticks(range(len(order)), order)
    axes.set_xlabel("realised attribute")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return axes


def fall_panels(estimates: "pd.DataFrame", titles: Mapping[str, str]) -> "Figure":
    """`plot_falls` for several arms side by side, in the same colours.

    Args:
        estimates: columns arm, asked, realised, estimate (score points).
        titles: arm -> title of its panel.
    """
    import matplotlib.pyplot as plt

    limit = float(estimates["estimate"].abs().max()) or 1.0
    figure, axes = plt.subplots(1, len(titles), figsize=(5 * len(titles) + 1, 4.2), sharey=True, squeeze=False)
    for ax, (arm, title) in zip(axes[0], titles.items(), strict=True):
        plot_falls(estimates[estimates["arm"] == arm], limit=limit, ax=ax)
        ax.set_title(title)
    axes[0][0].set_ylabel("attribute asked low")
    figure.colorbar(axes[0][-1].images[0], ax=axes[0], label="fall of the realised score (points)", shrink=0.9)
    return figure


def attribute_panels(curves: "pd.DataFrame") -> "Figure":
    """Realised against asked for every attribute, and the sentences behind elaboration where it is one.

    The dashed line is where realised equals asked.

    Args:
        curves: columns arm, attribute, goal, metric ("score", "sentences"), estimate, low, high.
    """
    import matplotlib.pyplot as plt

    attributes = list(dict.fromkeys(curves["attribute"]))
    amounts = curves[curves["metric"] == "sentences"]
    n = len(attributes) + (not amounts.empty)
    columns = 3 if n <= 6 else 4
    rows = -(-n // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(11 / 3 * columns, 3.3 * rows), sharex=True, squeeze=False)
    for place, (ax, attribute) in enumerate(zip(axes.flat, attributes, strict=False)):
        part = curves[(curves["attribute"] == attribute) & (curves["metric"] == "score")]
        label = "" if place % columns else "realised score (1-10)"
        plot_lines(part, xlabel="", ylabel=label, x="goal", legend=None, ax=ax)
        ax.axline((1, 1), slope=1, color="0.6", linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.set(title=attribute, ylim=(0.7, 10.3))
    if not amounts.empty:
        last = axes.flat[len(attributes)]
        plot_lines(amounts, xlabel="", ylabel="", x="goal", legend=None, ax=last)
        last.set_title("elaboration: number of sentences")
    for ax in axes.flat[n:]:
        ax.set_visible(False)
    for ax in axes.flat[max(0, n - columns) : n]:  # the lowest of each column
        ax.set_xlabel("asked for (others: 10)")
        ax.tick_params(labelbottom=True)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def plot_outside(
    estimates: "pd.DataFrame", *, ends: Sequence[float], xlabel: str, ax: "Axes | None" = None
) -> "Axes":
    """Gold reward against the goal, goals outside the scale on a grey ground.

    Args:
        estimates: columns arm, goal, estimate, low, high.
        ends: lowest and highest score of the scale.
        xlabel: of the horizontal axis.
    """
    axes = style.axes(ax)
    plot_lines(estimates, xlabel=xlabel, ylabel="gold reward (1-10)", x="goal", ax=axes)
    goals = estimates["goal"]
    edge = 0.03 * (goals.max() - goals.min())
    if goals.min() < ends[0]:
        axes.axvspan(goals.min() - edge, ends[0] - edge / 2, color="0.93", zorder=0)
    if goals.max() > ends[1]:
        axes.axvspan(ends[1] + edge / 2, goals.max() + edge, color="0.93", zorder=0)
    axes.set_xlim(goals.min() - edge, goals.max() + edge)
    return axes
