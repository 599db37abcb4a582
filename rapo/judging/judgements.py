"""Judgements of models against a baseline: files and tables of many shapes, read into one.

The one table has a row per model and instruction: ``model``, ``instruction`` (id), ``preference`` (1 = the
baseline wins ... 2 = the model wins, 1.5 = a draw) and, where known, ``length_model``, ``length_baseline``
(characters) and ``baseline`` (its name). How a file encodes preferences is said by the caller or by the shape of
AlpacaEval's own files, never guessed from the values.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapo.pairs.raw import read as read_rows
from rapo.stats.arrays import Floats, expect_one_of, finite

_log = logging.getLogger(__name__)

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


Missing = Literal["error", "drop"]
Duplicates = Literal["error", "keep", "first"]

# Other names that a column of the one table goes by, first come first served.
_NAMES: dict[str, tuple[str, ...]] = {
    "model": ("model", "generator_2"),
    "instruction": ("instruction_index", "instruction_id", "instruction"),
    "preference": ("preference",),
    "length_model": ("length_model", "len_2"),
    "length_baseline": ("length_baseline", "len_1"),
    "baseline": ("baseline", "generator_1"),
}
_TEXTS = {"length_model": "output_2", "length_baseline": "output_1"}
_NO_LENGTH = "give a number of characters, 0 for none"
_JUDGES = ("judge", "annotator")
_OWN = {"model", "instruction", "preference", "length_model", "length_baseline"}


def read(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    encoding: Encoding | None = None,
    by: Sequence[str] = (),
    missing: Missing = "error",
    duplicates: Duplicates = "error",
) -> pd.DataFrame:
    """Read judgements from ``.parquet``, ``.csv``, ``.jsonl`` or ``.json`` (AlpacaEval's annotations), also .gz.

    Whatever else `rapo judge` writes is read, too: ``.jsonl.zst``, folders of shards or of an Arrow data set.

    Args:
        source: the file, or such rows in memory: a DataFrame, an Arrow table, a `datasets.Dataset`, a list.
        columns: our column -> the file's, for those that go by other names than ours or AlpacaEval's.
        encoding: how the file writes preferences, a key of `ENCODINGS`; AlpacaEval's files need none.
        by: columns whose values are compared; the model by default.
        missing: rows without a preference: "error" or "drop".
        duplicates: rows that repeat a model's instruction: "error", "first" or "keep".

    Returns:
        One row a judgement: ``model``, ``instruction``, ``preference`` (1 the baseline wins ... 2 the model wins),
        and where known ``length_model``, ``length_baseline`` (characters) and ``baseline``.

    Raises:
        FileNotFoundError: the file is missing.
        TypeError: ``source`` is of no known kind.
        ValueError: the name says no known format, the file cannot be read, or what `table` raises.
    """
    name = Path(source).name if isinstance(source, str | Path) else "judgements"
    return table(
        load(source), columns=columns, encoding=encoding, by=by, missing=missing, duplicates=duplicates, name=name
    )


def load(source: Any) -> pd.DataFrame:
    """Read a file, or rows in memory, as they are, columns unchanged. Takes and raises what `read` does."""
    if isinstance(source, pd.DataFrame):
        return source
    if not isinstance(source, str | Path):
        return read_rows(source).to_pandas()
    path = Path(source)
    if path.is_dir() or path.suffix.lower() in (".zst", ".arrow"):
        return read_rows(path).to_pandas()
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    kind = path.name.removesuffix(".gz").rsplit(".", 1)[-1].lower()
    try:
        if kind == "parquet":
            return pd.read_parquet(path)
        if kind == "csv":
            return pd.read_csv(path)
        if kind in ("jsonl", "ndjson"):
            return _json_lines(path)
        if kind == "json":
            return _json_list(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as {kind}: {error}") from error
    raise ValueError(f"{path}: the name says no known format; use .parquet, .csv, .jsonl or .json (plain or .gz)")


def table(
    frame: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    encoding: Encoding | None = None,
    by: Sequence[str] = (),
    missing: Missing = "error",
    duplicates: Duplicates = "error",
    name: str = "judgements",
) -> pd.DataFrame:
    """Bring any table of judgements to the one shape, in its own row order.

    Args:
        frame: one row a judgement.
        columns: our name -> the table's name, for columns that are called neither as ours nor as AlpacaEval's.
            For a length it may name a column of texts; its lengths in characters are taken, a missing text has 0.
        encoding: a key of `ENCODINGS`. May be left out for AlpacaEval's files (``generator_1``, ``generator_2``)
            and for tables with our five column names.
        by: columns whose values, joined by " / ", stand for the model. Without it: the model, and where several
            judges judged, "model [judge]".
        missing: what becomes of rows without a preference: "error" or "drop" (with a warning that counts them).
        duplicates: what becomes of rows that repeat a model's instruction: "error", "first" or "keep" (each
            counts; intervals treat the rows of an instruction as one cluster).
        name: what an error calls the table.

    Raises:
        ValueError: a column is missing or holds what it must not; names it, the value and the remedy.
    """
    columns = dict(columns or {})
    if unknown := set(columns) - set(_NAMES):
        raise ValueError(f"columns names {sorted(unknown)}; the table's columns are {sorted(_NAMES)}")
    found = {ours: _find(frame, ours, columns.get(ours), name) for ours in _NAMES}
    out = {
        "model": _models(frame, found["model"], by, name),
        "instruction": _required(frame, found["instruction"], "instruction", name),
        "preference": decode(
            _required(frame, found["preference"], "preference", name),
            encoding or known_encoding(frame, columns, name),
            name=f"{name}, column {found['preference']}",
        ),
    }
    unclear = pd.Series(out["preference"]).isna()
    for side, text in _TEXTS.items():
        column = found[side] or (text if text in frame else None)
        if column is not None:
            kept = frame[column].reset_index(drop=True).mask(unclear, 0)  # such rows are left out, or told
            out[side] = _lengths(kept, f"{name}, column {column}", texts=column not in _NAMES[side])
    if found["baseline"] is not None:
        out["baseline"] = frame[found["baseline"]].reset_index(drop=True)
    judged = pd.DataFrame({key: np.asarray(value) if key == "preference" else value for key, value in out.items()})
    _check_names(judged, name)
    return check(_without_missing(judged, missing, name), duplicates=duplicates, name=name)


def check(judgements: pd.DataFrame, *, duplicates: Duplicates = "keep", name: str = "judgements") -> pd.DataFrame:
    """Return a table that keeps the rules of the one shape, with a fresh index.

    Raises:
        TypeError: it is no DataFrame.
        ValueError: it is empty, lacks a column, a model, an instruction or a length is missing, a preference is not in
            [1, 2], or an instruction is repeated.
    """
    expect_one_of(get_args(Duplicates), duplicates=duplicates)
    if not isinstance(judgements, pd.DataFrame):
        shown = repr(judgements) if isinstance(judgements, str | Path) else "..."
        kind = type(judgements).__name__
        raise TypeError(f"{name} are a DataFrame, not a {kind}; read them first: rapo.read_judgements({shown})")
    if lacking := {"model", "instruction", "preference"} - set(judgements.columns):
        raise ValueError(f"{name} has no column {sorted(lacking)}; read it with rapo.read_judgements first")
    if judgements.empty:
        raise ValueError(f"{name} holds no judgement")
    finite(judgements["preference"], f"{name}: preferences", low=1, high=2, remedy="decode them first")
    judgements = judgements.reset_index(drop=True)
    _check_names(judgements, name)
    for side in _TEXTS:
        if side in judgements:
            finite(judgements[side], f"{name}, column {side}: lengths", remedy=_NO_LENGTH)
    if duplicates == "keep":
        return judgements
    repeated = judgements.duplicated(["model", "instruction"]).to_numpy()
    if repeated.any() and duplicates == "error":
        first = judgements[repeated].iloc[0]
        raise ValueError(
            f"{name}: {int(repeated.sum()):,} rows repeat a model's instruction, the first is model "
            f"{short(first['model'])}, instruction {short(first['instruction'])}; keep all, or the first "
            "(duplicates, --duplicates), or tell the groups apart (by, --by)"
        )
    return judgements[~repeated].reset_index(drop=True) if repeated.any() else judgements


def decode(values: Any, encoding: Encoding, *, name: str = "preference") -> Floats:
    """Preferences in one of the `ENCODINGS` as numbers from 1 to 2; missing ones as NaN. Shape: (n,)

    Raises:
        ValueError: the encoding is unknown or a value does not belong to it.

    >>> decode(["A", "tie", "B"], "A/B/tie").tolist(), decode([0, 0.5, 1], "0/1").tolist()
    ([1.0, 1.5, 2.0], [1.0, 1.5, 2.0])
    """
    expect_one_of(ENCODINGS, encoding=encoding)
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


def known_encoding(
    frame: pd.DataFrame, columns: Mapping[str, str] | None = None, name: str = "judgements"
) -> Encoding:
    """The encoding that a table's shape stands for: that of AlpacaEval's files or ours.

    Raises:
        ValueError: the shape is neither; lists the encodings.
    """
    if "preference" not in (columns or {}):
        if {"generator_1", "generator_2", "preference"} <= set(frame.columns):
            return "alpaca_eval"
        if set(frame.columns) >= _OWN:
            return "1..2"
    for ours in ("instruction", "preference"):
        _required(frame, _find(frame, ours, (columns or {}).get(ours), name), ours, name)
    options = "; ".join(f"{key!r}: {meaning}" for key, meaning in ENCODINGS.items())
    raise ValueError(f"{name}: say how preferences are encoded. {options}")


def _find(frame: pd.DataFrame, ours: str, given: str | None, name: str) -> str | None:
    if given is not None and given not in frame:
        raise ValueError(f"{name} has no column {given!r}; it has {list(frame.columns)}")
    return given or next((column for column in _NAMES[ours] if column in frame), None)


def _required(frame: pd.DataFrame, column: str | None, ours: str, name: str) -> pd.Series:
    if column is None:
        names = " or ".join(_NAMES[ours])
        raise ValueError(
            f"{name} has no column {names}; it has {list(frame.columns)}: name it (columns, --column {ours}=...)"
        )
    return frame[column].reset_index(drop=True)


def _models(frame: pd.DataFrame, column: str | None, by: Sequence[str], name: str) -> pd.Series:
    if by:
        if lacking := [key for key in by if key not in frame]:
            raise ValueError(f"{name} has no column {lacking}; it has {list(frame.columns)}")
        first, *others = (frame[key].reset_index(drop=True) for key in by)
        label = first
        for other in others:
            label = label.astype(str) + " / " + other.astype(str)
        return label
    models = _required(frame, column, "model", name)
    judge = next((key for key in _JUDGES if key in frame and frame[key].nunique() > 1), None)
    return models if judge is None else models.astype(str) + " [" + frame[judge].astype(str).to_numpy() + "]"


def _lengths(values: pd.Series, name: str, *, texts: bool) -> Floats:
    """Lengths in characters: numbers, or how long ``texts`` are, of which a missing one has 0.

    A column that is called a length holds numbers, however they are written; any other may hold either.
    """
    if texts and not pd.api.types.is_numeric_dtype(values):
        text = values.astype("string")
        return text.str.len().fillna(0).astype(float).to_numpy()
    numbers = pd.to_numeric(values, errors="coerce")
    if (wrong := numbers.isna() & values.notna()).any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"{name}, row {row + 1}: {short(values[row])} is no number of characters; mend it")
    lengths = numbers.to_numpy(dtype=float, na_value=np.nan)
    return finite(lengths, f"{name}: lengths", low=0, remedy=_NO_LENGTH)


def _check_names(judged: pd.DataFrame, name: str) -> None:
    for column in ("model", "instruction"):
        if judged[column].isna().any():
            row = int(np.flatnonzero(judged[column].isna())[0])
            raise ValueError(f"{name}: column {column} is empty in row {row + 1}; every judgement needs it")


def _without_missing(judged: pd.DataFrame, missing: Missing, name: str) -> pd.DataFrame:
    expect_one_of(get_args(Missing), missing=missing)
    empty = judged["preference"].isna().to_numpy()
    if not empty.any():
        return judged
    models = sorted({str(model) for model in judged["model"][empty]})
    where = f"{int(empty.sum()):,} judgements have no preference (models {', '.join(models[:3])})"
    if missing == "error":
        raise ValueError(f"{name}: {where}; judge them again, or leave them out (missing, --missing drop)")
    _log.warning("%s: %s; they are left out", name, where)
    return judged[~empty]


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


def _json_lines(path: Path) -> pd.DataFrame:
    import pyarrow.json

    return pyarrow.json.read_json(path, pyarrow.json.ReadOptions(block_size=1 << 26)).to_pandas()


def _json_list(path: Path) -> pd.DataFrame:
    import gzip

    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        rows = json.load(file)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("expected a list of objects such as AlpacaEval's annotations.json")
    return pd.DataFrame(rows)


def short(value: Any) -> str:
    """A value as an error shows it: 60 characters at most.

    >>> short(np.int64(7)), len(short("long " * 20))
    ('7', 60)
    """
    text = repr(value.item() if hasattr(value, "item") else value)
    return text if len(text) <= 60 else text[:57] + "..."
