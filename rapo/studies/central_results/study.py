"""The central comparison (RA-F2, RA-T7, RA-A2): base, DPO(UF), DPO(RA) and the controls a careful reader asks for.

Hyper-parameters: every arm, under the goal it is used with, takes from one grid the setting with the highest mean
gold on the tuning prompts, on each architecture for itself, on one seed that no test uses. Tests use other prompts
and seeds. A seed stands for its own pairs, order of training and sampling, on each architecture others.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo import config as settings
from rapo.runs.queue import run_all
from rapo.runs.run import Result, Run
from rapo.studies.common import reference
from rapo.studies.common.results import measure_or_read

# An arm is what is trained (None: nothing) and the goal it is asked for (None: no goal).
ARMS: dict[str, tuple[dict[str, Any] | None, int | None]] = {
    "base": (None, None),
    "base, g=10": (None, 10),
    "SFT": ({"data": "sft"}, None),
    "SFT, g=10": ({"data": "sft"}, 10),
    "UF": ({"data": "uf"}, None),
    "UF, g=10": ({"data": "uf"}, 10),
    "UF, equal steps": ({"data": "uf", "epochs": 2}, None),
    "UF, equal steps, g=10": ({"data": "uf", "epochs": 2}, 10),
    "RA, unprompted": ({"data": "ra"}, None),
    "RA": ({"data": "ra"}, 10),
}
# Those that choose a setting: "RA, unprompted" is the RA model asked plainly, to show what the goal does.
TUNED = tuple(name for name, (arm, _) in ARMS.items() if arm is not None and name != "RA, unprompted")
CONTROLS = ("base, g=10", "SFT", "SFT, g=10", "UF", "UF, g=10", "UF, equal steps", "UF, equal steps, g=10")
ORDER = ("llama", "qwen2", "gemma2")  # fixes each architecture's own seeds: append only
FRAMES = ("tuning", "judged", "used", "skills", "examples")
NAME = {"llama": "Llama-like", "qwen2": "Qwen2-like", "gemma2": "Gemma-2-like"}


def base_run(recipe: Mapping[str, Any], architecture: str) -> Run:
    """The base model of an architecture: trained once, shared by every study that asks for the same."""
    config = {
        "architecture": architecture,
        "size": recipe["size"],
        "world": recipe["world"],
        "corpus": recipe["corpus"],
        "training": recipe["base"],
        "seed": recipe["base_seed"],
    }
    return Run("rapo.studies.common.micro_runs:train_base", config, label=f"{architecture} base")


def own_seed(architecture: str, seed: int) -> int:
    """A seed of an architecture's own, so that no two of them are trained on the same pairs."""
    return 1000 * ORDER.index(architecture) + seed


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
    needs = {"base": start or base_run(recipe, architecture)}
    return Run("rapo.studies.common.micro_runs:train_arm", config, needs, label + (" again" if start else ""))


def evaluate_run(
    recipe: Mapping[str, Any],
    model: Run,
    conditions: Sequence[tuple[float | None, float]],
    *,
    split: str,
    seed: int,
    quizzes: int = 0,
) -> Run:
    """A model's answers under each (goal, temperature)."""
    config = {
        "architecture": model.config["architecture"],
        "world": recipe["world"],
        "split": split,
        "prompts": recipe["prompts"],
        "prompt_seed": recipe["prompt_seed"],
        "conditions": [list(condition) for condition in conditions],
        "seed": own_seed(model.config["architecture"], seed),
        "quizzes": quizzes,
    }
    return Run(
        "rapo.studies.common.micro_runs:evaluate", config, {"model": model}, label=f"evaluate {model.label}"
    )


