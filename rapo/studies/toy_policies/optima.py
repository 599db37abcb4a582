"""Exact optima: of the goal-conditioned reward, and of the DPO loss on pairs that can all be satisfied."""

import numpy as np
from scipy.optimize import nnls
from scipy.special import log_softmax

from rapo.studies.common.policies import Floats, logits

# Answers whose limit logits differ by less than this share the mass: NNLS is exact to about 1e-12 here.
TIE = 1e-7


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
