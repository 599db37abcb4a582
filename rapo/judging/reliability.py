"""How far a judge can be relied on: does it say the same again, and in the other order; what that does to win rates.

A run is one judge's verdicts on the same pairs in both orders: the same judge asked again (another seed), or another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rapo.judging import votes
from rapo.judging.agreement import share_interval
from rapo.judging.repeated_scores import mean_score
from rapo.judging.votes import Votes
from rapo.stats import intervals, resampling
from rapo.stats.arrays import Floats, finite
from rapo.stats.intervals import Interval

FACETS = ("judge", "item", "order")
_KEY = ["model", "instruction"]


@dataclass(frozen=True)
class Reliability:
    """What repeated verdicts tell of a judge; every share is 0..1.

    Attributes:
        n: pairs with a clear verdict in both orders and all runs; the others are left out.
        n_left_out: how many those are.
        n_runs: runs.
        flips: share of verdicts that turn with the order of the answers.
        alike: share of pairs of runs that give a pair the same verdict, a tie against a decision half; None of one run.
        alpha: Krippendorff's alpha of the runs' verdicts, agreement beyond chance; NaN where all verdicts are the same,
            None of one run.
        parts: what the variance of one verdict (one run, one order) consists of, by `variance_parts`.
        win_rate: share of wins, for other instructions and, with several runs, for other runs of such judges.
        given_judge: the same for other instructions and these very runs.
    """

    n: int
    n_left_out: int
    n_runs: int
    flips: Interval
    alike: Interval | None
    alpha: Interval | None
    parts: dict[str, float]
    win_rate: Interval
    given_judge: Interval


def reliability(
    runs: Sequence[pd.DataFrame], *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> Reliability:
    """The reliability of runs over the same pairs; whole instructions are drawn.

    Args:
        runs: of `rapo.judging.judges.judge_pairs`: ``model``, ``instruction``, ``forward`` and ``backward`` (1..2).
        level, n_resamples, seed: of the intervals.

    Raises:
        ValueError: there is no run, runs judge other pairs, a pair is repeated, or fewer than two instructions have
            clear verdicts.
    """
    values, labels, n_left_out = _values(runs)
    forward, backward = (  # Shape: (n_pairs, n_runs)
        votes.of(values[..., order].ravel(), middle=1.5).reshape(values.shape[:2]).T for order in (0, 1)
    )
    mean = {"clusters": labels, "level": level, "n_resamples": n_resamples, "seed": seed}
    flips = share_interval(intervals.bootstrap((forward != backward).mean(axis=1), **mean))
    wins = values.mean(axis=2) - 1  # Shape: (n_runs, n_pairs)
    alike = alpha = None
    if len(values) > 1:
        verdicts = np.stack([votes.of(run, middle=0.5) for run in wins], axis=1)
        alike = share_interval(intervals.bootstrap(_alike(verdicts), **mean))
        alpha = krippendorff(verdicts, **mean)
    given = share_interval(intervals.bootstrap(wins.mean(axis=0), **mean))
    both = _within(intervals.crossed(wins, clusters=labels, level=level)) if len(values) > 1 else given
    return Reliability(
        n=values.shape[1],
        n_left_out=n_left_out,
        n_runs=len(values),
        flips=flips,
        alike=alike,
        alpha=alpha,
        parts=variance_parts(values),
        win_rate=both,
        given_judge=given,
    )


def mean_of(runs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The first run's table with the mean of all runs' clear verdicts, and each one's verdicts beside them.

    Args:
        runs: of `rapo.judging.judges.judge_pairs`, over the same pairs in the same order.
    """
    if len(runs) == 1:
        return runs[0]
    table = runs[0].copy()
    clear = [run.where(run["preference"].notna()) for run in runs]
    for name in ("forward", "backward", "preference"):
        table[name] = mean_score([run[name].to_numpy(dtype=float) for run in clear])
    for at, run in enumerate(runs, 1):
        table = table.assign(**{f"{name}_{at}": run[name] for name in ("forward", "backward")})
    return table


