"""Which pairs to train on: rank them by a metric and keep the best share (Sec. 4 of arXiv:2503.01864)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from rapo.config import content_hash
from rapo.selection import margins
from rapo.stats.arrays import Floats, expect_table

SCORES = ("score_chosen", "score_rejected")
LOGPROBS = ("chosen_logprob_sum", "rejected_logprob_sum")
REFERENCE = tuple(f"ref_{name}" for name in LOGPROBS)
TOKENS = ("chosen_tokens", "rejected_tokens")


@dataclass(frozen=True)
class Selection:
    """What was selected.

    Attributes:
        keep: Shape: (n_pairs,) of bool.
        values: the metric, the larger the better. Shape: (n_pairs,)
        threshold: the lowest value that was kept; NaN where nothing was.
        tied: pairs at the threshold, kept or not: the tie rule chose among them.
    """

    keep: NDArray[np.bool_]
    values: Floats
    threshold: float
    tied: int


def top(
    values: ArrayLike, *, k: int | None = None, fraction: float | None = None, ids: Sequence[str]
) -> Selection:
    """Keep the ``k`` largest values, or a fraction of them (rounded half up).

    Ties at the threshold are broken by a hash of the row's id, so neither the order of the rows nor their place in
    the file matters. (Differs from Hesse73/Alignment-Potential-Metric:metric_selection.py, whose ``argsort``
    has no rule.)

    Args:
        values: the larger the better. Shape: (n_pairs,)
        k: how many; or
        fraction: share of all, 0 to 1.
        ids: one distinct id a row. Shape: (n_pairs,)

    Raises:
        ValueError: a value is NaN, k or fraction is out of range, both or neither are given, ids repeat.

    >>> top([0.5, 2.0, 1.0], k=2, ids=["a", "b", "c"]).keep.tolist()
    [False, True, True]
    """
    (found,) = margins.finite_columns(metric=values)
    n = count(len(found), k, fraction)
    if len(ids) != len(found) or len(set(ids)) != len(ids):
        raise ValueError(
            f"{len(ids)} ids, {len(set(ids))} of them distinct, for {len(found)} rows; give each its own"
        )
    hashes = np.array([content_hash(str(name)) for name in ids], dtype=object)
    order = np.lexsort((hashes, -found)) if len(found) else np.array([], dtype=int)
    keep = np.zeros(len(found), dtype=bool)
    keep[order[:n]] = True
    threshold = float(found[order[n - 1]]) if n else float("nan")
    return Selection(keep, found, threshold, int((found == threshold).sum()))


def count(n: int, k: int | None, fraction: float | None) -> int:
    """How many of n pairs are kept; a ValueError where k and fraction do not say it."""
    if (k is None) == (fraction is None):
        raise ValueError("give either k or fraction")
    if k is None:
        if not (fraction is not None and 0 <= fraction <= 1):
            raise ValueError(f"fraction is {fraction}; use a share from 0 to 1")
        return int(np.floor(fraction * n + 0.5))
    if not 0 <= k <= n:
        raise ValueError(f"k is {k}; there are {n} pairs to choose from")
    return int(k)


@dataclass(frozen=True)
class Options:
    """How metrics are computed; see `rapo.selection.margins`.

    Attributes:
        implicit: "dpo" (needs reference log-probabilities), "simpo" (needs token counts), or "auto": "dpo" where
            reference columns stand, else "simpo".
        beta: of the implicit reward. It does not change a ranking by z-scores.
        weight, standardise, signed_implicit: see `rapo.selection.margins.alignment_potential`.
        spread: explicit margin from the column ``candidate_scores`` (best less worst of all candidates), as the
            official code does, instead of the pair's own scores.
        seed: of the metric "uniform".
        columns: names of the columns above and what they are called in the table, where that differs.
    """

    implicit: str = "auto"
    beta: float = 1.0
    weight: float = 1.0
    standardise: bool = True
    signed_implicit: bool = False
    spread: bool = False
    seed: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)


def explicit(table: pa.Table, options: Options) -> Floats:
    """Signed explicit margins of a table. Shape: (n_pairs,)"""
    if options.spread:
        return margins.candidate_spread(_column(table, "candidate_scores", options).to_pylist())
    return margins.explicit_margin(*(_floats(table, name, options) for name in SCORES))


def implicit(table: pa.Table, options: Options) -> Floats:
    """Signed implicit margins of a table. Shape: (n_pairs,)"""
    kind = options.implicit
    if kind == "auto":
        given = {options.columns.get(name, name) for name in REFERENCE}
        kind = "dpo" if given <= set(table.column_names) else "simpo"
    if kind == "dpo":
        chosen, rejected, *reference = (_floats(table, name, options) for name in (*LOGPROBS, *REFERENCE))
        return margins.implicit_margin_dpo(chosen, rejected, *reference, beta=options.beta)
    if kind == "simpo":
        chosen, rejected, *tokens = (_floats(table, name, options) for name in (*LOGPROBS, *TOKENS))
        return margins.implicit_margin_simpo(chosen, rejected, *tokens, beta=options.beta)
    raise ValueError(f"implicit is {kind!r}; use 'auto', 'dpo' or 'simpo'")


def _uniform(table: pa.Table, options: Options) -> Floats:
    """A random number a row that depends on the seed and the row's id alone."""
    hashes = [content_hash(str(options.seed), name, length=12) for name in row_ids(table)]
    return np.array([int(found, 16) / 16**12 for found in hashes])


