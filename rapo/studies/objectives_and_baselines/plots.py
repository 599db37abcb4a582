"""Pictures of objectives and baselines: gold of each, and what relabelled pairs are ahead or behind by."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rapo.plots import style
from rapo.plots.arms import plot_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SHOWN = {"UF": "UF", "UF, g=10": "UF asked for 10", "RA": "RA asked for 10"}
LESS = {"UF": "RA less UF", "UF, g=10": "RA less UF asked for 10"}


def plot_objectives(
    gold: "pd.DataFrame", gains: "pd.DataFrame", names: Mapping[str, str], *, start: float
) -> "Figure":
    """Gold of UF, UF asked for 10 and RA under each objective, and RA less each of the two.

    Args:
        gold: of `tables.arms`, metric "gold".
        gains: of `tables.gains`.
        names: objective -> what the axis calls it, from top to bottom.
        start: gold of the untrained base, asked for 10.
    """
    figure, axes = _two(len(names))
    label = "gold reward (1-10); the line is the base asked for 10"
    plot_rows(gold, names=names, label=label, arms=SHOWN, reference=start, ax=axes[0])
    plot_rows(
        gains, names=names, label="gold reward, difference (of 10)", arms=LESS, reference=0, ahead="RA", ax=axes[1]
    )
    for ax in axes:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.9 / len(names)), ncols=3, columnspacing=1)
    told = []
    for control in LESS:
        part = gains[gains["arm"] == control]
        sure = int((part["low"] > 0).sum()), int((part["high"] < 0).sum())
        told.append(f"{SHOWN[control]} under {sure[0]} of {len(part)} (surely behind under {sure[1]})")
    style.headline(figure, f"RA is surely ahead of {'; of '.join(told)}")
    return figure


def plot_rivals(rivals: "pd.DataFrame", names: Mapping[str, str], *, mine: float) -> "Figure":
    """Gold of every rival of DPO on relabelled pairs, and how far that lies above each.

    Args:
        rivals: of `tables.rivals`.
        names: method -> what the axis calls it, from top to bottom.
        mine: gold of DPO on relabelled pairs.
    """
    figure, axes = _two(len(names))
    gold, lead = (rivals[rivals["quantity"] == quantity] for quantity in ("gold", "lead"))
    label = "gold reward (1-10); the line is DPO on relabelled pairs"
    plot_rows(
        gold.assign(arm="base"), names=names, label=label, arms={"base": "rival"}, reference=mine, ax=axes[0]
    )
    label, rows = "DPO on relabelled pairs less the rival (of 10)", lead.assign(arm="base, g=10")
    arms = {"base, g=10": "lead"}
    plot_rows(rows, names=names, label=label, arms=arms, reference=0, ahead="RA", ax=axes[1])
    above, below = int((lead["low"] > 0).sum()), int((lead["high"] < 0).sum())
    told = f"DPO on relabelled pairs is surely ahead of {above} of {len(lead)} rivals, surely behind {below}"
    style.headline(figure, told, "blue: surely ahead; dark: surely behind; grey: the interval holds zero")
    return figure


def _two(rows: int) -> "tuple[Figure, Any]":
    import matplotlib.pyplot as plt

    return plt.subplots(1, 2, figsize=(11.6, 2.1 + 0.46 * rows), sharey=True)
