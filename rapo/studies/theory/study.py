"""Updates needed under each sampling (AP-Th), at the best learning rate.

T(eps) is that of `sampling`. "Optimal learning rate" is read per problem and by one rule for every sampling: the rate
of a common grid with the smallest T. For uniform sampling T is first averaged over several draws of the pairs, since
the theorem speaks of expected iterations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import Any

import numpy as np
import pandas as pd

from rapo import config
from rapo.stats.arrays import Floats
from rapo.studies.common.results import measure_or_read
from rapo.studies.theory.sampling import SAMPLINGS, Kind, Problems, draw, path, updates_needed

FRAMES = ("updates", "spreads", "noises")
RATES = np.geomspace(0.1, 20.0, 16)
KIND = Kind(dimension=20, condition=10.0)  # where margins or noise are varied


def recipe_of(scale: str, *, seed: int = 0) -> dict[str, Any]:
    """The study's settings."""
    return {**config.recipe("theory", scale), "seed": seed}


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """The counts that take longest, in one process.

    Returns:
        "updates" over dimensions and condition numbers, "spreads" over the size of the target margins (logistic
        loss), both of `compare`; "noises" of `error_after`.
    """
    some, eps = {"n_problems": recipe["n_problems"], "seed": recipe["seed"]}, recipe["eps"]
    grid = {"dimensions": recipe["dimensions"], "conditions": recipe["conditions"]}
    return {
        "updates": compare(losses=recipe["losses"], eps=eps, **grid, **some),
        "spreads": compare(losses=["logistic"], spreads=recipe["spreads"], eps=eps, **some),
        "noises": error_after(recipe["budget"], KIND, noises=recipe["noises"][1:], **some),
    }


def results(*, scale: str, measure: bool, jobs: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """What the notebook does not compute in a moment, by the names in `FRAMES`: measured now, or as kept."""
    recipe = recipe_of(scale, seed=seed)
    return measure_or_read("theory", FRAMES, frames, scale=scale, measure=measure, jobs=jobs, recipe=recipe)


def compare(
    *,
    losses: Sequence[str],
    dimensions: Sequence[int] = (20,),
    conditions: Sequence[float] = (10.0,),
    spreads: Sequence[float] = (1.0,),
    n_problems: int = 20,
    n_draws: int = 4,
    eps: float = 0.1,
    steps: int = 50000,
    seed: int = 0,
) -> pd.DataFrame:
    """T(eps) under each sampling, over losses, dimensions, condition numbers and spreads of the targets.

    Returns:
        One row a kind of problem, sampling and problem: the best ``rate`` and its ``iterations``.

    Raises:
        RuntimeError: a problem was solved under no rate within ``steps``.
    """
    frames = []
    for loss, dimension, condition, spread in product(losses, dimensions, conditions, spreads):
        kind = Kind(dimension=dimension, condition=condition, spread=spread)
        problems = draw(kind, n_problems, seed=seed)
        for sampling in SAMPLINGS:
            needed = _needed(problems, loss, sampling, n_draws=n_draws, eps=eps, steps=steps, seed=seed)
            if np.isinf(needed).all(axis=1).any():
                raise RuntimeError(f"{sampling} sampling solved a problem of {kind} under no rate; raise {steps=}")
            about = {"loss": loss, "dimension": dimension, "condition": condition, "spread": spread}
            frames.append(_best(needed, "iterations").assign(sampling=sampling, **about))  # type: ignore[arg-type]
    return pd.concat(frames, ignore_index=True)


def _needed(
    problems: Problems, loss: str, sampling: str, *, n_draws: int, eps: float, steps: int, seed: int
) -> Floats:
    """Expected updates to eps. Shape: (n_problems, n_rates)."""
    repeats = n_draws if sampling == "uniform" else 1
    errors = path(problems.repeated(repeats), sampling=sampling, loss=loss, rates=RATES, seed=seed)
    needed = updates_needed(errors, eps=eps, steps=steps)
    return needed.reshape(repeats, len(problems.optimum), -1).mean(axis=0)


def error_after(
    budget: int,
    kind: Kind,
    *,
    noises: Sequence[float],
    loss: str = "squared",
    n_problems: int = 20,
    n_draws: int = 4,
    seed: int = 0,
) -> pd.DataFrame:
    """Relative parameter error after ``budget`` updates when the target margins are noisy.

    Returns:
        One row a noise, sampling and problem: the ``rate`` of least error after the budget, and that ``error``.
    """
    frames = []
    for noise, sampling in product(noises, SAMPLINGS):
        problems = draw(replace(kind, noise=noise), n_problems, seed=seed)
        repeats = n_draws if sampling == "uniform" else 1
        errors = path(problems.repeated(repeats), sampling=sampling, loss=loss, rates=RATES, seed=seed)
        left = next(islice(errors, budget, None)).reshape(repeats, n_problems, -1).mean(axis=0)
        frames.append(_best(left, "error").assign(noise=noise, sampling=sampling))
    return pd.concat(frames, ignore_index=True)


def curves(
    steps: int, kind: Kind, *, loss: str, n_problems: int = 20, keep: int = 1, seed: int = 0
) -> pd.DataFrame:
    """Error against updates, each problem at the rate that leaves it the least error at the end.

    Returns:
        One row a sampling, problem and ``keep``-th update, with its ``error``.
    """
    frames = []
    for sampling in SAMPLINGS:
        errors = path(draw(kind, n_problems, seed=seed), sampling=sampling, loss=loss, rates=RATES, seed=seed)
        history = np.array(list(islice(errors, steps + 1)))
        best = history[-1].argmin(axis=1)
        chosen = pd.DataFrame(history[::keep, np.arange(n_problems), best]).assign(
            update=range(0, steps + 1, keep)
        )
        tidy = chosen.melt("update", var_name="problem", value_name="error")
        frames.append(tidy.assign(sampling=sampling))
    return pd.concat(frames, ignore_index=True)


def _best(cost: Floats, name: str) -> pd.DataFrame:
    """The cheapest rate of each problem. From Shape: (n_problems, n_rates)."""
    return pd.DataFrame({"problem": range(len(cost)), "rate": RATES[cost.argmin(axis=1)], name: cost.min(axis=1)})
