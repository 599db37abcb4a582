"""Carry-over to a goal never seen (RA-T3): answers made of skills, the best of them absent from the data.

An answer is a subset of ``n_skills`` skills and scores ``1 + 9 * share of skills present``. The reference policy
includes each skill with one fixed probability, so that the best answer is rare; pairs are drawn from it, and no
answer that scores 10 is ever part of one. Goals come from relabelling: 10 is never a goal in training.

The features that transfer are ``g * skill`` and ``skill * skill'`` (each skill with itself included), shared by
every goal: R(y, g) = -(g - r(y))^2 is linear in them up to a constant. The tabular policy has one parameter for
each goal and answer instead and shares nothing.

Every policy is the minimum of the DPO loss plus ``ridge / 2 * |theta|^2``. The ridge makes the minimum finite and
unique (the pairs can all be satisfied), so that a solver and gradient descent can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax

from rapo.stats.arrays import Floats
from rapo.studies.common.policies import Comparison, differences, probabilities
from rapo.studies.toy_policies.solutions import descend, dpo_limit, solve

TOP = 10.0
GOALS = np.arange(1.0, 11.0)
SEEN = {"RA, goals 8 and 9": (8, 9), "RA, goals 1 to 9": tuple(range(1, 10))}
ARMS = ("UF, same features", "RA, tabular", *SEEN)


@dataclass(frozen=True)
class Skills:
    """The answers and the reference policy.

    Attributes:
        n_skills: answers are the subsets of so many skills; a divisor of 9 gives whole scores.
        skill_rate: probability with which the reference includes each skill.
    """

    n_skills: int = 9
    skill_rate: float = 0.5

    @property
    def answers(self) -> Floats:
        """Which skills each answer has, 0 or 1. Shape: (2 ** n_skills, n_skills)."""
        return np.array(list(product((0.0, 1.0), repeat=self.n_skills)))

    @property
    def scores(self) -> Floats:
        """1-10 points. Shape: (n_answers,)."""
        return 1.0 + 9.0 * self.answers.mean(axis=1)

    @property
    def log_reference(self) -> Floats:
        """Log-probabilities in nats. Shape: (n_answers,)."""
        present = self.answers.sum(axis=1)
        return present * np.log(self.skill_rate) + (self.n_skills - present) * np.log1p(-self.skill_rate)

    def features(self) -> Floats:
        """Features that transfer. Shape: (n_goals, n_answers, n_skills + n_skills * (n_skills + 1) / 2)."""
        answers = self.answers
        one, other = np.triu_indices(self.n_skills)
        products = np.broadcast_to(answers[:, one] * answers[:, other], (len(GOALS), len(answers), len(one)))
        return np.concatenate([GOALS[:, None, None] / TOP * answers, products], axis=2)

    def pairs(self, n_pairs: int, *, seed: int) -> NDArray[np.int_]:
        """Pairs of answers drawn from the reference, below the top score and without ties, better one first.

        Returns:
            Shape: (n_pairs, 2), places in `answers`.
        """
        rng, scores = np.random.default_rng(seed), self.scores
        weight = np.where(scores < TOP, np.exp(self.log_reference), 0.0)
        drawn = rng.choice(len(weight), size=(4 * n_pairs + 100, 2), p=weight / weight.sum())
        drawn = drawn[scores[drawn[:, 0]] != scores[drawn[:, 1]]][:n_pairs]
        return np.where((scores[drawn[:, 0]] < scores[drawn[:, 1]])[:, None], drawn[:, ::-1], drawn)


def relabelled(pairs: NDArray[np.int_], scores: Floats, *, goals: Sequence[float]) -> list[Comparison]:
    """Both relabelled comparisons of each pair, those at a goal in ``goals`` kept; goals as places in `GOALS`."""
    rows = []
    for chosen, rejected in pairs:
        rows.append((scores[chosen], chosen, rejected))
        rows.append((scores[rejected], rejected, chosen))
    return [(round(goal) - 1, better, worse) for goal, better, worse in rows if round(goal) in goals]


def tabular_differences(comparisons: Sequence[Comparison], n_answers: int) -> sparse.csr_array:
    """`policies.differences` of one-hot features, without the zeros. Shape: (n_comparisons, 10 * n_answers)."""
    goals, better, worse = np.array(comparisons).T
    rows, ones = np.arange(len(goals)), np.ones(len(goals))
    columns = np.concatenate([goals * n_answers + better, goals * n_answers + worse])
    entries = (np.concatenate([ones, -ones]), (np.concatenate([rows, rows]), columns))
    return sparse.csr_array(entries, shape=(len(goals), len(GOALS) * n_answers))


def learn(skills: Skills, arm: str, pairs: NDArray[np.int_], *, ridge: float, steps: int) -> dict[str, Floats]:
    """Policies of one arm of `ARMS` at each of `GOALS`: by a solver, by descent, and in the limit of no ridge.

    The unconditioned arm has the same policy at every goal. The tabular arm has no ``limit`` here: goal 10, which
    no comparison touches, stays at the reference whatever is done.

    Returns:
        ``exact``, ``descent`` and ``limit``. Shape of each: (n_goals, n_answers).
    """
    if arm == "RA, tabular":
        return _learn_tabular(skills, pairs, ridge=ridge, steps=steps)
    features = skills.features()
    if arm == "UF, same features":
        features = np.broadcast_to(features[-1], features.shape)
        rows: list[Comparison] = [(0, chosen, rejected) for chosen, rejected in pairs]
    else:
        rows = relabelled(pairs, skills.scores, goals=SEEN[arm])
    contrasts = differences(features, rows)
    found = {"exact": solve(contrasts, ridge=ridge), "descent": descend(contrasts, ridge=ridge, steps=steps)}
    policies = {how: probabilities(theta, features, skills.log_reference) for how, theta in found.items()}
    return policies | {"limit": dpo_limit(features, contrasts, skills.log_reference)}


def _learn_tabular(skills: Skills, pairs: NDArray[np.int_], *, ridge: float, steps: int) -> dict[str, Floats]:
    """`learn` with one parameter for each goal and answer."""
    rows = relabelled(pairs, skills.scores, goals=GOALS.tolist())
    contrasts = tabular_differences(rows, len(skills.answers))
    found = {"exact": solve(contrasts, ridge=ridge), "descent": descend(contrasts, ridge=ridge, steps=steps)}
    logits = {how: skills.log_reference + theta.reshape(len(GOALS), -1) for how, theta in found.items()}
    return {how: np.asarray(softmax(values, axis=1)) for how, values in logits.items()}


def by_score(policy: Floats, scores: Floats) -> Floats:
    """Probability that an answer of each score 1..10 is given. Shape: (n_goals, 10)."""
    return policy @ (np.rint(scores)[:, None] == GOALS[None, :])


def carry_over(
    skills: Skills, *, n_seeds: int, n_pairs: int, ridge: float, steps: int, seed: int = 0
) -> pd.DataFrame:
    """Learn every arm from ``n_seeds`` draws of pairs.

    Returns:
        One row an arm, way of solving, seed, goal and score, with its probability.
    """
    frames = []
    for draw in range(seed, seed + n_seeds):
        pairs = skills.pairs(n_pairs, seed=draw)
        for arm in ARMS:
            for how, policy in learn(skills, arm, pairs, ridge=ridge, steps=steps).items():
                grid = pd.DataFrame(by_score(policy, skills.scores), columns=GOALS).assign(goal=GOALS)
                rows = grid.melt("goal", var_name="score", value_name="probability")
                frames.append(rows.assign(score=rows["score"].astype(float), arm=arm, how=how, seed=draw))
    return pd.concat(frames, ignore_index=True)
