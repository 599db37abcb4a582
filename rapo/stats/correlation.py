"""How margins of pairs go together, and how large a paired difference is: both sides of a pair on one footing."""

import numpy as np

from rapo.stats.arrays import Floats
from rapo.stats.intervals import Interval, normal_quantile


def rank_correlation(x: Floats, y: Floats, *, given: Floats | None = None, level: float = 0.95) -> Interval:
    """Spearman's correlation of two margins; with ``given``, less what both share with that third margin.

    Each pair is seen from both sides, so that which side is called chosen does not matter. The interval is Fisher's
    with the standard error 1.03 / sqrt(n - 3), or n - 4 with a third margin (Fieller et al. 1957).

    Args:
        x, y, given: margins: chosen less rejected. Shape: (n_pairs,)
        level: nominal coverage.

    Returns:
        NaN throughout for fewer than 4 pairs (5 with ``given``), where a margin is zero in every pair, or where x or
        y is a function of ``given``.

    >>> x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> round(rank_correlation(x, -x).estimate, 6)
    -1.0
    """
    n, columns = len(x), [x, y] if given is None else [x, y, given]
    unknown = Interval(np.nan, np.nan, np.nan, n, level)
    if n < 2 + len(columns) or not all(column.any() for column in columns):
        return unknown
    ranks = np.stack([_ranks(column) for column in columns])
    products = ranks @ ranks.T
    rho = products / np.sqrt(np.outer(products.diagonal(), products.diagonal()))
    r = float(rho[0, 1])
    if given is not None:
        left = float((1 - rho[0, 2] ** 2) * (1 - rho[1, 2] ** 2))
        if left < 1e-12:
            return unknown
        r = float(r - rho[0, 2] * rho[1, 2]) / left**0.5
    wide = normal_quantile(level) * 1.03 / (n - 1 - len(columns)) ** 0.5
    z = float(np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)))
    return Interval(r, float(np.tanh(z - wide)), float(np.tanh(z + wide)), n, level)


def _ranks(margins: Floats) -> Floats:
    """Ranks among all margins and their negatives, ties in the middle, counted from the middle. Shape: (n,)"""
    sizes = np.abs(margins)
    values, counts = np.unique(sizes, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[np.searchsorted(values, sizes)]
    return ranks * np.sign(margins)


def paired_effect(differences: Floats, *, level: float = 0.95) -> Interval:
    """Cohen's d of paired differences: mean over standard deviation; standard error sqrt(1/n + d^2 / (2 n)).

    Args:
        differences: Shape: (n_pairs,)
        level: nominal coverage.

    Returns:
        NaN throughout for fewer than 2 pairs, or where the differences do not vary.

    >>> paired_effect(np.array([1.0, 3.0, 5.0])).estimate  # 3 / 2
    1.5
    """
    n = len(differences)
    spread = float(np.std(differences, ddof=1)) if n > 1 else 0.0
    if not spread:
        return Interval(np.nan, np.nan, np.nan, n, level)
    d = float(np.mean(differences)) / spread
    half = normal_quantile(level) * (1 / n + d * d / (2 * n)) ** 0.5
    return Interval(d, d - half, d + half, n, level)
