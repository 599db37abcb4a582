"""The central comparison at scale `full`: real models from a hub, the paper's recipes, a language model as judge.

It gives what `rapo.studies.central_results.study.frames` gives. What differs in their meaning:

* ``architecture`` is a key of the recipe's ``models``;
* ``gold`` is the judge's own score of the answer alone, 1-10: nobody knows the truth here. It judges both this and
  the preferences, so the two are not independent;
* ``length`` counts words, ``sentences`` is 0, and ``parseable`` means not blank;
* nothing is tuned: every arm takes the paper's settings, and ``tuning`` tells them, with no gold;
* answers to goals that belong to no arm (``arm`` is "") are scored and not compared: their ``preference`` is NaN.
"""

import logging
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rapo.config import canonical
from rapo.judging import grading
from rapo.judging.server import JudgeError
from rapo.runs.run import Run
from rapo.studies.central_results.tables import with_metrics
from rapo.studies.common import bases, inputs, quizzes
from rapo.studies.common.arms import ARMS, ROUNDS, Condition, conditions_of, sample_arms, sample_rounds
from rapo.studies.common.rows import IMITATED
from rapo.training.settings import idle_smoothing
from rapo.world.premises import scores_shape

_log = logging.getLogger(__name__)
RUNS = "rapo.studies.common.hub_runs"


def frames(recipe: Mapping[str, Any], *, jobs: int = 1) -> dict[str, pd.DataFrame]:
    """Everything that the notebook shows; see `central_results.study.frames`.

    Args:
        recipe: as the block ``full`` of rapo/studies/central_results/recipe.yaml has it.
        jobs: runs at a time; ``recipe["jobs"]`` goes before it, as one run takes every GPU.

    Raises:
        ConnectionError: the hub cannot be reached, or does not give a model or data set.
        FileNotFoundError: a local model or file is missing.
        JudgeError: the judge is not configured or does not work. All three come before any training.
        ValueError: the recipe lacks something.
    """
    check(recipe)
    jobs = recipe.get("jobs") or jobs
    skills, answers = measure_arms(recipe, jobs=jobs)
    used = measure_used_data(recipe, jobs=jobs)
    answers, used = read_alike(scored(answers, recipe)), read_alike(scored(used, recipe))
    first = answers["prompt"].isin(answers["prompt"].unique()[:6]) & (answers["seed"] == recipe["seeds"][0])
    judged = read_alike(judge(answers, recipe)).drop(columns=["text", "instruction"])
    return {
        "tuning": settings_table(recipe),
        "judged": judged,
        "used": used.drop(columns=["text", "instruction"]),
        "skills": skills,
        "examples": answers[first & (answers["arm"] != "")],
        "premises": premise_table(judged, recipe),
    }


