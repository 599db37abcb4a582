"""Policies small enough to solve: tabular and log-linear, over a handful of answers and goals.

Every policy here is ``pi(y | g) = ref(y) * exp(theta . features(g, y)) / Z(g)``. One-hot features give the tabular
policy; shared features a log-linear one. The log-ratio to the reference is linear in theta up to ``Z(g)``, which
cancels in a comparison of two answers at one goal: the DPO loss is a logistic regression on feature differences.

Axes: goals (one "goal" for an unconditioned policy), answers, parameters; starts come first where there are many.
"""

from collections.abc import Iterable

import numpy as np
from scipy.special import expit, log_softmax

from rapo.stats.arrays import Floats

Comparison = tuple[int, int, int]  # (index of the goal, preferred answer, other answer)


def tabular(n_goals: int, n_answers: int) -> Floats:
    """One free parameter for each goal and answer.

    Returns:
        Shape: (n_goals, n_answers, n_goals * n_answers).

    >>> tabular(1, 2)[0].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    size = n_goals * n_answers
    return np.eye(size).reshape(n_goals, n_answers, size)


def mixed(features: Floats, *, n_draws: int, seed: int) -> Floats:
    """The same policies under other coordinates: features times random Gaussian square matrices.

    A square Gaussian matrix is invertible with probability one, so no policy is gained or lost; only the path
    that gradient descent takes changes, as it does between two networks that can express the same answers.

    Returns:
        Shape: (n_draws, n_goals, n_answers, n_parameters).
    """
    size = features.shape[-1]
    mixing = np.random.default_rng(seed).normal(size=(n_draws, 1, size, size))
    return features @ mixing


def probabilities(theta: Floats, features: Floats, log_reference: Floats) -> Floats:
    """Probability of each answer at each goal.

    Args:
        theta: Shape: (..., n_parameters).
        features: Shape: (..., n_goals, n_answers, n_parameters).
        log_reference: log-probabilities in nats. Shape: (..., n_answers), the same at every goal.

    Returns:
        Shape: (..., n_goals, n_answers).
    """
    return np.exp(log_softmax(log_reference[..., None, :] + logits(theta, features), axis=-1))


def logits(theta: Floats, features: Floats) -> Floats:
    """``theta . features(g, y)``, in nats. Shape: (..., n_goals, n_answers)."""
    return (features @ theta[..., None, :, None])[..., 0]


def differences(features: Floats, comparisons: Iterable[Comparison]) -> Floats:
    """Features of the preferred answer less those of the other one.

    Returns:
        Shape: (..., n_comparisons, n_parameters).

    Raises:
        ValueError: there is nothing to compare.
    """
    rows = np.array(list(comparisons), dtype=int)
    if not rows.size:
        raise ValueError("there are no comparisons; give at least one (goal, preferred, other)")
    goals, preferred, other = rows.T
    return features[..., goals, preferred, :] - features[..., goals, other, :]


def dpo_loss(theta: Floats, differences: Floats, *, beta: float) -> Floats:
    """Mean DPO loss, Eq. 7 of arXiv:2305.18290: ``-log sigmoid(beta * difference of log-ratios)``, in nats.

    Args:
        theta: Shape: (..., n_parameters).
        differences: Shape: (..., n_comparisons, n_parameters).
        beta: strength of the tie to the reference, > 0.

    Returns:
        Shape: (...).
    """
    return np.logaddexp(0.0, -beta * _margins(theta, differences)).mean(axis=-1)


def dpo_gradient(theta: Floats, differences: Floats, *, beta: float) -> Floats:
    """Gradient of `dpo_loss` in theta. Shape: (..., n_parameters)."""
    pull = expit(-beta * _margins(theta, differences)) * (-beta / differences.shape[-2])
    return _pulled(pull, differences)


def normalised_gradient(theta: Floats, differences: Floats, *, beta: float) -> Floats:
    """`dpo_gradient` times ``n / (beta * sum of sigmoid(-margin))``: it does not fade when every pair is learned.

    Descent along it has the same limit direction as plain descent and gets there in thousands of steps where
    plain descent, whose margins grow like log(steps), needs astronomically many.
    """
    log_pull = -np.logaddexp(0.0, beta * _margins(theta, differences))
    return _pulled(-np.exp(log_softmax(log_pull, axis=-1)), differences)


def _margins(theta: Floats, differences: Floats) -> Floats:
    return (differences @ theta[..., None])[..., 0]


def _pulled(pull: Floats, differences: Floats) -> Floats:
    return (pull[..., None, :] @ differences)[..., 0, :]


def goal_reward(scores: Floats, goals: Floats) -> Floats:
    """R(y, g) = -(g - r(y))^2, Section 4 of arXiv:2410.08067, in squared points.

    Returns:
        Shape: (n_goals, n_answers).

    >>> goal_reward(np.array([9.0, 8.0]), np.array([9.0])).tolist()
    [[-0.0, -1.0]]
    """
    return -((goals[:, None] - scores[None, :]) ** 2)


def random_references(n: int, n_answers: int, *, seed: int, concentration: float = 2.0) -> Floats:
    """Log-probabilities of random reference policies, Dirichlet distributed. Shape: (n, n_answers)."""
    drawn = np.random.default_rng(seed).dirichlet(np.full(n_answers, concentration), size=n)
    return np.log(np.maximum(drawn, 1e-6))
