"""Slope and curvature against finite differences; the covariance against closed forms and statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from scipy.special import expit

from rapo.winrates import likelihood
from rapo.winrates.battles import Battles


def battles(*, n: int = 300, n_models: int = 4, n_features: int = 2, seed: int = 0) -> Battles:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, n_models, n)
    b = (a + rng.integers(1, n_models, n)) % n_models
    style = rng.normal(size=(n, n_features))
    outcome = (rng.random(n) < expit(0.5 * (a - b) + style.sum(axis=1) / 2)).astype(float)
    return Battles(tuple("wxyz"[:n_models]), a, b, outcome, rng.choice([1.0, 3.0], n), style)


def test_slope_and_curvature_are_the_values_differences() -> None:
    data, at = battles(), np.array([0.3, -0.2, 0.5, 0.1, 0.4, -0.3])
    assert_allclose(
        likelihood.gradient(at, data, 0.2), approx_fprime(at, likelihood.loss, 1e-7, data, 0.2), atol=1e-6
    )
    rows = [approx_fprime(at, lambda x, i=i: likelihood.gradient(x, data, 0.2)[i], 1e-7) for i in range(6)]
    assert_allclose(likelihood.hessian(at, data, 0.2), rows, atol=1e-6)


def test_against_one_opponent_the_variance_is_the_binomials() -> None:
    # 30 of 40: the log odds have variance 1 / (40 * 0.75 * 0.25), times 40 / 39 for estimated units.
    outcome = np.repeat([1.0, 0.0], [30, 10])
    data = Battles(("a", "b"), np.zeros(40, int), np.ones(40, int), outcome, np.ones(40), np.empty((40, 0)))
    at = np.array([0.5, -0.5]) * np.log(3)
    found = likelihood.covariance(at, data, 0.0, np.arange(40))
    contrast = np.array([1.0, -1.0])
    assert contrast @ found @ contrast == pytest.approx(1 / (40 * 0.75 * 0.25) * 40 / 39)
    # Every battle twice, in one unit: the copies tell nothing new.
    twice = Battles(
        ("a", "b"), *(np.repeat(x, 2, axis=0) for x in (data.a, data.b, outcome, data.weight, data.style))
    )
    again = likelihood.covariance(at, twice, 0.0, np.repeat(np.arange(40), 2))
    assert_allclose(again, found)


def test_with_style_and_clusters_it_is_statsmodels() -> None:
    data, units = battles(n=400), np.random.default_rng(1).integers(0, 60, 400)
    design = np.zeros((400, 4))
    design[np.arange(400), data.a], design[np.arange(400), data.b] = 1, -1
    design = np.hstack([design[:, 1:], data.style])  # against the first model
    copies = np.repeat(np.arange(400), data.weight.astype(int))  # a weight of three is a row three times
    peer = sm.GLM(data.outcome[copies], design[copies], family=sm.families.Binomial()).fit(
        tol=1e-12, cov_type="cluster", cov_kwds={"groups": units[copies], "use_correction": False}
    )
    strengths = np.append(0, peer.params[:3])
    at = np.concatenate([strengths - strengths.mean(), peer.params[3:]])
    found = likelihood.covariance(at, data, 0.0, units)
    contrast = np.eye(6)[1:]
    contrast[:3, 0] = -1
    n = len(np.unique(units))
    assert_allclose(contrast @ found @ contrast.T, peer.cov_params() * n / (n - 1), rtol=1e-5, atol=1e-9)


def test_one_unit_has_no_covariance() -> None:
    data = battles()
    assert np.isnan(likelihood.covariance(np.zeros(6), data, 0.0, np.zeros(300, int))).all()
