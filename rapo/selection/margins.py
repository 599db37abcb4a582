"""Reward margins of preference pairs and the alignment potential made of them (Sec. 3 of arXiv:2503.01864).

Explicit margins come from a judge's or reward model's scores, implicit ones from a policy's log-probabilities. Both
are kept *signed* (chosen less rejected) until a metric asks for their size. Log-probabilities are sums, in nats.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rapo.stats.arrays import Floats, finite

Kind = Literal["signed", "absolute"]


def finite_columns(**named: ArrayLike) -> list[Floats]:
    """Columns as finite numbers of one length. Shape of each: (n_pairs,)

    Raises:
        ValueError: lengths differ, or a value is missing, NaN or infinite; names column, place and value.
    """
    found: list[Floats] = []
    for name, values in named.items():
        length = len(found[0]) if found else None
        found.append(finite(values, name, length=length, remedy="score such rows or drop them first"))
    return found


def explicit_margin(score_chosen: ArrayLike, score_rejected: ArrayLike, *, kind: Kind = "signed") -> Floats:
    """Margin of the scores, in score points: r(x, y_w) - r(x, y_l). Shape: (n_pairs,)

    Args:
        score_chosen, score_rejected: Shape: (n_pairs,)
        kind: "signed", or "absolute" as M_r and M_+ of the paper.

    >>> explicit_margin([9.0, 3.0], [1.0, 5.0]).tolist()
    [8.0, -2.0]
    """
    chosen, rejected = finite_columns(score_chosen=score_chosen, score_rejected=score_rejected)
    return _kind(chosen - rejected, kind)


def candidate_spread(scores: Sequence[Sequence[float]]) -> Floats:
    """Best less worst score of all candidates of each prompt: the explicit margin of the official code.

    Args:
        scores: one list of at least two scores a prompt. Shape: (n_pairs, any)

    Raises:
        ValueError: a prompt has fewer than two candidates or a score that is not finite.

    >>> candidate_spread([[1.0, 4.0, 2.0], [3.0, 3.0]]).tolist()
    [3.0, 0.0]
    """
    few = [row for row, found in enumerate(scores) if len(found) < 2]
    if few:
        raise ValueError(
            f"row {few[0] + 1} has {len(scores[few[0]])} candidate scores; a spread needs two or more"
        )
    spread = np.array([max(found) - min(found) for found in scores], dtype=float)
    return finite_columns(candidate_scores=spread)[0]


def implicit_margin_dpo(
    chosen: ArrayLike,
    rejected: ArrayLike,
    ref_chosen: ArrayLike,
    ref_rejected: ArrayLike,
    *,
    beta: float,
    kind: Kind = "signed",
) -> Floats:
    """DPO's implicit reward margin, beta * log(pi/pi_ref) of chosen less that of rejected. Shape: (n_pairs,)

    Args:
        chosen, rejected: log-probability sums under the policy, nats. Shape: (n_pairs,)
        ref_chosen, ref_rejected: the same under the reference model.
        beta: DPO's beta.
        kind: "signed" or "absolute".

    >>> implicit_margin_dpo([-10.0], [-12.0], [-11.0], [-11.0], beta=0.1).round(3).tolist()
    [0.2]
    """
    named = finite_columns(chosen=chosen, rejected=rejected, ref_chosen=ref_chosen, ref_rejected=ref_rejected)
    return _kind(_positive("beta", beta) * ((named[0] - named[2]) - (named[1] - named[3])), kind)


def implicit_margin_simpo(
    chosen: ArrayLike,
    rejected: ArrayLike,
    chosen_tokens: ArrayLike,
    rejected_tokens: ArrayLike,
    *,
    beta: float = 1.0,
    kind: Kind = "signed",
) -> Floats:
    """SimPO's implicit reward margin, (beta / length of y) log pi of chosen less that of rejected. Shape: (n_pairs,)

    Args:
        chosen, rejected: log-probability sums under the policy, nats. Shape: (n_pairs,)
        chosen_tokens, rejected_tokens: how many tokens each sum covers. Shape: (n_pairs,)
        beta: SimPO's beta; with 1 the margin is in nats a token.
        kind: "signed" or "absolute".

    Raises:
        ValueError: a token count is below 1.

    >>> implicit_margin_simpo([-10.0], [-12.0], [5], [4]).tolist()
    [1.0]
    """
    sums = finite_columns(chosen=chosen, rejected=rejected)
    tokens = finite_columns(chosen_tokens=chosen_tokens, rejected_tokens=rejected_tokens)
    for name, counts in zip(("chosen_tokens", "rejected_tokens"), tokens, strict=True):
        if (counts < 1).any():
            row = int(np.flatnonzero(counts < 1)[0])
            raise ValueError(
                f"{name} of row {row + 1} is {counts[row]:g}; an empty response has no margin, drop it"
            )
    return _kind(_positive("beta", beta) * (sums[0] / tokens[0] - sums[1] / tokens[1]), kind)


def zscore(values: ArrayLike) -> Floats:
    """Values less their mean, over their standard deviation (that of a population). Shape: (n,)

    Values without spread all become 0: none stands out. (Differs from Hesse73/Alignment-Potential-Metric:
    metric_selection.py, which divides by zero there.)

    >>> zscore([1.0, 3.0]).tolist(), zscore([2.0, 2.0]).tolist()
    ([-1.0, 1.0], [0.0, 0.0])
    """
    (found,) = finite_columns(values=values)
    if not len(found) or np.ptp(found) == 0:
        return np.zeros(len(found))
    return (found - found.mean()) / found.std()


def alignment_potential(
    explicit: ArrayLike,
    implicit: ArrayLike,
    *,
    weight: float = 1.0,
    standardise: bool = True,
    signed_implicit: bool = False,
) -> Floats:
    """M_AP = ``|explicit margin| - |implicit margin|``, the room that is left to learn (Eq. 5 of arXiv:2503.01864).

    Args:
        explicit: signed or absolute explicit margins. Shape: (n_pairs,)
        implicit: signed implicit margins. Shape: (n_pairs,)
        weight: of the implicit margin (the official self-play part takes 2.5).
        standardise: bring both sizes to z-scores over the data set first, as the official code does; False takes
            the plain difference, which asks that both be on one scale.
        signed_implicit: take the implicit margin with its sign, so that a pair that the policy ranks the wrong way
            round has more potential, not less. Not in the paper.

    Returns:
        Alignment potential. Shape: (n_pairs,)

    >>> alignment_potential([4.0, 4.0], [3.0, 0.5], standardise=False).tolist()
    [1.0, 3.5]
    """
    target, current = finite_columns(explicit=explicit, implicit=implicit)
    target, current = np.abs(target), current if signed_implicit else np.abs(current)
    if standardise:
        target, current = zscore(target), zscore(current)
    return target - _positive("weight", weight, zero=True) * current


def _kind(margin: Floats, kind: Kind) -> Floats:
    if kind not in ("signed", "absolute"):
        raise ValueError(f"kind is {kind!r}; use 'signed' or 'absolute'")
    return np.abs(margin) if kind == "absolute" else margin


def _positive(name: str, value: float, *, zero: bool = False) -> float:
    if not (np.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise ValueError(f"{name} is {value}; use a positive number")
    return float(value)
