"""How far two annotators agree over the same pairs, overall and by margin.

Votes are as in `rapo.judging.votes`. Pairs where a vote is a tie are treated by one of three stated rules, ``ties``:

* ``"half"`` (the default): a tie against a decision is half an agreement, a tie against a tie a whole one.
  Kappa is Cohen's weighted kappa with linear weights.
* ``"class"``: a tie is a third answer, in agreement with a tie alone. Kappa is the plain one over three answers.
* ``"drop"``: such pairs are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from rapo.judging import votes
from rapo.judging.votes import Votes
from rapo.stats import intervals, resampling
from rapo.stats.arrays import Floats, Integers, finite
from rapo.stats.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd

Ties = Literal["half", "class", "drop"]

# How much a cell of the 3 x 3 table (answers -1, 0, +1 of either annotator) counts as agreement.
_HALF = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]])
_WEIGHTS: dict[str, Floats] = {"half": _HALF, "class": np.eye(3), "drop": np.eye(3)}


@dataclass(frozen=True)
class Agreement:
    """Agreement of two annotators.

    Attributes:
        n: pairs compared; with ``ties="drop"`` those without a tie.
        n_agree, n_disagree, n_ties: pairs with the same decision (or a tie by both), with opposite decisions, and
            with a tie by one alone.
        agreement: share of pairs agreed upon, 0..1, ties by the rule. Where every pair agrees (or none does) a
            bootstrap has no width, and the interval is Wilson's.
        kappa: Cohen's (1960) kappa, (agreement - chance) / (1 - chance), chance from both annotators' shares of
            answers. NaN, interval too, where both give one and the same answer throughout; its interval also is
            NaN where that is so in more than half of the resamples.
        ties: the rule.
    """

    n: int
    n_agree: int
    n_disagree: int
    n_ties: int
    agreement: Interval
    kappa: Interval
    ties: Ties

    def as_row(self) -> dict[str, Any]:
        """Flat names and numbers, for a table or JSON."""
        row: dict[str, Any] = {name: getattr(self, name) for name in ("n", "n_agree", "n_disagree", "n_ties")}
        for name, found in (("agreement", self.agreement), ("kappa", self.kappa)):
            row |= {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}
        return row


def agreement(
    first: ArrayLike,
    second: ArrayLike,
    *,
    ties: Ties = "half",
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Agreement:
    """Agreement and kappa of two annotators, with bootstrap intervals.

    Args:
        first, second: votes of -1, 0, +1 on the same pairs. Shape: (n_pairs,).
        ties: "half" counts a tie against a decision as half an agreement, "class" as a third answer, "drop" leaves
            such pairs out.
        clusters: what is drawn together, the instruction's id where it has several pairs. Shape: (n_pairs,).
        level, n_resamples, seed: of the intervals.

    Returns:
        Agreement (a share from 0 to 1) and Cohen's kappa with intervals, and how many pairs agree, disagree and tie.

    Raises:
        ValueError: a vote is not -1, 0 or +1, shapes differ, or no pair is left. One cluster: limits are NaN.

    >>> found = agreement([1, 1, -1, -1], [1, 1, -1, 1])
    >>> found.agreement.estimate, found.kappa.estimate
    (0.75, 0.5)
    """
    a, b, _, labels = _decided(first, second, np.zeros(np.shape(first)), ties, clusters)
    cells = 3 * (a.astype(np.intp) + 1) + b + 1
    counts = np.bincount(cells, minlength=9).astype(float)
    resampled, n_units = _resampled(cells, labels, n_resamples, seed)
    weights = _WEIGHTS[ties]
    share, kappa = (
        intervals.percentile_of_known(float(of(counts, weights)), of(resampled, weights), n=n_units, level=level)
        for of in (_share, _kappa)
    )
    same, opposite = int(counts[[0, 4, 8]].sum()), int(counts[[2, 6]].sum())
    return Agreement(
        n=len(cells),
        n_agree=same,
        n_disagree=opposite,
        n_ties=len(cells) - same - opposite,
        agreement=share_interval(share),
        kappa=kappa,
        ties=ties,
    )


def by_margin(
    first: ArrayLike,
    second: ArrayLike,
    margins: ArrayLike,
    *,
    bins: int | Sequence[float] = 5,
    ties: Ties = "half",
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> "pd.DataFrame":
    """Agreement where the first annotator's margin is small, and where it is large.

    Args:
        first, second: votes of -1, 0, +1. Shape: (n_pairs,).
        margins: absolute margins; the sign of what is given is ignored. Shape: (n_pairs,).
        bins: a number of bins with about equally many pairs (equal margins stay together, so there may be fewer),
            or their edges, rising. A bin holds low <= margin < high, the last one its high edge too, margins and edges
            to 12 decimals.

    Returns:
        One row a bin that holds a pair: ``low``, ``high``, ``margin`` (mean), and the columns of
        `Agreement.as_row`.

    Raises:
        ValueError: a margin is NaN or outside the edges, or what `agreement` raises.
    """
    import pandas as pd

    a, b, size, labels = _decided(first, second, margins, ties, clusters)
    edges = _edges(size, bins)
    finite(size, "margins", low=edges[0], high=edges[-1], remedy="widen the edges")
    places = np.clip(np.searchsorted(edges, size, side="right") - 1, 0, len(edges) - 2)
    rows = []
    for place in np.unique(places):
        at = places == place
        part = None if labels is None else labels[at]
        found = agreement(a[at], b[at], ties=ties, clusters=part, level=level, n_resamples=n_resamples, seed=seed)
        span = {"low": edges[place], "high": edges[place + 1], "margin": size[at].mean()}
        rows.append({**span, **found.as_row()})
    return pd.DataFrame(rows)


def by_share(
    first: ArrayLike,
    second: ArrayLike,
    metrics: Mapping[str, ArrayLike],
    *,
    shares: Sequence[float] = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0),
    ties: Ties = "half",
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> "pd.DataFrame":
    """Agreement on the pairs that a metric selects (AP-F3), over the share that is selected.

    Args:
        first, second: votes of -1, 0, +1. Shape: (n_pairs,).
        metrics: name -> values, the larger the better; `rapo.selection.select.top` selects. Shape: (n_pairs,) each.
        shares: shares of all pairs.

    Returns:
        One row per metric and share: ``metric``, ``share`` and the columns of `Agreement.as_row`.

    Raises:
        ValueError: a share keeps no pair, or what `agreement` and `rapo.selection.select.top` raise.
    """
    import pandas as pd

    from rapo.selection import select

    a, b = votes.both(first, second)
    labels = None if clusters is None else np.asarray(clusters)
    ids, rows = [str(row) for row in range(len(a))], []
    for metric, values in metrics.items():
        for share in shares:
            at = select.top(values, fraction=share, ids=ids).keep
            if not at.any():
                raise ValueError(f"a share of {share} of {len(a)} pairs keeps none; give a larger share")
            part = None if labels is None else labels[at]
            found = agreement(
                a[at], b[at], ties=ties, clusters=part, level=level, n_resamples=n_resamples, seed=seed
            )
            rows.append({"metric": metric, "share": share, **found.as_row()})
    return pd.DataFrame(rows)


def rise(
    first: ArrayLike,
    second: ArrayLike,
    margins: ArrayLike,
    *,
    ties: Ties = "half",
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Agreement on the pairs above the median margin less that on the others, in shares.

    Raises:
        ValueError: margins do not vary, or what `agreement` raises.
    """
    a, b, size, labels = _decided(first, second, margins, ties, clusters)
    upper = size > np.median(size)
    if not upper.any():
        upper = size == size.max()
    if upper.all():
        raise ValueError(f"every margin is {size[0]:g}; give margins that vary")
    agreed = _WEIGHTS[ties][a.astype(int) + 1, b.astype(int) + 1]
    sums = np.stack([agreed * upper, upper, agreed * ~upper, ~upper], axis=1)
    totals = sums if labels is None else resampling.cluster_totals(sums, labels)
    return intervals.bootstrap_totals(totals, _gap, level=level, n_resamples=n_resamples, seed=seed)


