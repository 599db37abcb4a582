"""The central comparison (RA-F2, RA-T7, RA-A2): base, DPO(UF), DPO(RA) and the controls a careful reader asks for.

A recipe's ``world`` is the main one, which the other studies share; ``worlds`` names further regimes, in which all is
measured again: ``{one-sided: {}}``, with settings of their own where they differ.

Hyper-parameters: every arm, under the goal it is used with, takes from one grid the setting with the highest mean
gold on the tuning prompts, over the bases of all architectures and of seeds that no test uses. Tests use other
prompts and seeds.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo import config as settings
from rapo.runs.run import Run
from rapo.studies.central_results.tables import with_metrics
from rapo.studies.common import bases, reference
from rapo.studies.common.arms import (
    ARMS,
    ROUNDS,
    Condition,
    arm_run,
    base_run,
    evaluate_run,
    sample_arms,
    sample_rounds,
)
from rapo.studies.common.results import measure_or_read
from rapo.studies.common.rows import IMITATED
from rapo.studies.common.tuning import setting, tune
from rapo.world import data
from rapo.world.premises import measured

# Those that choose a setting: "RA, unprompted" is the RA model asked plainly, to show what the goal does.
TUNED = tuple(name for name, (arm, _) in ARMS.items() if arm is not None and name != "RA, unprompted")
FRAMES = ("tuning", "judged", "used", "skills", "examples", "premises")
LOOKED_AT = 1000  # prompts of preference data on which premises are measured


def options_of(recipe: Mapping[str, Any], arm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The settings that an arm may choose from: the same for all, beta apart, which SFT does not have."""
    grid = [dict(options) for options in recipe["grid"]]
    if arm["data"] in IMITATED:
        grid = [{"learning_rate": rate} for rate in dict.fromkeys(options["learning_rate"] for options in grid)]
    return [{**options, **recipe["training"]} for options in grid]


def tuning_table(recipe: Mapping[str, Any], *, jobs: int, names: Sequence[str] = TUNED) -> pd.DataFrame:
    """Gold on the tuning prompts of some arms in every setting and on every tuning base.

    Returns:
        Columns architecture, seed, arm, learning_rate, beta, and those of `tune`.
    """
    cells = []
    for name, architecture, seed in product(names, recipe["architectures"], recipe["tuning_seeds"]):
        arm, goal = ARMS[name]
        for options in options_of(recipe, arm or {}):
            run = tuning_run(recipe, arm_run(recipe, architecture, arm or {}, options, seed), seed)
            about = {"architecture": architecture, "seed": seed, "arm": name, **setting(options)}
            cells.append((about, run, 0 if goal is None else 1))
    return tune(cells, by=["arm"], over=["architecture", "seed"], name="central-tuning", jobs=jobs)


def tuning_run(recipe: Mapping[str, Any], model: Run, seed: int) -> Run:
    """A model's answers to the tuning prompts, asked plainly and for a score of 10."""
    conditions = [(goal, recipe["temperature"]) for goal in (None, 10)]
    return evaluate_run(recipe, model, conditions, split="tuning", seed=seed)


def chosen(recipe: Mapping[str, Any], tuning: pd.DataFrame, name: str) -> dict[str, Any]:
    """The chosen setting of an arm, as options of its trainer."""
    name = "RA" if name == "RA, unprompted" else name
    row = tuning[(tuning["arm"] == name) & tuning["best"]].iloc[0]
    beta = {} if np.isnan(row["beta"]) else {"beta": float(row["beta"])}
    return {"learning_rate": float(row["learning_rate"]), **beta, **recipe["training"]}


def tuned(recipe: Mapping[str, Any], names: Sequence[str], *, jobs: int) -> dict[str, Any]:
    """The chosen settings of some arms, by the arm's name."""
    tuning = tuning_table(recipe, jobs=jobs, names=names)
    return {name: chosen(recipe, tuning, name) for name in names}


