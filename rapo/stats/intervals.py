"""Intervals: how far an average may be from the truth, over prompts, seeds, or both."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from rapo.stats.arrays import Floats, finite
from rapo.stats.resampling import at_least_two, cluster_totals, counts, draws, resampled_totals

# From this many seeds and prompts on `crossed` resamples; below, it has a closed form (see there).
FEW = 20

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
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of a grand mean over BOTH seeds and prompts: the answer for another seed and another prompt.

    Few seeds, the usual case: the half-width is
    sqrt(t_seeds^2 * var(row means) / n_seeds + t_prompts^2 * var(column means) / n_prompts), with Student's t of
    n_seeds - 1 and of n_prompts - 1 degrees of freedom: Banerjee's rule for a sum of independent
    parts (1960, Sankhya 22:357), which errs on the safe side. Both variances hold the seed-by-prompt
    residual, which is not subtracted once as two-way clustered errors would
    (Cameron, Gelbach and Miller 2011, doi:10.1198/jbes.2010.07136). With 3 seeds it covers 95 to 99 %.
    At least 20 seeds and 20 prompts: rows and columns are drawn with replacement, independently (the pigeonhole
    bootstrap; Owen 2007, doi:10.1214/07-AOAS122); ``n_resamples`` and ``seed`` apply here alone.
    One seed: the interval is over prompts alone, with a logged warning.
    Strata (say, the architecture that each row was trained with) are fixed: the answer is for other seeds of the
    same strata. Only the spread within them counts, with Satterthwaite's degrees of freedom.

    Args:
        values: per-unit values. Shape: (n_seeds, n_prompts); every seed answers the same prompts.
        strata: a label per row, at least two rows each. Shape: (n_seeds,)

    Returns:
        Interval whose n is the number of prompts.

    Raises:
        ValueError: a value is NaN or infinite, there are fewer than two prompts, or a stratum has one row.

    >>> answer = crossed([[1, 0, 1, 1], [1, 0, 1, 0], [1, 1, 1, 0]])
    >>> round(answer.estimate, 3), answer.n
    (0.667, 4)
    """
    data = finite(values, "values", dimensions=2)
    n_seeds, n_prompts = data.shape
    at_least_two(n_prompts, "prompt")
    if n_seeds == 1:
        _log.warning("one seed: the interval covers prompts, not seeds; run at least 3 seeds")
        return t_interval(data[0], level=level)
    codes = _strata(strata, n_seeds)
    if min(data.shape) < FEW:
        return _crossed_t(data, codes, level)
    rng = np.random.default_rng(seed)
    rows = np.zeros((n_resamples, n_seeds))
    for stratum in np.unique(codes):
        members = np.flatnonzero(codes == stratum)
        rows[:, members] = counts(rng, len(members), n_resamples=n_resamples) / n_seeds
    columns = counts(rng, n_prompts, n_resamples=n_resamples) / n_prompts
    replicates = np.einsum("bp,bp->b", rows @ data, columns)
    return percentile(float(data.mean()), replicates, n=n_prompts, level=level)


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
    z = ndtri(0.5 + _level(level) / 2)
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


def _crossed_t(data: Floats, strata: Floats, level: float) -> Interval:
    mean = float(data.mean())
    by_seed, seeds = mean_variance(data.mean(axis=1), strata=strata)
    by_prompt, prompts = mean_variance(data.mean(axis=0))
    half = float(np.sqrt(_t(level, seeds) ** 2 * by_seed + _t(level, prompts) ** 2 * by_prompt))
    return Interval(mean, mean - half, mean + half, n=data.shape[1], level=level)


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


def _ratio(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a share between 0 and 1, such as 0.95")
    return level
