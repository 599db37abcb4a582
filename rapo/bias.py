"""What sways a judge besides quality: where a response is shown, and how long it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rapo import intervals, resampling, votes
from rapo.agreement import share_interval
from rapo.intervals import Interval
from rapo.resampling import Floats


@dataclass(frozen=True)
class PositionBias:
    """How far a judge's vote depends on which response is shown first; every share is of pairs, 0..1.

    Attributes:
        consistent: both orders give the same answer.
        first, second: both orders name the response shown first (second).
        bias: ``first`` votes less ``second`` votes over all judgements, -1..1; 0 is unbiased.
    """

    consistent: Interval
    first: Interval
    second: Interval
    bias: Interval


def position_bias(
    forward: ArrayLike,
    backward: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> PositionBias:
    """Position bias from pairs that were judged in both orders.

    Args:
        forward: votes for the pair's one response (+1) or the other (-1), the one shown first. Shape: (n_pairs,).
        backward: votes for the same response, shown second. Shape: (n_pairs,).

    Raises:
        ValueError: a vote is not -1, 0 or +1, or the shapes differ.

    >>> found = position_bias([1, 1, 1, -1], [1, -1, -1, -1])
    >>> found.consistent.estimate, found.first.estimate, found.bias.estimate
    (0.5, 0.5, 0.5)
    """
    a, b = votes.check(forward, "forward"), votes.check(backward, "backward")
    if len(a) != len(b):
        raise ValueError(f"{len(a)} forward and {len(b)} backward votes; match the pairs first")
    shares = np.stack([a == b, (a == 1) & (b == -1), (a == -1) & (b == 1)]).astype(float)
    consistent, first, second = (
        share_interval(_mean(share, clusters, level, n_resamples, seed)) for share in shares
    )
    bias = _mean((a.astype(float) - b) / 2, clusters, level, n_resamples, seed)
    return PositionBias(consistent, first, second, bias)


@dataclass(frozen=True)
class LengthBias:
    """How far a judge's votes go with length.

    Attributes:
        n: pairs whose responses differ in length.
        longer: share of votes for the longer response, a tie half a vote, 0..1.
        reference: the same share of a reference annotator, or None.
        excess: ``longer`` less ``reference``, paired: the liking for length beyond the reference's, or None.
    """

    n: int
    longer: Interval
    reference: Interval | None
    excess: Interval | None


def length_bias(
    judged: ArrayLike,
    length: ArrayLike,
    length_other: ArrayLike,
    *,
    reference: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> LengthBias:
    """Length bias: raw, and beyond a reference annotator's, for longer responses may well be better ones.

    Args:
        judged: votes for the pair's one response (+1) or the other (-1). Shape: (n_pairs,).
        length, length_other: lengths of the one and the other response, in any unit. Shape: (n_pairs,).
        reference: votes of the truth or of another annotator. Shape: (n_pairs,).

    Raises:
        ValueError: no two lengths differ, a length is not finite, or a vote is not -1, 0 or +1.
    """
    given = votes.check(judged, "judged")
    longer = np.sign(
        votes.aligned(length, len(given), "length") - votes.aligned(length_other, len(given), "length_other")
    )
    differ = longer != 0
    if not differ.any():
        raise ValueError("no pair has responses of different lengths; length bias is not defined on these pairs")
    labels = None if clusters is None else resampling.cluster_codes(clusters, len(given))[0][differ]
    share = ((1 + given * longer) / 2)[differ]
    found = share_interval(_mean(share, labels, level, n_resamples, seed))
    if reference is None:
        return LengthBias(len(share), found, None, None)
    truth = votes.check(reference, "reference")
    if len(truth) != len(given):
        raise ValueError(f"{len(truth)} reference votes for {len(given)} pairs; match the pairs first")
    known = ((1 + truth * longer) / 2)[differ]
    return LengthBias(
        n=len(share),
        longer=found,
        reference=share_interval(_mean(known, labels, level, n_resamples, seed)),
        excess=_mean(share - known, labels, level, n_resamples, seed),
    )


def _mean(values: Floats, clusters: ArrayLike | None, level: float, n_resamples: int, seed: int) -> Interval:
    return intervals.bootstrap(values, clusters=clusters, level=level, n_resamples=n_resamples, seed=seed)
