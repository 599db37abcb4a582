"""Scales that one judge's verdict can be written on, and the words that a goal on each scale is asked with (RA-A1).

The micro world's tokenizer knows the numerals 0 to 100, and drops any other word without a warning: goals are whole
and at most 100, and standardised scores, which have decimals and signs, become sten scores (mean 5.5, standard
deviation 2, whole, 1 to 10). A scale other than 1 to 10 is named by the words of its goals, as the paper's score
prompt names its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from rapo.relabelling.goals import GoalTemplate, out_of

SIDES = ("chosen", "rejected")
STEN_MEAN, STEN_SPREAD = 5.5, 2.0


@dataclass(frozen=True)
class GoalScale:
    """A form that the judge fills in.

    Attributes:
        name: what results call it.
        low, high: its ends.
        standardised: a raw score counts by how many standard deviations it lies from the mean of the data set;
            otherwise by its place between 1 and 10.
    """

    name: str
    low: float = 1.0
    high: float = 10.0
    standardised: bool = False

    @property
    def template(self) -> GoalTemplate:
        """The wording of its goals."""
        return out_of(self.high)

    def scores(self, raw: ArrayLike) -> NDArray[np.float64]:
        """Whole scores on this scale, a monotone function of the raw ones. Shape: (n,)

        Args:
            raw: the judge's verdicts before rounding and clipping, 1 to 10 and a little beyond. A standardised
                scale takes mean and spread from them; without spread all become its middle.

        >>> SCALES["1-5"].scores([1.0, 5.5, 10.0, 11.3]).tolist()
        [1.0, 3.0, 5.0, 5.0]
        >>> SCALES["standardised"].scores([2.0, 4.0, 6.0]).tolist()  # z = -1.22, 0, 1.22
        [3.0, 6.0, 8.0]
        """
        found = np.asarray(raw, dtype=float)
        if self.standardised:
            spread = found.std()
            deviation = (found - found.mean()) / spread if spread else np.zeros(len(found))
            placed = STEN_MEAN + STEN_SPREAD * deviation
        else:
            placed = self.low + (found - 1) * (self.high - self.low) / 9
        return np.clip(np.rint(placed), self.low, self.high)

    def at(self, share: float) -> float:
        """The whole goal at a share of the way from the lowest to the highest, halves rounded up.

        >>> SCALES["1-10"].at(0.5), SCALES["1-100"].at(0.25)
        (6.0, 26.0)
        """
        return float(np.floor(self.low + share * (self.high - self.low) + 0.5))

    def share(self, goal: float) -> float:
        """The inverse of `at`: 0 at the lowest score, 1 at the highest, beyond them outside the scale."""
        return (goal - self.low) / (self.high - self.low)

    def wish(self, goal: float) -> str:
        """The text that asks for a goal.

        >>> SCALES["1-5"].wish(4), SCALES["1-10"].wish(12)
        ('overall score of 5 : 4 .', 'overall score : 12 .')
        """
        return self.template.text(goal)

    def known(self, corpus: Mapping[str, Any]) -> str:
        """Whether a base that learned from a corpus knows what goals on this scale mean.

        "met": it has seen scores on it; "in part": their words stand for other scores (a sten of 10 is less than a
        10), or it has only seen the numerals compared; "not met": neither.

        >>> SCALES["1-100"].known({"scales": {"100": 0.2}}), SCALES["1-100"].known({})
        ('met', 'in part')
        """
        shown = self.high == 10 or float(corpus.get("scales", {}).get(f"{self.high:g}", 0)) > 0
        if shown and corpus.get("scored", 0.5) > 0:
            return "in part" if self.standardised else "met"
        return "in part" if corpus.get("drill", 0.15) > 0 else "not met"


SCALES: dict[str, GoalScale] = {
    scale.name: scale
    for scale in (
        GoalScale("1-5", 1, 5),
        GoalScale("1-10"),
        GoalScale("1-100", 1, 100),
        GoalScale("standardised", standardised=True),
    )
}


def rescored(table: pa.Table, scale: GoalScale) -> pa.Table:
    """Scored pairs with the scores on another scale, from the judge's ``raw_score_chosen`` and ``.._rejected``."""
    raw = np.concatenate([table[f"raw_score_{side}"].to_numpy() for side in SIDES])
    for side, values in zip(SIDES, np.split(scale.scores(raw), 2), strict=True):
        name = f"score_{side}"
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table
