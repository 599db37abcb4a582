"""Toy policies solved twice: descent from many starts, and the optimum that it must end at.

The optimum of the goal-conditioned reward is exact. DPO on pairs that can all be satisfied has none, but a limit;
with a ridge its loss has one minimum, which a solver and gradient descent must both find.
"""

from functools import partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize, nnls
from scipy.special import expit, log_softmax

from rapo.stats.arrays import Floats
from rapo.studies.common.policies import dpo_gradient, logits, normalised_gradient

# Answers whose limit logits differ by less than this share the mass: NNLS is exact to about 1e-12 here.
TIE = 1e-7


def dpo_path(
    start: Floats,
    differences: Floats,
    *,
    steps: int,
    beta: float = 0.1,
    rate: float = 1.0,
    normalised: bool = True,
    keep: int = 1,
) -> Floats:
    """Descend the DPO loss and return the parameters along the way, first and last included.

    Args:
        start: Shape: (n_starts, n_parameters).
        differences: Shape: (n_comparisons, n_parameters), or one such matrix a start.
        steps: number of updates, >= 1.
        beta: strength of the tie to the reference.
        rate: step length.
        normalised: divide each gradient by the mean pull of the pairs, see `normalised_gradient`.
        keep: return every ``keep``-th parameter vector.

    Returns:
        Shape: (n_kept, n_starts, n_parameters).
    """
    gradient = normalised_gradient if normalised else dpo_gradient
    theta, kept = start, [start]
    for step in range(1, steps + 1):
        theta = theta - rate * gradient(theta, differences, beta=beta)
        if step % keep == 0 or step == steps:
            kept.append(theta)
    return np.array(kept)


def reward_path(
    start: Floats,
    reward: Floats,
    log_reference: Floats,
    *,
    steps: int,
    beta: float = 0.1,
    rate: float = 1.0,
    keep: int = 1,
) -> Floats:
    """Climb ``E[reward] - beta * KL(policy || reference)`` of a tabular policy by its natural gradient.

    For a tabular softmax policy the natural gradient is the advantage of each answer (Kakade, 2001). The plain
    gradient weights that by the policy, and lingers for exponentially long where the best answer is unlikely.

    Args:
        start: logits less log-reference. Shape: (n_starts, n_goals, n_answers).
        reward: Shape: (n_goals, n_answers).
        log_reference: Shape: (n_starts, n_answers).
        steps: number of updates, >= 1.
        beta: weight of the KL term.
        rate: step length, below 2 / beta.
        keep: return every ``keep``-th.

    Returns:
        Policies along the way. Shape: (n_kept, n_starts, n_goals, n_answers).
    """
    reference = log_reference[:, None, :]
    log_policy = log_softmax(reference + start, axis=-1)
    kept = [np.exp(log_policy)]
    for step in range(1, steps + 1):
        value = reward - beta * (log_policy - reference)
        advantage = value - (np.exp(log_policy) * value).sum(axis=-1, keepdims=True)
        log_policy = log_softmax(log_policy + rate * advantage, axis=-1)
        if step % keep == 0 or step == steps:
            kept.append(np.exp(log_policy))
    return np.array(kept)


def reward_optimum(reward: Floats, log_reference: Floats, *, beta: float = 0.0) -> Floats:
    """Policy that maximises ``E[reward] - beta * KL(policy || reference)`` at each goal.

    With ``beta = 0`` the mass lies on the best answers; several equally good ones share it as in the reference.

    Args:
        reward: Shape: (n_goals, n_answers).
        log_reference: Shape: (..., n_answers).
        beta: weight of the KL term, >= 0.

    Returns:
        Shape: (..., n_goals, n_answers).
    """
    reference = log_reference[..., None, :]
    if beta > 0:
        return np.exp(log_softmax(reference + reward / beta, axis=-1))
    return _shared(reward, reference)


def hard_margin(differences: Floats) -> Floats:
    """The shortest theta with ``differences @ theta >= 1``: where gradient descent on the DPO loss goes to.

    When some theta ranks every pair rightly the DPO loss has no minimum; it falls to 0 along many directions.
    Gradient descent follows the one of largest margin, whatever its start, beta and reference are
    (Soudry et al., arXiv:1710.10345). Solved as a least-distance problem by non-negative least squares
    (Lawson and Hanson, 1974, chapter 23).

    Args:
        differences: features of the preferred answer less the other's. Shape: (n_comparisons, n_parameters).

    Returns:
        Shape: (n_parameters,).

    Raises:
        ValueError: no theta ranks every pair rightly; the DPO loss then has a finite minimum to descend to.

    >>> hard_margin(np.array([[1.0, -1.0]])).round(6).tolist()
    [0.5, -0.5]
    """
    stacked = np.vstack([differences.T, np.ones(len(differences))])
    target = np.append(np.zeros(differences.shape[1]), 1.0)
    weights, distance = nnls(stacked, target, maxiter=50 * len(differences) + 100)
    if distance < 1e-9:
        raise ValueError("the pairs contradict each other; their DPO loss has a finite minimum: use descent")
    residual = stacked @ weights - target
    return -residual[:-1] / residual[-1]


def dpo_limit(features: Floats, differences: Floats, log_reference: Floats) -> Floats:
    """Policy in the limit of DPO by gradient descent on pairs that can all be satisfied.

    The mass goes to the answers of largest logit along `hard_margin`; answers that tie there share it as in the
    reference. That is exact for a start at the reference when the tied answers are updated alike.

    Args:
        features: Shape: (n_goals, n_answers, n_parameters).
        differences: Shape: (n_comparisons, n_parameters).
        log_reference: Shape: (..., n_answers).

    Returns:
        Shape: (..., n_goals, n_answers).
    """
    return _shared(logits(hard_margin(differences), features), log_reference[..., None, :])


def _shared(values: Floats, log_reference: Floats) -> Floats:
    """All mass on the largest value of each row, ties shared as in the reference."""
    best = values >= values.max(axis=-1, keepdims=True) - TIE
    return np.exp(log_softmax(np.where(best, log_reference, -np.inf), axis=-1))


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