def _potential(table: pa.Table, options: Options) -> Floats:
    return margins.alignment_potential(
        explicit(table, options),
        implicit(table, options),
        weight=options.weight,
        standardise=options.standardise,
        signed_implicit=options.signed_implicit,
    )


METRICS: dict[str, Callable[[pa.Table, Options], Floats]] = {
    "alignment-potential": _potential,
    "explicit-margin": lambda table, options: np.abs(explicit(table, options)),
    "small-implicit-margin": lambda table, options: -np.abs(implicit(table, options)),
    "uniform": _uniform,
}


# Metrics that look at the scores of the responses.
SCORED = ("alignment-potential", "explicit-margin")


def select(
    table: pa.Table,
    *,
    metric: str = "alignment-potential",
    k: int | None = None,
    fraction: float | None = None,
    options: Options = Options(),
) -> tuple[pa.Table, Selection]:
    """Keep the best pairs by a metric, in their own order, with the metric as a new column.

    Args:
        table: scored pairs, as `rapo.read_pairs` returns them, with the columns that the metric needs.
        metric: "alignment-potential", "explicit-margin", "small-implicit-margin" or "uniform"; the new column has
            its name with underscores. The first and the third need what `rapo.score` adds.
        k: how many pairs to keep; or
        fraction: the share to keep, 0 to 1 (the paper keeps 0.4). Ties at the threshold are broken by a hash of the
            pair's id.
        options: kind and scale of the implicit reward, weight, z-scores or raw margins (`Options`).

    Returns:
        The kept rows, and what was selected: mask, values, threshold and the number of ties there.

    Raises:
        ValueError: the metric is unknown, a column is missing or holds NaN, k or fraction is out of range, or both or
            neither are given.
        TypeError: it is no table.

    >>> pairs = pa.table({"pair_id": ["a", "b"], "score_chosen": [7.0, 9.0], "score_rejected": [6.0, 2.0]})
    >>> best, chosen = select(pairs, metric="explicit-margin", k=1)
    >>> best["pair_id"].to_pylist(), chosen.threshold
    (['b'], 7.0)
    """
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}; use one of {', '.join(METRICS)}")
    expect_table(table, "rapo.select")
    values = METRICS[metric](table, options)
    chosen = top(values, k=k, fraction=fraction, ids=row_ids(table))
    name = metric.replace("-", "_")
    kept = table.drop_columns([name]) if name in table.column_names else table
    return kept.append_column(name, pa.array(values)).filter(pa.array(chosen.keep)), chosen


def row_ids(table: pa.Table) -> list[str]:
    """A distinct id a row: ``pair_id`` where there is one, else a hash of prompt and responses, counted if repeated."""
    if "pair_id" in table.column_names:
        return [str(name) for name in table["pair_id"].to_pylist()]
    texts = [name for name in ("prompt", "chosen", "rejected") if name in table.column_names]
    columns = [table[name].to_pylist() for name in texts]
    seen: dict[str, int] = {}
    ids = []
    for row in zip(*columns, strict=True):
        name = content_hash(*map(repr, row))
        seen[name] = seen.get(name, 0) + 1
        ids.append(f"{name}-{seen[name]}")
    return ids


def _column(table: pa.Table, name: str, options: Options) -> pa.ChunkedArray:
    given = options.columns.get(name, name)
    if given not in table.column_names:
        how = "run `rapo score` first" if "logprob" in name or "tokens" in name else "map it with --column"
        raise ValueError(f"column {given!r} is missing; {how}. The table has {', '.join(table.column_names)}")
    return table[given]


def _floats(table: pa.Table, name: str, options: Options) -> Floats:
    column = _column(table, name, options)
    try:
        return column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise ValueError(f"column {name!r} does not hold numbers: {error}") from error
