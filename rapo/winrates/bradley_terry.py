"""Bradley-Terry strengths from battles between two models, with style control and bootstrap.

log odds(a beats b) = strength_a - strength_b + style . (style of a less style of b)  (Bradley and Terry 1952)
"""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from rapo.stats import resampling
from rapo.stats.arrays import Floats, Integers
from rapo.winrates import likelihood
from rapo.winrates.battles import Battles, check_connected, groups, is_separated, read

# A resample's fit beyond these log odds stands for an infinite one; a fit to the data is examined from _SUSPECT on.
_INFINITE = 25.0
_SUSPECT = 6.0
# Gradient of the mean log-likelihood at which a fit is done.
_TOLERANCE = 1e-9

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BradleyTerry:
    """Fitted strengths, in log odds.

    Attributes:
        models: in order of their names.
        strengths: against the baseline's 0 or, without a baseline, about their mean 0. Shape: (n_models,).
        features: names of the style features.
        style: log odds per unit of each feature. Shape: (n_features,).
        replicates: strengths, then style, of each resample; NaN where a resample has no finite fit.
            Shape: (n_resamples, n_models + n_features).
        covariance: of strengths, then style (`rapo.winrates.likelihood.covariance`); battles of one instruction are
            one unit. Shape: (n_models + n_features, n_models + n_features).
        n_battles: of each model. Shape: (n_models,).
        baseline: the model whose strength is 0, or None.
    """

    models: tuple[str, ...]
    strengths: Floats
    features: tuple[str, ...]
    style: Floats
    replicates: Floats
    covariance: Floats
    n_battles: Integers
    baseline: str | None


def bradley_terry(
    battles: pd.DataFrame,
    *,
    style: pd.DataFrame | None = None,
    baseline: str | None = None,
    ridge: float = 0.0,
    n_resamples: int = 200,
    seed: int = 0,
) -> BradleyTerry:
    """Fit strengths by maximum likelihood, and again to resamples; all battles of one instruction are drawn together.

    Ties count as half a win for either side. Without a column ``instruction`` battles are drawn one by one.
    Differs from arena-hard-auto:utils/math_utils.py, which draws single battles, though both games of a prompt are
    judged on the same two answers, and stops its solver early.

    Args:
        battles: one row a battle (`rapo.winrates.battles`).
        style: style differences a less b, one column a feature, a row per battle (`rapo.winrates.style_control`).
        baseline: the model whose strength is set to 0.
        ridge: penalty ridge/2 * sum of squared strengths and style coefficients, on the scale of the summed
            log-likelihood (scikit-learn's 1/C). With 0, a model that wins or loses throughout is an error.
        n_resamples: bootstrap resamples; 0 for none.

    Raises:
        ValueError: a column is missing or holds what it must not, models fall into groups that never met, or the
            fit is infinite because of a model or a style feature that decides every battle.
    """
    data = read(battles, style)
    if baseline is not None and baseline not in data.models:
        raise ValueError(f"baseline {baseline!r} fought no battle; the models are {', '.join(data.models)}")
    if not ridge >= 0:
        raise ValueError(f"ridge is {ridge}; give 0 or more")
    check_connected(data, ridge)
    n_models = len(data.models)
    estimate = _fit(data, data.weight, ridge, np.zeros(n_models + data.style.shape[1]))
    odds = np.abs(likelihood.log_odds(estimate, data)).max()
    if ridge == 0 and style is not None and odds > _SUSPECT and is_separated(data):
        raise ValueError(
            f"strengths and style ({', '.join(map(str, style.columns))}) decide some battles completely, so the "
            "coefficients are infinite or not unique; leave a feature out, or say --ridge 1 (in Python ridge=1.0)"
        )
    units: Integers = np.arange(len(data.a))
    n_units = len(data.a)
    if "instruction" in battles:
        units, n_units = resampling.cluster_codes(battles["instruction"].to_numpy(), n_units)
    replicates = _replicates(data, units, n_units, ridge, estimate, n_resamples, seed)
    covariance = likelihood.covariance(estimate, data, ridge / data.weight.sum(), units)
    _warn_of_decided(data)
    anchor = None if baseline is None else data.models.index(baseline)
    estimate, replicates = _anchored(estimate, n_models, anchor), _anchored(replicates, n_models, anchor)
    covariance = _anchored(_anchored(covariance, n_models, anchor).T, n_models, anchor)
    return BradleyTerry(
        models=data.models,
        strengths=estimate[:n_models],
        features=() if style is None else tuple(map(str, style.columns)),
        style=estimate[n_models:],
        replicates=replicates,
        covariance=covariance,
        n_battles=np.bincount(data.a, minlength=n_models) + np.bincount(data.b, minlength=n_models),
        baseline=baseline,
    )


