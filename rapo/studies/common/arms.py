"""What the studies share in the plan of their runs: the arms of the central comparison, and runs that train and ask.

Runs of two studies that are alike are one run: a base is trained once, whoever asks for it. A seed stands for its
own pairs, order of training and sampling, on each architecture others.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo.runs.queue import run_all
from rapo.runs.run import Result, Run

RUNS = "rapo.studies.common.micro_runs"
Condition = tuple[float | None, float]  # a goal (None: none) and a temperature
Arm = tuple[dict[str, Any] | None, int | None]  # what is trained (None: nothing), and the goal it is asked for

ARMS: dict[str, Arm] = {
    "base": (None, None),
    "base, g=10": (None, 10),
    "SFT": ({"data": "best"}, None),
    "SFT, g=10": ({"data": "best"}, 10),
    "UF": ({"data": "uf"}, None),
    "UF, g=10": ({"data": "uf"}, 10),
    "UF, equal steps": ({"data": "uf", "epochs": 2}, None),
    "UF, equal steps, g=10": ({"data": "uf", "epochs": 2}, 10),
    "RA, unprompted": ({"data": "ra"}, None),
    "RA": ({"data": "ra"}, 10),
}
CONTROLS = ("base, g=10", "SFT", "SFT, g=10", "UF", "UF, g=10", "UF, equal steps", "UF, equal steps, g=10")
# The UF model trained once more on the very data it has seen (RA-T7).
ROUNDS: dict[str, Arm] = {
    "UF": (None, None),
    "UF, g=10": (None, 10),
    "UF, then UF again": ({"data": "uf"}, None),
    "UF, then UF again, g=10": ({"data": "uf"}, 10),
    "UF, then RA": ({"data": "ra"}, 10),
}
ALIGNED = 1_000_000  # where the seeds of the pairs that bases are aligned on begin
ORDER = ("llama", "qwen2", "gemma2")  # fixes each architecture's own seeds: append only
NAME = {"llama": "Llama-like", "qwen2": "Qwen2-like", "gemma2": "Gemma-2-like"}


def own_seed(architecture: str, seed: int) -> int:
    """A seed of an architecture's own, so that no two of them are trained on the same pairs."""
    return 1000 * ORDER.index(architecture) + seed


def base_run(recipe: Mapping[str, Any], architecture: str, seed: int) -> Run:
    """The base model of an architecture and seed, as a central recipe describes it.

    ``base_seed`` of the recipe: null, so that each seed has a base of its own, or the seed of the one that all share.
    ``aligned``: null, or how the base is preference-tuned before any arm starts from it (``pairs``, ``training`` and
    maybe settings of the ``world``), on pairs of its own.
    """
    own = seed if recipe["base_seed"] is None else recipe["base_seed"]
    config = {
        "architecture": architecture,
        "size": recipe["size"],
        "world": recipe["world"],
        "corpus": recipe["corpus"],
        "training": recipe["base"],
        "seed": own,
    }
    return aligned_run(
        recipe, architecture, seed, Run(f"{RUNS}:train_base", config, label=f"{architecture} base {own}")
    )


def aligned_run(recipe: Mapping[str, Any], architecture: str, seed: int, plain: Run) -> Run:
    """A base, preference-tuned as the recipe's ``aligned`` says; as it is where that is null."""
    if not (aligned := recipe["aligned"]):
        return plain
    own = seed if recipe["base_seed"] is None else recipe["base_seed"]
    config = {
        "architecture": architecture,
        "world": recipe["world"] | aligned.get("world", {}),
        "pairs": aligned["pairs"],
        "arm": {"data": "uf"},
        "training": recipe["training"] | aligned["training"],
        "seed": ALIGNED + own_seed(architecture, own),
    }
    return Run(f"{RUNS}:train_arm", config, {"base": plain}, label=f"{architecture} aligned base {own}")


def arm_run(
    recipe: Mapping[str, Any],
    architecture: str,
    arm: Mapping[str, Any],
    options: Mapping[str, Any],
    seed: int,
    *,
    start: Run | None = None,
) -> Run:
    """One arm trained on the base, or on the model of another run (``start``)."""
    config = {
        "architecture": architecture,
        "world": recipe["world"],
        "pairs": recipe["pairs"],
        "arm": dict(arm),
        "training": dict(options),
        "seed": own_seed(architecture, seed),
    }
    label = f"{architecture} {arm['data']} x{arm.get('epochs', 1)} seed {seed}"
    needs = {"base": start or base_run(recipe, architecture, seed)}
    return Run(f"{RUNS}:train_arm", config, needs, label + (" again" if start else ""))


