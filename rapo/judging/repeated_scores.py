"""Scores that a judge gave several times: their mean, and how far one of them, or the mean, can be relied on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rapo.stats import intervals, resampling
from rapo.stats.arrays import Floats
from rapo.stats.intervals import Interval


@dataclass(frozen=True)
class ScoreReliability:
    """What repeated scores tell of a judge.

    Attributes:
        n: answers with a clear score in every run; ``n_left_out`` have none in one.
        n_runs: runs.
        one, mean: share of the variance of one score, and of the mean of all runs, that lies between answers; below 0
            where answers differ less than chance would have it, NaN where scores do not vary.
        parts: variance of one score: of the answer ("item"), of the run ("judge"), and the rest ("judge x item"); 0
            where its estimate is below.
    """

    n: int
    n_left_out: int
    n_runs: int
    one: Interval
    mean: Interval
    parts: dict[str, float]


def mean_score(runs: ArrayLike) -> Floats:
    """The mean of each answer's clear scores, NaN where there is none. From Shape: (n_runs, n) to Shape: (n,)"""
    return np.asarray(np.ma.masked_invalid(np.asarray(runs, float)).mean(axis=0).filled(np.nan))


def reliability(
    runs: ArrayLike, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> ScoreReliability | None:
    """The reliability of scores, ICC(2, 1) and ICC(2, k) of Shrout and Fleiss (1979); answers are drawn.

    Args:
        runs: scores, NaN for none. Shape: (n_runs, n_answers)
        level, n_resamples, seed: of the intervals.

    Returns:
        None of one run, or of fewer than two answers with clear scores.
    """
    values = np.asarray(runs, float)
    clear = values[:, ~np.isnan(values).any(axis=0)].T  # Shape: (n_answers, n_runs)
    n, k = clear.shape
    if n < 2 or k < 2:
        return None
    means = clear.mean(axis=1)
    totals = np.column_stack([clear, means**2, (clear**2).sum(axis=1), np.ones(n)])
    drawn = resampling.resampled_totals(totals, n_resamples=n_resamples, seed=seed)
    of_all, of_drawn = _variances(totals.sum(axis=0)), _variances(drawn)
    one, mean = (
        intervals.percentile_of_known(float(_share(of_all, size)), _share(of_drawn, size), n=n, level=level)
        for size in (1, k)
    )
    item, judge, rest = of_all.clip(min=0).tolist()
    parts = {"judge": judge, "item": item, "judge x item": rest}
    return ScoreReliability(n, values.shape[1] - n, k, one, mean, parts)


def _variances(totals: Floats) -> Floats:
    """Estimates, which may be below 0, of the variance of items, of runs and of the rest, from sums.

    From Shape: (..., k + 3) to Shape: (..., 3).
    """
    k = totals.shape[-1] - 3
    runs, squared_means, squares, n = totals[..., :k], totals[..., k], totals[..., k + 1], totals[..., k + 2]
    grand = runs.sum(axis=-1) / (n * k)
    between = k * (squared_means - n * grand**2)
    of_runs = n * ((runs / n[..., None] - grand[..., None]) ** 2).sum(axis=-1)
    within = squares - n * k * grand**2 - between - of_runs
    rest = within / ((n - 1) * (k - 1))
    parts = [(between / (n - 1) - rest) / k, (of_runs / (k - 1) - rest) / n, rest]
    return np.stack(parts, axis=-1).round(12)


def _share(variances: Floats, size: int) -> Floats:
    """Share of items in the variance of the mean of some scores; NaN where that is none, or its estimate below 0."""
    item, judge, rest = np.moveaxis(variances, -1, 0)
    whole = item + (judge + rest) / size
    return np.asarray(item / np.where(whole > 0, whole, np.nan))
