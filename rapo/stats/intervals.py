"""Intervals: how far an average may be from the truth, over prompts, seeds, or both."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from rapo.stats.arrays import Floats, finite
from rapo.stats.resampling import at_least_two, cluster_totals, draws, resampled_totals

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval.

    Attributes:
        estimate, low, high: in the unit of the values that were given.
        n: how many independent units it rests on: values, or clusters, or prompts of a crossed design.
        level: nominal coverage, 0.95 unless told.
    """

    estimate: float
    low: float
    high: float
    n: int
    level: float = 0.95

    def scaled(self, factor: float) -> "Interval":
        """The same interval in another unit.

        >>> Interval(0.5, 0.4, 0.75, n=9).scaled(100)
        Interval(estimate=50.0, low=40.0, high=75.0, n=9, level=0.95)
        """
        low, high = sorted((self.low * factor, self.high * factor))
        return replace(self, estimate=self.estimate * factor, low=low, high=high)


def bootstrap(
    values: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of a mean (Efron 1979); whole clusters are drawn where clusters are given.

    With fewer than about 20 units a percentile interval is too narrow; `t_interval` or `crossed` fit better. Values
    that do not vary give an interval of no width. For other statistics see `bootstrap_totals`.

    Args:
        values: Shape: (n,).
        clusters: a label per value (an instruction's id, say). Shape: (n,). Values of one cluster stay together.

    Raises:
        ValueError: a value is NaN or infinite, there are fewer than two units, or the shapes do not fit.
    """
    data = finite(values, "values")
    if clusters is None:
        n = at_least_two(len(data), "value")
        means = [data[draw].mean(axis=-1) for draw in draws(n, n_resamples=n_resamples, seed=seed)]
        return percentile(data.mean(), np.concatenate(means), n=n, level=level)
    totals = cluster_totals(np.stack([data, np.ones_like(data)], axis=1), clusters)
    at_least_two(len(totals), "cluster")
    return bootstrap_totals(totals, _ratio, level=level, n_resamples=n_resamples, seed=seed)


def bootstrap_totals(
    totals: ArrayLike,
    statistic: Callable[[Floats], Any],
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of a function of sums over units: ratios, contingency tables, kappa.

    Units are drawn with replacement and their rows added up, so a unit may be a cluster of any size.

    Args:
        totals: Shape: (n_units, n_sums), each unit's contribution to each sum.
        statistic: from sums, Shape: (..., n_sums), to Shape: (...). It may answer NaN where a resample leaves it
            undefined (a bin that drew no pair); such resamples are left out.

    Raises:
        ValueError: fewer than two units, a value that is not finite, or a statistic undefined on the data itself.
    """
    sums = finite(totals, "totals", dimensions=2)
    estimate = float(statistic(sums.sum(axis=0)))
    if np.isnan(estimate):
        raise ValueError(f"the statistic is undefined on the data itself (sums {sums.sum(axis=0).tolist()})")
    replicates = np.asarray(statistic(resampled_totals(sums, n_resamples=n_resamples, seed=seed)))
    return percentile(estimate, replicates[~np.isnan(replicates)], n=len(sums), level=level)


def crossed(
    values: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    """Interval of a grand mean over BOTH rows and columns: the answer for another model and another task.

    Rows are whatever was drawn or trained anew (bases with a seed each), columns what all of them answered. The
    variance of the mean is that of the row means, plus that of the column means less the row-by-column residual,
    which both hold: it counts once, as in two-way clustered errors (Cameron, Gelbach and Miller 2011,
    doi:10.1198/jbes.2010.07136). The squared half-width is the mean of two rules for the sum of two estimated
    variances: Banerjee's (1960, Sankhya 22:357: each with its own t quantile), which covers a little too much, and
    Satterthwaite's (one t quantile, of degrees of freedom from both), which covers too little with few rows. With 3
    to 8 rows and 150 to 300 columns it covers 94 to 96.5 % whatever the parts are (tests/stats/test_coverage.py).
    One row: the interval is over columns alone, with a logged warning.
    Strata (say, the architecture that each row was trained with) are fixed: the answer is for other rows of the
    same strata. Only the spread within them counts.

    Args:
        values: Shape: (n_rows, n_columns); every row answers the same columns.
        strata: a label per row, at least two rows each. Shape: (n_rows,)
        clusters: a label per column, for columns that are no independent questions (a task in several wordings);
            columns of one cluster count as one. Shape: (n_columns,)

    Returns:
        Interval whose n is the number of columns, or of clusters.

    Raises:
        ValueError: a value is NaN or infinite, there are fewer than two columns or clusters, or a stratum has one row.

    >>> answer = crossed([[1, 0, 1, 1], [1, 0, 1, 0], [1, 1, 1, 0]])
    >>> round(answer.estimate, 3), answer.n
    (0.667, 4)
    """
    data = finite(values, "values", dimensions=2)
    mean = float(data.mean())
    apart = data - mean
    if clusters is not None:
        totals = cluster_totals(apart.T, clusters)
        apart = totals.T * (len(totals) / data.shape[1])
    n_rows, n = apart.shape
    at_least_two(n, "prompt" if clusters is None else "cluster")
    if n_rows == 1:
        _log.warning("one seed: the interval covers prompts, not seeds; run at least 3 seeds")
        return t_interval(apart[0] + mean, level=level)
    by_row, rows = mean_variance(apart.mean(axis=1), strata=strata)
    by_column, columns = mean_variance(apart.mean(axis=0))
    own = max(0.0, by_column - _residual_variance(apart, _strata(strata, n_rows)))
    half = _half_width(by_row, rows, own, columns, level)
    return Interval(mean, mean - half, mean + half, n=n, level=level)


def _half_width(first: float, first_degrees: float, second: float, second_degrees: float, level: float) -> float:
    """Of a mean whose variance is a sum of two estimated ones: see `crossed`."""
    total = first + second
    if not total:
        return 0.0
    banerjee = _t(level, first_degrees) ** 2 * first + _t(level, second_degrees) ** 2 * second
    degrees = 1 / ((first / total) ** 2 / first_degrees + (second / total) ** 2 / second_degrees)
    return float(np.sqrt((banerjee + _t(level, degrees) ** 2 * total) / 2))


def _residual_variance(data: Floats, codes: Floats) -> float:
    """What the row-by-column residual, within strata, adds to the variance of the grand mean."""
    n_rows, n = data.shape
    parts = [data[codes == stratum] for stratum in np.unique(codes)]
    alone = [part - part.mean(axis=1, keepdims=True) - part.mean(axis=0) + part.mean() for part in parts]
    squares = [(part**2).sum() / ((len(part) - 1) * (n - 1)) for part in alone]
    return float(sum(len(part) * square for part, square in zip(parts, squares, strict=True)) / (n_rows**2 * n))


def t_interval(values: ArrayLike, *, strata: ArrayLike | None = None, level: float = 0.95) -> Interval:
    """Student's t interval of a mean of independent values (seeds, say). Shape: (n,), n at least 2.

    Strata are fixed, as in `crossed`: only the spread within them counts.

    >>> t_interval([1.0, 2.0, 3.0]).low.__round__(3)
    -0.484
    """
    data = finite(values, "values")
    n = at_least_two(len(data), "value")
    variance, degrees = mean_variance(data, strata=strata)
    half = _t(level, degrees) * variance**0.5
    mean = float(data.mean())
    return Interval(mean, mean - half, mean + half, n=n, level=level)


def mean_variance(values: ArrayLike, *, strata: ArrayLike | None = None) -> tuple[float, float]:
    """Variance of a mean of independent values, and its degrees of freedom (Satterthwaite's where there are strata).

    With n_h of n values in stratum h, and their variance s_h^2: the sum over h of (n_h / n)^2 s_h^2 / n_h.

    Args:
        values: Shape: (n,), n at least 2.
        strata: a label per value, at least two values each. Shape: (n,)

    Raises:
        ValueError: a stratum has one value, or ``strata`` has another length.

    >>> mean_variance([1.0, 3.0, 10.0, 10.0], strata=["a", "a", "b", "b"])  # (2/4)^2 * 2 / 2 + 0
    (0.25, 1.0)
    """
    data = np.asarray(values, dtype=float)
    codes = _strata(strata, len(data))
    parts = [data[codes == stratum] for stratum in np.unique(codes)]
    variances = np.array([len(part) / len(data) ** 2 * part.var(ddof=1) for part in parts])
    total = float(variances.sum())
    if not total:
        return 0.0, float(len(data) - len(parts))
    shares = variances / total  # not squared before they are divided: tiny variances would vanish
    spread = sum(share**2 / (len(part) - 1) for share, part in zip(shares, parts, strict=True))
    return total, float(1 / spread)


def wilson(successes: float, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (1927, doi:10.2307/2276774); sound at 0 and at n successes.

    Raises:
        ValueError: n is not positive, or successes lie outside 0..n.

    >>> answer = wilson(0, 10)
    >>> answer.low, round(answer.high, 4)
    (0.0, 0.2775)
    """
    if not n >= 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}; need n of at least 1 and 0 <= successes <= n")
    z = normal_quantile(level)
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return Interval(share, low, high, n=int(n), level=level)


def percentile(estimate: float, replicates: ArrayLike, *, n: int, level: float = 0.95) -> Interval:
    """The interval between two percentiles of bootstrap replicates. Shape: (n_resamples,).

    Raises:
        ValueError: there are fewer than 20 replicates, or one is NaN.
    """
    drawn = np.asarray(replicates, dtype=float)
    if drawn.ndim != 1 or len(drawn) < 20 or np.isnan(drawn).any():
        raise ValueError(
            f"replicates have shape {drawn.shape} with {int(np.isnan(drawn).sum())} NaN; need one number per "
            "resample, at least 20 of them: raise n_resamples, or let the statistic work along axis=-1"
        )
    tail = (1 - _level(level)) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(estimate), float(low), float(high), n=n, level=level)


def percentile_of_known(estimate: float, replicates: Floats, *, n: int, level: float = 0.95) -> Interval:
    """`percentile` of the replicates that are defined; limits are NaN where too little is.

    That is: where the estimate is NaN, it rests on one unit, or more than half of the replicates are NaN.
    """
    known = replicates[~np.isnan(replicates)]
    if n < 2 or np.isnan(estimate) or len(known) < len(replicates) / 2:
        return Interval(estimate, np.nan, np.nan, n=n, level=level)
    return percentile(estimate, known, n=n, level=level)


def _strata(strata: ArrayLike | None, n: int) -> Floats:
    """Numbers for labels: one stratum where there are none."""
    if strata is None:
        return np.zeros(n)
    labels, codes = np.unique(np.asarray(strata), return_inverse=True)
    if len(codes) != n:
        raise ValueError(f"strata has {len(codes)} labels for {n} values; give one a value")
    if (counts := np.bincount(codes)).min() < 2:
        raise ValueError(
            f"stratum {str(labels[counts.argmin()])!r} has one value; spread within a stratum needs at least two"
        )
    return codes.astype(float)


def _t(level: float, degrees: float) -> float:
    """Student's t quantile."""
    return float(stdtrit(degrees, 0.5 + _level(level) / 2))


def normal_quantile(level: float) -> float:
    """Standard errors from the middle of a normal interval to its limits.

    Raises:
        ValueError: the level is not between 0 and 1.

    >>> round(normal_quantile(0.95), 3)
    1.96
    """
    return float(ndtri(0.5 + _level(level) / 2))


def _ratio(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a share between 0 and 1, such as 0.95")
    return level
