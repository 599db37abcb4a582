"""What the claim RA-F1 rests on: a count of the construction."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import join


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """RA-F1: the number of pairs and rows that break the construction is zero. The count is exact.

    Args:
        frames: "construction" from `rapo.relabelling.construction.criteria`, of one or several placements.
        recipe: of the study; it has none.
    """
    built = frames["construction"]
    wrong = float((built["n"] - built["correct"]).sum())
    first = built["criterion"] == built["criterion"].iloc[0]
    n = f"{built['n'][first].iloc[0]:,} pairs x {first.sum()} placements"
    return join("reward_augmented_data", {"RA-F1": Interval(wrong, wrong, wrong, n=len(built))}, recipe, n=n)
