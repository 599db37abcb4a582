"""A paper's numbers and ours as the two sides of `rapo.plots.counterparts`, and what they say together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rapo.claims import published as papers
from rapo.plots import counterparts, words
from rapo.plots.counterparts import Side
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import estimates

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = "measured here, in the micro world"


def published(
    claim: str,
    metric: str,
    *,
    compared: tuple[str, str],
    models: Mapping[str, str],
    arms: Mapping[str, str] | None = None,
    what: str = "",
) -> Side:
    """The numbers that a paper gives for a claim.

    Args:
        claim: its id.
        metric: one of those that `papers.table` holds for it.
        compared: the arms whose difference is told.
        models: as the paper calls them -> as the axis does, from left to right.
        arms: as the paper calls them -> as we do, where that differs.
        what: of the paper the numbers are ("RA, Figure 2").
    """
    table = papers.table(claim)
    table = table[(table["metric"] == metric) & table["model"].isin(models)]
    order = {name: place for place, name in enumerate(models)}
    table = table.sort_values("model", key=lambda names: names.map(order), kind="stable")
    bars = table.assign(model=table["model"].map(models), estimate=table["value"], low=np.nan, high=np.nan)
    bars = bars.assign(arm=bars["arm"].replace(dict(arms or {})))
    unit = table["unit"].iloc[0]
    bars = bars[["model", "arm", "estimate", "low", "high"]]
    return Side(bars, counterparts.less(bars, *compared), f"{metric} ({unit})", f"published: {what or claim}")


def order_alone(levels: Mapping[str, int], models: list[str], *, compared: tuple[str, str], what: str) -> Side:
    """A paper's order of arms, where its numbers are not at hand.

    Args:
        levels: arm -> its place, higher is better; equal where the paper tells no order.
        models: what the paper measured it on.
        compared: the arms whose order is told.
        what: of the paper it is.
    """
    rows = [(model, arm, 1.0 + level) for model in models for arm, level in levels.items()]
    bars = pd.DataFrame(rows, columns=["model", "arm", "estimate"]).assign(low=np.nan, high=np.nan)
    title = f"published: {what} (order alone)"
    return Side(bars, counterparts.less(bars, *compared), "heights mean nothing", title, ordinal=True)


def ours(bars: pd.DataFrame, gaps: pd.DataFrame, label: str) -> Side:
    """What was measured: see `Side`. The last row of the gaps is what the title tells."""
    return Side(bars, gaps, label, HERE)


def pooled(bars: pd.DataFrame, gap: Interval, label: str, *, model: str) -> Side:
    """What was measured of one group of models; its bars have no column ``model`` yet."""
    return ours(bars.assign(model=model), estimates([(model, gap)], ["model"]), label)


def together(paper: Side, here: Side, compared: tuple[str, str], what: str) -> str:
    """How often one arm is above another as published, and where it stands here: in the last of our models, "all"."""
    n, above = len(paper.gaps), int((paper.gaps["estimate"] > 0).sum())
    estimate, low, high = here.gaps[["estimate", "low", "high"]].to_numpy(float)[-1]
    sure = "surely above" if low > 0 else "surely below" if high < 0 else "no sure difference"
    first, second = compared
    times = f"in {above} of {n} models" if n > 1 else "yes" if above else "no"
    told = words.number(estimate, low, high)
    return f"{first} above {second} ({what})? Published: {times}. Here: {sure}, {told}."


def figure(
    rows: list[tuple[Side, Side]], *, arms: Mapping[str, str], compared: tuple[str, str], what: str, note: str
) -> "Figure":
    """`counterparts.bars` with what both sides of the first row say as the title."""
    finding = together(*rows[0], compared, what)
    return counterparts.bars(rows, arms=arms, compared=compared, finding=finding, note=note)
