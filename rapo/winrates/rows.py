"""From a table of judgements to the rows of a regression: what can be fitted, in which order, with which difficulty.

Used by `rapo.winrates.length_control` and `rapo.winrates.length_effect`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapo.judging import judgements as judged
from rapo.stats.arrays import Floats, Integers
from rapo.winrates.calibration import Calibration
from rapo.winrates.difficulty import standardised
from rapo.winrates.regression import Rows

Match = Literal["instruction", "position"]

MIN_JUDGEMENTS = 10
_EQUAL = "outputs are as long as the baseline's: nothing to control"


@dataclass(frozen=True)
class Judged:
    """A checked table of judgements with lengths, and what there is to say of each model before it is fitted.

    Attributes:
        frame: the table.
        codes: number of each row's model. Shape: (n,)
        models: their names. Length: n_models.
        delta: the baseline's length less the model's, standardised; NaN where that is undefined. Shape: (n,)
        fits: the model can be fitted. Shape: (n_models,)
        is_baseline: it is the baseline, judged against itself. Shape: (n_models,)
        notes: why it cannot, or what to keep in mind; empty for most. Length: n_models.
    """

    frame: pd.DataFrame
    codes: Integers
    models: pd.Index
    delta: Floats
    fits: NDArray[np.bool_]
    is_baseline: NDArray[np.bool_]
    notes: list[str]


def read(judgements: pd.DataFrame) -> Judged:
    """Look for models that the regression cannot tell apart from their lengths, or that need no regression.

    Raises:
        ValueError: lengths are missing, or what `rapo.judging.judgements.check` finds.
    """
    frame = judged.check(judgements)
    if lacking := {"length_model", "length_baseline"} - set(frame.columns):
        raise ValueError(f"length control needs the column {sorted(lacking)}: characters of both outputs")
    codes, models = pd.factorize(frame["model"])
    length = (frame["length_baseline"] - frame["length_model"]).to_numpy(dtype=float)
    delta = standardised(length, codes)
    n = np.bincount(codes)
    first = np.empty(len(n), dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    win = np.bincount(codes, frame["preference"].to_numpy(dtype=float) - 1)
    unknown = np.bincount(codes, np.isnan(delta)) > 0
    equal = np.bincount(codes, delta != 0) == 0
    own = np.zeros(len(n), dtype=bool)
    if "baseline" in frame:
        own = frame["baseline"].iloc[first].astype(str).to_numpy() == models.astype(str).to_numpy()
    few, lost, won = n < MIN_JUDGEMENTS, win == 0, win == n
    notes = [""] * len(n)
    for m in np.flatnonzero(own | few | unknown | equal | lost | won):
        problem = _too_few(n[m]) if few[m] else _constant(length[first[m]]) if unknown[m] else ""
        remark = _EQUAL if equal[m] else f"every judgement is a {'loss' if lost[m] else 'win'}"
        notes[m] = "the baseline itself" if own[m] else problem or remark
    return Judged(frame, codes, models, delta, ~own & ~few & ~unknown, own, notes)


def design(table: Judged, known: Calibration | None, match: Match) -> tuple[Rows, Integers]:
    """Judgements of the models that can be fitted, model after model, in the order that decides the folds.

    By instruction the order is the calibration's (or that of the ids), so that shuffled rows give the same fit; by
    position it is the table's own.

    Returns:
        The rows, and the place of each in the table.
    """
    frame, codes = table.frame, table.codes
    cluster, _ = pd.factorize(frame["instruction"], sort=known is None and match == "instruction")
    place = cluster if known is None else places(known, frame, codes, match)
    order = np.lexsort((place, codes)) if match == "instruction" else np.argsort(codes, kind="stable")
    order = order[table.fits[codes[order]]]
    sizes = np.bincount(codes)[table.fits]
    difficulty = None if known is None else known.of(table.models, codes[order], place[order])
    win = frame["preference"].to_numpy(dtype=float)[order] - 1
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return Rows(starts, win, table.delta[order], difficulty, cluster[order]), order


def places(known: Calibration, frame: pd.DataFrame, codes: Integers, match: Match) -> Integers:
    """Place of each judgement's instruction in the calibration, Shape (n,).

    Where a calibration knows numbers, instructions may be these as texts, or texts in the order of the numbers.
    """
    ids = known.difficulty.index
    if match == "position":
        found = frame.groupby(codes).cumcount().to_numpy()
        if found.max() >= len(ids):
            raise ValueError(f"a model has {found.max() + 1} rows and {known.source} {len(ids)} instructions")
        return found
    found = ids.get_indexer(pd.Index(frame["instruction"]))
    is_number = pd.api.types.is_numeric_dtype
    if (found < 0).all() and is_number(ids) and not is_number(frame["instruction"]):
        written = pd.to_numeric(frame["instruction"], errors="coerce")
        found = _ordinal(frame, codes, len(ids)) if written.isna().any() else ids.get_indexer(pd.Index(written))
    if (found < 0).any():
        missing = frame["instruction"][found < 0]
        raise ValueError(
            f"{missing.nunique()} instructions are not in {known.source}, the first is {missing.iloc[0]!r}, its "
            f"ids are like {ids[0]!r}; name the column of ids, or use a calibration of this benchmark (a pool)"
        )
    return found


def _ordinal(frame: pd.DataFrame, codes: Integers, n: int) -> Integers:
    """Number instructions given as texts by their order in models that have them all; -1 where that fails."""
    full = np.flatnonzero(np.bincount(codes) == n)
    orders = {tuple(frame["instruction"][codes == m]) for m in full}
    if len(orders) != 1 or len(set(order := orders.pop())) != n:
        return np.full(len(frame), -1)
    return pd.Index(order).get_indexer(pd.Index(frame["instruction"]))


def _too_few(n: int) -> str:
    return f"{n} judgements are too few for length control (at least {MIN_JUDGEMENTS})"


def _constant(length: float) -> str:
    return f"every output is {-length:+g} characters from the baseline's: length and quality cannot be told apart"
