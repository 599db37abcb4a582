"""The ladder of goals (RA-map): RA on bases whose corpora show scores ever more often, with ever more pairs.

Does relabelling teach goals by itself, and when does it pay? Every seed has a base of its own for each share of scored
examples; controls are the base asked for 10, and UF trained as long as RA, asked plainly and for 10. Settings are the
central study's choice, the same on every rung.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pandas as pd

from rapo import paths
from rapo.runs.queue import run_all
from rapo.runs.run import Run, read
from rapo.studies.central_results.study import tuned
from rapo.studies.common import arms
from rapo.studies.when_it_helps import tables
from rapo.studies.when_it_helps.rungs import ARMS, CONTROLS

# What is trained, and the central arm whose settings it takes.
MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "UF, equal steps": ({"data": "uf", "epochs": 2}, "UF, equal steps, g=10"),
    "RA": ({"data": "ra"}, "RA"),
}
COLUMNS = ["prompt", "task", "answer", "goal", "gold", "sentences", "parseable"]
Cell = tuple[float, int, str, int]  # share of scored examples, prompts with pairs (0: none), model, seed


def local(recipe: Mapping[str, Any], scored: float, pairs: int) -> dict[str, Any]:
    """The central recipe on one rung, its base not aligned; goals of several attributes get rarer with the others."""
    base, own = recipe["central"], recipe["ladder"]
    usual = base["corpus"]
    corpus = usual | {"scored": scored, "attributes": usual["attributes"] * scored / usual["scored"]}
    shared = {"prompts": own["prompts"], "answers": own["answers"]}
    return {**base, **shared, "pairs": pairs, "corpus": corpus, "base_seed": None, "aligned": None}


def cells_of(recipe: Mapping[str, Any]) -> list[Cell]:
    """Every model of the ladder: for each share of scored examples the base, then each arm on each number of pairs."""
    own = recipe["ladder"]
    found: list[Cell] = []
    for seed, scored in product(own["seeds"], own["scored"]):
        found.append((scored, 0, "base", seed))
        found += [(scored, n, name, seed) for n, name in product(own["pairs"], MODELS)]
    return found


def model_run(recipe: Mapping[str, Any], cell: Cell, options: Mapping[str, Mapping[str, Any]]) -> Run:
    """A model of the ladder; ``options`` are the trainer's, by model."""
    scored, pairs, name, seed = cell
    here, architecture = local(recipe, scored, pairs), recipe["architecture"]
    if name == "base":
        return replace(arms.base_run(here, architecture, seed), label=f"base {scored:g} scored, seed {seed}")
    run = arms.arm_run(here, architecture, MODELS[name][0], options[name], seed)
    return replace(run, label=f"{name}, {scored:g} scored, {pairs} prompts, seed {seed}")


def asked_of(recipe: Mapping[str, Any], name: str, split: str) -> list[int | None]:
    """The goals (None: asked plainly) under which a model answers: the tuning prompts as the controls ask, which is
    what they choose from; the test prompts as every arm asks, and under every goal where the goal is studied.
    """
    goals = tables.goals_of(ARMS, name, CONTROLS if split == "tuning" else ARMS)
    wide = split == "test" and name in ("base", "RA")
    return [*dict.fromkeys([*goals, *recipe["ladder"]["goals"]])] if wide else goals


def evaluation(recipe: Mapping[str, Any], cell: Cell, model: Run, split: str) -> Run:
    """A model's answers under the goals of `asked_of`."""
    conditions = [(goal, recipe["central"]["temperature"]) for goal in asked_of(recipe, cell[2], split)]
    here = local(recipe, cell[0], cell[1])
    run = arms.evaluate_run(here, model, conditions, split=split, seed=cell[3])
    return replace(run, label=f"{split} answers, {model.label}")


def planned(recipe: Mapping[str, Any], *, jobs: int) -> tuple[list[tuple[Cell, str]], list[Run]]:
    """Each model and split of the ladder, and the run that answers; what the central study has not tuned is tuned."""
    settings = tuned(recipe["central"], [taken for _, taken in MODELS.values()], jobs=jobs)
    options = {name: settings[taken] for name, (_, taken) in MODELS.items()}
    every = product(cells_of(recipe), ("tuning", "test"))
    cells = [(cell, split) for cell, split in every if asked_of(recipe, cell[2], split)]
    return cells, [evaluation(recipe, cell, model_run(recipe, cell, options), split) for cell, split in cells]


def is_climbed(recipe: Mapping[str, Any], *, jobs: int) -> bool:
    """Whether every run of the ladder is finished."""
    return all(read(run, paths.runs()) for run in planned(recipe, jobs=jobs)[1])


def climb(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Train every model of the ladder, and sample its answers.

    Returns:
        One row an answer: scored, pairs (0: the base), trained, split, seed, learning_rate (of what is trained)
        and `COLUMNS` (goal NaN: asked plainly).
    """
    cells, runs = planned(recipe, jobs=jobs)
    frames = []
    for result, run, ((scored, pairs, name, seed), split) in zip(
        run_all(runs, name="ladder", jobs=jobs), runs, cells, strict=True
    ):
        rate = run.needs["model"].config["training"]["learning_rate"]
        about: dict[str, Any] = {"scored": scored, "pairs": pairs, "trained": name, "split": split, "seed": seed}
        frames.append(arms.answers(result)[COLUMNS].assign(**about, learning_rate=rate))
    return pd.concat(frames, ignore_index=True)
