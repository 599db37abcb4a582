"""The papers' two theorems, measured: rates of convergence (RA-Th) and sampling of pairs (AP-Th).

problems, rates: sub-optimality of reward-augmented DPO against the number of pairs | sampling, updates: updates
needed when the pair with the largest gap comes next, against pairs at random.
"""

from rapo.studies.theory import claims
from rapo.studies.theory.problems import METHODS, POLICIES, problem
from rapo.studies.theory.rates import measure, slopes, worst_case
from rapo.studies.theory.sampling import LOSSES, SAMPLINGS, Kind
from rapo.studies.theory.updates import compare, curves, error_after, ratios

__all__ = [
    "LOSSES",
    "METHODS",
    "POLICIES",
    "SAMPLINGS",
    "Kind",
    "claims",
    "compare",
    "curves",
    "error_after",
    "measure",
    "problem",
    "ratios",
    "slopes",
    "worst_case",
]
