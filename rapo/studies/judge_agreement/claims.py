"""Claims about two judges (JA): agreement rises with margin, and what sways the second."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.judging import agreement, bias, votes
from rapo.studies.common.claims import claim


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim that the columns of the pairs allow.

    Args:
        frames: "pairs" of `simulation.judged_pairs` or `rapo.judging.matching.match`.
        recipe: of the study; it has none.
    """
    pairs = frames["pairs"]
    labels = pairs["instruction"].to_numpy()
    n = f"{len(pairs):,} pairs of {pairs['instruction'].nunique():,} prompts"
    make = partial(claim, n=n, unit="points", paper="")
    first, second = (votes.of(pairs[side], middle=1.5) for side in ("first", "second"))
    rise = agreement.rise(first, second, pairs["first"] - 1.5, clusters=labels)
    made = [
        make("JA/rises", "Judge agreement rises with margin", "agreement above less below the median margin",
             rise.scaled(100), figures=["JA_margin", "JA_share"], tables=["JA_agreement"])
    ]  # fmt: skip
    if {"length_model", "length_baseline"} <= set(pairs):
        lengths = pairs["length_model"], pairs["length_baseline"]
        longer = bias.length_bias(second, *lengths, reference=first, clusters=labels).excess
        if longer is not None:
            made.append(
                make("JA/length", "The second judge likes length more than the first does",
                     "votes for the longer answer, second judge less first", longer.scaled(100), figures=["JA_sways"])
            )  # fmt: skip
    if {"forward", "backward"} <= set(pairs):
        orders = (votes.of(pairs[order], middle=1.5) for order in ("forward", "backward"))
        place = bias.position_bias(*orders, clusters=labels).bias
        made.append(
            make("JA/position", "The second judge favours the answer shown first",
                 "votes for the place shown first less those for the second", place.scaled(100), figures=["JA_sways"])
        )  # fmt: skip
    return made