def evaluate_run(
    recipe: Mapping[str, Any],
    model: Run,
    conditions: Sequence[Condition],
    *,
    split: str,
    seed: int,
    quizzes: int = 0,
) -> Run:
    """A model's answers under each (goal, temperature)."""
    architecture = model.config["architecture"]
    config = {
        "world": recipe["world"],
        "split": split,
        "prompts": recipe["prompts"],
        "prompt_seed": recipe["prompt_seed"],
        "conditions": [list(condition) for condition in conditions],
        "answers": recipe["answers"],
        "seed": own_seed(architecture, seed),
        "quizzes": quizzes,
    }
    return Run(f"{RUNS}:evaluate", config, {"model": model}, label=f"evaluate {model.label}")


def conditions_of(recipe: Mapping[str, Any], names: Sequence[str]) -> list[Condition]:
    """What a model is asked: its arms' goals at both temperatures, and every goal where the goal is studied."""
    usual, other = recipe["temperature"], recipe["other_temperature"]
    goals: list[float | None] = [ARMS[name][1] for name in names]
    wide = set(names) & {"base", "RA"}
    asked_for = [None, *recipe["goals"]] if wide else goals
    return [(goal, usual) for goal in asked_for] + [(goal, other) for goal in goals]


def answers(result: Result) -> pd.DataFrame:
    """The answers that a run sampled."""
    return pd.read_parquet(result.folder / "answers.parquet")


def under(table: pd.DataFrame, goal: float | None) -> pd.DataFrame:
    """Answers to one goal, or (None) to none."""
    return table[table["goal"].isna() if goal is None else table["goal"] == goal]


def named(table: pd.DataFrame, arms: Mapping[Any, str]) -> list[str]:
    """The arm of each answer by the goal it was asked for; "" where the goal belongs to none."""
    return [arms.get(None if np.isnan(goal) else float(goal), "") for goal in table["goal"]]


def sample_arms(
    recipe: Mapping[str, Any],
    model_of: Callable[[str, int, str], Run | None],
    evaluation: Callable[[str, int, Run | None, list[Condition]], Run],
    *,
    name: str,
    jobs: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every arm of `ARMS` on every architecture and seed of a recipe, and sample the models' answers.

    Args:
        recipe: of the central study.
        model_of: the run that trains an arm, of architecture, seed and name; None: the model is there already.
        evaluation: the run that samples, of architecture, seed, model and conditions; it tells "skills".
        name: of the queue.
        jobs: processes.

    Returns:
        The accuracy of every model at the held-out skills (architecture, seed, arm, skill, accuracy in %); and one
        row an answer: its columns, architecture, seed, arm ("" where the goal belongs to no arm) and trained (what
        was trained).
    """
    models: dict[tuple[str, int, str], tuple[Run | None, list[str]]] = {}
    for architecture, seed, arm in product(recipe["architectures"], recipe["seeds"], ARMS):
        model = model_of(architecture, seed, arm)
        models.setdefault((architecture, seed, model.key if model else ""), (model, []))[1].append(arm)
    runs = [
        evaluation(architecture, seed, model, conditions_of(recipe, names))
        for (architecture, seed, _), (model, names) in models.items()
    ]
    skills, frames = [], []
    results = run_all(runs, name=name, jobs=jobs)
    for result, ((architecture, seed, _), (_, names)) in zip(results, models.items(), strict=True):
        about: dict[str, Any] = {"architecture": architecture, "seed": seed}
        trained = names[0].removesuffix(", g=10").removesuffix(", unprompted")
        table = answers(result)
        arms = named(table, {ARMS[arm][1]: arm for arm in names})
        frames.append(table.assign(**about, arm=arms, trained=trained))
        skills += [
            {**about, "arm": trained, "skill": skill, "accuracy": 100 * share}
            for skill, share in result.metrics["skills"].items()
        ]
    return pd.DataFrame(skills), pd.concat(frames, ignore_index=True)


def sample_rounds(
    recipe: Mapping[str, Any],
    model_of: Callable[[str, int], Run],
    evaluation: Callable[[int, Run, list[Condition]], Run],
    *,
    name: str,
    jobs: int,
) -> pd.DataFrame:
    """Train the models of `ROUNDS` on every seed of a recipe, and sample their answers.

    Args:
        recipe: of the central study.
        model_of: the run that trains a model of `ROUNDS`, of its key and seed.
        evaluation: the run that samples, of seed, model and conditions.
        name: of the queue.
        jobs: processes.

    Returns:
        One row an answer: its columns, architecture, seed, and the key of `ROUNDS` as arm and as trained.
    """
    cells, runs = [], []
    for seed, (label, (_, goal)) in product(recipe["seeds"], ROUNDS.items()):
        cells.append({"architecture": recipe["used_architecture"], "seed": seed, "arm": label, "trained": label})
        runs.append(evaluation(seed, model_of(label, seed), [(goal, recipe["temperature"])]))
    results = run_all(runs, name=name, jobs=jobs)
    frames = [answers(result).assign(**cell) for result, cell in zip(results, cells, strict=True)]
    return pd.concat(frames, ignore_index=True)
