"""Votes of an annotator on pairs: +1 for a pair's one response, -1 for the other, 0 for a tie."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Votes = NDArray[np.int8]


def of(preferences: ArrayLike, *, middle: float = 0.0, tie: float = 0.0) -> Votes:
    """Votes of -1, 0 or +1 from graded preferences or margins. Shape: (n,).

    Args:
        preferences: any scale that grows with the liking for the pair's one response. Shape: (n,).
        middle: where neither is preferred: 0 for a difference of scores, 1.5 for preferences from 1 to 2.
        tie: a preference this close to the middle, or closer, is a tie.

    Raises:
        ValueError: a preference is NaN, or ``tie`` is negative.

    >>> of([1.0, 1.5, 1.9], middle=1.5).tolist()
    [-1, 0, 1]
    """
    distance = np.asarray(preferences, dtype=float) - middle
    if np.isnan(distance).any():
        raise ValueError(f"preference {int(np.argmax(np.isnan(distance)))} is NaN; leave unjudged pairs out first")
    if not tie >= 0:
        raise ValueError(f"tie is {tie}; give the distance from the middle that counts as a tie, 0 or more")
    return np.where(np.abs(distance) <= tie, 0, np.sign(distance)).astype(np.int8)


def check(values: ArrayLike, name: str) -> Votes:
    """Return votes as an array. Shape: (n,), n at least 1.

    Raises:
        ValueError: a vote is not -1, 0 or +1, or there is none.
    """
    found = np.asarray(values)
    if found.ndim != 1 or not len(found):
        raise ValueError(f"{name} votes have shape {found.shape}; give one vote per pair, at least one")
    bad = ~np.isin(found, (-1, 0, 1))
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"{name} vote {at} is {found[at]!r}, not -1, 0 or 1; make votes with rapo.judging.votes.of"
        )
    return found.astype(np.int8)


def aligned(values: ArrayLike, n: int, name: str) -> Floats:
    """Return one finite number per pair as an array. Shape: (n,).

    Raises:
        ValueError: there are more or fewer, or one is not finite.
    """
    found = np.asarray(values, dtype=float)
    if found.shape != (n,):
        raise ValueError(f"{name} has shape {found.shape} for {n} pairs; give one number per pair")
    if not np.isfinite(found).all():
        at = int(np.argmin(np.isfinite(found)))
        raise ValueError(f"{name} {at} is {found[at]}; leave such pairs out first")
    return found