def options_of(recipe: Mapping[str, Any], arm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The settings that an arm may choose from: the same for all, beta apart, which SFT does not have."""
    grid = [dict(options) for options in recipe["grid"]]
    if arm["data"] == "sft":
        grid = [{"learning_rate": rate} for rate in dict.fromkeys(options["learning_rate"] for options in grid)]
    return [{**options, **recipe["training"]} for options in grid]


def tune(
    recipe: Mapping[str, Any], *, jobs: int, architectures: Sequence[str] | None = None, names: Sequence[str] = ()
) -> pd.DataFrame:
    """Mean gold on the tuning prompts of every arm and setting; ``best`` marks each architecture's chosen one.

    Args:
        recipe: of the study.
        jobs: processes.
        architectures: those of the recipe by default.
        names: arms; all of `TUNED` by default.

    Returns:
        Columns architecture, arm, learning_rate, beta, gold, best.
    """
    cells = [
        (architecture, name, options)
        for architecture, name in product(architectures or recipe["architectures"], names or TUNED)
        for options in options_of(recipe, ARMS[name][0] or {})
    ]
    results = run_all([_tuning_run(recipe, *cell) for cell in cells], name="central-tuning", jobs=jobs)
    rows = [
        {
            "architecture": architecture,
            "arm": name,
            "learning_rate": options["learning_rate"],
            "beta": options.get("beta", np.nan),
            "gold": result.metrics["gold"][0 if ARMS[name][1] is None else 1],
        }
        for (architecture, name, options), result in zip(cells, results, strict=True)
    ]
    table = pd.DataFrame(rows)
    return table.assign(best=table.index.isin(table.groupby(["architecture", "arm"])["gold"].idxmax()))


def _tuning_run(recipe: Mapping[str, Any], architecture: str, name: str, options: Mapping[str, Any]) -> Run:
    arm, seed = ARMS[name][0], recipe["tuning_seed"]
    model = arm_run(recipe, architecture, arm or {}, options, seed)
    conditions = [(goal, recipe["temperature"]) for goal in (None, 10)]
    return evaluate_run(recipe, model, conditions, split="tuning", seed=seed)


def chosen(recipe: Mapping[str, Any], tuning: pd.DataFrame, name: str, architecture: str) -> dict[str, Any]:
    """The chosen setting of an arm on an architecture, as options of its trainer."""
    name = "RA" if name == "RA, unprompted" else name
    found = tuning[(tuning["arm"] == name) & (tuning["architecture"] == architecture) & tuning["best"]]
    row = found.iloc[0]
    beta = {} if np.isnan(row["beta"]) else {"beta": float(row["beta"])}
    return {"learning_rate": float(row["learning_rate"]), **beta, **recipe["training"]}


def conditions_of(recipe: Mapping[str, Any], names: Sequence[str]) -> list[tuple[int | None, float]]:
    """What a model is asked: its arms' goals at both temperatures, and every goal where the goal is studied."""
    usual, other = recipe["temperature"], recipe["other_temperature"]
    goals: list[int | None] = [ARMS[name][1] for name in names]
    wide = set(names) & {"base", "RA"}
    asked_for = [None, *recipe["goals"]] if wide else goals
    return [(goal, usual) for goal in asked_for] + [(goal, other) for goal in goals]


def measure_arms(recipe: Mapping[str, Any], *, jobs: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tune, train every arm on every architecture and seed, and sample the test prompts.

    Returns:
        The tuning table of `tune`; the accuracy of every model at the held-out skills (architecture, seed, arm,
        skill, accuracy in %); and one row an answer: architecture, arms (what was trained), seed, goal,
        temperature, prompt, text, gold, length, sentences, parseable and the attributes.
    """
    tuning = tune(recipe, jobs=jobs)
    models: dict[tuple[str, int, str], tuple[Run, list[str]]] = {}
    for architecture, seed, (name, (arm, _)) in product(recipe["architectures"], recipe["seeds"], ARMS.items()):
        if arm is None:
            model = base_run(recipe, architecture)
        else:
            model = arm_run(recipe, architecture, arm, chosen(recipe, tuning, name, architecture), seed)
        models.setdefault((architecture, seed, model.key), (model, []))[1].append(name)
    runs = [
        evaluate_run(
            recipe, model, conditions_of(recipe, names), split="test", seed=seed, quizzes=recipe["quizzes"]
        )
        for (_, seed, _), (model, names) in models.items()
    ]
    results = run_all(runs, name="central", jobs=jobs)
    frames = [
        _answers(result, key, names) for result, (key, (_, names)) in zip(results, models.items(), strict=True)
    ]
    quizzes = [
        {
            "architecture": architecture,
            "seed": seed,
            "arm": _trained(names),
            "skill": skill,
            "accuracy": 100 * share,
        }
        for result, ((architecture, seed, _), (_, names)) in zip(results, models.items(), strict=True)
        for skill, share in result.metrics["skills"].items()
    ]
    return tuning, pd.DataFrame(quizzes), pd.concat(frames, ignore_index=True)


def _trained(names: Sequence[str]) -> str:
    """What was trained, the goal left out: "UF" for both "UF" and "UF, g=10"."""
    return names[0].removesuffix(", g=10").removesuffix(", unprompted")


ROUNDS: dict[str, tuple[dict[str, Any] | None, int | None]] = {
    "UF": (None, None),
    "UF, g=10": (None, 10),
    "UF, then UF again": ({"data": "uf"}, None),
    "UF, then UF again, g=10": ({"data": "uf"}, 10),
    "UF, then RA": ({"data": "ra"}, 10),
}


def measure_used_data(recipe: Mapping[str, Any], tuning: pd.DataFrame, *, jobs: int) -> pd.DataFrame:
    """RA-T7 in the small: train the UF model once more on the very data it has seen, as UF or relabelled.

    Returns:
        One row an answer, as `measure` gives them; ``arm`` is a key of `ROUNDS`.
    """
    cells, runs = [], []
    architecture = recipe["used_architecture"]
    options = {name: chosen(recipe, tuning, name, architecture) for name in ("UF", "RA")}
    for seed, (name, (arm, goal)) in product(recipe["seeds"], ROUNDS.items()):
        model = first = arm_run(recipe, architecture, {"data": "uf"}, options["UF"], seed)
        if arm is not None:
            again = options["RA" if arm["data"] == "ra" else "UF"]
            model = arm_run(recipe, architecture, arm, again, seed, start=first)
        cells.append((seed, name))
        conditions = [(goal, recipe["temperature"])]
        runs.append(evaluate_run(recipe, model, conditions, split="test", seed=seed, quizzes=recipe["quizzes"]))
    results = run_all(runs, name="central-used-data", jobs=jobs)
    frames = [
        pd.read_parquet(result.folder / "answers.parquet").assign(
            architecture=architecture, seed=seed, arm=name, trained=name
        )
        for result, (seed, name) in zip(results, cells, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def _answers(result: Result, key: tuple[str, int, str], names: Sequence[str]) -> pd.DataFrame:
    """A model's answers, each row labelled with the arm whose goal it was asked for ("" for other goals)."""
    table = pd.read_parquet(result.folder / "answers.parquet")
    by_goal = {ARMS[name][1]: name for name in names}
    arm = [by_goal.get(None if np.isnan(goal) else int(goal), "") for goal in table["goal"]]
    return table.assign(architecture=key[0], seed=key[1], arm=arm, trained=_trained(names))


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """Tune, train and ask every arm, train again on used data, and judge; keys are `FRAMES`.

    Returns:
        "tuning" of `tune`, "judged" (every answer with its preference, texts left out), "used" (RA-T7),
        "skills" (RA-T4) and "examples".
    """
    if "models" in recipe:
        from rapo.studies.central_results import full

        return full.frames(recipe, jobs=jobs)
    tuning, skills, answers = measure_arms(recipe, jobs=jobs)
    used = measure_used_data(recipe, tuning, jobs=jobs)
    first = answers["prompt"].isin(answers["prompt"].unique()[:6]) & (answers["seed"] == recipe["seeds"][0])
    return {
        "tuning": tuning,
        "judged": reference.judge(answers, recipe).drop(columns="text"),
        "used": used.drop(columns="text"),
        "skills": skills,
        "examples": answers[first & (answers["arm"] != "")],
    }


def results(*, scale: str, measure: bool, jobs: int) -> dict[str, pd.DataFrame]:
    """Everything the notebook shows, by the names in `FRAMES`: measured now, or as kept with the project."""
    recipe = settings.recipe("central_results", scale)
    return measure_or_read("central_results", FRAMES, frames, recipe, scale=scale, measure=measure, jobs=jobs)
