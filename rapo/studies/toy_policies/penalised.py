"""The DPO loss with a ridge: a finite, unique minimum that a solver and gradient descent must both find."""

from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from rapo.studies.common.policies import Floats


def penalised_loss(theta: Floats, contrasts: Any, *, ridge: float) -> tuple[float, Floats]:
    """Mean DPO loss at beta = 1 plus ``ridge / 2 * |theta|^2``, in nats, and its gradient.

    Args:
        theta: Shape: (n_parameters,).
        contrasts: feature differences, dense or sparse. Shape: (n_comparisons, n_parameters).
        ridge: > 0.
    """
    margins = contrasts @ theta
    gradient = -(contrasts.T @ expit(-margins)) / len(margins) + ridge * theta
    return float(np.logaddexp(0.0, -margins).mean() + ridge / 2 * theta @ theta), gradient


def solve(contrasts: Any, *, ridge: float) -> Floats:
    """Minimum of `penalised_loss` by L-BFGS. Shape: (n_parameters,).

    Raises:
        RuntimeError: the solver stopped early.
    """
    found = minimize(
        partial(penalised_loss, contrasts=contrasts, ridge=ridge),
        np.zeros(contrasts.shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20000, "maxfun": 40000, "maxcor": 30, "gtol": 1e-7, "ftol": 0.0},
    )
    if np.abs(found.jac).max() > 1e-6:
        raise RuntimeError(
            f"L-BFGS stopped at gradient {np.abs(found.jac).max():.1e} ({found.message}); raise ridge"
        )
    return np.asarray(found.x)


def descend(contrasts: Any, *, ridge: float, steps: int) -> Floats:
    """Minimum of `penalised_loss` by gradient descent with Nesterov's momentum. Shape: (n_parameters,)."""
    steepest = _sum_of_squares(contrasts) / (4 * contrasts.shape[0]) + ridge
    narrow = np.sqrt(ridge / steepest)
    momentum = (1 - narrow) / (1 + narrow)
    theta = ahead = np.zeros(contrasts.shape[1])
    for _ in range(steps):
        moved = ahead - penalised_loss(ahead, contrasts, ridge=ridge)[1] / steepest
        theta, ahead = moved, moved + momentum * (moved - theta)
    return theta


def _sum_of_squares(contrasts: Any) -> float:
    """Of all entries; over the number of rows it bounds the largest eigenvalue of their second moment."""
    entries = sparse.csr_array(contrasts).data
    return float(np.square(entries).sum())
