"""Pictures of goals: asked against realised attributes, reward over scales, noise and goals outside the seen range."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import colours, style, words
from rapo.plots.arms import plot_arms
from rapo.plots.lines import plot_lines
from rapo.studies.common import beside

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rapo.stats.intervals import Interval

# Shades of RA's blue: scales are told apart by their lines' names, and are no methods.
SCALE_TONES = {"1-5": "#7FB2D5", "1-10": "#0072B2", "1-100": "#00375C", "standardised": "#5E7F99"}
LEAD_TONES = {"RA less UF": "#E69F00", "RA less UF, g=10": "#B37400"}


def plot_falls(estimates: "pd.DataFrame", *, limit: float, ax: "Axes | None" = None) -> "Axes":
    """A heat map: rows are the attribute that is asked low, columns what is realised; cells say how far it falls.

    Args:
        estimates: columns asked, realised, estimate (score points).
        limit: where the colours end, on both sides of zero.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    axes = style.axes(ax)
    order = list(dict.fromkeys(estimates["asked"]))
    table = estimates.pivot(index="asked", columns="realised", values="estimate").loc[order, order]
    falls = table.to_numpy(dtype=float).round(1) + 0.0  # no "-0.0"
    axes.imshow(falls, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
    for (row, column), fall in np.ndenumerate(falls):
        tone = colours.ink_on(to_hex(colormaps["PuOr"](0.5 + 0.5 * float(fall) / limit)))
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
        ax.set_title(title, fontweight="normal")
    axes[0][0].set_ylabel("attribute asked low")
    own = estimates[estimates["asked"] == estimates["realised"]].groupby("arm")["estimate"].mean()
    told = [
        f"{title} {'falls' if own[arm] > 0 else 'rises'} by {abs(own[arm]):.1f}" for arm, title in titles.items()
    ]
    style.headline(figure, f"An attribute that is asked low, in points (mean of the diagonal): {', '.join(told)}")
    label = "fall of the realised score (points);\nbelow zero it rises"
    figure.colorbar(axes[0][-1].images[0], ax=axes[0], label=label, shrink=0.9)
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
        ax.axline((1, 1), slope=1, **style.GUIDE)
        ax.set(title=attribute, ylim=(0.7, 10.3))
    if not amounts.empty:
        last = axes.flat[len(attributes)]
        plot_lines(amounts, xlabel="", ylabel="", x="goal", legend=None, ax=last)
        last.set_title("elaboration: number of sentences", fontweight="normal")
    for ax in axes.flat[n:]:
        ax.set_visible(False)
    for ax in axes.flat[max(0, n - columns) : n]:  # the lowest of each column
        ax.set_xlabel("asked for (others: 10)")
        ax.tick_params(labelbottom=True)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    style.headline(figure, _followed(curves[curves["metric"] == "score"]))
    return figure


def _followed(scores: "pd.DataFrame") -> str:
    """How far realised scores rise from the lowest to the highest wish, mean over attributes, for each arm."""
    ends = scores[scores["goal"].isin([scores["goal"].min(), scores["goal"].max()])]
    wide = ends.pivot_table(index=["arm", "attribute"], columns="goal", values="estimate", sort=False)
    rise = (wide.iloc[:, -1] - wide.iloc[:, 0]).groupby("arm", sort=False).mean()
    low, high = wide.columns[[0, -1]]
    told = ", ".join(f"{arm} {gain:+.1f}" for arm, gain in rise.items())
    return f"From {low:g} to {high:g} asked for, the realised score rises by (mean over attributes): {told}"


SEVERAL = {"UF, g=10": "plain pairs (there SimPO)", "RA, attributes": "RA, several attributes"}
COMPARED = ("RA, attributes", "UF, g=10")
OWN_COMPARED = ("RA", "UF")
OWN = {"UF": "+ DPO (UF)", "RA": "+ DPO (RA)"}
FIRST = "on-policy, round 1"


def plot_several(cells: "pd.DataFrame", gap: "Interval") -> "Figure":
    """RA's numbers with several attributes at once, beside ours.

    Args:
        cells: of `tables.cells`, study "attributes", asked for the best.
        gap: RA with attribute goals less UF asked for 10.
    """
    names = {"RA, several attributes": COMPARED[0], "SimPO": COMPARED[1]}
    models, what = {"Llama-3-8B": "Llama-3-8B"}, "RA, several attributes"
    paper = beside.published("RA-T8", "LC win rate", compared=COMPARED, models=models, arms=names, what=what)
    bars = cells[(cells["metric"] == "gold") & cells["arm"].isin(SEVERAL)]
    here = beside.pooled(bars, gap, "gold reward (1-10)", model="all models")
    return beside.figure([(paper, here)], arms=SEVERAL, compared=COMPARED, what="SimPO there", note="")


def plot_own_beside(lines: "pd.DataFrame", gap: "Interval") -> "Figure":
    """RA's on-policy data, of which only the order is at hand, beside our first round of own answers.

    Args:
        lines: of `tables.gold`, study "on-policy".
        gap: RA less UF after that round.
    """
    levels, what = {"UF": 0, "RA": 1}, "RA, on-policy data"
    paper = beside.order_alone(levels, ["own answers"], compared=OWN_COMPARED, what=what)
    here = beside.pooled(lines[lines["x"] == FIRST], gap, "gold reward (1-10)", model=FIRST)
    return beside.figure([(paper, here)], arms=OWN, compared=OWN_COMPARED, what="own answers", note="")


def plot_scales(lines: "pd.DataFrame") -> "Figure":
    """Gold over the goal's place on each scale, base and RA.

    Args:
        lines: of `tables.on_scales`.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True)
    shown = lines.assign(share=100 * lines["share"])
    for ax, arm in zip(axes, ["base", "RA"], strict=True):
        part = shown[shown["arm"] == arm]
        x, y = "goal, as a share of the scale (%)", "gold reward (1-10)"
        plot_lines(part, xlabel=x, ylabel=y, x="share", by="x", tones=SCALE_TONES, spread=0.8, legend=None, ax=ax)
        ax.set_title(arm, fontweight="normal")
        ax.label_outer()
    label_ends(axes[1], shown[shown["arm"] == "RA"], x="share", by="x", tones=SCALE_TONES)
    ra = lines[lines["arm"] == "RA"].assign(share=lambda part: part["share"].round(6))
    told = [f"{name} {_rise(part):+.2f}" for name, part in ra.groupby("x", sort=False)]
    style.headline(
        figure, f"From the bottom to the top of its scale RA's gold reward changes by: {', '.join(told)}"
    )
    return figure


def _rise(part: "pd.DataFrame") -> float:
    ordered = part.sort_values("share")["estimate"]
    return float(ordered.iloc[-1] - ordered.iloc[0])


def label_ends(
    axes: "Axes", estimates: "pd.DataFrame", *, x: str, by: str = "arm", tones: Mapping[str, str] | None = None
) -> None:
    """The name of each line where it ends, moved apart where two ends lie together."""
    last = estimates.sort_values(x).groupby(by, sort=False).tail(1).sort_values("estimate")
    least = 0.07 * np.ptp(axes.get_ylim())
    at = -np.inf
    for name, place, height in last[[by, x, "estimate"]].to_numpy():
        at = max(float(height), at + least)
        tone = (tones or {}).get(str(name)) or style.colour(str(name))
        axes.annotate(
            str(name), (place, at), (8, 0), textcoords="offset points", color=tone, va="center", fontsize="small"
        )


def plot_noise(curve: "pd.DataFrame", leads: "pd.DataFrame") -> "Figure":
    """Gold over the judge's noise, and RA's lead over each control.

    Args:
        curve: columns arm, x (noise, points), estimate, low, high.
        leads: of `tables.noise_gaps`.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    noise = "noise of the judge (points)"
    plot_lines(curve, xlabel=noise, ylabel="gold reward (1-10)", spread=0.06, ax=axes[0])
    plot_lines(leads, xlabel=noise, ylabel="lead of RA (of 10)", tones=LEAD_TONES, spread=0.06, ax=axes[1])
    axes[1].axhline(0, color="0.4", linewidth=1)
    named = leads.assign(group=leads["arm"], name=[f"noise {x:g}" for x in leads["x"]])
    style.headline(figure, words.surely(named))
    return figure


def plot_own_answers(gold: "pd.DataFrame") -> "Figure":
    """Gold after each round on annotators' and on the model's own answers; the line is the base, asked for 10.

    Args:
        gold: of `tables.gold`, study "on-policy".
    """
    import matplotlib.pyplot as plt

    rounds = gold[gold["x"] != ""].assign(group=lambda part: part["x"]).sort_values("x", kind="stable")
    start = gold.loc[gold["arm"] == "base, g=10", "estimate"].iloc[0]
    figure, ax = plt.subplots(figsize=(7.6, 1.5 + 0.34 * (len(rounds) + rounds["x"].nunique())))
    plot_arms(rounds, label="gold reward (1-10); the line is the base asked for 10", reference=start, ax=ax)
    above = rounds[rounds["low"] > start]
    best = words.highest(rounds.assign(arm=rounds["arm"] + " (" + rounds["x"] + ")"), "gold reward")
    sure = f"{len(above)} of {len(rounds)} intervals lie above the base's {start:.2f}"
    style.headline(
        figure, f"{best}; {sure}", "differences between arms are paired in RA-T9_differences, and narrower"
    )
    return figure


def outside_panels(lines: "pd.DataFrame", ends: Mapping[str, tuple[float, float]]) -> "Figure":
    """`plot_outside` for several scales, which share the reward's axis.

    Args:
        lines: of `tables.gold`, study "outside".
        ends: scale -> its lowest and highest score.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(ends), figsize=(4.6 * len(ends), 4.2), sharey=True, squeeze=False)
    told = []
    for ax, (name, (low, high)) in zip(axes[0], ends.items(), strict=True):
        part = lines[lines["x"] == name]
        plot_outside(part, ends=(low, high), xlabel=f"goal, scale {name}", ax=ax)
        ax.label_outer()
        ra = part[part["arm"] == "RA"].set_index("goal")["estimate"]
        if (ra.index > high).any():
            told.append(f"{name} {ra[ra.index > high].mean() - ra[high]:+.2f}")
    style.headline(
        figure, f"Goals above the scale change RA's gold reward, against its top, by: {', '.join(told)}"
    )
    return figure


def plot_outside(
    estimates: "pd.DataFrame", *, ends: Sequence[float], xlabel: str, ax: "Axes | None" = None
) -> "Axes":
    """Gold reward against the goal, goals outside the scale on a grey ground; a line's name stands at its end.

    Args:
        estimates: columns arm, goal, estimate, low, high.
        ends: lowest and highest score of the scale.
        xlabel: of the horizontal axis.
    """
    axes = style.axes(ax)
    goals = estimates["goal"]
    edge = 0.03 * (goals.max() - goals.min())
    plot_lines(
        estimates, xlabel=xlabel, ylabel="gold reward (1-10)", x="goal", spread=edge / 3, legend=None, ax=axes
    )
    if goals.min() < ends[0]:
        axes.axvspan(goals.min() - edge, ends[0] - edge / 2, color="0.93", zorder=0)
    if goals.max() > ends[1]:
        axes.axvspan(ends[1] + edge / 2, goals.max() + edge, color="0.93", zorder=0)
    axes.set_xlim(goals.min() - edge, goals.max() + edge)
    label_ends(axes, estimates, x="goal")
    return axes
