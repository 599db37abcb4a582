"""Which instruction's difficulty belongs to which judgement, and which models can be controlled for length.

Used by `rapo.winrates.length_control` alone.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapo.winrates.calibration import Calibration
from rapo.winrates.regression import Rows

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Alignment = Literal["instruction", "position"]

MIN_JUDGEMENTS = 10
_EQUAL = "outputs are as long as the baseline's: nothing to control"


class Remarks(NamedTuple):
    """What there is to say of each model before it is fitted. Shape of each: (n_models,)

    Attributes:
        fits: it can be fitted.
        is_baseline: it is the baseline, judged against itself.
        notes: why it cannot, or what to keep in mind; empty for most.
    """

    fits: NDArray[np.bool_]
    is_baseline: NDArray[np.bool_]
    notes: list[str]


def remarks(frame: pd.DataFrame, codes: Ints, models: pd.Index, length: Floats, delta: Floats) -> Remarks:
    """Look for models that the regression cannot tell apart from their lengths, or that need no regression.

    Args:
        frame: a checked table of judgements.
        codes: number of each row's model, Shape (n,).
        models: their names.
        length: the baseline's length less the model's, Shape (n,).
        delta: the same standardised; NaN where that is undefined, Shape (n,).
    """
    n = np.bincount(codes)
    first = np.empty(len(n), dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    win = np.bincount(codes, frame["preference"].to_numpy(dtype=float) - 1)
    unknown = np.bincount(codes, np.isnan(delta)) > 0
    equal = np.bincount(codes, delta != 0) == 0
    own = np.zeros(len(n), dtype=bool)
    if "baseline" in frame:
        names = frame["baseline"].array
        own = np.array([str(names[row]) == str(model) for row, model in zip(first, models, strict=True)])
    few, lost, won = n < MIN_JUDGEMENTS, win == 0, win == n
    notes = [""] * len(n)
    for m in np.flatnonzero(own | few | unknown | equal | lost | won):
        problem = too_few(n[m]) if few[m] else constant(length[first[m]]) if unknown[m] else ""
        remark = _EQUAL if equal[m] else f"every judgement is a {'loss' if lost[m] else 'win'}"
        notes[m] = "the baseline itself" if own[m] else problem or remark
    return Remarks(~own & ~few & ~unknown, own, notes)


def too_few(n: int) -> str:
    return f"{n} judgements are too few for length control (at least {MIN_JUDGEMENTS})"


def constant(length: float) -> str:
    return f"every output is {-length:+g} characters from the baseline's: length and quality cannot be told apart"


def design(
    frame: pd.DataFrame,
    codes: Ints,
    models: pd.Index,
    about: Remarks,
    delta: Floats,
    known: Calibration | None,
    alignment: Alignment,
) -> Rows:
    """Judgements of the models that can be fitted, model after model, in the order that decides the folds.

    By instruction the order is the calibration's (or that of the ids), so that shuffled rows give the same fit; by
    position it is the table's own.
    """
    cluster, _ = pd.factorize(frame["instruction"], sort=known is None and alignment == "instruction")
    place = cluster if known is None else places(known, frame, codes, alignment)
    order = np.lexsort((place, codes)) if alignment == "instruction" else np.argsort(codes, kind="stable")
    order = order[about.fits[codes[order]]]
    sizes = np.bincount(codes)[about.fits]
    difficulty = None if known is None else known.of(models, codes[order], place[order])
    win = frame["preference"].to_numpy(dtype=float)[order] - 1
    return Rows(np.concatenate([[0], np.cumsum(sizes)]), win, delta[order], difficulty, cluster[order])


def places(known: Calibration, frame: pd.DataFrame, codes: Ints, alignment: Alignment) -> Ints:
    """Place of each judgement's instruction in the calibration, Shape (n,)."""
    ids = known.difficulty.index
    if alignment == "position":
        found = frame.groupby(codes).cumcount().to_numpy()
        if found.max() >= len(ids):
            raise ValueError(f"a model has {found.max() + 1} rows and {known.source} {len(ids)} instructions")
        return found
    found = ids.get_indexer(pd.Index(frame["instruction"]))
    if (found < 0).all() and not pd.api.types.is_numeric_dtype(frame["instruction"]):
        found = _ordinal(frame, codes, len(ids))
    if (found < 0).any():
        missing = frame["instruction"][found < 0]
        raise ValueError(
            f"{missing.nunique()} instructions are not in {known.source}, the first is {missing.iloc[0]!r}, its "
            f"ids are like {ids[0]!r}; name the column of ids, or use a calibration of this benchmark (a pool)"
        )
    return found


def _ordinal(frame: pd.DataFrame, codes: Ints, n: int) -> Ints:
    """Number instructions given as texts by their order in models that have them all; -1 where that fails."""
    sizes = np.bincount(codes)
    full = np.flatnonzero(sizes == n)
    orders = {tuple(frame["instruction"][codes == m]) for m in full}
    if len(orders) != 1 or len(set(order := orders.pop())) != n:
        return np.full(len(frame), -1)
    return pd.Index(order).get_indexer(pd.Index(frame["instruction"]))