def runs_of(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The runs behind a table of `mean_of`, however it was kept; none where it does not hold both orders' verdicts."""
    if not {*_KEY, "forward", "backward"} <= set(table) or table.duplicated(_KEY).any():
        return []
    n = next(at for at in range(1, len(table.columns) + 1) if f"forward_{at}" not in table)
    endings = [f"_{at}" for at in range(1, n)] or [""]
    runs = [
        table[_KEY].assign(**{order: table[order + end].astype(float) for order in ("forward", "backward")})
        for end in endings
    ]
    return [run.assign(preference=(run["forward"] + run["backward"]) / 2) for run in runs]


def preferences(runs: Sequence[pd.DataFrame], table: pd.DataFrame) -> Floats:
    """Each run's preference for the rows of a table of the same judgements, NaN for none. Shape: (n_runs, n_rows)

    Args:
        runs: of `runs_of`.
        table: ``model`` and ``instruction`` of each row.
    """
    rows = list(zip(table["model"].astype(str), table["instruction"].astype(str), strict=True))
    found = []
    for run in runs:
        names = zip(*(run[name].astype(str) for name in _KEY), strict=True)
        known = dict(zip(names, run["preference"], strict=True))
        found.append(np.array([known.get(row, np.nan) for row in rows], dtype=float))
    return np.stack(found)


def krippendorff(
    verdicts: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Krippendorff's alpha of votes -1, 0, +1 by several judges, every pair judged by all: 1 - observed / expected.

    Two votes differ by half of their distance: a tie against a decision counts half (Krippendorff 2011, "Computing
    Krippendorff's Alpha-Reliability"; without ties the distance is his nominal one).

    Args:
        verdicts: Shape: (n_pairs, n_judges).
        clusters: what is drawn together. Shape: (n_pairs,).

    Returns:
        The interval; NaN where all votes are the same, its limits also where more than half of the resamples are.

    >>> first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    >>> votes = 2 * np.array([first, second]).T - 1
    >>> round(krippendorff(votes).estimate, 3)
    0.095
    """
    data = finite(verdicts, "verdicts", dimensions=2, low=-1, high=1)
    counts = np.stack([(data == vote).sum(axis=1) for vote in (-1, 0, 1)], axis=1).astype(float)
    n_judges = data.shape[1]
    totals = np.column_stack([_differences(counts) / (n_judges - 1), counts])
    if clusters is not None:
        totals = resampling.cluster_totals(totals, clusters)
    estimate = float(_alpha(totals.sum(axis=0)))
    drawn = _alpha(resampling.resampled_totals(totals, n_resamples=n_resamples, seed=seed))
    return intervals.percentile_of_known(estimate, drawn, n=len(totals), level=level)


def variance_parts(values: ArrayLike) -> dict[str, float]:
    """What the variance of one verdict consists of: judge, item, order, and what they make of one another.

    Expected mean squares of the crossed design, every facet random (Searle, Casella and McCulloch 1992, chapter 4). An
    estimate below 0 is 0. A facet with one level is left out; what several facets do together holds the residual.

    Args:
        values: preferences. Shape: (n_judges, n_items, n_orders)

    Returns:
        Name of a part ("item", "item x order", ...) -> variance, in squared units of the values.

    >>> variance_parts([[[1, 2], [2, 3], [3, 4]]])  # items 0, 1, 2 and an order worth 1: variances 1 and 1/2
    {'item': 1.0, 'order': 0.5, 'item x order': 0.0}
    """
    data = finite(np.ravel(values), "values").reshape(np.shape(values))
    axes = [axis for axis in range(data.ndim) if data.shape[axis] > 1]
    found: dict[tuple[int, ...], float] = {}
    for subset in sorted(_subsets(axes), key=len, reverse=True):
        squares = _mean_square(data, subset)
        above = sum(_left(data, other) * found[other] for other in found if set(subset) < set(other))
        found[subset] = (squares - above) / _left(data, subset)
    return {
        " x ".join(FACETS[axis] for axis in subset): max(0.0, round(found[subset], 12))
        for subset in _subsets(axes)
    }


def _values(runs: Sequence[pd.DataFrame]) -> tuple[Floats, Any, int]:
    """Preferences by run, pair and order, the pairs' instructions, and how many pairs are left out."""
    if not runs:
        raise ValueError("there is no run; give at least one")
    tables = [run.set_index(_KEY)[["forward", "backward"]] for run in runs]
    first = tables[0]
    for at, table in enumerate(tables):
        if table.index.has_duplicates:
            raise ValueError(f"run {at + 1} judges {table.index[table.index.duplicated()][0]} more than once")
        if len(table) != len(first) or not table.index.isin(first.index).all():
            raise ValueError(f"run {at + 1} judges other pairs than the first; match them")
    values = np.stack([table.loc[first.index].to_numpy(dtype=float) for table in tables])
    clear = ~np.isnan(values).any(axis=(0, 2))
    labels = first.index.get_level_values("instruction").to_numpy()[clear]
    if len(set(labels)) < 2:
        raise ValueError(
            "fewer than two instructions have clear verdicts in all runs; there is nothing to compare"
        )
    return values[:, clear], labels, int((~clear).sum())


def _within(share: Interval) -> Interval:
    """A share's limits are shares, and apart where every verdict is the same."""
    share = share_interval(share)
    return replace(share, low=max(0.0, share.low), high=min(1.0, share.high))


def _alike(verdicts: Votes) -> Floats:
    """Share of pairs of runs that agree on each pair. From Shape: (n_pairs, n_runs) to Shape: (n_pairs,)"""
    counts = np.stack([(verdicts == vote).sum(axis=1) for vote in (-1, 0, 1)], axis=1).astype(float)
    n = verdicts.shape[1]
    return np.asarray(1 - _differences(counts) / (n * (n - 1)))


def _differences(counts: Floats) -> Floats:
    """Sum over ordered pairs of votes of how far they differ, 0..1. From Shape: (..., 3) to Shape: (...)."""
    minus, tie, plus = np.moveaxis(counts, -1, 0)
    return np.asarray(2 * minus * plus + minus * tie + tie * plus)


def _alpha(totals: Floats) -> Floats:
    """From sums of differences within pairs, and of votes, to alpha. From Shape: (..., 4) to Shape: (...)."""
    counts = totals[..., 1:]
    n = counts.sum(axis=-1)
    expected = _differences(counts) / np.maximum(n - 1, 1)
    return np.asarray(1 - totals[..., 0] / np.where(expected > 0, expected, np.nan))


def _subsets(axes: Sequence[int]) -> list[tuple[int, ...]]:
    return list(chain.from_iterable(combinations(axes, size) for size in range(1, len(axes) + 1)))


def _left(data: Floats, subset: tuple[int, ...]) -> int:
    """How many values stand in one cell of a subset of axes."""
    return int(np.prod([size for axis, size in enumerate(data.shape) if axis not in subset]))


def _mean_square(data: Floats, subset: tuple[int, ...]) -> float:
    """Mean square of what some facets do together, beyond what fewer of them do."""
    effect = np.zeros(())
    for part in [(), *_subsets(subset)]:
        others = tuple(axis for axis in range(data.ndim) if axis not in part)
        effect = effect + (-1) ** (len(subset) - len(part)) * data.mean(axis=others, keepdims=True)
    degrees = np.prod([data.shape[axis] - 1 for axis in subset])
    return float(_left(data, subset) * (effect**2).sum() / degrees)
