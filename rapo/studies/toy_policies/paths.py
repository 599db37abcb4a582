"""What descent passes on its way, as tables: for pictures, and to see how slowly it gets there."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rapo.studies.common.policies import (
    Comparison,
    differences,
    dpo_loss,
    probabilities,
    random_references,
    tabular,
)
from rapo.studies.toy_policies.examples import Example
from rapo.studies.toy_policies.solutions import dpo_path


def answers(n: int) -> list[str]:
    """Names of the answers, as in the paper.

    >>> answers(2)
    ['y1', 'y2']
    """
    return [f"y{place + 1}" for place in range(n)]


def from_references(
    example: Example,
    comparisons: Sequence[Comparison],
    *,
    panels: Sequence[str],
    n_starts: int,
    steps: Sequence[int],
    beta: float = 0.1,
    rate: float = 1.0,
    normalised: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """DPO of a tabular policy that starts at its reference, from many random references.

    Args:
        example: the answers.
        comparisons: what DPO trains on.
        panels: a name for each goal.
        n_starts: number of references.
        steps: update counts at which the policy is looked at; 0 is the reference itself.
        beta: of DPO.
        rate: step length.
        normalised: as in `solutions.dpo_path`.
        seed: of the references.

    Returns:
        One row a panel, start and step, with a column for the probability of each answer.
    """
    n_answers, names = len(example.scores), answers(len(example.scores))
    features = tabular(len(panels), n_answers)
    log_reference = random_references(n_starts, n_answers, seed=seed)
    start = np.zeros((n_starts, len(panels) * n_answers))
    contrasts = differences(features, comparisons)
    path = dpo_path(start, contrasts, steps=max(steps), beta=beta, rate=rate, normalised=normalised)
    frames = []
    for step in steps:
        policy = probabilities(path[step], features, log_reference)
        for goal, panel in enumerate(panels):
            frame = pd.DataFrame(policy[:, goal], columns=names)
            frames.append(frame.assign(panel=panel, start=range(n_starts), step=step))
    return pd.concat(frames, ignore_index=True)


def split(
    example: Example, *, n_starts: int, steps: Sequence[int], beta: float, rate: float, seed: int
) -> pd.DataFrame:
    """Plain descent of RA-T2's DPO from random starts, one uniform reference: how y1 and y2 share the mass.

    Returns:
        One row a start and number of steps: ``a`` (the share of y2 in y1 and y2), ``p_y3`` and the ``loss``.
    """
    features = tabular(1, len(example.scores))
    contrasts = differences(features, example.comparisons())
    log_reference = np.full((n_starts, len(example.scores)), -np.log(len(example.scores)))
    theta = np.random.default_rng(seed).normal(size=(n_starts, features.shape[-1]))
    frames, done = [], 0
    for step in sorted(steps):
        if step > done:
            theta = dpo_path(
                theta, contrasts, steps=step - done, beta=beta, rate=rate, normalised=False, keep=step - done
            )[-1]
        done = step
        policy = probabilities(theta, features, log_reference)[:, 0]
        a = policy[:, 1] / (policy[:, 0] + policy[:, 1])
        found = {"a": a, "p_y3": policy[:, 2], "loss": dpo_loss(theta, contrasts, beta=beta)}
        frames.append(pd.DataFrame({"start": range(n_starts), "steps": step, **found}))
    return pd.concat(frames, ignore_index=True)
