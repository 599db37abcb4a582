"""Toy policies (RA-T1, RA-T2, RA-T3), small enough that every optimum is exact and descent can be held against it.

policies: features, probabilities and the DPO loss | optima: closed forms, and the limit of DPO on pairs that can
all be satisfied | descent: many starts at once | examples: the two tables of the paper | paths: descent on its
way | penalised, transfer: carry-over to a goal never seen.
"""

from rapo.toy import verdicts
from rapo.toy.estimates import over_seeds, shares, side_by_side
from rapo.toy.examples import (
    LEARNED,
    UNLEARNED,
    Example,
    Solved,
    distance,
    recoordinated,
    rewarded,
    trained,
)
from rapo.toy.paths import answers, bands, from_references, split
from rapo.toy.transfer import ARMS, Skills, carry_over, summarise

__all__ = [
    "ARMS",
    "LEARNED",
    "UNLEARNED",
    "Example",
    "Skills",
    "Solved",
    "answers",
    "bands",
    "carry_over",
    "distance",
    "from_references",
    "over_seeds",
    "recoordinated",
    "rewarded",
    "shares",
    "side_by_side",
    "split",
    "summarise",
    "trained",
    "verdicts",
]
