"""Length-controlled win rates as one number a judgement: averaged, paired and compared like any other metric.

A length-controlled win rate is the outcome of a regression, so a difference of two has no interval from their own two:
models that answered the same instructions err together. The influence of each judgement on its model's rate (the
infinitesimal jackknife; Jaeckel 1972) carries that: contributions of two models can be subtracted row by row.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapo.judging import judgements as judged
from rapo.winrates import regression
from rapo.winrates.difficulty import standardised
from rapo.winrates.row_alignment import design, remarks

Floats = NDArray[np.floating[Any]]


def contributions(judgements: pd.DataFrame) -> pd.Series:
    """What each judgement contributes to its model's length-controlled win rate, in percent.

    Without instruction difficulty (`lcwinrate.length_controlled` with ``calibration=None``). The mean over a model's
    judgements is its rate; their standard deviation over the root of their number is its standard error by the delta
    method, where each instruction is judged once.

    Args:
        judgements: as `rapo.judging.judgements.table` makes them, with lengths.

    Returns:
        A value a row, under the table's index; NaN for a model that cannot be fitted (the baseline itself, lengths
        that do not vary, fewer than 10 rows).

    Raises:
        ValueError: lengths are missing, or what `rapo.judging.judgements.check` finds.
    """
    frame = judged.check(judgements)
    if lacking := {"length_model", "length_baseline"} - set(frame.columns):
        raise ValueError(f"length control needs the column {sorted(lacking)}: characters of both outputs")
    codes, models = pd.factorize(frame["model"])
    length = (frame["length_baseline"] - frame["length_model"]).to_numpy(dtype=float)
    delta = standardised(length, codes)
    about = remarks(frame, codes, models, length, delta)
    values = np.full(len(frame), np.nan)
    if about.fits.any():
        rows = design(frame, codes, models, about, delta, None, "instruction")
        fits = regression.fit(rows, None, baseline_regulariser=0.0)
        values[_places(frame, codes, about.fits)] = _values(rows, fits)
    return pd.Series(values, index=judgements.index, name="length_controlled")


def _places(frame: pd.DataFrame, codes: NDArray[np.integer[Any]], fits: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of the table in the order of `design`."""
    instruction, _ = pd.factorize(frame["instruction"], sort=True)
    order = np.lexsort((instruction, codes))
    return order[fits[codes[order]]]


def _values(rows: regression.Rows, fits: regression.Fits) -> Floats:
    """The rate, plus n times the centred influence: a penalised fit leaves them a mean that is not quite 0."""
    model, influence = rows.model, regression.influences(rows, fits)
    rate = regression.model_means(rows, regression.predictions(rows, fits.weights))
    centred = influence - regression.model_means(rows, influence)[model]
    return 100 * (rate[model] + np.diff(rows.starts)[model] * centred)
