"""Toy policies (RA-T1, RA-T2, RA-T3), small enough that every optimum is exact and descent can be held against it.

policies: features, probabilities and the DPO loss | optima: closed forms, and the limit of DPO on pairs that can
all be satisfied | descent: many starts at once | examples: the two tables of the paper | paths: descent on its
way | penalised, transfer: carry-over to a goal never seen.
"""

from rapo.studies.toy_policies import claims
from rapo.studies.toy_policies.examples import (
    LEARNED,
    UNLEARNED,
    Example,
    Solved,
    distance,
    recoordinated,
    rewarded,
    trained,
)
from rapo.studies.toy_policies.paths import answers, bands, from_references, split
from rapo.studies.toy_policies.tables import over_seeds, shares, side_by_side
from rapo.studies.toy_policies.transfer import ARMS, Skills, carry_over, summarise

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
    "claims",
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
]
