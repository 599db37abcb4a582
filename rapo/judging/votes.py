"""Votes of an annotator on pairs: +1 for a pair's one response, -1 for the other, 0 for a tie."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rapo.stats.arrays import Floats, finite

Votes = NDArray[np.int8]


def of(preferences: ArrayLike, *, middle: float = 0.0, tie: float = 0.0) -> Votes:
    """Votes of -1, 0 or +1 from graded preferences or margins. Shape: (n,).

    Args:
        preferences: any scale that grows with the liking for the pair's one response. Shape: (n,).
        middle: where neither is preferred: 0 for a difference of scores, 1.5 for preferences from 1 to 2.
        tie: a preference this close to the middle, or closer, is a tie, by `decimal`.

    Raises:
        ValueError: a preference is not finite, or ``tie`` is negative.

    >>> of([1.0, 1.5, 1.9], middle=1.5).tolist()
    [-1, 0, 1]
    """
    if not tie >= 0:
        raise ValueError(f"tie is {tie}; give the distance from the middle that counts as a tie, 0 or more")
    distance = decimal(finite(preferences, "preferences", remedy="leave unjudged pairs out first") - middle)
    return np.where(np.abs(distance) <= tie, 0, np.sign(distance)).astype(np.int8)


def decimal(differences: Floats) -> Floats:
    """Differences as they are in decimals, to 12 places, so that they are the limits that they reach.

    >>> (1.7 - 1.5, float(decimal(np.array(1.7 - 1.5))))
    (0.19999999999999996, 0.2)
    """
    return np.round(differences, 12)


def both(
    first: ArrayLike, second: ArrayLike, *, names: tuple[str, str] = ("first", "second")
) -> tuple[Votes, Votes]:
    """Two annotators' votes as arrays. Shape: (n,) each, n at least 1.

    Raises:
        ValueError: a vote is not -1, 0 or +1, there is none, or one annotator has more than the other.
    """
    a, b = (_checked(values, name) for values, name in zip((first, second), names, strict=True))
    if len(a) != len(b):
        raise ValueError(f"{len(a)} {names[0]} and {len(b)} {names[1]} votes; match the pairs first")
    return a, b


def _checked(values: ArrayLike, name: str) -> Votes:
    found = np.asarray(values)
    if found.ndim != 1 or not len(found):
        raise ValueError(f"{name} votes have shape {found.shape}; give one vote per pair, at least one")
    bad = ~np.isin(found, (-1, 0, 1))
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(f"{name} vote {at} is {found[at]!r}, not -1, 0 or 1; make votes with votes.of")
    return found.astype(np.int8)
