"""Win rates against a baseline, with the column names and the percentages of AlpacaEval's leaderboard."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rapo.judging import judgements as judged
from rapo.judging.agreement import share_interval
from rapo.stats import intervals
from rapo.stats.arrays import Floats, Integers

# AlpacaEval's own names, in its order.
COLUMNS = (
    "win_rate",
    "standard_error",
    "n_wins",
    "n_wins_base",
    "n_draws",
    "n_total",
    "discrete_win_rate",
    "avg_length",
)


@dataclass(frozen=True)
class WinRate:
    """How often a model beats the baseline; rates in percent.

    Attributes:
        win_rate: mean preference.
        standard_error: its standard error over judgements, taken as independent; NaN for one judgement.
        n_wins, n_wins_base, n_draws: judgements above, below and exactly at 1.5.
        n_total: all judgements.
        discrete_win_rate: wins plus half of the draws.
        low, high: bootstrap interval of ``win_rate`` at ``level``; whole clusters are drawn; NaN for one cluster,
            Wilson's where every judgement is a win, or a loss.
        n_clusters: what the interval rests on.
    """

    win_rate: float
    standard_error: float
    n_wins: int
    n_wins_base: int
    n_draws: int
    n_total: int
    discrete_win_rate: float
    low: float
    high: float
    level: float
    n_clusters: int


def win_rate(
    preferences: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> WinRate:
    """Win rate of one model with a bootstrap interval.

    Args:
        preferences: 1 (the baseline wins) ... 2 (the model wins), 1.5 a draw. Shape: (n,)
        clusters: judgements with the same label are drawn together, as those of one instruction should be;
            without it each judgement stands alone. Shape: (n,)
        level: of the interval.
        n_resamples: bootstrap draws.
        seed: of the draws.

    Raises:
        ValueError: there is no judgement, or a preference is not in [1, 2].

    >>> rate = win_rate([1.0, 2.0, 1.5, 2.0])
    >>> rate.win_rate, rate.n_wins, rate.n_draws, rate.discrete_win_rate
    (62.5, 2, 1, 62.5)
    """
    frame = pd.DataFrame({"model": "", "instruction": 0, "preference": np.asarray(preferences, dtype=float)})
    frame["instruction"] = np.arange(len(frame)) if clusters is None else np.asarray(clusters)
    judged.check(frame, name="preferences")
    codes = np.zeros(len(frame), dtype=np.intp)
    values = {name: column.item() for name, column in tallies(frame, codes).items()}
    limits = _limits(frame, codes, level=level, n_resamples=n_resamples, seed=seed)
    return WinRate(
        **values,
        low=float(limits[0, 0]),
        high=float(limits[0, 1]),
        level=level,
        n_clusters=frame["instruction"].nunique(),
    )


def win_rates(
    judgements: pd.DataFrame,
    *,
    n_instructions: int | None = None,
    interval: bool = False,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """A leaderboard: one row a model, best first, with AlpacaEval's columns (rates in percent).

    ``avg_length`` follows the published leaderboard: characters per instruction of the benchmark, outputs that are
    missing counted as 0, fractions cut off; an instruction that is judged several times counts once. It is there when
    the table has ``length_model``.

    Args:
        judgements: a row each, as `rapo.read_judgements` and `rapo.judge_pairs` return them: ``model``,
            ``instruction`` (id), ``preference`` (1 the baseline wins ... 2 the model wins); ``length_model`` if known.
        n_instructions: how many instructions the benchmark has; by default as many as the table has.
        interval: add ``low`` and ``high``, a bootstrap interval clustered by instruction (Wilson's where a model wins,
            or loses, throughout).
        level, n_resamples, seed: of that interval.

    Returns:
        ``model``, ``win_rate``, ``standard_error`` (%), ``n_wins``, ``n_wins_base``, ``n_draws``, ``n_total`` and the
        columns above. Shape: (n_models, n_columns)

    Raises:
        TypeError: it is no DataFrame.
        ValueError: the table is empty, lacks a column, or a preference is not in [1, 2].

    >>> told = pd.DataFrame({"model": "mine", "instruction": range(4), "preference": [2, 2, 1, 1.5]})
    >>> win_rates(told)[["win_rate", "n_wins", "n_draws"]].values.tolist()
    [[62.5, 2.0, 1.0]]
    """
    frame = judged.check(judgements)
    codes, models = pd.factorize(frame["model"])
    columns = tallies(frame, codes, n_instructions=n_instructions)
    table = pd.DataFrame({"model": np.asarray(models), **columns})
    if interval:
        limits = _limits(frame, codes, level=level, n_resamples=n_resamples, seed=seed)
        table["low"], table["high"] = limits[:, 0], limits[:, 1]
    return table.sort_values(["win_rate", "model"], ascending=[False, True]).reset_index(drop=True)


def tallies(frame: pd.DataFrame, codes: Integers, *, n_instructions: int | None = None) -> dict[str, NDArray[Any]]:
    """The columns of `win_rates`, models in the order of their codes.

    Args:
        frame: a checked table of judgements.
        codes: number of each row's model, Shape (n,).
        n_instructions: as in `win_rates`.
    """
    preference = frame["preference"].to_numpy(dtype=float)
    score = preference - 1.0
    total = np.bincount(codes)
    mean = np.bincount(codes, score) / total
    spread = np.bincount(codes, (score - mean[codes]) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(spread / (total - 1) / total)
    outcomes = (preference > 1.5, preference < 1.5, preference == 1.5)
    wins, losses, draws = (np.bincount(codes[hit], minlength=len(total)) for hit in outcomes)
    values = (mean * 100, error * 100, wins, losses, draws, total, (wins + draws / 2) / total * 100)
    columns = dict(zip(COLUMNS, values, strict=False))
    if "length_model" in frame:
        n = n_instructions or frame["instruction"].nunique()
        columns["avg_length"] = (_characters(frame, codes) / n).astype(int)
    return columns


def _characters(frame: pd.DataFrame, codes: Integers) -> Floats:
    """Sum of each model's lengths over instructions; of several judgements of one instruction the mean counts."""
    places, _ = pd.factorize(frame["instruction"])
    _, cell, many = np.unique(codes * (int(places.max()) + 1) + places, return_inverse=True, return_counts=True)
    mean = np.bincount(cell, frame["length_model"].to_numpy(dtype=float)) / many
    owner = np.zeros(len(many), dtype=np.intp)
    owner[cell] = codes
    return np.asarray(np.bincount(owner, mean), dtype=float)


def _limits(frame: pd.DataFrame, codes: Integers, *, level: float, n_resamples: int, seed: int) -> Floats:
    """Limits for each model code, whole instructions drawn; NaN for one instruction. Shape: (n_models, 2)"""
    clusters, _ = pd.factorize(frame["instruction"])
    share = frame["preference"].to_numpy(dtype=float) - 1
    limits = np.full((int(codes.max()) + 1, 2), np.nan)
    rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    for model, at in enumerate(rows):
        if len(np.unique(clusters[at])) > 1:
            found = intervals.bootstrap(
                share[at], clusters=clusters[at], level=level, n_resamples=n_resamples, seed=seed
            )
            found = share_interval(found).scaled(100)
            limits[model] = found.low, found.high
    return limits
