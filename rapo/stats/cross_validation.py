"""Choose the penalty of L1 logistic regressions by cross-validation, as scikit-learn's LogisticRegressionCV."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapo.stats.l1_logistic import Regressions, moments, newton_step, scratch, slices, solve

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

# Log-odds of 1e-15, where the official score clips its probabilities.
_CLIP = float(np.log1p(-1e-15) - np.log(1e-15))
# A Newton step of this size leaves an error of about its square.
_ROUGHLY = 1e-4
_FAR = 3.0


def held_out_loss(data: Regressions, weights: Floats) -> Floats:
    """Mean weighted log loss in each fold's own rows, probabilities clipped at 1e-15.

    Args:
        data: rows of B regressions.
        weights: fold f's coefficients at each of C penalties, Shape (B, F, C, d).

    Returns:
        Nats per row, Shape (B, F, C).
    """
    loss = np.empty(weights.shape[:3])
    wins = (data.weights * data.targets)[:, :, None]
    for part, some in slices(data, weights.shape[2]):
        now = np.swapaxes(weights[part, :, some], 2, 3)
        z, softplus = scratch(data, now)
        np.matmul(data.features[part], now, out=z)
        np.clip(z, -_CLIP, _CLIP, out=z)
        np.exp(z, out=softplus)
        np.log1p(softplus, out=softplus)
        loss[part, :, some] = (data.weights[part, :, None] @ softplus - wins[part] @ z)[:, :, 0]
    return loss / (data.weights > 0).sum(axis=2)[..., None]


def choose_penalty(data: Regressions, grid: Floats, start: Floats) -> tuple[Ints, Floats, Floats]:
    """Cross-validate ``C`` and refit on every row, as scikit-learn's LogisticRegressionCV does.

    Args:
        data: rows of B regressions in F folds.
        grid: values of ``C = 1 / penalty``, ascending, Shape (C,).
        start: where the first Newton step begins, Shape (B, d).

    Returns:
        The chosen index for each regression, Shape (B,) (the first of equals); its coefficients on all rows,
        Shape (B, d); and the mean held-out loss, Shape (B, C).
    """
    n, n_folds = data.targets.shape[:2]
    loosest, everything = np.full((n, n_folds), 1.0 / grid[-1]), np.array([-1])
    rough = solve(data, start[:, None], loosest[:, :1], everything, tolerance=0.1)
    by_fold = solve(data, rough.repeat(n_folds, axis=1), loosest, np.arange(n_folds), tolerance=0.01)
    loss = held_out_loss(data, _paths(data, by_fold, grid)).mean(axis=1)
    best = np.argmin(loss, axis=1)
    final = solve(data, rough, 1.0 / grid[best][:, None], everything)
    return best, final[:, 0], loss


def _paths(data: Regressions, by_fold: Floats, grid: Floats) -> Floats:
    """Coefficients of each fold at each C, Shape (B, F, C, d), from the loosest ones, Shape (B, F, d).

    Accurate to about 1e-8, which is enough to compare held-out losses.
    """
    n, n_folds, d = by_fold.shape
    size, folds = len(grid), np.arange(n_folds)
    left_out = folds.repeat(size)
    penalty = np.broadcast_to(np.tile(1.0 / grid, n_folds), (n, n_folds * size))
    # One look at the rows gives the first step for every penalty.
    gradient, hessian = moments(data, by_fold, folds)
    paths = by_fold.repeat(size, axis=1)
    moved = newton_step(paths, gradient.repeat(size, axis=1), hessian.repeat(size, axis=1), penalty)
    paths += np.clip(moved, -_FAR, _FAR)
    steepest = np.abs(data.at_zero.sum(axis=1, keepdims=True) - data.at_zero).max(axis=2)
    nothing = steepest.repeat(size, axis=1) <= penalty
    paths[nothing], moved[nothing] = 0.0, 0.0
    todo = np.flatnonzero((np.abs(moved) > _ROUGHLY).any(axis=(0, 2)))
    if todo.size:
        paths[:, todo] = solve(data, paths[:, todo], penalty[:, todo], left_out[todo], tolerance=_ROUGHLY)
    return paths.reshape(n, n_folds, size, d)
