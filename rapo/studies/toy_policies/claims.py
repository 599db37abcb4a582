"""The claims RA-T1, RA-T2 and RA-T3, computed from what `examples` and `transfer` solve."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval, t_interval, wilson
from rapo.studies.common.claims import claim, drawn
from rapo.studies.common.policies import Floats
from rapo.studies.toy_policies.examples import LEARNED, UNLEARNED, Example, Solved, distance
from rapo.studies.toy_policies.tables import summarise

# Probabilities nearer than this to the published ones count as the same.
TOLERANCE = 0.01
_same = partial(claim, unit="", direction="equal", threshold=TOLERANCE)
_RANGE = "the interval is the whole range over starts (random reference, random first logits)"


def claims(frames: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `study.results`; "RA-T1" and "RA-T2" of `examples.solved`, and "coordinates" of
            `examples.recoordinated` on relabelled pairs.
        recipe: of the study.
    """
    return [
        unlearned(frames["RA-T1"]),
        learned(frames["RA-T2"]),
        coordinates(frames["coordinates"]),
        *drawn(carried_over(summarise(frames["carry_over"])), "RA-T3_carry_over"),
    ]


def unlearned(solved: Mapping[str, Solved]) -> Claim:
    """RA-T1: DPO and its goal-conditioned kin end where the paper says, from every start."""
    return _same(
        "RA-T1",
        "DPO on one pair with scores 9 and 8 gives the good rejected answer up; conditioned on 8 it is kept",
        **_from_the_table(UNLEARNED, solved),
        figures=["RA-T1_unlearning"],
        note=f"{_RANGE}; DPO on plain and on relabelled pairs and the optimum of R all end at the paper's table",
    )


def learned(solved: Mapping[str, Solved]) -> Claim:
    """RA-T2: plain DPO ends at (1-a, a, 0), the optimum of R and tabular relabelled DPO at the paper's table."""
    split = solved["plain"].descent[:, 0, 1]
    return _same(
        "RA-T2",
        "DPO learns a bad chosen answer, (1-a, a, 0) for any a; conditioned on scores all answers are told apart",
        **_from_the_table(LEARNED, solved),
        figures=["RA-T2_simplex"],
        note=f"{_RANGE}; a ran from {split.min():.2f} to {split.max():.2f} with the reference; at g = 9 and g = 1 "
        "the table is what R wants and where tabular descent drifts, not what the relabelled pairs alone demand",
    )


def _from_the_table(example: Example, solved: Mapping[str, Solved]) -> dict[str, Any]:
    """How far descent ends from the paper's table, as fields of a claim."""
    tables = {"plain": (example.unconditioned,), "conditioned": example.conditioned, "reward": example.conditioned}
    gaps: Floats = np.max([distance(solved[name].descent, table) for name, table in tables.items()], axis=0)
    return {
        "statistic": "largest difference between a probability reached by descent and the paper's table",
        "found": Interval(float(gaps.max()), float(gaps.min()), float(gaps.max()), n=len(gaps)),
        "n": f"{len(gaps)} starts",
        "paper": "exact table",
    }


def coordinates(recoordinated: Solved) -> Claim:
    """RA-T2, the question behind it: do the relabelled pairs by themselves fix the optimum?"""
    missed = distance(recoordinated.descent, LEARNED.conditioned) > TOLERANCE
    return _same(
        "RA-T2/pairs-alone",
        "DPO on the relabelled pairs alone ends at the paper's table, whatever the coordinates of the policy",
        "share of random coordinates under which descent ends elsewhere",
        wilson(int(missed.sum()), len(missed)),
        n=f"{len(missed)} random coordinate systems",
        paper="not discussed",
        figures=["RA-T2_coordinates"],
        note="at g = 9 no pair compares y1 with y2: every (1-a, a, 0) has loss 0 there. Comparing all answers at "
        "every goal, as their scores allow, removes the ambiguity",
    )


def carried_over(summary: pd.DataFrame) -> list[Claim]:
    """RA-T3: better at goal 10 for having trained at 8 and 9; goal by goal; and against plain DPO.

    Args:
        summary: what `tables.summarise` returns.
    """
    exact = summary[summary["how"] == "exact"]
    best = exact.pivot(index="seed", columns=["arm", "goal"], values="p_best")
    mean = exact.pivot(index="seed", columns=["arm", "goal"], values="mean_score")
    in_limit = (summary["how"] == "limit") & (summary["arm"] == "RA, goals 1 to 9") & (summary["goal"] == 10.0)
    limit = summary.loc[in_limit, "mean_score"].mean()
    near, tabular, plain = "RA, goals 8 and 9", "RA, tabular", "UF, same features"
    make = partial(claim, n=f"{len(best)} draws of pairs", unit="", paper="by direction")
    return [
        make(
            "RA-T3",
            "With shared features, learning at goals 8 and 9 makes the best answer likely at goal 10, never seen",
            "probability of the best answer at g = 10, less that of a tabular policy",
            t_interval(best[near, 10.0] - best[tabular, 10.0]),
            note="no answer that scores 10 is in the data; a tabular policy stays at the reference",
        ),
        make(
            "RA-T3/follows",
            "Trained at goals 1 to 9, answers at goal 10 score higher than at goal 9",
            "mean score at g = 10 less that at g = 9",
            t_interval(mean["RA, goals 1 to 9", 10.0] - mean["RA, goals 1 to 9", 9.0]),
            unit="points",
            note=f"mean score at g = 10 {mean['RA, goals 1 to 9', 10.0].mean():.2f}, without ridge {limit:.2f}",
        ),
        make(
            "RA-T3/controlled",
            "At goal 10 the conditioned policy is better than plain DPO with the same features",
            "probability of the best answer at g = 10, RA with goals 8 and 9 less plain DPO",
            t_interval(best[near, 10.0] - best[plain, 10.0]),
            paper="not discussed",
            note=f"plain DPO itself reaches {best[plain, 10.0].mean():.2f}; here more of every skill is "
            "better, so what carries over is the shared features, with or without goals",
        ),
    ]
