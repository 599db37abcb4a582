"""Length-controlled win rates: AlpacaEval 2's regression (Dubois et al. 2024), to the optimum and for many models.

For each model: logit P(win on instruction i) = theta * tanh(delta_i / sd(delta)) + psi * difficulty_i + phi, where
delta is the baseline's length less the model's. The fit has an L1 penalty chosen by cross-validation, and rows of
two gamed baselines, with little weight, that hold theta and psi in place. The length-controlled win rate is the
mean prediction at delta = 0. Win rates are percentages.

Differs from alpaca_eval:metrics/glm_winrate.py: the optimum is reached (there liblinear stops at 1e-4, which
leaves up to 0.02 points); difficulty is looked up by instruction id and not by row number
(``alignment="position"`` gives that too); nothing is downloaded or written unasked.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from rapo.judging import judgements as judged
from rapo.winrates import calibration as calibrations
from rapo.winrates import plain, regression
from rapo.winrates.calibration import Calibration
from rapo.winrates.difficulty import standardised
from rapo.winrates.regression import FORMULAS, GRID, Fits, Rows
from rapo.winrates.row_alignment import (
    MIN_JUDGEMENTS,
    Alignment,
    Remarks,
    constant,
    design,
    places,
    remarks,
    too_few,
)

Floats = NDArray[np.floating[Any]]
IntervalKind = Literal["delta", "bootstrap"]
CalibrationLike = Calibration | str | Path | None


@dataclass(frozen=True)
class LengthControlled:
    """One model's length-controlled win rate; rates in percent.

    Attributes:
        length_controlled_winrate: mean prediction at equal lengths.
        lc_standard_error: standard deviation of the predictions over the root of their number, as AlpacaEval calls
            it: it leaves out that the coefficients are estimates. NaN without difficulty, where all predictions
            are one number.
        lc_delta_error: standard error by the delta method, coefficients included.
        theta, psi, phi: coefficients of length, difficulty and the constant; psi is 0 without difficulty.
        C: the chosen inverse penalty.
    """

    length_controlled_winrate: float
    lc_standard_error: float
    lc_delta_error: float
    theta: float
    psi: float
    phi: float
    C: float


_FIELDS = tuple(field.name for field in fields(LengthControlled))


def fit(
    preferences: ArrayLike,
    length_model: ArrayLike,
    length_baseline: ArrayLike,
    *,
    difficulty: ArrayLike | None = None,
    gamed: pd.DataFrame | None = None,
    baseline_regulariser: float = 0.2,
) -> LengthControlled:
    """Length-controlled win rate of one model; the order of the rows decides the folds.

    Args:
        preferences: 1 (the baseline wins) ... 2 (the model wins). Shape: (n,)
        length_model, length_baseline: characters. Shape: (n,)
        difficulty: of each row's instruction; without it the formula has no such term. Shape: (n,)
        gamed: `Calibration.gamed`; with it two gamed baselines hold the fit in place.
        baseline_regulariser: their total weight.

    Raises:
        ValueError: fewer than 10 rows, a preference outside [1, 2], or no way to tell length from quality.
    """
    preference = np.asarray(preferences, dtype=float)
    if not ((preference >= 1) & (preference <= 2)).all():
        raise ValueError("preferences must lie in [1, 2]; decode them with rapo.judging.judgements.decode")
    n, longer = len(preference), np.asarray(length_baseline, dtype=float) - np.asarray(length_model, dtype=float)
    delta = standardised(longer, np.zeros(n, dtype=np.intp))
    if n < MIN_JUDGEMENTS or np.isnan(delta).any():
        raise ValueError(too_few(n) if n < MIN_JUDGEMENTS else constant(longer[0]))
    known = None if difficulty is None else np.asarray(difficulty, dtype=float)
    rows = Rows(np.array([0, n]), preference - 1, delta, known, np.arange(n))
    found = _estimates(rows, regression.fit(rows, _gamed_array(gamed), baseline_regulariser=baseline_regulariser))
    return LengthControlled(**{name: float(values[0]) for name, values in found.items()})


def length_controlled(
    judgements: pd.DataFrame,
    *,
    calibration: CalibrationLike = None,
    formula: str | None = None,
    baseline_regulariser: float | None = None,
    alignment: Alignment = "instruction",
    interval: IntervalKind | None = "delta",
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
    errors: Literal["raise", "note"] = "raise",
) -> pd.DataFrame:
    """A leaderboard with win rates and length-controlled win rates of many models, best controlled first.

    Args:
        judgements: as `rapo.judging.judgements.table` makes them, with lengths.
        calibration: None: the formula has no instruction difficulty; "pool": difficulty is estimated from these
            judgements (from 5 models on); "official": AlpacaEval's file; a path; or a `Calibration`.
        formula: a key of `rapo.winrates.regression.FORMULAS`; None: the fullest that the calibration allows.
        baseline_regulariser: total weight of the gamed baselines; None: the formula's own, 0: none.
        alignment: look difficulty up by "instruction" id, or by "position" in the file, as alpaca_eval does: that
            shifts the difficulties of a model that lacks rows.
        interval: of the length-controlled win rate: "delta" method on the log-odds scale, "bootstrap" of
            the whole fit over instructions, or None.
        level, n_resamples, seed: of the interval.
        errors: where a model cannot be fitted: "raise", or "note" it: NaN and the reason in column ``note``.

    Returns:
        The columns of `rapo.winrates.plain.win_rates`, the fields of `LengthControlled`, ``lc_low``, ``lc_high``,
        ``formula`` and ``note``. The baseline judged against itself has 50 by construction.

    Raises:
        ValueError: lengths are missing, an instruction is not in the calibration, or a model cannot be fitted.
        FileNotFoundError: there is no such calibration; names the command that gets the official one.
    """
    frame = judged.check(judgements)
    if lacking := {"length_model", "length_baseline"} - set(frame.columns):
        raise ValueError(f"length control needs the column {sorted(lacking)}: characters of both outputs")
    known = resolve(calibration, frame)
    name, weight = _formula(formula, baseline_regulariser, known)
    codes, models = pd.factorize(frame["model"])
    length = (frame["length_baseline"] - frame["length_model"]).to_numpy(dtype=float)
    delta = standardised(length, codes)
    about = remarks(frame, codes, models, length, delta)
    if errors == "raise" and (failed := np.flatnonzero(~about.fits & ~about.is_baseline)).size:
        model, note = models[failed[0]], about.notes[failed[0]]
        raise ValueError(f"model {model!r}: {note}; errors='note' leaves it out")
    columns = {"model": np.asarray(models), **plain.tallies(frame, codes)}
    if about.fits.any():
        rows = design(frame, codes, models, about, delta, known if FORMULAS[name].difficulty else None, alignment)
        gamed = _gamed_array(known.gamed) if known is not None and weight else None
        fits = regression.fit(rows, gamed, baseline_regulariser=weight)
        found = _estimates(rows, fits)
        if interval == "delta":
            found |= _delta_limits(found, level)
        elif interval == "bootstrap":
            draws = regression.bootstrap(
                rows, gamed, baseline_regulariser=weight, n_resamples=n_resamples, seed=seed
            )
            found |= _quantiles(draws, level)
    else:
        found = dict.fromkeys((*_FIELDS, "lc_low", "lc_high"), np.empty(0))
    columns |= {column: _for_all(values, column, about) for column, values in found.items()}
    columns |= {"formula": np.full(len(models), name), "note": np.array(about.notes)}
    # NaN comes last: it compares with nothing.
    order = np.lexsort((columns["model"].astype(str), -columns["length_controlled_winrate"]))
    return pd.DataFrame({column: values[order] for column, values in columns.items()})


def resolve(calibration: CalibrationLike, judgements: pd.DataFrame) -> Calibration | None:
    """A calibration from a `Calibration`, "pool", "official", a path, or None.

    Raises:
        FileNotFoundError: there is no such file, or the official one cannot be had.
        ValueError: the file is no calibration.
    """
    if calibration is None or isinstance(calibration, Calibration):
        return calibration
    if calibration == "pool":
        return calibrations.from_pool(judgements)
    return calibrations.official() if calibration == "official" else calibrations.load(calibration)


def compare_alignments(judgements: pd.DataFrame, *, calibration: CalibrationLike) -> pd.DataFrame:
    """How far looking difficulty up by row number, as alpaca_eval does, moves each model.

    Returns:
        Per model ``n_total``, ``n_shifted`` (rows that get another instruction's difficulty), ``by_instruction``,
        ``by_position`` and their ``difference`` (position less instruction, points), the largest first.
    """
    frame = judged.check(judgements)
    known = resolve(calibration, frame)
    if known is None:
        raise ValueError("without instruction difficulty there is nothing to align; give a calibration")
    codes, models = pd.factorize(frame["model"])
    shifted = places(known, frame, codes, "instruction") != places(known, frame, codes, "position")
    table = pd.DataFrame(
        {"model": np.asarray(models), "n_shifted": np.bincount(codes[shifted], minlength=len(models))}
    )
    sides: tuple[Alignment, Alignment] = ("instruction", "position")
    for side in sides:
        found = length_controlled(frame, calibration=known, alignment=side, interval=None)
        found = found[["model", "n_total", "length_controlled_winrate"]]
        keys = ["model"] if side == "instruction" else ["model", "n_total"]
        table = table.merge(found.rename(columns={"length_controlled_winrate": f"by_{side}"}), on=keys)
    table["difference"] = table["by_position"] - table["by_instruction"]
    order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    columns = ["model", "n_total", "n_shifted", "by_instruction", "by_position", "difference"]
    return table.loc[order, columns].reset_index(drop=True)


def head_to_head(
    table: pd.DataFrame, *, difficulty: ArrayLike | None = None, baseline: str | None = None
) -> pd.DataFrame:
    """Predicted length-controlled win rates of every model (rows) against every other (columns), in percent.

    The mean over instructions of sigmoid((psi_m - psi_b) * difficulty + phi_m - phi_b): both regressions are
    against the same baseline, which drops out. 50 on the diagonal; a pair and its reverse add to 100.

    Args:
        table: of `length_controlled` (columns model, psi, phi).
        difficulty: of the benchmark's instructions (``Calibration.difficulty``); needed where a psi is not 0.
        baseline: also compare with the baseline, under this name.

    Raises:
        ValueError: the table has difficulty in it and none is given, or a coefficient is missing.
    """
    psi, phi = (table[column].to_numpy(dtype=float) for column in ("psi", "phi"))
    if np.isnan(psi + phi).any():
        raise ValueError(f"no coefficients for {table['model'][np.isnan(psi + phi)].tolist()}; leave these out")
    if difficulty is None and (psi != 0).any():
        raise ValueError(
            "the table was fitted with instruction difficulty: pass difficulty=calibration.difficulty"
        )
    names = table["model"].tolist()
    if baseline is not None:
        names, psi, phi = [*names, baseline], np.append(psi, 0.0), np.append(phi, 0.0)
    known = np.zeros(1) if difficulty is None else np.asarray(difficulty, dtype=float)
    chances = [
        0.5 + 0.5 * np.tanh(((psi[m] - psi)[:, None] * known + (phi[m] - phi)[:, None]) / 2).mean(axis=1)
        for m in range(len(names))
    ]
    return pd.DataFrame(100 * np.array(chances), index=pd.Index(names), columns=pd.Index(names))


def _formula(formula: str | None, regulariser: float | None, known: Calibration | None) -> tuple[str, float]:
    """Name of the formula and weight of the gamed baselines."""
    fullest = "minimal" if known is None else "noreg" if known.gamed is None else "v1"
    name = formula or f"length_controlled_{fullest}"
    if name not in FORMULAS:
        raise ValueError(f"formula is {name!r}; use one of {', '.join(FORMULAS)}")
    weight = FORMULAS[name].baseline_regulariser if regulariser is None else regulariser
    if FORMULAS[name].difficulty and known is None:
        raise ValueError(f"formula {name!r} needs instruction difficulty; give a calibration")
    if weight < 0 or (weight and (known is None or known.gamed is None)):
        raise ValueError(
            f"baseline_regulariser is {weight}: it needs a calibration with gamed baselines, and >= 0"
        )
    return name, weight


def _gamed_array(gamed: pd.DataFrame | None) -> Floats | None:
    """Rows of the gamed baselines for `rapo.winrates.regression`, Shape (n_gamed, 3)."""
    names = ("preference", "std_delta_len", "instruction_difficulty")
    return None if gamed is None else np.stack([gamed[name].to_numpy(dtype=float) for name in names], axis=1)


def _estimates(rows: Rows, fits: Fits) -> dict[str, Floats]:
    """Fields of `LengthControlled`, each of Shape (M,)."""
    chance, n = regression.predictions(rows, fits.weights), np.diff(rows.starts)
    mean = regression.model_means(rows, chance)
    variance = regression.model_means(rows, (chance - mean[rows.model]) ** 2)
    known = rows.difficulty is not None
    values = (
        100 * mean,
        100 * np.sqrt(variance / (n - 1)) if known else np.full(len(n), np.nan),
        100 * regression.delta_method(rows, fits),
        fits.weights[:, 0],
        fits.weights[:, 1] if known else np.zeros(len(n)),
        fits.weights[:, -1],
        GRID[fits.chosen],
    )
    return dict(zip(_FIELDS, values, strict=True))


def _for_all(values: Floats, column: str, about: Remarks) -> Floats:
    """Values of the fitted models spread over all: NaN for the others; the baseline has 50 and no coefficients."""
    spread = np.full(len(about.fits), np.nan)
    spread[about.fits] = values
    if column != "C":
        spread[about.is_baseline] = 50.0 if column in ("length_controlled_winrate", "lc_low", "lc_high") else 0.0
    return spread


def _quantiles(draws: Floats, level: float) -> dict[str, Floats]:
    """Percentile interval of bootstrap draws, Shape (M, n_resamples)."""
    low, high = 100 * np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return {"lc_low": low, "lc_high": high}


def _delta_limits(found: dict[str, Floats], level: float) -> dict[str, Floats]:
    """Interval on the log-odds scale, so that it stays between 0 and 100."""
    share = found["length_controlled_winrate"] / 100
    centre, wide = np.log(share / (1 - share)), found["lc_delta_error"] / 100 / (share * (1 - share))
    reach = ndtri((1 + level) / 2) * wide
    low, high = (50 + 50 * np.tanh((centre + side * reach) / 2) for side in (-1, 1))
    return {"lc_low": low, "lc_high": high}
