"""What the claims of length control rest on: made-up benchmarks whose truth is known."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import t_interval
from rapo.studies.common.claims import join


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook; benchmarks are the independent units.

    Args:
        frames: "summary" of `simulation.summary`, at least two rows.
        recipe: of the study; it has none.
    """
    each = frames["summary"]
    found = {
        "LC/truth": t_interval(each["raw_error"] - each["lc_error"]),
        "LC/length": t_interval(each["raw_follows"] - each["lc_follows"]),
        "LC/interval": t_interval(each["covered"] - 0.95),
    }
    return join("winrates", found, recipe, n=f"{len(each)} made-up benchmarks")
