"""The likelihood behind Bradley-Terry strengths: its value, slope and curvature, and how sure its maximum is.

Parameters are strengths, one a model, then log odds per unit of each style feature. Shape: (n_models + n_features,)
"""

import numpy as np
from scipy.special import expit

from rapo.stats.arrays import Floats, Integers
from rapo.winrates.battles import Battles


def log_odds(parameters: Floats, data: Battles) -> Floats:
    """Log odds that the first model wins each battle. Shape: (n,)"""
    strengths, style = np.split(parameters, [len(data.models)])
    return np.asarray(strengths[data.a] - strengths[data.b] + data.style @ style)


def loss(parameters: Floats, data: Battles, ridge: float) -> float:
    """Mean negative log-likelihood, plus ridge and a term that holds the mean strength at 0."""
    odds = log_odds(parameters, data)
    terms = data.outcome * np.logaddexp(0, -odds) + (1 - data.outcome) * np.logaddexp(0, odds)
    mean = parameters[: len(data.models)].mean()
    return float(data.weight @ terms / data.weight.sum() + ridge / 2 * parameters @ parameters + mean**2 / 2)


def gradient(parameters: Floats, data: Battles, ridge: float) -> Floats:
    """Of `loss`. Shape: (n_parameters,)"""
    n_models = len(data.models)
    slope = data.weight / data.weight.sum() * (expit(log_odds(parameters, data)) - data.outcome)
    by_model = _net(data, slope) + parameters[:n_models].mean() / n_models
    return np.concatenate([by_model, data.style.T @ slope]) + ridge * parameters


def hessian(parameters: Floats, data: Battles, ridge: float) -> Floats:
    """Of `loss`. Shape: (n_parameters, n_parameters)"""
    n_models = len(data.models)
    chance = expit(log_odds(parameters, data))
    found = _squares(data, data.weight / data.weight.sum() * chance * (1 - chance))
    found[:n_models, :n_models] += 1 / n_models**2
    return found + ridge * np.eye(len(parameters))


def _squares(data: Battles, values: Floats) -> Floats:
    """Sum over battles of a value times the square of what the battle sets against each other, +1 the first model, -1
    the second, and its style. From Shape: (n,) to Shape: (n_parameters, n_parameters)."""
    n_models = len(data.models)
    met = np.bincount(data.a * n_models + data.b, values, minlength=n_models**2).reshape(n_models, n_models)
    met += met.T
    cross = np.stack([_net(data, values * feature) for feature in data.style.T] or [np.empty(0)], axis=-1)
    cross = cross.reshape(n_models, data.style.shape[1])
    inner = (data.style * values[:, None]).T @ data.style
    return np.block([[np.diag(met.sum(axis=1)) - met, cross], [cross.T, inner]])


def covariance(parameters: Floats, data: Battles, ridge: float, units: Integers) -> Floats:
    """Covariance of the fitted parameters, right too where battles of one unit depend on each other.

    The sandwich estimator (Liang and Zeger 1986): the slopes of all battles of a unit are summed before they are
    squared, n / (n - 1) for n units.

    Args:
        parameters: the maximum.
        data: what was fitted.
        ridge: as `loss` takes it.
        units: number of each battle's unit, such as its instruction. Shape: (n,)

    Returns:
        Shape: (n_parameters, n_parameters); NaN where there is one unit.
    """
    per_unit = np.bincount(units[data.weight > 0])
    n_units = int(np.count_nonzero(per_unit))
    if n_units < 2:
        return np.full((len(parameters),) * 2, np.nan)
    slope = data.weight * (expit(log_odds(parameters, data)) - data.outcome)
    squares = _squares(data, slope**2) if per_unit.max() == 1 else _squares_of_units(data, slope, units)
    bread = np.linalg.inv(data.weight.sum() * hessian(parameters, data, ridge))
    return np.asarray(bread @ squares @ bread) * n_units / (n_units - 1)


def _squares_of_units(data: Battles, slope: Floats, units: Integers) -> Floats:
    """Sum over units of the square of all their battles' slopes together. Shape: (n_parameters, n_parameters)"""
    from scipy.sparse import coo_array, hstack

    n = len(slope)
    rows, places = np.tile(np.arange(n), 2), np.concatenate([data.a, data.b])
    battles = coo_array((np.concatenate([slope, -slope]), (rows, places)), shape=(n, len(data.models)))
    slopes = hstack([battles, coo_array(data.style * slope[:, None])]).tocsr()
    totals = coo_array((np.ones(n), (units, np.arange(n)))).tocsr() @ slopes
    return np.asarray((totals.T @ totals).toarray())


def _net(data: Battles, values: Floats) -> Floats:
    """Each model's sum as the one side less its sum as the other. From Shape: (n,) to Shape: (n_models,)."""
    n = len(data.models)
    return np.asarray(np.bincount(data.a, values, minlength=n) - np.bincount(data.b, values, minlength=n))
