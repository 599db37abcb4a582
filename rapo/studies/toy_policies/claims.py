"""The claims RA-T1, RA-T2 and RA-T3, computed from what `examples` and `transfer` solve."""

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import t_interval, wilson
from rapo.studies.common.policies import Floats
from rapo.studies.toy_policies.examples import LEARNED, UNLEARNED, Solved, distance

# Probabilities nearer than this to the published ones count as the same.
TOLERANCE = 0.01
_RANGE = "the interval is the whole range over starts (random reference, random first logits)"


def unlearned(plain: Solved, conditioned: Solved, reward: Solved) -> Claim:
    """RA-T1: DPO and its goal-conditioned kin end where the paper says, from every start."""
    gaps = [distance(plain.descent, (UNLEARNED.unconditioned,))]
    gaps += [distance(solved.descent, UNLEARNED.conditioned) for solved in (conditioned, reward)]
    return _same(
        "RA-T1",
        "DPO on one pair with scores 9 and 8 gives the good rejected answer up; conditioned on 8 it is kept",
        np.max(gaps, axis=0),
        figure="RA-T1_unlearning",
        note=f"{_RANGE}; DPO on plain and on relabelled pairs and the optimum of R all end at the paper's table",
    )


def learned(plain: Solved, conditioned: Solved, reward: Solved) -> Claim:
    """RA-T2: plain DPO ends at (1-a, a, 0), the optimum of R and tabular relabelled DPO at the paper's table."""
    gaps = [distance(plain.descent, (LEARNED.unconditioned,))]
    gaps += [distance(solved.descent, LEARNED.conditioned) for solved in (conditioned, reward)]
    split = plain.descent[:, 0, 1]
    return _same(
        "RA-T2",
        "DPO learns a bad chosen answer, (1-a, a, 0) for any a; conditioned on scores all answers are told apart",
        np.max(gaps, axis=0),
        figure="RA-T2_simplex",
        note=f"{_RANGE}; a ran from {split.min():.2f} to {split.max():.2f} with the reference; at g = 9 and g = 1 "
        "the table is what R wants and where tabular descent drifts, not what the relabelled pairs alone demand",
    )


def _same(name: str, statement: str, gaps: Floats, *, figure: str, note: str) -> Claim:
    return Claim(
        name,
        statement,
        "largest difference between a probability reached by descent and the paper's table",
        estimate=float(gaps.max()),
        low=float(gaps.min()),
        high=float(gaps.max()),
        direction="equal",
        threshold=TOLERANCE,
        n=f"{len(gaps)} starts",
        paper="exact table",
        figures=(figure,),
        note=note,
    )


def coordinates(recoordinated: Solved) -> Claim:
    """RA-T2, the question behind it: do the relabelled pairs by themselves fix the optimum?"""
    missed = distance(recoordinated.descent, LEARNED.conditioned) > TOLERANCE
    interval = wilson(int(missed.sum()), len(missed))
    return Claim(
        "RA-T2/pairs-alone",
        "DPO on the relabelled pairs alone ends at the paper's table, whatever the coordinates of the policy",
        "share of random coordinates under which descent ends elsewhere",
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        direction="equal",
        threshold=TOLERANCE,
        n=f"{len(missed)} random coordinate systems",
        paper="not discussed",
        figures=("RA-T2_coordinates",),
        note="at g = 9 no pair compares y1 with y2: every (1-a, a, 0) has loss 0 there. Comparing all answers at "
        "every goal, as their scores allow, removes the ambiguity",
    )


def carried_over(summary: pd.DataFrame) -> list[Claim]:
    """RA-T3: better at goal 10 for having trained at 8 and 9; goal by goal; and against plain DPO.

    Args:
        summary: what `transfer.summarise` returns.
    """
    exact = summary[summary["how"] == "exact"]
    best = exact.pivot(index="seed", columns=["arm", "goal"], values="p_best")
    mean = exact.pivot(index="seed", columns=["arm", "goal"], values="mean_score")
    in_limit = (summary["how"] == "limit") & (summary["arm"] == "RA, goals 1 to 9") & (summary["goal"] == 10.0)
    limit = summary.loc[in_limit, "mean_score"].mean()
    near, tabular, plain = "RA, goals 8 and 9", "RA, tabular", "UF, same features"
    return [
        _carried(
            "RA-T3",
            "With shared features, learning at goals 8 and 9 makes the best answer likely at goal 10, never seen",
            "probability of the best answer at g = 10, less that of a tabular policy",
            best[near, 10.0] - best[tabular, 10.0],
            note="no answer that scores 10 is in the data; a tabular policy stays at the reference",
        ),
        _carried(
            "RA-T3/follows",
            "Trained at goals 1 to 9, answers at goal 10 score higher than at goal 9",
            "mean score at g = 10 less that at g = 9",
            mean["RA, goals 1 to 9", 10.0] - mean["RA, goals 1 to 9", 9.0],
            unit="points",
            note=f"mean score at g = 10 {mean['RA, goals 1 to 9', 10.0].mean():.2f}, without ridge {limit:.2f}",
        ),
        _carried(
            "RA-T3/controlled",
            "At goal 10 the conditioned policy is better than plain DPO with the same features",
            "probability of the best answer at g = 10, RA with goals 8 and 9 less plain DPO",
            best[near, 10.0] - best[plain, 10.0],
            note=f"plain DPO itself reaches {best[plain, 10.0].mean():.2f}; here more of every skill is "
            "better, so what carries over is the shared features, with or without goals",
        ),
    ]


def _carried(name: str, statement: str, statistic: str, values: pd.Series, *, unit: str = "", note: str) -> Claim:
    interval = t_interval(values.to_numpy())
    return Claim(
        name,
        statement,
        statistic,
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        unit=unit,
        n=f"{interval.n} draws of pairs",
        paper="by direction" if name != "RA-T3/controlled" else "not discussed",
        figures=("RA-T3_carry_over",),
        note=note,
    )
