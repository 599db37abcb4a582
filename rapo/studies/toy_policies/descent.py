"""Gradient descent on toy policies, many starts at once."""

import numpy as np
from scipy.special import log_softmax

from rapo.studies.common.policies import Floats, dpo_gradient, normalised_gradient


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
