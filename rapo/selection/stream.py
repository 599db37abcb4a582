"""Selection from data that are never held: one pass for margins and keys, 32 bytes a pair, one for the kept rows.

What is selected is what `rapo.select` selects from the same rows in memory, ties included.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rapo.config import content_hash
from rapo.selection import margins
from rapo.selection.select import METRICS, Options, Selection, count, explicit, implicit, row_names
from rapo.stats.arrays import Floats

Tables = Callable[[], Iterable[pa.Table]]


@dataclass(frozen=True)
class _Keys:
    """What the tie rule and the metric uniform need of every row. Shapes: (n_pairs,)

    Attributes:
        names: first 64 bits of a hash of the id, or of the texts of rows without one.
        others: 64 further bits, to tell that no two rows have one id.
        are_ids: True where rows have ids; else equal rows are told apart by their count.
    """

    names: np.ndarray
    others: np.ndarray
    are_ids: bool


def select_stream(
    tables: Tables,
    *,
    metric: str = "alignment-potential",
    k: int | None = None,
    fraction: float | None = None,
    options: Options = Options(),  # noqa: B008 - frozen
) -> tuple[Iterator[pa.Table], Selection]:
    """Keep the best pairs of a stream by a metric; see `rapo.select`, whose arguments and result these are.

    Args:
        tables: gives the rows in batches, from the start at every call; it is called twice.

    Returns:
        The kept rows in batches, read while they are taken, and what was selected.

    Raises:
        ValueError: as `rapo.select`, or the rows changed between the passes.
    """
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}; use one of {', '.join(METRICS)}")
    found, keys = _survey(tables, metric, options)
    values = _metric(metric, found, keys, options)
    chosen = _top(values, count(len(values), k, fraction), keys)
    return _kept(tables, metric.replace("-", "_"), chosen), chosen


def _survey(tables: Tables, metric: str, options: Options) -> tuple[dict[str, Floats], _Keys]:
    """Both margins of every row, those that the metric needs, and the rows' keys."""
    wanted = {
        name: way
        for name, way in (("explicit", explicit), ("implicit", implicit))
        if metric == "alignment-potential" or name in metric
    }
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*wanted, "names", "others")}
    are_ids, start = True, 0
    for table in tables():
        for name, way in wanted.items():
            parts[name].append(_numbered(way, table, options, start))
        names, are_ids = row_names(table)
        bits = np.array([_bits(name) for name in names], dtype=np.uint64).reshape(-1, 2)
        parts["names"].append(bits[:, 0])
        parts["others"].append(bits[:, 1])
        start += len(table)
    whole = {name: np.concatenate(held) if held else np.zeros(0) for name, held in parts.items()}
    keys = _Keys(whole.pop("names"), whole.pop("others"), are_ids)
    if are_ids and start and len(np.unique(_pairs(keys))) < start:
        raise ValueError("ids of pairs repeat; give each row its own pair_id, or leave the column out")
    return whole, keys


def _numbered(way: Callable[[pa.Table, Options], Floats], table: pa.Table, options: Options, start: int) -> Floats:
    try:
        return way(table, options)
    except ValueError as error:
        raise ValueError(f"in rows {start + 1} to {start + len(table)}, counted from 0 there: {error}") from error


def _bits(name: str) -> tuple[int, int]:
    whole = int(content_hash(name, length=32), 16)
    return whole >> 64, whole & (2**64 - 1)


def _pairs(keys: _Keys) -> np.ndarray:
    """Both halves of each key as one value that can be compared."""
    return np.rec.fromarrays([keys.names, keys.others])


def _metric(metric: str, found: dict[str, Floats], keys: _Keys, options: Options) -> Floats:
    if metric == "alignment-potential":
        return margins.alignment_potential(
            found["explicit"],
            found["implicit"],
            weight=options.weight,
            standardise=options.standardise,
            signed_implicit=options.signed_implicit,
        )
    return np.abs(found["explicit"]) if metric == "explicit-margin" else -np.abs(found["implicit"])


def _top(values: Floats, n: int, keys: _Keys) -> Selection:
    """The n largest; of those at the threshold the ones whose ids have the smallest hashes."""
    keep = np.zeros(len(values), dtype=bool)
    if not n:
        return Selection(keep, values, float("nan"), 0)
    threshold = float(np.partition(values, len(values) - n)[len(values) - n])
    keep[values > threshold] = True
    tied = np.flatnonzero(values == threshold)
    hashes = _hashes(tied, keys)
    keep[tied[np.argsort(hashes, kind="stable")[: n - int(keep.sum())]]] = True
    return Selection(keep, values, threshold, len(tied))


def _hashes(rows: np.ndarray, keys: _Keys) -> np.ndarray:
    """What ties are broken by: the hash of each row's id. Shape: (n_rows,)"""
    if keys.are_ids:
        return keys.names[rows]
    names = [f"{name:016x}-{times}" for name, times in zip(keys.names, _times(keys.names), strict=True)]
    return np.array([int(content_hash(names[row]), 16) for row in rows], dtype=np.uint64)


def _times(names: np.ndarray) -> np.ndarray:
    """Which occurrence of its name each row is, from 1. Shape: (n_rows,)"""
    order = np.argsort(names, kind="stable")
    ordered = names[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(names) else np.zeros(0, bool)
    starts = np.flatnonzero(first)
    times = np.empty(len(names), dtype=np.int64)
    times[order] = np.arange(len(names)) - np.repeat(starts, np.diff(np.r_[starts, len(names)])) + 1
    return times


def _kept(tables: Tables, name: str, chosen: Selection) -> Iterator[pa.Table]:
    start = 0
    for table in tables():
        end = start + len(table)
        if end > len(chosen.keep):
            break
        plain = table.drop_columns([name]) if name in table.column_names else table
        yield plain.append_column(name, pa.array(chosen.values[start:end])).filter(pa.array(chosen.keep[start:end]))
        start = end
    if start != len(chosen.keep):
        raise ValueError(f"the data changed while they were read ({len(chosen.keep)} rows, then others); start again")