def share_interval(interval: Interval) -> Interval:
    """Wilson's interval where a bootstrap of shares has no width because all are 0 or all are 1."""
    if interval.low == interval.high == interval.estimate and interval.estimate in (0.0, 1.0):
        return intervals.wilson(interval.estimate * interval.n, interval.n, level=interval.level)
    return interval


def _decided(
    first: ArrayLike, second: ArrayLike, margins: ArrayLike, ties: Ties, clusters: ArrayLike | None
) -> tuple[Votes, Votes, Floats, Integers | None]:
    """Checked votes, absolute margins and cluster codes of the pairs that the rule for ties keeps."""
    if ties not in _WEIGHTS:
        raise ValueError(f"ties is {ties!r}; use one of {', '.join(_WEIGHTS)}")
    a, b = votes.both(first, second)
    size = votes.decimal(np.abs(finite(margins, "margins", length=len(a))))
    labels, n_clusters = (None, 0) if clusters is None else resampling.cluster_codes(clusters, len(a))
    if n_clusters == len(a) > 1:
        labels = None  # every pair is a cluster of its own
    kept = (a != 0) & (b != 0) if ties == "drop" else np.ones(len(a), dtype=bool)
    if not kept.any():
        raise ValueError("every pair holds a tie; none is left where they are dropped")
    return a[kept], b[kept], size[kept], None if labels is None else labels[kept]