def _warn_of_decided(data: Battles) -> None:
    """Tell models whose strengths only the penalty keeps finite: they won or lost every battle with the others."""
    n_groups, codes = groups(data, data.weight, strong=True)
    if n_groups > 1:
        largest = np.bincount(codes).argmax()
        names = ", ".join(name for name, code in zip(data.models, codes, strict=True) if code != largest)
        _log.warning(
            "%s won or lost every battle with the others: how far apart they are is the ridge's word, not the data's, "
            "and the intervals are too narrow",
            names,
        )


def head_to_head(fit: BradleyTerry) -> pd.DataFrame:
    """Predicted win rate, in percent, of each model (row) against each other (column) at equal style; 50 to itself."""
    names = list(fit.models)
    rates = 100 * expit(fit.strengths[:, None] - fit.strengths[None, :])
    return pd.DataFrame(rates, index=pd.Index(names), columns=pd.Index(names))


def _anchored(parameters: Floats, n_models: int, anchor: int | None) -> Floats:
    """Strengths less the baseline's. Shape: (..., n_models + n_features), kept."""
    if anchor is None:
        return parameters
    moved = parameters.copy()
    moved[..., :n_models] -= parameters[..., anchor, None]
    return moved


def _replicates(
    data: Battles, units: Integers, n_units: int, ridge: float, start: Floats, n_resamples: int, seed: int
) -> Floats:
    found = np.full((n_resamples, len(start)), np.nan)
    if n_resamples == 0:
        return found
    resampling.at_least_two(n_units, "instruction")
    draws = (draw for block in resampling.draws(n_units, n_resamples=n_resamples, seed=seed) for draw in block)
    for at, draw in enumerate(draws):
        weight = data.weight * np.bincount(draw, minlength=n_units)[units]
        if ridge > 0 or groups(data, weight, strong=True)[0] == 1:
            fitted = _fit(data, weight, ridge, start)
            found[at] = fitted if (np.abs(fitted) < _INFINITE).all() else np.nan
    if lost := int(np.isnan(found).any(axis=1).sum()):
        _log.warning(
            "%d of %d resamples have no finite fit and are left out; --ridge 1 would keep them", lost, n_resamples
        )
    return found


def _fit(data: Battles, weight: Floats, ridge: float, start: Floats) -> Floats:
    """Maximum of the penalised likelihood, strengths with mean 0. Shape: (n_models + n_features,)."""
    from scipy.optimize import minimize

    if not data.style.shape[1]:
        data, weight = _pooled(data, weight)
    seen = weight > 0
    part = Battles(data.models, data.a[seen], data.b[seen], data.outcome[seen], weight[seen], data.style[seen])
    found = minimize(
        likelihood.loss,
        start,
        args=(part, ridge / weight.sum()),
        method="trust-exact",
        jac=likelihood.gradient,
        hess=likelihood.hessian,
        options={"gtol": _TOLERANCE, "maxiter": 200, "initial_trust_radius": 1.0, "max_trust_radius": 100.0},
    )
    return np.asarray(found.x, dtype=float)


def _pooled(data: Battles, weight: Floats) -> tuple[Battles, Floats]:
    """Battles of the same two models in one row: without style they say no more than their sum."""
    n_models = len(data.models)
    keys, places = np.unique(data.a * n_models + data.b, return_inverse=True)
    total = np.bincount(places, weight, minlength=len(keys)).astype(float)
    won = np.bincount(places, weight * data.outcome, minlength=len(keys))
    outcome = won / np.where(total > 0, total, 1.0)
    first, second = np.divmod(keys.astype(np.int64), n_models)
    return Battles(data.models, first, second, outcome, total, data.style[: len(keys)]), total
