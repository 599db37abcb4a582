"""What length control does (LC), as claims on made-up benchmarks whose truth is known."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import t_interval
from rapo.studies.common.claims import claim


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook; benchmarks are the independent units.

    Args:
        frames: "summary" of `simulation.summary`, at least two rows.
        recipe: of the study; it has none.
    """
    each = frames["summary"]
    make = partial(claim, n=f"{len(each)} made-up benchmarks", paper="", unit="")
    return [
        make(
            "LC/truth",
            "Length control brings win rates nearer to those at equal lengths",
            "root mean square error, raw less controlled",
            t_interval(each["raw_error"] - each["lc_error"]),
            unit="points",
            figures=["LC_truth", "LC_length_effect"],
        ),
        make(
            "LC/length",
            "With length control the error follows wordiness less",
            "absolute correlation of error and wordiness, raw less controlled",
            t_interval(each["raw_follows"] - each["lc_follows"]),
            figures=["LC_length_bias"],
            tables=["LC_leaderboard"],
        ),
        make(
            "LC/interval",
            "The 95 % interval holds the truth about as often as it says",
            "share of intervals that hold the truth, less 0.95",
            t_interval(each["covered"] - 0.95),
            direction="equal",
            threshold=0.05,
        ),
    ]
