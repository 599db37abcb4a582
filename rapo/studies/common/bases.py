"""The papers' premises, measured for each base and world, and how far each is met: by thresholds stated here alone.

They were written down before any arm was compared. What the rules look at is told beside them, whatever comes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapo.claims.claim import MARGINS
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import gap, goal_slopes, matrix, over_models
from rapo.world import premises as world_premises

FULL_SIDE = 0.95  # a side whose mean lies above has no head-room
ALL = "all"  # models
SIDES, FULL = "sides with head-room", "sides without head-room"
WORSE = "chosen answers worse than the base's mean (%)"
SLOPE, GAIN, GAIN_GOLD = "base's slope on the goal", "LC points that UF gains", "gold that UF gains"
SCORED = "share of the base's data under a score prompt"
SIDE = "base's mean: {}"


@dataclass(frozen=True)
class Rule:
    """When a premise is met: its figure lies on the right ``side`` of a bound ("within": of both signs of it)."""

    figure: str
    side: str
    met: float
    in_part: float

    def __call__(self, value: float) -> str:
        """ "met", "in part" or "not met"."""
        return (
            "met"
            if self._reaches(value, self.met)
            else "in part"
            if self._reaches(value, self.in_part)
            else "not met"
        )

    def _reaches(self, value: float, bound: float) -> bool:
        if self.side == "within":
            return abs(value) <= bound
        return value >= bound if self.side == "at least" else value <= bound


# By the word that claims.yaml uses. UF gains -2.9 to +3.9 LC points in the paper; the other bounds are ours.
RULES = {
    "aligned": Rule(WORSE, "at least", 50.0, 25.0),
    "little_gain": Rule(GAIN, "within", 4.0, 8.0),
    "many_sides": Rule(SIDES, "at least", 6, 3),
    "numbers": Rule(SLOPE, "at least", MARGINS["goal slope"], 0.02),
    "untold": Rule(SCORED, "at most", 0.0, 0.05),
    "good_rejected": Rule(world_premises.GOOD_REJECTED, "at least", 20.0, 10.0),
    "labels": Rule(world_premises.RIGHT, "at least", 75.0, 65.0),
    "loose_length": Rule(world_premises.BY_LENGTH, "within", 0.3, 0.5),
}


def of_base(
    judged: pd.DataFrame, *, sides: Sequence[str], chosen: NDArray[np.float64] | None = None
) -> pd.DataFrame:
    """What the premises ask of a base, for each architecture and over all.

    Args:
        judged: answers of the central comparison at one temperature, with their metrics.
        sides: of the world's gold reward.
        chosen: gold reward of chosen answers; None: nobody knows it.

    Returns:
        Columns base (architecture, or `ALL`), figure, value, low, high.
    """
    parts = {ALL: judged} | {str(name): part for name, part in judged.groupby("architecture", sort=False)}
    rows = [
        {"base": name, "figure": figure, "value": one.estimate, "low": one.low, "high": one.high}
        for name, part in parts.items()
        for figure, one in _figures(part, sides, chosen).items()
    ]
    return pd.DataFrame(rows)


def _figures(
    judged: pd.DataFrame, sides: Sequence[str], chosen: NDArray[np.float64] | None
) -> dict[str, Interval]:
    base, uf = judged[judged["arm"] == "base"], judged[judged["arm"] == "UF"]
    own = base.fillna(dict.fromkeys(sides, 0.0))  # an answer without its form has no side
    found = {SIDE.format(side): over_models(matrix(own, side)) for side in sides}
    if sides:
        full = sum(one.estimate > FULL_SIDE for one in found.values())
        found |= {SIDES: _exact(len(sides) - full), FULL: _exact(full)}
    if chosen is not None:
        found[WORSE] = world_premises.share(chosen < base["gold"].mean())
    found[GAIN_GOLD] = gap(uf, base)
    lc = "length_controlled"  # of a base that is its own reference nothing is known: a draw by definition
    found[GAIN] = gap(uf, base.assign(**{lc: base[lc].fillna(50.0)}), lc)
    return found | {SLOPE: over_models(goal_slopes(judged[judged["trained"] == "base"]))}


def of_data(figures: Mapping[str, Interval], *, scored: float | None = None) -> pd.DataFrame:
    """What the premises ask of the data, in the columns of `of_base`; ``scored``: share of the base's data."""
    known = {**figures, **({} if scored is None else {SCORED: _exact(scored)})}
    rows = [
        {"base": "", "figure": name, "value": one.estimate, "low": one.low, "high": one.high}
        for name, one in known.items()
    ]
    return pd.DataFrame(rows)


def _exact(value: float) -> Interval:
    return Interval(float(value), float(value), float(value), n=1)


def judged_by_rule(table: pd.DataFrame) -> pd.DataFrame:
    """How far each premise is met, over all bases.

    Args:
        table: of `of_base` and `of_data`, of one world.

    Returns:
        Columns premise (its word), figure, value, rule, met ("" where the figure was not measured).
    """
    known = pd.Series(dtype=float)
    if len(table):  # results that were kept before have none
        known = table[table["base"].isin(["", ALL])].set_index("figure")["value"]
    rows: list[dict[str, Any]] = []
    for word, rule in RULES.items():
        value = float(known.get(rule.figure, np.nan))
        told = f"{rule.side} {rule.met:g}, in part {rule.in_part:g}"
        met = "" if np.isnan(value) else rule(value)
        rows.append({"premise": word, "figure": rule.figure, "value": value, "rule": told, "met": met})
    return pd.DataFrame(rows)


def words(table: pd.DataFrame) -> dict[str, str]:
    """By premise, how far it is met: the words that a claim's ``premises`` ask for; "" where nothing was measured."""
    found = judged_by_rule(table)
    return dict(zip(found["premise"], found["met"], strict=True))
