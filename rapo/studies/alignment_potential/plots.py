"""Pictures of selection: two margins, and who calls a pair good."""

from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import heat, lines, style, words
from rapo.plots.arms import plot_arms, plot_differences
from rapo.studies.alignment_potential.error_map import POLICIES
from rapo.studies.alignment_potential.tables import OBJECTIVES, QUADRANTS
from rapo.studies.common import beside
from rapo.studies.common.arms import NAME

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rapo.stats.intervals import Interval

MARGINS = ("size of the explicit margin (score points)", "size of the implicit margin (nats a token)")


def _sizes(pairs: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """Sizes of both margins."""
    return np.abs(pairs["explicit"].to_numpy()), np.abs(pairs["implicit"].to_numpy())


def _dots(axes: "Axes", x: np.ndarray, y: np.ndarray, *, tone: str, label: str) -> None:
    axes.scatter(x, y, s=7, color=tone, alpha=0.7, linewidths=0, rasterized=True, label=label)


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
        _dots(axes, x[inside], y[inside], tone=style.colour(name), label=label)
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
        _dots(axes, x[inside], y[inside], tone=tone, label=label)
    label = f"label wrong: {wrong.mean():.0%}"
    axes.scatter(
        x[wrong], y[wrong], s=9, marker="x", color="#D55E00", linewidths=0.6, rasterized=True, label=label
    )
    _label_margins(axes, y)
    axes.legend(markerscale=2, loc="upper left", bbox_to_anchor=(0, -0.17), ncols=2)
    return axes


METRICS = {
    "uniform": "uniform",
    "M+": "large explicit margin (M+)",
    "small Mpi": "small implicit margin",
    "MAP": "MAP",
}
SELECTED = ("MAP", "M+")
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
            part = cells[(cells["policy"] == policy) & (cells["length_bias"] == bias)]
            part = part.sort_values(["lean", "noise"]).rename(columns=AXES)
            heat.plot_differences(
                part, rows=AXES["lean"], columns=AXES["noise"], ahead="MAP", behind="M+", reach=reach, ax=ax
            )
            ax.set_title(f"{name}, length bias {bias:g}", fontweight="normal")
            ax.label_outer()
    sure = [int((cells["low"] > 0).sum()), int((cells["high"] < 0).sum())]
    told = f"MAP selects surely more right labels than M+ in {sure[0]} of {len(cells)} cells, surely fewer in {sure[1]}"
    style.headline(figure, told, "points; green: MAP ahead; orange: M+ ahead; bold: the interval leaves out zero")
    return figure


def plot_right(shown: "pd.DataFrame") -> "Figure":
    """Right labels of every metric over the lean, a panel a policy.

    Args:
        shown: of `rapo.studies.alignment_potential.error_map.right`.
    """
    figure = lines.line_panels(
        shown, POLICIES, panel="policy", by="metric", x="lean", spread=0.08, xlabel=AXES["lean"],
        ylabel="selected labels confirmed (%)", legend="selected by",
    )  # fmt: skip
    means = shown[shown["policy"] == "on"].groupby("metric", sort=False)["estimate"].mean().sort_values()
    told = f"highest {means.index[-1]} ({means.iloc[-1]:.0f} %), lowest {means.index[0]} ({means.iloc[0]:.0f} %)"
    style.headline(figure, f"On-policy, over all leans, labels that gold confirms: {told}")
    return figure


def plot_corner_shares(corners: "pd.DataFrame") -> "Figure":
    """Three shares of each quadrant: of the pairs, of right labels, of what alignment potential selects.

    Args:
        corners: of `rapo.studies.alignment_potential.tables.quadrants`.
    """
    import matplotlib.pyplot as plt

    quantities = list(dict.fromkeys(corners["quantity"]))
    figure, axes = plt.subplots(1, len(quantities), figsize=(12.5, 3.6), sharey=True)
    for ax, quantity in zip(axes, quantities, strict=True):
        part = corners[corners["quantity"] == quantity].rename(columns={"quadrant": "arm"})
        plot_arms(part, label=f"{quantity} (%)", ax=ax)
    share = corners[corners["quantity"] == "pairs"].set_index("quadrant")["estimate"]
    alone = share["M+ alone"] + share["small Mpi alone"]
    style.headline(
        figure, f"The two margins contradict each other on {alone:.0f} % of the pairs: one alone selects them"
    )
    return figure


def plot_trained(trained: "pd.DataFrame", plain: "pd.Series[float]", gaps: "pd.DataFrame") -> "Figure":
    """AP's bars: gold after training on the pairs of each metric, by base model and objective.

    Args:
        trained: of `rapo.studies.alignment_potential.tables.gold`, study "metric".
        plain: gold of each architecture before training.
        gaps: of `rapo.studies.alignment_potential.tables.gold_gaps`: MAP less M+, "all" first.
    """
    models = [f"{model}\n{objective}" for model in ("Llama-3-8B", "Gemma-2-9B") for objective in ("DPO", "SimPO")]
    paper = beside.order_alone(
        {"uniform": 0, "M+": 0, "small Mpi": 0, "MAP": 1},
        models,
        compared=SELECTED,
        what="AP, Figures 1b, 4 and 5",
    )
    cells = trained["architecture"] + ", " + trained["objective"].map(OBJECTIVES)
    less = gaps[gaps["name"] == "less M+"].rename(columns={"group": "model"})
    less = less.sort_values("model", key=lambda names: names == "all", kind="stable")
    here = beside.ours(_shown(trained.assign(model=cells)), _shown(less), "gold reward (1-10)")
    before = ", ".join(f"{NAME[str(name)]} {value:.2f}" for name, value in plain.items())
    note = f"Before training: {before}."
    return beside.figure([(paper, here)], arms=METRICS, compared=SELECTED, what="top 40 %", note=note)


def _shown(table: "pd.DataFrame") -> "pd.DataFrame":
    """Models as an axis calls them: "Qwen2-like", below it the objective."""
    told = [name.split(", ") for name in table["model"]]
    return table.assign(model=["\n".join([NAME.get(model, model), *rest]) for model, *rest in told])


def plot_agreed(agreed: "pd.DataFrame", gap: "Interval", *, share: float) -> "Figure":
    """AP's bars of agreement: labels that a second, better judge confirms among the pairs that each metric selects.

    Args:
        agreed: of `rapo.studies.alignment_potential.tables.agreement`.
        gap: MAP less M+ at that share.
        share: of the pairs, 0 to 1.
    """
    levels = {"M+": 0, "MAP": 1}
    paper = beside.order_alone(levels, ["GPT-4"], compared=SELECTED, what="AP, Figure 3")
    part = agreed[agreed["share"] == share].rename(columns={"metric": "arm"})
    here = beside.pooled(part, gap, "labels confirmed (%)", model="the true reward")
    note = f"Top {100 * share:g} % of the pairs; n = {part['n'].iloc[0]} models."
    return beside.figure([(paper, here)], arms=METRICS, compared=SELECTED, what="agreement", note=note)


def plot_weights(counted: "pd.DataFrame", weighed: "pd.DataFrame") -> "Figure":
    """Right labels, and gold after training, over the weight of the implicit margin in alignment potential.

    Args:
        counted: of `rapo.studies.alignment_potential.tables.agreement_by_weight`.
        weighed: of `rapo.studies.alignment_potential.tables.gold`, study "weight".
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharex=True)
    for ax, part, label in (
        (axes[0], counted, "labels that gold confirms (%)"),
        (axes[1], weighed, "gold reward (1-10)"),
    ):
        lines.plot_lines(part, xlabel="weight of the implicit margin (0 is M+)", ylabel=label, ax=ax)
    ends = [part.sort_values("x")["estimate"].iloc[[0, -1]].tolist() for part in (counted, weighed)]
    (first, last), (before, after) = ends
    told = f"right labels go from {first:.1f} to {last:.1f} %, gold reward from {before:.2f} to {after:.2f}"
    style.headline(figure, f"From the smallest to the largest weight {told}")
    return figure


def plot_join(joined: "pd.DataFrame", lead: "pd.DataFrame", *, reference: float) -> "Figure":
    """Gold of selected, relabelled, and selected and relabelled pairs, and paired differences.

    Args:
        joined: of `rapo.studies.alignment_potential.tables.gold`, study "join".
        lead: of `rapo.studies.alignment_potential.tables.gold_gaps`: MAP + RA less each rival.
        reference: gold of the untrained base, asked for 10.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(12, 3.6))
    plot_arms(
        joined, label="gold reward (1-10), asked for 10; the line is the base", reference=reference, ax=axes[0]
    )
    plot_differences(lead, label="gold of MAP + RA less that of ... (of 10)", ahead="MAP + RA", ax=axes[1])
    style.headline(figure, words.surely(lead, ahead="MAP + RA"))
    return figure
