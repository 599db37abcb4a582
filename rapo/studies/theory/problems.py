"""Preference problems whose best policy is known (RA-Th): what is drawn, labelled and wanted.

Answers have scores r of about 1..10. At goal g a judge prefers y to y' with probability
sigmoid(R(y, g) - R(y', g)) (Bradley-Terry), where R(y, g) = -((g - r(y)) / 3)^2 is the paper's reward in units
of three points, so that labels are noisy. A pair has two different answers to one prompt, drawn from a sampling
policy mu; coverage is the probability with which mu draws the best answer, the others share the rest.

Reward-augmented data have two rows a pair, at the goals r(y) and r(y'), each with a label of its own. Plain data
have one row a pair, with a label by sigmoid((r(y) - r(y')) / 3).

The policy wanted maximises E[R(y, 10)] - KL(pi || ref): it is pi* = ref exp(R(., 10)) / Z.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax

from rapo.stats.arrays import Floats

POINTS = 3.0
TOP = 10.0
METHODS = ("RA", "UF")
POLICIES = ("tabular", "log-linear")
# (prompts, answers, goals) -> features; prompts and answers are places, one of each a row.
Places = NDArray[np.int_]
Featurise = Callable[[Places, Places, Floats], Floats]


@dataclass(frozen=True)
class Problem:
    """Pairs that can be drawn, the rows that each gives, and the policy that is wanted.

    Attributes:
        pair_probability: Shape: (n_pairs,).
        contrasts: features of the first answer less those of the second. Shape: (n_rows, n_pairs, n_parameters).
        preference: probability that the first answer is preferred. Shape: (n_rows, n_pairs).
        features: features where the policy is used. Shape: (n_prompts, n_answers, n_parameters).
        log_reference: Shape: (n_prompts, n_answers), nats.
        log_wanted: log-probabilities of pi*. Shape: (n_prompts, n_answers), nats.
        scores: Shape: (n_prompts, n_answers), points.
        sharpness: the policy is ``ref exp(sharpness * theta . features) / Z``; 1 for RA.
    """

    pair_probability: Floats
    contrasts: Floats
    preference: Floats
    features: Floats
    log_reference: Floats
    log_wanted: Floats
    scores: Floats
    sharpness: float = 1.0


def reward(scores: Floats, goal: Floats | float) -> Floats:
    """R(y, g) = -((g - r) / 3)^2, in nats.

    >>> reward(np.array([10.0, 7.0, 4.0]), 10.0).tolist()
    [-0.0, -1.0, -4.0]
    """
    return -(((goal - scores) / POINTS) ** 2)


def problem(policy: str, method: str, *, coverage: float) -> Problem:
    """One problem of a policy class, for reward-augmented ("RA") or plain ("UF") preference data.

    "tabular": one prompt, ten answers with scores 1..10, a free parameter for each answer and goal. Goals share
    nothing: only rows at goal 10, whose pairs hold the best answer, say anything about goal 10. "log-linear": 20
    prompts with ten answers each, vectors psi in which r is linear; the features (g psi, psi, psi psi'), in
    which R is linear too, are shared by every goal and prompt. Goal 10 itself then occurs in no row.

    Args:
        policy: one of `POLICIES`.
        method: one of `METHODS`.
        coverage: probability that a draw from mu is the prompt's best answer, 0..1.

    Raises:
        ValueError: the policy class, the method or the coverage is none of those.
    """
    if policy not in POLICIES or method not in METHODS or not 0 <= coverage < 1:
        raise ValueError(
            f"policy is {policy!r}, method {method!r}, coverage {coverage}; "
            f"use one of {POLICIES}, one of {METHODS} and a coverage in [0, 1)"
        )
    scores, featurise = _tabular(method) if policy == "tabular" else _loglinear(method)
    prompt, answer = np.unravel_index(np.arange(scores.size).reshape(scores.shape), scores.shape)
    features = featurise(prompt, answer, np.full(scores.shape, TOP))
    log_reference = np.full(scores.shape, -np.log(scores.shape[1]))
    log_wanted = log_softmax(log_reference + reward(scores, TOP), axis=1)
    rows = _rows(scores, featurise, method)
    sharpness = 1.0 if method == "RA" else best_sharpness(scores, log_reference, log_wanted)
    drawn = _pair_probability(scores, coverage)
    return Problem(drawn, *rows, features, log_reference, log_wanted, scores, sharpness)


def best_sharpness(scores: Floats, log_reference: Floats, log_wanted: Floats) -> float:
    """The 1/beta with which plain DPO, given endless data, comes nearest to the wanted policy."""
    grid = np.geomspace(0.1, 30.0, 200)
    return float(min(grid, key=lambda sharp: divergence(log_reference + sharp * scores / POINTS, log_wanted)))


def divergence(logits: Floats, log_wanted: Floats) -> Floats:
    """KL(softmax(logits) || wanted), mean over prompts, nats. From Shape: (..., n_prompts, n_answers)."""
    log_policy = log_softmax(logits, axis=-1)
    return np.asarray((np.exp(log_policy) * (log_policy - log_wanted)).sum(axis=-1).mean(axis=-1))


def _tabular(method: str) -> tuple[Floats, Featurise]:
    one_hot = np.eye(10)
    if method == "UF":
        return np.arange(1.0, 11.0)[None], lambda prompt, answer, goal: one_hot[answer]
    # Parameters of other goals never enter the policy at goal 10 and are left out: their contrasts are zero.
    return np.arange(1.0, 11.0)[None], lambda prompt, answer, goal: one_hot[answer] * (goal == TOP)[..., None]


def _loglinear(method: str) -> tuple[Floats, Featurise]:
    psi = np.random.default_rng(0).normal(size=(20, 10, 3))
    scores = 5.5 + 1.4 * psi.sum(axis=-1) / np.sqrt(3)
    one, other = np.triu_indices(3)

    def featurise(prompt: Places, answer: Places, goal: Floats) -> Floats:
        vector = psi[prompt, answer]
        products = vector[..., one] * vector[..., other]
        conditioned = [goal[..., None] / TOP * vector] if method == "RA" else []
        return np.concatenate([*conditioned, vector, products], axis=-1)

    return scores, featurise


def _rows(scores: Floats, featurise: Featurise, method: str) -> tuple[Floats, Floats]:
    """Contrasts and preference of every row of every pair."""
    prompt, first, second = _pairs(scores)
    one, other = scores[prompt, first], scores[prompt, second]
    goals = [one, other] if method == "RA" else [np.full(len(prompt), TOP)]
    contrasts = [featurise(prompt, first, goal) - featurise(prompt, second, goal) for goal in goals]
    if method == "RA":
        preference = [expit(reward(one, goal) - reward(other, goal)) for goal in goals]
    else:
        preference = [expit((one - other) / POINTS)]
    return np.array(contrasts), np.array(preference)


def _pairs(scores: Floats) -> tuple[Places, Places, Places]:
    """Prompt, first and second answer of every pair that there is. Shape of each: (n_pairs,)."""
    n_prompts, n_answers = scores.shape
    first, second = np.triu_indices(n_answers, 1)
    return np.repeat(np.arange(n_prompts), len(first)), np.tile(first, n_prompts), np.tile(second, n_prompts)


def _pair_probability(scores: Floats, coverage: float) -> Floats:
    """A prompt at random, then two answers from mu without replacement, in either order. Shape: (n_pairs,)."""
    n_prompts, n_answers = scores.shape
    mu = np.full(scores.shape, (1 - coverage) / (n_answers - 1))
    mu[np.arange(n_prompts), scores.argmax(axis=1)] = coverage
    prompt, first, second = _pairs(scores)
    one, other = mu[prompt, first], mu[prompt, second]
    return (one * other / (1 - one) + other * one / (1 - other)) / n_prompts
