"""What the claims about two judges rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.judging import agreement, bias, votes
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import defined, join

NOBODY = Interval(np.nan, np.nan, np.nan, n=0)  # no vote for a longer answer to count


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim that the columns of the pairs allow.

    Args:
        frames: "pairs" of `simulation.judged_pairs` or `rapo.judging.matching.match`.
        recipe: of the study; it has none.
    """
    pairs = frames["pairs"]
    labels = pairs["instruction"].to_numpy()
    first, second = (votes.of(pairs[side], middle=1.5) for side in ("first", "second"))
    found = {"JA/rises": agreement.rise(first, second, pairs["first"] - 1.5, clusters=labels)}
    if "length_model" in pairs:
        lengths = pairs["length_model"], pairs["length_baseline"]
        longer = bias.length_bias(second, *lengths, reference=first, clusters=labels).excess
        found["JA/length"] = longer or NOBODY
    if "forward" in pairs:
        orders = (votes.of(pairs[order], middle=1.5) for order in ("forward", "backward"))
        found["JA/position"] = bias.position_bias(*orders, clusters=labels).bias
    n = f"{len(pairs):,} pairs of {pairs['instruction'].nunique():,} prompts"
    percent = {name: one.scaled(100) for name, one in found.items()}
    return defined(join("judge_agreement", percent, {"columns": list(pairs)}, n=n))
