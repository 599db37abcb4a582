"""Leaderboards: Bradley-Terry scores with intervals, their style effects, and MT-Bench averages."""

import logging
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from rapo.stats import intervals
from rapo.stats.arrays import Floats, expect_one_of
from rapo.winrates.bradley_terry import BradleyTerry

Kind = Literal["bootstrap", "analytic"]

ELO_SCALE = 400.0
ELO_START = 1000.0
# MT-Bench's questions 81..160, ten a category.
MT_BENCH_CATEGORIES = (
    *("writing", "roleplay", "reasoning", "math"),
    *("coding", "extraction", "stem", "humanities"),
)

_log = logging.getLogger(__name__)


def leaderboard(fit: BradleyTerry, *, interval: Kind = "bootstrap", level: float = 0.95) -> pd.DataFrame:
    """A table of fitted models, best first.

    Args:
        fit: of `rapo.winrates.bradley_terry.bradley_terry`.
        interval: "bootstrap": limits are percentiles of the fit's replicates, NaN without them; "analytic": normal
            limits from its covariance, those of scores on the scale of log odds, so that they stay within 0 to 100.
        level: of the limits.

    Returns:
        ``rank``, ``model``, ``score``, ``low``, ``high``: predicted win rate in percent at equal style, against the
        baseline or, without one, the mean over all other models; ``rating``, ``rating_low``, ``rating_high``: Elo
        points (400 / ln 10 per log odds, 1000 for the baseline or for the mean model); ``n_battles``.
        Equal scores share the better rank.

    Raises:
        ValueError: fewer than half of the resamples have a finite fit.
    """
    n = len(fit.models)
    scores = _scores(fit.strengths[None], fit)[0]
    low, high = _score_limits(scores, fit, interval, level)
    elo = ELO_SCALE / np.log(10)
    rating_low, rating_high = _limits(fit, slice(0, n), interval, level)
    table = pd.DataFrame(
        {
            "model": fit.models,
            "score": scores,
            "low": low,
            "high": high,
            "rating": ELO_START + elo * fit.strengths,
            "rating_low": ELO_START + elo * rating_low,
            "rating_high": ELO_START + elo * rating_high,
            "n_battles": fit.n_battles,
        }
    )
    table.insert(0, "rank", table["score"].round(9).rank(method="min", ascending=False).astype(int))
    return table.sort_values(["rank", "model"], ignore_index=True)


def style_effects(fit: BradleyTerry, *, interval: Kind = "bootstrap", level: float = 0.95) -> pd.DataFrame:
    """What style is worth: ``feature``, ``log_odds`` per unit with ``low`` and ``high``, and ``win_rate``.

    ``win_rate`` is what an answer gets, in percent, against one alike but for one unit less of the feature. Limits as
    in `leaderboard`.
    """
    low, high = _limits(fit, slice(len(fit.models), None), interval, level)
    return pd.DataFrame(
        {
            "feature": fit.features,
            "log_odds": fit.style,
            "low": low,
            "high": high,
            "win_rate": 100 * expit(fit.style),
        }
    )


