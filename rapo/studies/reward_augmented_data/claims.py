"""The claim RA-F1: N pairs become 2N rows."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import claim


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """RA-F1: the number of pairs and rows that break the construction is zero. The count is exact.

    Args:
        frames: "construction" from `rapo.relabelling.construction.criteria`, of one or several placements.
        recipe: of the study; it has none.
    """
    built = frames["construction"]
    wrong = float((built["n"] - built["correct"]).sum())
    first = built["criterion"] == built["criterion"].iloc[0]
    found = claim(
        "RA-F1",
        "N pairs that are no tie become 2N rows in the right order, responses unchanged",
        "pairs and rows that break the construction",
        Interval(wrong, wrong, wrong, n=len(built)),
        unit="rows",
        direction="equal",
        n=f"{built['n'][first].iloc[0]:,} pairs x {first.sum()} placements",
        paper="N to 2N: order kept at r_w, reversed at r_l",
        figures=["RA-F1_data"],
        tables=["RA-F1_premises", "RA-F1_construction"],
        note="An exact count.",
    )
    return [found]