def measure_arms(
    recipe: Mapping[str, Any], *, jobs: int, architectures: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tune, train every arm on every architecture and seed, and sample the test prompts.

    Args:
        recipe: of the central study.
        jobs: processes.
        architectures: that are trained; the recipe's by default. Settings are chosen over all of the recipe's, so that
            an arm is the same whoever asks for it.

    Returns:
        The tuning table, and skills and answers as `sample_arms` gives them.
    """
    tuning = tuning_table(recipe, jobs=jobs)

    def model_of(architecture: str, seed: int, name: str) -> Run:
        if (arm := ARMS[name][0]) is None:
            return base_run(recipe, architecture, seed)
        return arm_run(recipe, architecture, arm, chosen(recipe, tuning, name), seed)

    def evaluation(architecture: str, seed: int, model: Run | None, conditions: Sequence[Condition]) -> Run:
        model = model or base_run(recipe, architecture, seed)
        return evaluate_run(recipe, model, conditions, split="test", seed=seed, quizzes=recipe["quizzes"])

    asked = {**recipe, "architectures": list(architectures or recipe["architectures"])}
    return tuning, *sample_arms(asked, model_of, evaluation, name="central", jobs=jobs)


def tune_rounds(recipe: Mapping[str, Any], tuning: pd.DataFrame, *, jobs: int) -> pd.DataFrame:
    """`tuning_table` of the second rounds (RA-T7), each under the goal it is used with.

    Args:
        recipe: of the central study.
        tuning: of the first round, whose chosen settings the second starts from.
    """
    architecture, cells = recipe["used_architecture"], []
    for (name, (arm, goal)), seed in product(ROUNDS.items(), recipe["tuning_seeds"]):
        for options in options_of(recipe, arm) if arm else []:
            run = tuning_run(recipe, _round_run(recipe, tuning, name, options, seed), seed)
            about = {"architecture": architecture, "seed": seed, "arm": name, **setting(options)}
            cells.append((about, run, 0 if goal is None else 1))
    return tune(cells, by=["arm"], over=["architecture", "seed"], name="central-used-data-tuning", jobs=jobs)


def _round_run(
    recipe: Mapping[str, Any], tuning: pd.DataFrame, name: str, options: Mapping[str, Any] | None, seed: int
) -> Run:
    """A model of `ROUNDS`: the UF model, or what is trained on top of it with ``options``."""
    architecture, arm = recipe["used_architecture"], ROUNDS[name][0]
    first = arm_run(recipe, architecture, {"data": "uf"}, chosen(recipe, tuning, "UF"), seed)
    return first if arm is None else arm_run(recipe, architecture, arm, options or {}, seed, start=first)


def measure_used_data(
    recipe: Mapping[str, Any], tuning: pd.DataFrame, *, jobs: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """RA-T7 in the small: train the UF model once more on the very data it has seen, as UF or relabelled.

    Returns:
        The table of `tune_rounds`, and one row an answer, as `sample_rounds` gives them.
    """
    rounds = tune_rounds(recipe, tuning, jobs=jobs)

    def model_of(name: str, seed: int) -> Run:
        options = chosen(recipe, rounds, name) if ROUNDS[name][0] else None
        return _round_run(recipe, tuning, name, options, seed)

    def evaluation(seed: int, model: Run, conditions: Sequence[Condition]) -> Run:
        return evaluate_run(recipe, model, conditions, split="test", seed=seed)

    return rounds, sample_rounds(recipe, model_of, evaluation, name="central-used-data", jobs=jobs)


def worlds(recipe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The recipe of each world by the name of its regime, the main one first.

    Raises:
        ValueError: ``worlds`` names the main one again.
    """
    shared = {name: value for name, value in recipe.items() if name != "worlds"}
    found = {str(recipe["world"].get("regime", "one-sided")): shared}
    for regime, own in recipe.get("worlds", {}).items():
        if regime in found:
            raise ValueError(f"worlds names {regime!r}, which is the main world already; leave it out")
        found[regime] = {**settings.merge(shared, own), "world": {"regime": regime, **own.get("world", {})}}
    return found


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """Tune, train and ask every arm, train again on used data, and judge, in every world; keys are `FRAMES`.

    Returns:
        "tuning" of `tune`, "judged" (every answer with its preference, texts left out), "used" (RA-T7),
        "skills" (RA-T4), "examples" and "premises" (of `premise_table`), each with a column ``world``.
    """
    if "models" in recipe:
        from rapo.studies.central_results import full

        return full.frames(recipe, jobs=jobs)
    parts = {world: _in_one_world(one, jobs=jobs) for world, one in worlds(recipe).items()}
    return {
        name: pd.concat([part[name].assign(world=world) for world, part in parts.items()], ignore_index=True)
        for name in FRAMES
    }


def _in_one_world(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    tuning, skills, answers = measure_arms(recipe, jobs=jobs)
    rounds, used = measure_used_data(recipe, tuning, jobs=jobs)
    first = answers["prompt"].isin(answers["prompt"].unique()[:6]) & (answers["seed"] == recipe["seeds"][0])
    judged = reference.judge(answers, recipe).drop(columns="text")
    return {
        "tuning": pd.concat([tuning, rounds], ignore_index=True),
        "judged": judged,
        "used": used.drop(columns="text"),
        "skills": skills,
        "examples": answers[first & (answers["arm"] != "")],
        "premises": premise_table(judged, recipe),
    }


def premise_table(judged: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """What the papers take for granted, measured for a world's data and for each of its bases.

    Returns:
        Columns base ("": the data), figure, value, low, high.
    """
    world = data.make_world(recipe["world"])
    figures, chosen = measured(world, min(LOOKED_AT, recipe["pairs"]), seed=recipe["tuning_seeds"][0])
    usual = with_metrics(judged[judged["temperature"] == recipe["temperature"]])
    return pd.concat(
        [
            bases.of_data(figures, scored=recipe["corpus"]["scored"]),
            bases.of_base(usual, sides=world.gold.sides, chosen=chosen),
        ],
        ignore_index=True,
    )


def results(*, scale: str, measure: bool, jobs: int) -> dict[str, pd.DataFrame]:
    """Everything the notebook shows, by the names in `FRAMES`: measured now, or as kept with the project."""
    recipe = settings.recipe("central_results", scale)
    return measure_or_read(
        "central_results",
        FRAMES,
        frames,
        scale=scale,
        measure=measure,
        jobs=jobs,
        recipe=recipe,
        later=["premises"],
    )