def mt_bench(
    judgements: pd.DataFrame, *, level: float = 0.95, n_resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """MT-Bench averages per model: overall, per turn and per category, questions drawn whole for the limits.

    The overall average is over judgements of both turns, as in FastChat. A score of -1, FastChat's mark of a verdict
    that could not be read, is left out and counted in a warning.

    Args:
        judgements: ``model``, ``question_id``, ``turn`` (1, 2) and ``score`` (1..10); ``category``, or the questions
            are taken to be the original 81..160.

    Returns:
        One row per model and group: ``model``, ``group`` ("all", "turn 1", ..., then categories), ``score``,
        ``low``, ``high`` and ``n`` (judgements). Limits are NaN where a group has one question.

    Raises:
        ValueError: no score is left, or what `mt_bench_rows` raises.
    """
    rows = mt_bench_rows(judgements, name="MT-Bench judgements")
    if rows.empty:
        raise ValueError(f"MT-Bench judgements: no score is left; {_MT_SCORES}")
    found = []
    for model, part in rows.groupby("model", sort=True):
        groups = {"all": part, **{f"turn {turn}": one for turn, one in part.groupby("turn")}}
        groups |= {str(category): one for category, one in part.groupby("category")}
        for group, one in groups.items():
            score = one["score"].to_numpy(dtype=float)
            low = high = np.nan
            if one["question_id"].nunique() > 1:
                limits = intervals.bootstrap(
                    score, clusters=one["question_id"], level=level, n_resamples=n_resamples, seed=seed
                )
                low, high = limits.low, limits.high
            row = {"model": model, "group": group, "score": score.mean(), "low": low, "high": high}
            found.append({**row, "n": len(one)})
    return pd.DataFrame(found)


def mt_bench_rows(judgements: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """MT-Bench's judgements that could be read, each with its category; numbers that are written as texts are numbers.

    Args:
        judgements: as `mt_bench` takes them.
        name: what errors call them.

    Raises:
        ValueError: a column is missing, a cell is empty, a score is not in 1..10, or a category is not known; tells the
            row.
    """
    if lacking := {"model", "question_id", "turn", "score"} - set(judgements.columns):
        raise ValueError(f"{name} has no column {sorted(lacking)}; it has {list(judgements.columns)}")
    scores, questions = (_numbers(judgements[column]) for column in ("score", "question_id"))
    if (bad := ~(scores.between(1, 10) | (scores == -1)).to_numpy()).any():
        raise ValueError(f"{name}, {_shown(judgements['score'], bad)}; {_MT_SCORES}")
    for column in [name for name in ("model", "question_id", "turn", "category") if name in judgements]:
        if (bad := judgements[column].isna().to_numpy()).any():
            raise ValueError(f"{name}, {_shown(judgements[column], bad)} is empty; every judgement needs it")
    if "category" not in judgements:
        judgements = judgements.assign(category=_categories(judgements["question_id"], questions, name))
    if (unread := scores == -1).any():
        _log.warning(
            "%s: %d of %d verdicts were not readable (score -1); left out", name, unread.sum(), len(unread)
        )
    ids = judgements["question_id"].astype(str) if questions.isna().any() else questions
    turns = _numbers(judgements["turn"])
    turn = judgements["turn"].astype(str) if (turns % 1 != 0).any() else turns.astype(int)
    return judgements.assign(score=scores, question_id=ids, turn=turn)[~unread].reset_index(drop=True)


_MT_SCORES = "scores are from 1 to 10, -1 for an unreadable verdict"


def _numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    """Numbers, also those that are written as texts; NaN for what is none."""
    return pd.to_numeric(column.astype("string"), errors="coerce").astype(float)


def _shown(column: "pd.Series[Any]", bad: NDArray[np.bool_]) -> str:
    """The first bad value of a column, and its row."""
    row = int(np.argmax(bad))
    return f"column {column.name}, row {row}: {column.iloc[[row]].tolist()[0]!r}"


def _categories(question_ids: "pd.Series[Any]", numbers: "pd.Series[float]", name: str) -> list[str]:
    """Categories of MT-Bench's own questions."""
    if (bad := ~numbers.isin(range(81, 161)).to_numpy()).any():
        seen = _shown(question_ids, bad)
        raise ValueError(f"{name}, {seen} is none of MT-Bench's questions 81..160; give a column category")
    return [MT_BENCH_CATEGORIES[(int(question) - 81) // 10] for question in numbers]


def _known(fit: BradleyTerry) -> Floats:
    """Replicates with a finite fit. Shape: (n_known, n_models + n_features)."""
    known = fit.replicates[~np.isnan(fit.replicates).any(axis=1)]
    if len(known) < len(fit.replicates) / 2:
        raise ValueError(
            f"only {len(known)} of {len(fit.replicates)} resamples have a finite fit, so limits would mislead; "
            "add battles, or say --ridge 1 (in Python ridge=1.0 to bradley_terry), or --interval analytic"
        )
    return known


def _scores(strengths: Floats, fit: BradleyTerry) -> Floats:
    """Win rates in percent, against the baseline or the mean over the others. Shape: (n, n_models), kept."""
    n = len(fit.models)
    if fit.baseline is not None:
        return np.asarray(100 * expit(strengths))
    against_all = [expit(strengths[:, [model]] - strengths).sum(axis=1) - 0.5 for model in range(n)]
    return 100 * np.stack(against_all, axis=1) / (n - 1)


def _score_limits(scores: Floats, fit: BradleyTerry, interval: Kind, level: float) -> Floats:
    """Limits of `_scores`. Shape: (2, n_models)"""
    n = len(fit.models)
    if interval == "bootstrap":
        return _quantiles(_scores(_known(fit)[:, :n], fit), level)
    slopes = _score_slopes(fit)
    error = np.sqrt(np.einsum("mi,ij,mj->m", slopes, fit.covariance[:n, :n], slopes).clip(min=0))
    share = scores / 100
    wide = intervals.normal_quantile(level) * error / (share * (1 - share))
    return np.asarray(100 * expit(logit(share) + np.outer([-1, 1], wide)))


def _score_slopes(fit: BradleyTerry) -> Floats:
    """How the share behind each score moves with each strength. Shape: (n_models, n_models)"""
    if fit.baseline is not None:
        chance = expit(fit.strengths)
        return np.diag(chance * (1 - chance))
    chance = expit(fit.strengths[:, None] - fit.strengths[None, :])
    slopes = -chance * (1 - chance) / (len(fit.models) - 1)
    np.fill_diagonal(slopes, 0.0)
    np.fill_diagonal(slopes, -slopes.sum(axis=1))
    return slopes


def _limits(fit: BradleyTerry, part: slice, interval: Kind, level: float) -> Floats:
    """Limits of some of the parameters. Shape: (2, n_parameters)"""
    expect_one_of(get_args(Kind), interval=interval)
    if interval == "bootstrap":
        return _quantiles(_known(fit)[:, part], level)
    error = np.sqrt(np.diag(fit.covariance)[part].clip(min=0))
    return np.concatenate([fit.strengths, fit.style])[part] + np.outer(
        [-1, 1], intervals.normal_quantile(level) * error
    )


def _quantiles(replicates: Floats, level: float) -> Floats:
    if not len(replicates):
        return np.full((2, replicates.shape[1]), np.nan)
    return np.asarray(np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2], axis=0))