def premise_table(judged: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """Of `study.premise_table`, what can be known of real data and models."""
    table = inputs.preference_pairs(recipe["data"])
    usual = with_metrics(judged[judged["temperature"] == recipe["temperature"]])
    parts = [bases.of_data(scores_shape(table)), bases.of_base(usual, sides=())]
    return pd.concat(parts, ignore_index=True)


def check(recipe: Mapping[str, Any]) -> None:
    """Everything that can be known before training: sizes, the judge, models, data, instructions.

    Raises:
        ConnectionError, FileNotFoundError, JudgeError, ValueError: as `frames` says.
    """
    missing = [name for name in recipe["architectures"] if name not in recipe["models"]]
    if missing:
        raise ValueError(
            f"architectures names {missing}, which models does not hold; it has {list(recipe['models'])}"
        )
    if len(recipe["seeds"]) < 2 or len(recipe["architectures"]) < 2:
        raise ValueError("intervals need at least 2 seeds, and the figures at least 2 architectures; name more")
    try:
        grading.check(recipe["grader"], cache=cache_of(recipe))
    except JudgeError as error:
        where = "the block `full` of rapo/studies/central_results/recipe.yaml"
        raise JudgeError(f"{error}. The settings grader.* stand in {where}") from error
    for name in {*recipe["architectures"], recipe["used_architecture"]}:
        inputs.model_folder(recipe["models"][name], weights=False)
    n_prompts = len(inputs.instructions(recipe["prompts_from"]))
    n_pairs = len(inputs.preference_pairs(recipe["data"]))
    for name, task in recipe["tasks"].items():
        quizzes.read(task, key=f"tasks.{name}")
    arms = {canonical(arm) for arm, _ in ARMS.values() if arm}
    n_models = len(recipe["architectures"]) * len(recipe["seeds"])
    _log.warning(
        "full scale: %d trainings on %d pairs (twice the rows for RA), answers to %d instructions under up to %d "
        "conditions a model, each scored by %s and most compared in both orders",
        n_models * len(arms) + 2 * len(recipe["seeds"]), n_pairs, n_prompts,
        len(conditions_of(recipe, ["RA", "RA, unprompted"])), recipe["grader"]["model"],
    )  # fmt: skip


def cache_of(recipe: Mapping[str, Any]) -> Path | None:
    """Folder of kept judgements; None for the project's own."""
    return Path(recipe["judgements"]) if recipe.get("judgements") else None


def options_of(recipe: Mapping[str, Any], name: str, arm: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an arm's trainer: the recipe's, the model's own label smoothing, and for SFT its own rate."""
    if arm["data"] in IMITATED:
        return {**recipe["training"], **recipe["sft"]}
    smoothing = recipe["models"][name].get("label_smoothing", 0.0)
    if told := idle_smoothing(smoothing, recipe["dpo"].get("loss_type", ["sigmoid"])):
        _log.warning("%s: %s", name, told)
    return {**recipe["training"], **recipe["dpo"], "label_smoothing": smoothing}


def arm_run(
    recipe: Mapping[str, Any], name: str, arm: Mapping[str, Any], seed: int, *, start: Run | None = None
) -> Run:
    """One arm trained on a model, or on that of another run (``start``)."""
    config = {
        "model": _model(recipe, name),
        "data": inputs.pinned(recipe["data"]),
        "arm": dict(arm),
        "training": options_of(recipe, name, arm),
        "template": recipe["template"],
        "launch": recipe.get("launch"),
        "seed": seed,
    }
    label = f"{name} {arm['data']} x{arm.get('epochs', 1)} seed {seed}"
    needs = {"base": start} if start else {}
    return Run(f"{RUNS}:train_arm", config, needs, label + " again" * bool(start))


def evaluate_run(
    recipe: Mapping[str, Any],
    name: str,
    model: Run | None,
    conditions: Sequence[Condition],
    *,
    seed: int,
    tasks: bool = False,
) -> Run:
    """Answers under each (goal, temperature) of a run's model, or of the model itself (None)."""
    config = {
        "model": _model(recipe, name),
        "prompts": inputs.pinned(recipe["prompts_from"]),
        "conditions": [list(condition) for condition in conditions],
        "sampling": recipe["sampling"],
        "tasks": {name: inputs.pinned(task) for name, task in recipe["tasks"].items()} if tasks else {},
        "template": recipe["template"],
        "seed": seed,
    }
    label = f"evaluate {model.label if model else name}"
    return Run(f"{RUNS}:evaluate", config, {"model": model} if model else {}, label)


def _model(recipe: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a run must know of a model; label smoothing is a setting of training."""
    return inputs.pinned({key: value for key, value in recipe["models"][name].items() if key != "label_smoothing"})


def measure_arms(recipe: Mapping[str, Any], *, jobs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every arm on every model and seed, and sample the instructions: `sample_arms`, not yet scored."""

    def model_of(name: str, seed: int, label: str) -> Run | None:
        arm = ARMS[label][0]
        return None if arm is None else arm_run(recipe, name, arm, seed)

    def evaluation(name: str, seed: int, model: Run | None, conditions: Sequence[Condition]) -> Run:
        return evaluate_run(recipe, name, model, conditions, seed=seed, tasks=True)

    return sample_arms(recipe, model_of, evaluation, name="central-full", jobs=jobs)


def measure_used_data(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """RA-T7: the UF model trained once more on the data it has seen: `sample_rounds`, not yet scored."""
    name = recipe["used_architecture"]

    def model_of(label: str, seed: int) -> Run:
        first = arm_run(recipe, name, {"data": "uf"}, seed)
        arm = ROUNDS[label][0]
        return first if arm is None else arm_run(recipe, name, arm, seed, start=first)

    def evaluation(seed: int, model: Run, conditions: Sequence[Condition]) -> Run:
        return evaluate_run(recipe, name, model, conditions, seed=seed)

    return sample_rounds(recipe, model_of, evaluation, name="central-full-used-data", jobs=jobs)


def scored(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """``answers`` with ``gold``: the judge's score of each, 1-10."""
    return answers.assign(gold=grading.scores(answers, recipe["grader"], cache=cache_of(recipe)))


def read_alike(judged: pd.DataFrame) -> pd.DataFrame:
    """Without the prompts of which a verdict was not readable, in any arm: every model must have the same prompts."""
    missing = judged["gold"].isna()
    if "preference" in judged:
        missing |= judged["preference"].isna() & (judged["arm"] != "")
    unread = judged.loc[missing, "prompt"].unique()
    if len(unread):
        _log.warning(
            "%d of %d prompts are left out of every arm: the judge's verdict on %d answers was not readable",
            len(unread), judged["prompt"].nunique(), int(missing.sum()),
        )  # fmt: skip
    return judged[~judged["prompt"].isin(unread)]


def judge(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """``answers`` with ``preference`` over the base's answer to the same instruction (same model, seed and
    temperature), and ``reference_length``. The base's own rows are 1.5, goals that belong to no arm NaN.
    """
    keys = ["architecture", "seed", "temperature", "prompt"]
    reference = answers[answers["arm"] == "base"].drop_duplicates(keys)[[*keys, "text", "length"]]
    reference = reference.rename(columns={"text": "output_1", "length": "reference_length"})
    both = answers.merge(reference, on=keys, how="left", validate="many_to_one")
    compared = ~both["arm"].isin(["base", ""])
    pairs = both[compared].assign(model=both["architecture"] + "|" + both["arm"])
    pairs = pairs.drop(columns="prompt").rename(columns={"text": "output_2", "instruction": "prompt"})
    pairs = pairs.assign(instruction=both.loc[compared, "prompt"])
    preference = np.where(both["arm"] == "base", 1.5, np.nan)
    preference[compared.to_numpy()] = grading.preferences(pairs, recipe["grader"], cache=cache_of(recipe))
    return both.drop(columns="output_1").assign(preference=preference)


def settings_table(recipe: Mapping[str, Any]) -> pd.DataFrame:
    """Settings of every arm, in the columns of a tuning table; gold is NaN, for nothing was tuned."""
    rows = []
    for name, (label, (arm, _)) in product(recipe["architectures"], ARMS.items()):
        if arm is not None:
            options = options_of(recipe, name, arm)
            rows.append((name, label, options["learning_rate"], options.get("beta", np.nan), np.nan, True))
    return pd.DataFrame(rows, columns=["architecture", "arm", "learning_rate", "beta", "gold", "best"])
