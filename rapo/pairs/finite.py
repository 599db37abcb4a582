"""Numbers that JSON has no word for, NaN and infinity, found before hours of work end in them."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def check(tables: Iterable[pa.Table], *, name: str, other: str) -> None:
    """Refuse tables, in order, that hold NaN or infinity in any column, at any depth.

    Args:
        tables: batches of one table.
        name: what an error calls it.
        other: a target whose format holds such numbers.

    Raises:
        ValueError: there is one; row, column, value and remedy are named.
    """
    row = 1
    for table in tables:
        for batch in table.to_batches():
            for column in batch.schema.names:
                bad = np.flatnonzero(_unfit(batch[column]))
                if len(bad):
                    value = next(_within(batch[column][int(bad[0])].as_py()))
                    told = f"row {row + bad[0]}, column {column}: {value} cannot stand in JSON"
                    raise ValueError(f"{name}: {told}; mend or remove the column, or write {other}")
            row += len(batch)


def _unfit(column: pa.Array) -> np.ndarray:
    """Which rows hold NaN or infinity. Shape: (n_rows,)"""
    kind, rows = column.type, np.zeros(len(column), bool)
    if pa.types.is_floating(kind):
        rows = ~np.isfinite(pc.fill_null(column, 0).to_numpy(zero_copy_only=False))
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            rows |= _unfit(part)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _unfit(column.flatten())
        if inner.any():
            rows[pc.list_parent_indices(column).to_numpy()[inner]] = True
    return rows


def _within(value: Any) -> Iterator[float]:
    """The numbers within a value that are none."""
    if isinstance(value, float) and not np.isfinite(value):
        yield value
    elif isinstance(value, list | dict):
        for held in value.values() if isinstance(value, dict) else value:
            yield from _within(held)
