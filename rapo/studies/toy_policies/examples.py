"""The two toy examples of RA (RA-T1, RA-T2): data, the published tables, and what solves to them."""

from dataclasses import dataclass

import numpy as np

from rapo.stats.arrays import Floats
from rapo.studies.common.policies import (
    Comparison,
    differences,
    goal_reward,
    mixed,
    probabilities,
    random_references,
    tabular,
)
from rapo.studies.toy_policies.solutions import dpo_limit, dpo_path, reward_optimum, reward_path


@dataclass(frozen=True)
class Example:
    """A few answers with scores, and the preference pairs between them.

    Attributes:
        name: id of the claim.
        scores: score of each answer, 1-10 points.
        pairs: (chosen, rejected), as places in ``scores``.
        unconditioned: the paper's optimum of DPO; None where the paper leaves it open (the answers among which
            any split is optimal).
        conditioned: the paper's optimum at each goal, one row a goal of `goals`.
    """

    name: str
    scores: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]
    unconditioned: tuple[float | None, ...]
    conditioned: tuple[tuple[float, ...], ...]

    @property
    def goals(self) -> tuple[float, ...]:
        """Goals that relabelling gives: the scores that occur in a pair, highest first."""
        return tuple(sorted({self.scores[answer] for pair in self.pairs for answer in pair}, reverse=True))

    @property
    def reward(self) -> Floats:
        """Goal-conditioned reward. Shape: (n_goals, n_answers)."""
        return goal_reward(np.array(self.scores), np.array(self.goals))

    def comparisons(self) -> list[Comparison]:
        """The pairs as they are, at the one goal of an unconditioned policy."""
        return [(0, chosen, rejected) for chosen, rejected in self.pairs]

    def relabelled(self) -> list[Comparison]:
        """N pairs to 2N: at the goal of the chosen score the order stays, at that of the rejected it flips.

        >>> UNLEARNED.relabelled()
        [(0, 0, 1), (1, 1, 0)]
        """
        place = {goal: index for index, goal in enumerate(self.goals)}
        rows = []
        for chosen, rejected in self.pairs:
            rows.append((place[self.scores[chosen]], chosen, rejected))
            rows.append((place[self.scores[rejected]], rejected, chosen))
        return rows

    def every_comparison(self) -> list[Comparison]:
        """All that R says: at each goal every two answers, the one nearer to the goal preferred."""
        return [
            (goal, first, second)
            for goal, row in enumerate(self.reward)
            for first, better in enumerate(row)
            for second, worse in enumerate(row)
            if better > worse
        ]


UNLEARNED = Example("RA-T1", (9.0, 8.0), ((0, 1),), (1.0, 0.0), ((1.0, 0.0), (0.0, 1.0)))
LEARNED = Example(
    "RA-T2",
    (9.0, 1.0, 0.0),
    ((0, 2), (1, 2)),
    (None, None, 0.0),
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
)


@dataclass(frozen=True)
class Solved:
    """One problem solved twice from many starts. Shape of each: (n_starts, n_goals, n_answers)."""

    exact: Floats
    descent: Floats


def distance(policy: Floats, published: tuple[tuple[float | None, ...], ...]) -> Floats:
    """Largest absolute difference to a published table; an entry None may be anything. Shape: (...)."""
    table = np.array(published, dtype=float)
    return np.nan_to_num(np.abs(policy - table), nan=0.0).max(axis=(-2, -1))


def random_starts(example: Example, n_starts: int, *, n_goals: int, seed: int) -> tuple[Floats, Floats]:
    """Random references and, apart from them, random starts: logits less log-reference, N(0, 1).

    Returns:
        Starts, Shape: (n_starts, n_goals, n_answers), and log-references, Shape: (n_starts, n_answers).
    """
    n_answers = len(example.scores)
    start = np.random.default_rng([seed, 1]).normal(size=(n_starts, n_goals, n_answers))
    return start, random_references(n_starts, n_answers, seed=seed)


def trained(example: Example, comparisons: list[Comparison], *, n_starts: int, steps: int, seed: int) -> Solved:
    """DPO of a tabular policy on comparisons, from random starts against random references."""
    n_goals = 1 + max(goal for goal, _, _ in comparisons)
    features = tabular(n_goals, len(example.scores))
    start, log_reference = random_starts(example, n_starts, n_goals=n_goals, seed=seed)
    contrasts = differences(features, comparisons)
    theta = dpo_path(start.reshape(n_starts, -1), contrasts, steps=steps, keep=steps)[-1]
    descent = probabilities(theta, features, log_reference)
    return Solved(dpo_limit(features, contrasts, log_reference), descent)


def rewarded(example: Example, *, n_starts: int, steps: int, beta: float, seed: int) -> Solved:
    """Optimum of the goal-conditioned reward less ``beta`` times KL, from the same starts."""
    start, log_reference = random_starts(example, n_starts, n_goals=len(example.goals), seed=seed)
    path = reward_path(start, example.reward, log_reference, steps=steps, beta=beta, keep=steps)
    return Solved(reward_optimum(example.reward, log_reference, beta=beta), path[-1])


def solved(example: Example, *, n_starts: int, steps: int, beta: float, seed: int) -> dict[str, Solved]:
    """DPO on the pairs as they are ("plain") and relabelled ("conditioned"), and the optimum of R ("reward")."""
    run = {"n_starts": n_starts, "steps": steps, "seed": seed}
    return {
        "plain": trained(example, example.comparisons(), **run),
        "conditioned": trained(example, example.relabelled(), **run),
        "reward": rewarded(example, beta=beta, **run),
    }


def recoordinated(
    example: Example, comparisons: list[Comparison], *, n_draws: int, steps: int, seed: int
) -> Solved:
    """DPO from the uniform reference under random coordinates of the same policies, see `policies.mixed`."""
    n_goals, n_answers = len(example.goals), len(example.scores)
    features = mixed(tabular(n_goals, n_answers), n_draws=n_draws, seed=seed)
    contrasts = differences(features, comparisons)
    log_reference = np.full((n_draws, n_answers), -np.log(n_answers))
    theta = dpo_path(np.zeros((n_draws, features.shape[-1])), contrasts, steps=steps, keep=steps)[-1]
    triples = zip(features, contrasts, log_reference, strict=True)
    exact = np.array([dpo_limit(*triple) for triple in triples])
    return Solved(exact, probabilities(theta, features, log_reference))
