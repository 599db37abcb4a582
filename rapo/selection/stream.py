"""Selection from data that are never held: one pass for margins and ids, 24 bytes a pair, and one for the kept rows.

What is selected is what `rapo.select` selects from the same rows in memory, ties included.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

from rapo.config import content_hash
from rapo.selection import margins
from rapo.selection.select import METRICS, Options, Selection, count, explicit, implicit
from rapo.stats.arrays import Floats

Tables = Callable[[], Iterable[pa.Table]]


def select_stream(
    tables: Tables,
    *,
    metric: str = "alignment-potential",
    k: int | None = None,
    fraction: float | None = None,
    options: Options = Options(),  # noqa: B008 - frozen, so one for all calls is safe
) -> tuple[Iterator[pa.Table], Selection]:
    """Keep the best pairs of a stream by a metric; see `rapo.select`, whose arguments and results these are.

    Args:
        tables: gives the pairs, with ``pair_id``, in batches, from the start at every call; it is called twice.

    Returns:
        The kept pairs in batches, read while they are taken, and what was selected.

    Raises:
        ValueError: as `rapo.select`, or the data changed between the passes.
    """
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}; use one of {', '.join(METRICS)}")
    values, ids = _survey(tables, metric, options)
    chosen = _top(values, count(len(values), k, fraction), ids)
    return _kept(tables, metric.replace("-", "_"), chosen), chosen


def _survey(tables: Tables, metric: str, options: Options) -> tuple[Floats, np.ndarray]:
    """The metric of every pair, and the hash of its id that `rapo.select` breaks ties by. Shapes: (n_pairs,)"""
    parts = _parts(metric)
    found: list[list[np.ndarray]] = [[] for _ in (*parts, "ids")]
    start = 0
    for table in tables():
        for held, part in zip(found, parts, strict=False):
            held.append(_placed(part, table, options, start))
        hashes = (int(content_hash(str(name)), 16) for name in table["pair_id"].to_pylist())
        found[-1].append(np.fromiter(hashes, np.uint64, len(table)))
        start += len(table)
    *whole, ids = (np.concatenate([*found.pop(0)] or [np.empty(0)]) for _ in (*parts, "ids"))
    if (np.diff(np.sort(ids)) == 0).any():
        raise ValueError("ids of pairs repeat; give each pair its own pair_id, or leave the column out")
    return _combined(metric, whole, options), ids


def _parts(metric: str) -> list[Callable[[pa.Table, Options], Floats]]:
    """What of a metric can be computed batch by batch."""
    return [explicit, implicit] if metric == "alignment-potential" else [METRICS[metric]]


def _combined(metric: str, parts: list[Floats], options: Options) -> Floats:
    """The metric, from what was computed batch by batch: z-scores are those of all pairs."""
    if metric != "alignment-potential":
        return parts[0]
    return margins.alignment_potential(
        *parts,
        weight=options.weight,
        standardise=options.standardise,
        signed_implicit=options.signed_implicit,
    )


def _placed(part: Callable[[pa.Table, Options], Floats], table: pa.Table, options: Options, start: int) -> Floats:
    try:
        return part(table, options)
    except ValueError as error:
        raise ValueError(f"pairs {start + 1} to {start + len(table)}: {error}") from error


def _top(values: Floats, n: int, ids: np.ndarray) -> Selection:
    """The n largest; of those at the threshold the ones whose ids have the smallest hashes."""
    keep = np.zeros(len(values), dtype=bool)
    if not n:
        return Selection(keep, values, float("nan"), 0)
    threshold = float(np.partition(values, len(values) - n)[len(values) - n])
    keep[values > threshold] = True
    tied = np.flatnonzero(values == threshold)
    keep[tied[np.argsort(ids[tied], kind="stable")[: n - int(keep.sum())]]] = True
    return Selection(keep, values, threshold, len(tied))


def _kept(tables: Tables, name: str, chosen: Selection) -> Iterator[pa.Table]:
    start, n = 0, len(chosen.keep)
    for table in tables():
        end = start + len(table)
        plain = table.drop_columns([name]) if name in table.column_names else table
        if end > n:
            break
        yield plain.append_column(name, pa.array(chosen.values[start:end])).filter(
            pa.array(chosen.keep[start:end])
        )
        start = end
    if start != n:
        raise ValueError(f"the data changed while they were read: they held {n:,} pairs at first; start again")
