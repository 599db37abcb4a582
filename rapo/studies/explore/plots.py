"""One picture for each slider of the notebook `explore`."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import ndtr

from rapo.plots import lines
from rapo.plots.style import GUIDE, colour
from rapo.studies.explore import tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (10.5, 3.8)
DOTS = 1_200  # pairs of the scatter
RIGHT, WRONG = "#009E73", "#D55E00"


def goal(goal: float) -> "Figure":
    """What base and RA answer when they are asked for this score."""
    answers = tables.goal_answers()
    means = answers.groupby(["arm", "goal"], sort=False)["gold"].mean().rename("estimate").reset_index()
    figure, (left, right) = plt.subplots(1, 2, figsize=SIZE)
    shown = means.assign(low=np.nan, high=np.nan)
    lines.plot_lines(shown, x="goal", xlabel="goal asked for (1-10)", ylabel="mean true reward (1-10)", ax=left)
    left.axvline(goal, **GUIDE)
    for arm, part in answers[answers["goal"] == goal].groupby("arm", sort=False):
        right.hist(part["gold"], np.arange(0.75, 10.5, 0.5), density=True, histtype="step", color=colour(str(arm)))
    right.set(xlabel="true reward of an answer (1-10)", ylabel="density")
    at = means[means["goal"] == goal].set_index("arm")["estimate"]
    told = ", ".join(f"{arm} {at[arm]:.2f}" for arm in ("base", "RA"))
    left.set_title(f"Asked for {goal:g}, the mean is: {told}")
    right.set_title(f"{(answers['goal'] == goal).sum():,} answers under that goal")
    return figure


def noise(noise: float) -> "Figure":
    """What a judge of this noise does to labels, and what arms trained on such labels reach."""
    figure, (left, right) = plt.subplots(1, 2, figsize=SIZE)
    bins = tables.labels(noise)
    width = bins["margin"].iloc[1] - bins["margin"].iloc[0]
    left.bar(bins["margin"], bins["right"], width, color=RIGHT, label="right label")
    left.bar(bins["margin"], bins["wrong"], width, bottom=bins["right"], color=WRONG, label="wrong label")
    left.set(xlabel="true margin of a pair (points)", ylabel="pairs")
    left.legend()
    share = bins["right"].sum() / (bins["right"] + bins["wrong"]).sum()
    left.set_title(f"A noise of {noise:g} points: {share:.0%} of labels are right")
    arms = tables.noise_arms().assign(low=np.nan, high=np.nan)
    lines.plot_lines(arms, xlabel="noise of the judge (points)", ylabel="mean true reward (1-10)", ax=right)
    right.axvline(noise, **GUIDE)
    right.set_title("After training on such labels")
    return figure


def selection(weight: float, share: float) -> "Figure":
    """Which pairs alignment potential takes, and how many of their labels are right."""
    chosen = tables.selected(weight, share)
    figure, (left, right) = plt.subplots(1, 2, figsize=SIZE, width_ratios=[1.1, 1])
    some = chosen.iloc[:: max(len(chosen) // DOTS, 1)]
    for taken, tone in ((False, "#bfbfbf"), (True, colour("MAP"))):
        part = some[some["MAP"] == taken]
        left.plot(part["implicit_size"], part["explicit_size"], ".", color=tone, markersize=4)
    left.set(
        xlabel="size of the implicit margin (standardised)", ylabel="size of the explicit margin (standardised)"
    )
    left.set_title(f"M_AP takes {chosen['MAP'].sum():,} of {len(chosen):,} pairs (green)")
    accuracy = tables.right_labels(chosen)
    right.barh(list(accuracy.index), accuracy, color=[colour(name) for name in accuracy.index])
    right.invert_yaxis()
    right.set(xlim=(40, 100), xlabel="right labels among the selected pairs (%)")
    for row, value in enumerate(accuracy):
        right.text(value + 0.5, row, f"{value:.1f}", va="center")
    lead = accuracy["MAP"] - accuracy["M+"]
    right.set_title(f"M_AP less M_+: {lead:+.1f} points of right labels")
    return figure


def kappa(kappa: float) -> "Figure":
    """A judge who agrees this far with the truth: on which pairs, and what becomes of a win rate."""
    spread = tables.noise_of(kappa)
    figure, (left, right) = plt.subplots(1, 2, figsize=SIZE)
    size = np.linspace(0, tables.pairs()["gold"].abs().quantile(0.99), 200)
    left.plot(size, 100 * ndtr(size / spread), color=colour("RA"))
    left.axhline(50 * (1 + kappa), **GUIDE)
    left.set(xlabel="true margin of a pair (points)", ylabel="agreement (%)", ylim=(48, 101))
    left.set_title(f"kappa {kappa:g}: {50 * (1 + kappa):.0f} % agreement over all pairs")
    won = np.linspace(0, 100, 3)
    right.plot(won, won, **GUIDE)
    right.plot(won, 50 + kappa * (won - 50), color=colour("RA"))
    right.set(
        xlabel="true win rate (%)", ylabel="win rate as this judge sees it (%)", xlim=(0, 100), ylim=(0, 100)
    )
    more = f"{1 / kappa**2:.0f} times the judgements" if kappa < 1 else "nothing is lost"
    right.set_title(f"60 % is seen as {50 + 10 * kappa:.0f} %: {more}")
    return figure
