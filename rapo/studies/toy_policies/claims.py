"""What the claims RA-T1, RA-T2 and RA-T3 rest on, from what `examples` and `transfer` solve; words: claims.yaml."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.arrays import Floats
from rapo.stats.intervals import Interval, t_interval, wilson
from rapo.studies.common.claims import Found, join
from rapo.studies.toy_policies.examples import LEARNED, UNLEARNED, Example, Solved, distance
from rapo.studies.toy_policies.tables import summarise

ELSEWHERE = 0.01  # a probability that lies further than this from the paper's table


def claims(frames: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `study.results`; "RA-T1" and "RA-T2" of `examples.solved`, and "coordinates" of
            `examples.recoordinated` on relabelled pairs.
        recipe: of the study.
    """
    learned: Mapping[str, Solved] = frames["RA-T2"]
    split = learned["plain"].descent[:, 0, 1]
    missed = distance(frames["coordinates"].descent, LEARNED.conditioned) > ELSEWHERE
    found = {
        "RA-T1": _from_the_table(UNLEARNED, frames["RA-T1"]),
        "RA-T2": _from_the_table(LEARNED, learned, {"a_least": split.min(), "a_most": split.max()}),
        "RA-T2/pairs-alone": Found(wilson(int(missed.sum()), len(missed)), {"n": len(missed)}),
        **_carried_over(summarise(frames["carry_over"])),
    }
    return join("toy_policies", found, recipe)


def _from_the_table(
    example: Example, solved: Mapping[str, Solved], words: Mapping[str, Any] | None = None
) -> Found:
    """How far descent ends from the paper's table; the interval is the range over starts."""
    tables = {"plain": (example.unconditioned,), "conditioned": example.conditioned, "reward": example.conditioned}
    gaps: Floats = np.max([distance(solved[name].descent, table) for name, table in tables.items()], axis=0)
    interval = Interval(float(gaps.max()), float(gaps.min()), float(gaps.max()), n=len(gaps))
    return Found(interval, {"n": len(gaps), **(words or {})})


def _carried_over(summary: pd.DataFrame) -> dict[str, Found]:
    """Better at goal 10 for having trained at 8 and 9; goal by goal; and against plain DPO."""
    exact = summary[summary["how"] == "exact"]
    best = exact.pivot(index="seed", columns=["arm", "goal"], values="p_best")
    mean = exact.pivot(index="seed", columns=["arm", "goal"], values="mean_score")["RA, goals 1 to 9"]
    in_limit = (summary["how"] == "limit") & (summary["arm"] == "RA, goals 1 to 9") & (summary["goal"] == 10.0)
    limit, n = summary.loc[in_limit, "mean_score"].mean(), len(best)
    near, tabular, plain = (best[arm, 10.0] for arm in ("RA, goals 8 and 9", "RA, tabular", "UF, same features"))
    return {
        "RA-T3": Found(t_interval(near - tabular), {"n": n}),
        "RA-T3/follows": Found(
            t_interval(mean[10.0] - mean[9.0]), {"n": n, "reached": mean[10.0].mean(), "limit": limit}
        ),
        "RA-T3/controlled": Found(t_interval(near - plain), {"n": n, "plain": plain.mean()}),
    }
