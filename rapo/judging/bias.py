"""What sways a judge besides quality: where a response is shown, and how long it is."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rapo.judging import votes
from rapo.judging.agreement import share_interval
from rapo.stats import resampling
from rapo.stats.arrays import finite
from rapo.stats.intervals import Interval, bootstrap


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


def position_bias(
    forward: ArrayLike,
    backward: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> PositionBias:
    """Position bias from pairs that were judged in both orders, with bootstrap intervals.

    Args:
        forward: votes for the pair's one response (+1) or the other (-1), the one shown first. Shape: (n_pairs,).
        backward: votes for the same response, shown second. Shape: (n_pairs,).
        clusters: what is drawn together, as in `rapo.judging.agreement.agreement`. Shape: (n_pairs,).

    Raises:
        ValueError: a vote is not -1, 0 or +1, or the shapes differ.

    >>> found = position_bias([1, 1, 1, -1], [1, -1, -1, -1])
    >>> found.consistent.estimate, found.first.estimate, found.bias.estimate
    (0.5, 0.5, 0.5)
    """
    a, b = votes.both(forward, backward, names=("forward", "backward"))
    mean = partial(bootstrap, clusters=clusters, level=level, n_resamples=n_resamples, seed=seed)
    shares = (a == b, (a == 1) & (b == -1), (a == -1) & (b == 1))
    consistent, first, second = (share_interval(mean(share)) for share in shares)
    return PositionBias(consistent, first, second, bias=mean((a.astype(float) - b) / 2))


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
        clusters: what is drawn together, as in `rapo.judging.agreement.agreement`. Shape: (n_pairs,).

    Raises:
        ValueError: no two lengths differ, a length is not finite, or a vote is not -1, 0 or +1.
    """
    given, truth = votes.both(judged, judged if reference is None else reference, names=("judged", "reference"))
    own, other = (finite(values, "lengths", length=len(given)) for values in (length, length_other))
    longer = np.sign(own - other)
    differ = longer != 0
    if not differ.any():
        raise ValueError("no pair has responses of different lengths; length bias is not defined on these pairs")
    labels = None if clusters is None else resampling.cluster_codes(clusters, len(given))[0][differ]
    share, known = (((1 + one * longer) / 2)[differ] for one in (given, truth))
    mean = partial(bootstrap, clusters=labels, level=level, n_resamples=n_resamples, seed=seed)
    found = share_interval(mean(share))
    if reference is None:
        return LengthBias(len(share), found, None, None)
    return LengthBias(len(share), found, share_interval(mean(known)), excess=mean(share - known))


def sways(pairs: pd.DataFrame, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """How often each annotator sides with the longer answer and, asked in both orders, with the first shown.

    Args:
        pairs: preferences 1..2 in ``first``, ``second`` and, where known, ``truth``; with ``instruction`` and, for
            length, ``length_model`` and ``length_baseline``; for position, ``forward`` and ``backward``
            (`rapo.judging.judges.judge_pairs`).

    Returns:
        One row per annotator and bias: ``annotator``, ``votes for`` ("the longer answer", "the first shown"),
        ``share`` (0..1; a tie is half a vote, 1/2 is unbiased), ``low``, ``high``, ``n`` (pairs).
    """
    labels, rows = pairs["instruction"].to_numpy(), []
    length = partial(length_bias, clusters=labels, level=level, n_resamples=n_resamples, seed=seed)
    position = partial(position_bias, clusters=labels, level=level, n_resamples=n_resamples, seed=seed)
    for annotator in [side for side in ("truth", "first", "second") if side in pairs and "length_model" in pairs]:
        given = votes.of(pairs[annotator], middle=1.5)
        found = length(given, pairs["length_model"], pairs["length_baseline"])
        rows.append((annotator, "the longer answer", found.longer, found.n))
    if {"forward", "backward"} <= set(pairs):
        forward, backward = (votes.of(pairs[order], middle=1.5) for order in ("forward", "backward"))
        gap = position(forward, backward).bias
        half = Interval((1 + gap.estimate) / 2, (1 + gap.low) / 2, (1 + gap.high) / 2, n=gap.n, level=level)
        rows.append(("second", "the first shown", half, len(pairs)))
    columns = ["annotator", "votes for", "share", "low", "high", "n"]
    return pd.DataFrame([(who, what, i.estimate, i.low, i.high, n) for who, what, i, n in rows], columns=columns)
