"""Length-controlled win rates: AlpacaEval 2's regression (Dubois et al. 2024), to the optimum and for many models.

For each model: logit P(win on instruction i) = theta * tanh(delta_i / sd(delta)) + psi * difficulty_i + phi, where
delta is the baseline's length less the model's. The fit has an L1 penalty chosen by cross-validation, and rows of
two gamed baselines, with little weight, that hold theta and psi in place. The length-controlled win rate is the
mean prediction at delta = 0. Win rates are percentages.

Differs from alpaca_eval:metrics/glm_winrate.py: the optimum is reached (there liblinear stops at 1e-4, which
leaves up to 0.02 points); difficulty is looked up by instruction id and not by row number
(``match="position"`` gives that too); nothing is downloaded or written unasked.
"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rapo.stats import intervals
from rapo.stats.arrays import Floats, Integers, expect_one_of, sigmoid
from rapo.winrates import calibration as calibrations
from rapo.winrates import plain, regression, rows
from rapo.winrates.calibration import Calibration
from rapo.winrates.regression import FORMULAS, GRID, Fits, Rows
from rapo.winrates.rows import Match

CalibrationLike = Calibration | str | Path | None
_FIELDS = (
    *("length_controlled_winrate", "lc_standard_error", "lc_delta_error"),
    *("theta", "psi", "phi", "C"),
)


def length_controlled(
    judgements: pd.DataFrame,
    *,
    calibration: CalibrationLike = None,
    formula: str | None = None,
    baseline_regulariser: float | None = None,
    match: Match = "instruction",
    interval: Literal["delta", "bootstrap"] | None = "delta",
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
    errors: Literal["raise", "note"] = "raise",
) -> pd.DataFrame:
    """A leaderboard with win rates and length-controlled win rates of many models, best controlled first.

    Args:
        judgements: a row each, as `rapo.read_judgements` and `rapo.judge_pairs` return them: ``model``,
            ``instruction`` (id), ``preference`` (1 the baseline wins ... 2 the model wins), ``length_model``,
            ``length_baseline`` (characters).
        calibration: None: the formula has no instruction difficulty; "pool": difficulty is estimated from these
            judgements (from 5 models on); "official": AlpacaEval's file; a path; or a `Calibration`.
        formula: a key of `rapo.winrates.regression.FORMULAS`; None: the fullest that the calibration allows.
        baseline_regulariser: total weight of the gamed baselines; None: the formula's own, 0: none.
        match: look difficulty up by "instruction" id, or by "position" in the file, as alpaca_eval does: that
            shifts the difficulties of a model that lacks rows.
        interval: of the length-controlled win rate: "delta" method on the log-odds scale, "bootstrap" of
            the whole fit over instructions, or None.
        level, n_resamples, seed: of the interval.
        errors: where a model cannot be fitted: "raise", or "note" it: NaN and the reason in column ``note``.

    Returns:
        The columns of `rapo.winrates.plain.win_rates` and

        * ``length_controlled_winrate``: the mean prediction at equal lengths; the baseline judged against itself
          has 50 by construction;
        * ``lc_standard_error``: standard deviation of the predictions over the root of their number, as AlpacaEval
          calls it: it leaves out that the coefficients are estimates. NaN without difficulty, where all
          predictions are one number;
        * ``lc_delta_error``: standard error by the delta method, coefficients included;
        * ``theta``, ``psi``, ``phi``: coefficients of length, difficulty (0 without it) and the constant;
        * ``C``: the chosen inverse penalty; ``lc_low``, ``lc_high``: the interval; ``formula`` and ``note``.

    Raises:
        TypeError: it is no DataFrame.
        ValueError: lengths are missing, an instruction is not in the calibration, or a model cannot be fitted.
        FileNotFoundError: there is no such calibration; names the command that gets the official one.
    """
    expect_one_of(("delta", "bootstrap", None), interval=interval)
    expect_one_of(("raise", "note"), errors=errors)
    table = rows.read(judgements)
    known = resolve(calibration, table.frame)
    name, weight = _formula(formula, baseline_regulariser, known)
    if errors == "raise" and (failed := np.flatnonzero(~table.fits & ~table.is_baseline)).size:
        model, note = table.models[failed[0]], table.notes[failed[0]]
        raise ValueError(f"model {model!r}: {note}; errors='note' leaves it out")
    columns = {"model": np.asarray(table.models), **plain.tallies(table.frame, table.codes)}
    found: dict[str, Floats] = dict.fromkeys((*_FIELDS, "lc_low", "lc_high"), np.empty(0))
    if table.fits.any():
        given, _ = rows.design(table, known if FORMULAS[name].difficulty else None, match)
        gamed = _gamed_array(known, weight)
        found = _estimates(given, regression.fit(given, gamed, baseline_regulariser=weight))
        if interval == "delta":
            found |= _delta_limits(found, level)
        elif interval == "bootstrap":
            draws = regression.bootstrap(
                given, gamed, baseline_regulariser=weight, n_resamples=n_resamples, seed=seed
            )
            low, high = 100 * np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=1)
            found |= {"lc_low": low, "lc_high": high}
    columns |= {column: _for_all(values, column, table) for column, values in found.items()}
    columns |= {"formula": np.full(len(table.models), name), "note": np.array(table.notes)}
    # NaN comes last: it compares with nothing.
    order = np.lexsort((columns["model"].astype(str), -columns["length_controlled_winrate"]))
    return pd.DataFrame({column: values[order] for column, values in columns.items()})


def loosely_penalised(
    judgements: pd.DataFrame, *, calibration: CalibrationLike = None, match: Match = "instruction"
) -> pd.Series:
    """Length-controlled win rates of `length_controlled` under the weakest penalty of its grid: without shrinkage.

    The penalty draws every coefficient to 0, and with the constant the rate to 50. Where judgements are few,
    cross-validation chooses a strong one: a rate of exactly 50 then says nothing of the model.

    Returns:
        Rates in percent under the models' names; those that cannot be fitted are left out. Shape: (n_fitted,)
    """
    table = rows.read(judgements)
    known = resolve(calibration, table.frame)
    _, weight = _formula(None, None, known)
    names = np.asarray(table.models)[table.fits]
    if not len(names):
        return pd.Series([], index=names, dtype=float)
    given, _ = rows.design(table, known, match)
    gamed = _gamed_array(known, weight)
    weights = regression.fit_loosely(given, gamed, baseline_regulariser=weight)
    return pd.Series(100 * regression.model_means(given, regression.predictions(given, weights)), index=names)


def judge_limits(
    judgements: pd.DataFrame,
    runs: ArrayLike,
    *,
    calibration: CalibrationLike = None,
    match: Match = "instruction",
    level: float = 0.95,
) -> pd.DataFrame:
    """Limits of `length_controlled` for other instructions and other runs of such judges.

    Each run's verdicts move the rate as their influence on the fit of the mean verdicts says (the infinitesimal
    jackknife); instructions and runs vary as in `rapo.stats.intervals.crossed`, on the log-odds scale. The penalty
    is that of the mean verdicts; a judgement that one run left unclear is left out.

    Args:
        judgements: the mean verdicts of all runs, as `length_controlled` takes them.
        runs: each run's preference, NaN for none, in the order of the rows. Shape: (n_runs, n_rows), 2 runs or more
        calibration, match, level: as `length_controlled` takes them.

    Returns:
        ``lc_judge_low`` and ``lc_judge_high`` in percent under the models' names, NaN where fewer than two
        instructions have clear verdicts in all runs; models that cannot be fitted are left out.

    Raises:
        ValueError: there are fewer than two runs, or not one preference a row.
    """
    table, values = rows.read(judgements), np.asarray(runs, dtype=float)
    if values.ndim != 2 or len(values) < 2 or values.shape[1] != len(table.frame):
        raise ValueError(
            f"runs have shape {values.shape} for {len(table.frame)} judgements; give two runs or more, each with a "
            "preference a judgement"
        )
    known = resolve(calibration, table.frame)
    _, weight = _formula(None, None, known)
    found: list[tuple[float, float]] = []
    if table.fits.any():
        given, order = rows.design(table, known, match)
        gamed = _gamed_array(known, weight)
        fits = regression.fit(given, gamed, baseline_regulariser=weight)
        rate = regression.model_means(given, regression.predictions(given, fits.weights))
        moved = np.stack([regression.influences(replace(given, win=run[order] - 1), fits) for run in values])
        for model, (begin, end) in enumerate(pairwise(given.starts)):
            own = slice(begin, end)
            half = _half_width(moved[:, own] * (end - begin), given.cluster[own], level)
            found.append(_on_log_odds(rate[model], half))
    limits = 100 * np.array(found).reshape(-1, 2)
    return pd.DataFrame(
        limits, index=np.asarray(table.models)[table.fits], columns=["lc_judge_low", "lc_judge_high"]
    )


def contributions(judgements: pd.DataFrame) -> pd.Series:
    """What each judgement contributes to its model's length-controlled win rate, in percent.

    Such a rate is the outcome of a regression, so a difference of two has no interval from their own two: models that
    answered the same instructions err together. The influence of each judgement on its model's rate (the
    infinitesimal jackknife; Jaeckel 1972) carries that: contributions of two models can be subtracted row by row.

    The formula is the one without instruction difficulty. The mean over a model's judgements is its rate; their
    standard deviation over the root of their number is its standard error by the delta method, where each
    instruction is judged once.

    Args:
        judgements: as `rapo.judging.judgements.table` makes them, with lengths.

    Returns:
        A value a row, under the table's index; NaN for a model that cannot be fitted (the baseline itself, lengths
        that do not vary, fewer than 10 rows).

    Raises:
        ValueError: what `rapo.winrates.rows.read` raises.
    """
    table = rows.read(judgements)
    values = np.full(len(table.frame), np.nan)
    if table.fits.any():
        given, order = rows.design(table, None, "instruction")
        fits = regression.fit(given, None, baseline_regulariser=0.0)
        model, influence = given.model, regression.influences(given, fits)
        rate = regression.model_means(given, regression.predictions(given, fits.weights))
        # The rate, plus n times the centred influence: a penalised fit leaves them a mean that is not quite 0.
        centred = influence - regression.model_means(given, influence)[model]
        values[order] = 100 * (rate[model] + np.diff(given.starts)[model] * centred)
    return pd.Series(values, index=judgements.index, name="length_controlled")


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


def compare_matches(judgements: pd.DataFrame, *, calibration: CalibrationLike) -> pd.DataFrame:
    """How far looking difficulty up by row number, as alpaca_eval does, moves each model.

    Returns:
        Per model ``n_total``, ``n_shifted`` (rows that get another instruction's difficulty), ``by_instruction``,
        ``by_position`` and their ``difference`` (position less instruction, points), the largest first.
    """
    given = rows.read(judgements)
    known = resolve(calibration, given.frame)
    if known is None:
        raise ValueError("without instruction difficulty there is nothing to match; give a calibration")
    sides: tuple[Match, Match] = ("instruction", "position")
    one, other = (rows.places(known, given.frame, given.codes, side) for side in sides)
    shifted = np.bincount(given.codes[one != other], minlength=len(given.models))
    table = pd.DataFrame({"n_total": np.bincount(given.codes), "n_shifted": shifted}, index=given.models)
    for side in sides:
        found = length_controlled(given.frame, calibration=known, match=side, interval=None).set_index("model")
        table[f"by_{side}"] = found["length_controlled_winrate"]
    table["difference"] = table["by_position"] - table["by_instruction"]
    largest = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[largest].rename_axis("model").reset_index()


def _formula(formula: str | None, regulariser: float | None, known: Calibration | None) -> tuple[str, float]:
    """Name of the formula and weight of the gamed baselines."""
    fullest = "minimal" if known is None else "noreg" if known.gamed is None else "v1"
    name = formula or f"length_controlled_{fullest}"
    expect_one_of(FORMULAS, formula=name)
    weight = FORMULAS[name].baseline_regulariser if regulariser is None else regulariser
    if FORMULAS[name].difficulty and known is None:
        raise ValueError(f"formula {name!r} needs instruction difficulty; give a calibration")
    if weight < 0 or (weight and (known is None or known.gamed is None)):
        raise ValueError(
            f"baseline_regulariser is {weight}: it needs a calibration with gamed baselines, and >= 0"
        )
    return name, weight


def _gamed_array(known: Calibration | None, weight: float) -> Floats | None:
    """Rows of the gamed baselines for `rapo.winrates.regression`, Shape (n_gamed, 3); None where they weigh nothing."""
    if known is None or known.gamed is None or not weight:
        return None
    return known.gamed[list(calibrations.GAMED)].to_numpy(dtype=float)


def _estimates(given: Rows, fits: Fits) -> dict[str, Floats]:
    """Rates, errors and coefficients, each of Shape (M,)."""
    chance, n = regression.predictions(given, fits.weights), np.diff(given.starts)
    mean = regression.model_means(given, chance)
    variance = regression.model_means(given, (chance - mean[given.model]) ** 2)
    known = given.difficulty is not None
    values = (
        100 * mean,
        100 * np.sqrt(variance / (n - 1)) if known else np.full(len(n), np.nan),
        100 * regression.delta_method(given, fits),
        fits.weights[:, 0],
        fits.weights[:, 1] if known else np.zeros(len(n)),
        fits.weights[:, -1],
        GRID[fits.chosen],
    )
    return dict(zip(_FIELDS, values, strict=True))


def _for_all(values: Floats, column: str, table: rows.Judged) -> Floats:
    """Values of the fitted models spread over all: NaN for the others; the baseline has 50 and no coefficients."""
    spread = np.full(len(table.fits), np.nan)
    spread[table.fits] = values
    if column != "C":
        spread[table.is_baseline] = 50.0 if column in ("length_controlled_winrate", "lc_low", "lc_high") else 0.0
    return spread


def _delta_limits(found: dict[str, Floats], level: float) -> dict[str, Floats]:
    """Interval on the log-odds scale, so that it stays between 0 and 100."""
    half = intervals.normal_quantile(level) * found["lc_delta_error"] / 100
    low, high = _on_log_odds(found["length_controlled_winrate"] / 100, half)
    return {"lc_low": 100 * low, "lc_high": 100 * high}


def _half_width(moved: Floats, cluster: Integers, level: float) -> float:
    """Of the mean over runs and rows of what each judgement moves; NaN where too little is clear."""
    clear = ~np.isnan(moved).any(axis=0)
    if len(np.unique(cluster[clear])) < 2:
        return np.nan
    found = intervals.crossed(moved[:, clear], clusters=cluster[clear], level=level)
    return found.high - found.estimate


def _on_log_odds(share: Any, half: Any) -> tuple[Any, Any]:
    """Limits of a share that is sure to so much, from 0 to 1: what is symmetrical are the log odds."""
    centre, reach = np.log(share / (1 - share)), half / (share * (1 - share))
    return sigmoid(centre - reach), sigmoid(centre + reach)
