"""Arrays of numbers and tables: their types, and the one check of what a caller gives."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), without overflow."""
    return 0.5 + 0.5 * np.tanh(z / 2)


def finite(
    values: ArrayLike,
    name: str,
    *,
    dimensions: int = 1,
    length: int | None = None,
    low: float = -np.inf,
    high: float = np.inf,
    remedy: str = "leave them out first",
) -> Floats:
    """Values as an array of finite numbers from ``low`` to ``high``; ``length`` is that of the first axis, if told.

    Raises:
        ValueError: the shape is another, or a number is NaN, infinite or outside; names the first one and the remedy.

    >>> finite([1, 2], "scores").tolist()
    [1.0, 2.0]
    """
    data = np.asarray(values, dtype=float)
    if data.ndim != dimensions:
        raise ValueError(f"{name} have {data.ndim} dimension(s), shape {data.shape}; need {dimensions}")
    if length is not None and len(data) != length:
        raise ValueError(f"{name} have shape {data.shape} where {length} rows are; give one value for each")
    bad = ~(np.isfinite(data) & (data >= low) & (data <= high))
    if bad.any():
        where = tuple(int(at) for at in np.argwhere(bad)[0])
        kind = "finite" if np.isinf([low, high]).all() else f"from {low:g} to {high:g}"
        raise ValueError(
            f"{name} hold {bad.sum()} that are not {kind}, the first is {data[where]:g} at "
            f"{where if dimensions > 1 else where[0]}; {remedy}"
        )
    return data


def expect_one_of(legal: Iterable[object], **options: object) -> None:
    """Raise ValueError for an option of another value, with those that there are.

    >>> expect_one_of(("first", "keep"), duplicates="last")
    Traceback (most recent call last):
    ValueError: duplicates is 'last'; use one of first, keep
    """
    known = tuple(legal)
    for name, value in options.items():
        if value not in known:
            raise ValueError(f"{name} is {value!r}; use one of {', '.join(map(str, known))}")


def expect_table(given: object, function: str) -> None:
    """A TypeError where something else than a table is given, which is to be read first.

    >>> expect_table("pairs.jsonl", "rapo.select")
    Traceback (most recent call last):
    TypeError: rapo.select takes an Arrow table, not a str; read it first: rapo.read_pairs('pairs.jsonl')
    """
    if not isinstance(given, pa.Table):
        shown = repr(given) if isinstance(given, str | Path) else "..."
        kind = type(given).__name__
        raise TypeError(f"{function} takes an Arrow table, not a {kind}; read it first: rapo.read_pairs({shown})")
