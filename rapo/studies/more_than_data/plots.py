"""RA's tables of half the data and of implicit rewards, beside what was measured here."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rapo.plots import words
from rapo.studies.common import beside
from rapo.studies.more_than_data import tables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from rapo.stats.intervals import Interval

MODEL = "all models"
HALF = {"base": "base", "UF": "+ DPO (UF)", "half RA": "+ DPO (half RA)", "RA": "+ DPO (RA)"}
IMPLICIT = {"base": "base", "UF": "+ DPO (UF)", "RA": "+ DPO (RA)", "IRA": "+ DPO (IRA)"}


def plot_half(arms: "pd.DataFrame", gap: "Interval") -> "Figure":
    """RA's table of half the prompts: only the order is at hand.

    Args:
        arms: of `tables.arms`.
        gap: half RA less UF.
    """
    compared = ("half RA", "UF")
    paper = beside.order_alone(
        {"UF": 0, "half RA": 1}, ["Qwen2-7B-It"], compared=compared, what="RA, half the prompts"
    )
    return _beside(paper, arms, gap, HALF, compared, "as many pairs")


def plot_implicit(arms: "pd.DataFrame", gap: "Interval") -> "Figure":
    """RA's table of goals from DPO's own implicit reward.

    Args:
        arms: of `tables.arms`.
        gap: IRA less RA.
    """
    compared, models = ("IRA", "RA"), {"Qwen2-7B-It": "Qwen2-7B-It"}
    paper = beside.published("RA-T6", "LC win rate", compared=compared, models=models, what="RA, implicit rewards")
    return _beside(paper, arms, gap, IMPLICIT, compared, "implicit goals")


def farthest(moved: "pd.DataFrame", names: Iterable[str]) -> str:
    """How far each line goes from the base: the title of unlearning over that distance.

    Args:
        moved: of `tables.paths`.
        names: of the lines.
    """
    far = moved.groupby("line")["distance"].max()
    told = [f"{name} {tables.told_distance(far[name])}" for name in names if name in far]
    return f"Furthest from the base, in nats an answer: {'; '.join(told)}"


def _beside(
    paper: beside.Side,
    arms: "pd.DataFrame",
    gap: "Interval",
    shown: dict[str, str],
    compared: tuple[str, str],
    what: str,
) -> "Figure":
    bars = arms[(arms["metric"] == "gold") & arms["arm"].isin(shown)]
    here = beside.pooled(bars, gap, "gold reward (1-10)", model=MODEL)
    return beside.figure([(paper, here)], arms=shown, compared=compared, what=what, note=words.counted(bars))
