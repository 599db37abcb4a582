"""Drawing units with replacement: values, whole clusters, and sums over them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from rapo.stats.arrays import Floats, Integers, finite

# Draws held in memory at once: 32 MB of indices.
_DRAWS_AT_ONCE = 4_000_000


def draws(n: int, *, n_resamples: int, seed: int) -> Iterator[Integers]:
    """Indices of bootstrap resamples in blocks of bounded memory. Yields Shape: (block, n)."""
    rng = np.random.default_rng(seed)
    block = max(1, _DRAWS_AT_ONCE // n)
    for start in range(0, n_resamples, block):
        yield rng.integers(0, n, size=(min(block, n_resamples - start), n))


def counts(rng: np.random.Generator, n: int, *, n_resamples: int) -> Floats:
    """How often each of n units is drawn in each resample. Shape: (n_resamples, n)."""
    return rng.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float)


def resampled_totals(totals: ArrayLike, *, n_resamples: int = 2000, seed: int = 0) -> Floats:
    """Sums over units drawn with replacement, from which any number of statistics may be computed.

    Args:
        totals: Shape: (n_units, n_sums).

    Returns:
        Shape: (n_resamples, n_sums).

    Raises:
        ValueError: fewer than two units, or a value that is not finite.
    """
    sums = finite(totals, "totals", dimensions=2)
    n = at_least_two(len(sums), "unit")
    blocks = draws(n, n_resamples=n_resamples, seed=seed)
    return np.concatenate([_tally(draw, n) @ sums for draw in blocks])


def cluster_totals(values: ArrayLike, clusters: ArrayLike) -> Floats:
    """Sums within each cluster, for `bootstrap_totals`. From Shape: (n, n_sums) to Shape: (n_clusters, n_sums).

    >>> cluster_totals([[1, 1], [2, 1], [4, 1]], ["a", "b", "a"]).tolist()
    [[5.0, 2.0], [2.0, 1.0]]
    """
    data = finite(values, "values", dimensions=2)
    codes, n_clusters = cluster_codes(clusters, len(data))
    return np.stack([np.bincount(codes, column, minlength=n_clusters) for column in data.T], axis=1)


def cluster_codes(clusters: ArrayLike, n: int) -> tuple[Integers, int]:
    """Number the labels of clusters 0, 1, ... Returns codes, Shape: (n,), and how many clusters there are.

    Raises:
        ValueError: there is not one label per value, or a label is missing.
    """
    import pandas as pd

    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise ValueError(f"clusters have shape {labels.shape} for {n} values; give one label per value")
    codes, found = pd.factorize(labels)
    if (codes < 0).any():
        raise ValueError(f"cluster label {int(np.argmax(codes < 0))} is missing; every value needs one")
    return codes, len(found)


def at_least_two(n: int, unit: str) -> int:
    """The number of units to draw from; a ValueError where there are fewer than two."""
    if n < 2:
        raise ValueError(f"{n} {unit}{'' if n == 1 else 's'}: an interval needs at least two")
    return n


def _tally(draw: Integers, n: int) -> Floats:
    """How often each unit was drawn. From Shape: (block, n) to Shape: (block, n)."""
    flat = (draw + n * np.arange(len(draw))[:, None]).ravel()
    return np.bincount(flat, minlength=draw.size).reshape(len(draw), n).astype(float)
