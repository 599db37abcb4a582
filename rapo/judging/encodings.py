"""How files write preferences, read into numbers from 1 (the baseline wins) to 2 (the model wins)."""

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

Encoding = Literal["1..2", "1/2", "alpaca_eval", "0..1", "0/1", "A/B/tie"]

ENCODINGS: dict[str, str] = {
    "1..2": "numbers from 1 (the baseline wins) to 2 (the model wins)",
    "1/2": "1 the baseline wins, 2 the model wins, 1.5 a draw",
    "alpaca_eval": "numbers from 1 (the baseline wins) to 2 (the model wins), and 0 a draw",
    "0..1": "numbers from 0 (the baseline wins) to 1 (the model wins)",
    "0/1": "0 the baseline wins, 1 the model wins, 0.5 a draw",
    "A/B/tie": "A the baseline (the first output) wins, B the model (the second) wins, tie or draw",
}
_LETTERS = {"a": 1.0, "b": 2.0, "tie": 1.5, "draw": 1.5}


def decode(values: Any, encoding: Encoding, *, name: str = "preference") -> Floats:
    """Preferences in one of the `ENCODINGS` as numbers from 1 to 2; missing ones as NaN. Shape: (n,)

    Raises:
        ValueError: the encoding is unknown or a value does not belong to it.

    >>> decode(["A", "tie", "B"], "A/B/tie").tolist(), decode([0, 0.5, 1], "0/1").tolist()
    ([1.0, 1.5, 2.0], [1.0, 1.5, 2.0])
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding is {encoding!r}; use one of {', '.join(ENCODINGS)}")
    raw = pd.Series(values).reset_index(drop=True)
    empty = raw.isna().to_numpy()
    if encoding == "A/B/tie":
        numbers = raw.astype("string").str.strip().str.lower().map(_LETTERS).to_numpy(dtype=float, na_value=np.nan)
        bad = np.isnan(numbers)
    else:
        numbers = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        bad, numbers = _decode_numbers(numbers, encoding)
    if (bad & ~empty).any():
        seen = sorted({str(value) for value in raw[bad & ~empty].head(1000)})[:5]
        raise ValueError(
            f"{name}: {', '.join(seen)} is not in the encoding {encoding!r} ({ENCODINGS[encoding]}); "
            f"say which of {', '.join(ENCODINGS)} it is"
        )
    return np.where(empty, np.nan, numbers)


def _decode_numbers(x: Floats, encoding: str) -> tuple[NDArray[np.bool_], Floats]:
    if encoding in ("0/1", "0..1"):
        fits = np.isin(x, (0, 0.5, 1)) if encoding == "0/1" else (x >= 0) & (x <= 1)
        return ~fits, x + 1.0
    if encoding == "1/2":
        return ~np.isin(x, (1, 1.5, 2)), x
    draw = (x == 0) & (encoding == "alpaca_eval")
    # Zeros and ones alone are wins and losses in another encoding, not draws and losses.
    if draw.any() and not (x > 1).any():
        return draw, x
    return ~(((x >= 1) & (x <= 2)) | draw), np.where(draw, 1.5, x)
