"""Pictures of self-play: what each round added, and what it did to the reward."""

from typing import TYPE_CHECKING

import numpy as np

from rapo.plots import style, words
from rapo.plots.arms import plot_arms
from rapo.plots.lines import plot_lines
from rapo.studies.self_play.tables import ASKED, ORDER, QUALITIES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_pairs(quality: "pd.DataFrame") -> "Figure":
    """What the pairs of own answers are like: a panel a quality, a row an arm, hollow in the first round.

    Args:
        quality: of `tables.quality`.
    """
    import matplotlib.pyplot as plt

    arms = [arm for arm in ORDER if arm in set(quality["arm"])]
    figure, axes = plt.subplots(1, len(QUALITIES), figsize=(13, 1.6 + 0.5 * len(arms)), sharey=True)
    for ax, (name, label) in zip(axes, QUALITIES.items(), strict=True):
        _rounds(ax, quality[quality["quality"] == name], arms, label)
    last = quality[quality["round"] == quality["round"].max()]
    first = next(iter(QUALITIES))
    finding = words.highest(last[last["quality"] == first], QUALITIES[first])
    style.headline(figure, f"{finding} (last round)", "hollow: first round; full: last; 95 % intervals over seeds")
    return figure


def _rounds(ax: "Axes", part: "pd.DataFrame", arms: list[str], label: str) -> None:
    """One quality: for each arm its rounds below each other, joined by a line."""
    turns = sorted(part["round"].unique())
    known = style.inside(part, label)
    offsets = dict(zip(turns, np.linspace(0.16, -0.16, len(turns)), strict=True))
    for place, arm in enumerate(reversed(arms)):
        rows, tone = known[known["arm"] == arm].sort_values("round"), style.colour(arm)
        y = place + rows["round"].map(offsets).to_numpy(dtype=float)
        ax.hlines(y, rows["low"], rows["high"], color=tone, linewidth=1.6, alpha=0.7)
        ax.plot(rows["estimate"], y, color=tone, linewidth=1)
        for at, turn, value in zip(y, rows["round"], rows["estimate"], strict=True):
            ax.plot(
                value, at, "o", color=tone, markersize=7, markerfacecolor="white" if turn == turns[0] else tone
            )
    ax.set_yticks(range(len(arms)), arms[::-1])
    ax.set(xlabel=label, ylim=(-0.6, len(arms) - 0.4))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="0.92")


def plot_rounds(curves: "pd.DataFrame", growth: "pd.DataFrame") -> "Figure":
    """Above, gold over the number of pairs; below, what a round adds, with paired intervals: a column a kind of prompt.

    The lines of all arms have wide intervals, alike for all of them as bases differ; what is sure stands below.

    Args:
        curves: of `tables.curves`.
        growth: of `tables.growth`.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, len(ASKED), figsize=(10.5, 6.8), sharex="row", sharey="row", height_ratios=[1, 1.1]
    )
    for (upper, lower), (asked, title) in zip(axes.T, ASKED.items(), strict=True):
        part = curves[curves["asked"] == asked].assign(low=np.nan, high=np.nan)
        plot_lines(part, x="pairs", xlabel="pairs trained on", ylabel="gold reward (1-10)", legend=None, ax=upper)
        upper.set_title(title, fontweight="normal")
        upper.set_xticks(sorted({round(pairs, -1) for pairs in part["pairs"]}))
        added = growth[growth["asked"] == asked].set_index("arm").loc[list(ORDER)].reset_index()
        plot_arms(added, label="gold added by a round (of 10), pairs added by ...", reference=0, ax=lower)
    axes[0, 1].set_ylabel("")
    sure = growth[growth["low"] > 0]
    named = [f"{arm} on {ASKED[asked]}" for arm, asked in sure[["arm", "asked"]].to_numpy()]
    told = words.listed(named) or "no arm"
    note = "95 % intervals over models and prompts, of each model less itself a round before"
    style.headline(figure, f"More rounds surely add gold reward with {told} ({len(sure)} of {len(growth)})", note)
    return figure