def _resampled(cells: Integers, labels: Integers | None, n_resamples: int, seed: int) -> tuple[Floats, int]:
    """Resampled 3 x 3 tables, Shape: (n_resamples, 9), and the number of units that were drawn."""
    counts = np.bincount(cells, minlength=9)
    if labels is None:
        drawn = np.random.default_rng(seed).multinomial(len(cells), counts / len(cells), size=n_resamples)
        return drawn.astype(float), len(cells)
    n_clusters = int(labels.max()) + 1
    totals = np.bincount(9 * labels + cells, minlength=9 * n_clusters).reshape(n_clusters, 9)
    totals = totals[totals.any(axis=1)]
    if len(totals) == 1:
        return np.full((n_resamples, 9), np.nan), 1
    return resampling.resampled_totals(totals, n_resamples=n_resamples, seed=seed), len(totals)


def _share(tables: Floats, weights: Floats) -> Floats:
    """Share agreed upon. From Shape: (..., 9) to Shape: (...)."""
    return np.asarray(tables @ weights.ravel() / tables.sum(axis=-1))


def _kappa(tables: Floats, weights: Floats) -> Floats:
    """Cohen's kappa, NaN where chance alone gives full agreement. From Shape: (..., 9) to Shape: (...)."""
    square = tables.reshape(*tables.shape[:-1], 3, 3) / tables.sum(axis=-1)[..., None, None]
    chance = np.einsum("...i,ij,...j->...", square.sum(axis=-1), weights, square.sum(axis=-2))
    room = np.where(chance < 1 - 1e-12, 1 - chance, np.nan)
    return np.asarray((_share(tables, weights) - chance) / room)


def _gap(sums: Floats) -> Floats:
    lower = np.where(sums[..., 1] * sums[..., 3] > 0, sums[..., 3], np.nan)
    return np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1) - sums[..., 2] / lower)


def _edges(size: Floats, bins: int | Sequence[float]) -> Floats:
    if isinstance(bins, int):
        if bins < 1:
            raise ValueError(f"bins is {bins}; need at least one")
        edges = np.unique(votes.decimal(np.quantile(size, np.linspace(0, 1, bins + 1))))
        return edges if len(edges) > 1 else np.repeat(edges, 2)
    edges = votes.decimal(np.asarray(bins, dtype=float))
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"edges are {edges.tolist()}; give at least two, rising")
    return edges
