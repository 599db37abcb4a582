"""Studies of goals: several attributes (RA-T8), other scales and noisy judges (RA-A1), goals outside the seen range
(RA-A2), and data that the model wrote itself (RA-T9). What each model (`goal_studies_models`) is asked is a `Cell`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo.relabelling.goals import COMPACT
from rapo.runs.queue import run_all
from rapo.runs.run import Result, Run
from rapo.studies.central_results import study as central
from rapo.studies.common.results import measure_or_read, with_central
from rapo.studies.goals_and_scales import models
from rapo.studies.goals_and_scales.models import METHODS, RUNS, SOURCES, THREE, Name
from rapo.studies.goals_and_scales.scales import SCALES
from rapo.world.reward import ATTRIBUTES

COLUMNS = ["prompt", "gold", "length", "sentences", "parseable", *ATTRIBUTES]
FRAMES = ("answers", "training", "examples")


@dataclass(frozen=True)
class Cell:
    """One thing that one model is asked.

    Attributes:
        study: "attributes", "scale", "noise", "outside" or "on-policy".
        arm: what results call the model.
        x: where it stands in the study: a scale, a judge's noise, a source and round.
        asked: the goal in short ("all 10", "truth 4", "11"), "" for none.
        goal: the goal as a number; that of the one attribute that differs; NaN for none.
        model: arm and variant.
        wish: the score prompt, None for none.
    """

    study: str
    arm: str
    x: str
    asked: str
    goal: float
    model: Name
    wish: str | None


def recipe_of(scale: str) -> dict[str, Any]:
    """The study's settings, with the central recipe of the same scale under ``central``: base models are shared."""
    return with_central("goals_and_scales", scale)


def cells(recipe: Mapping[str, Any]) -> list[Cell]:
    """Everything that is asked, in the order of the studies."""
    return [
        *_attribute_cells(recipe),
        *_scale_cells(recipe),
        *_noise_cells(recipe),
        *_outside_cells(recipe),
        *_policy_cells(recipe),
    ]


def profile(attribute: str | None = None, level: float = 10) -> dict[str, float]:
    """A goal of 10 for every attribute but one.

    >>> profile("truth", 4)["truth"], profile("truth", 4)["count"]
    (4, 10.0)
    """
    return {**dict.fromkeys(ATTRIBUTES, 10.0), **({attribute: level} if attribute else {})}


def _plain(study: str, arm: str, x: str, goal: int | None, model: Name) -> Cell:
    """A model asked plainly, or for one overall score on 1-10."""
    if goal is None:
        return Cell(study, arm, x, "", np.nan, model, None)
    return Cell(study, arm, x, f"{goal}", float(goal), model, COMPACT.text(goal))


def _attribute_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    study, best = "attributes", COMPACT.text(profile())
    found = [_plain(study, "base", "", None, ("base", "")), _plain(study, "base, g=10", "", 10, ("base", ""))]
    found += [_plain(study, arm, "", METHODS[arm][1], (arm, "")) for arm in THREE]
    found.append(Cell(study, "UF, all 10", "", "all 10", 10.0, ("UF, g=10", ""), best))
    levels = sorted({*recipe["levels"], recipe["low"]} - {10})
    for arm in ("base", "RA, attributes"):
        name = "base, all 10" if arm == "base" else arm
        found.append(Cell(study, name, "", "all 10", 10.0, (arm, ""), best))
        for attribute, level in product(ATTRIBUTES, levels):
            wish = COMPACT.text(profile(attribute, level))
            found.append(Cell(study, name, attribute, f"{attribute} {level:g}", float(level), (arm, ""), wish))
    return found


def _on_scale(study: str, arm: str, scale: str, goals: Sequence[float], model: Name) -> list[Cell]:
    wishes = {goal: SCALES[scale].wish(goal) for goal in goals}
    return [Cell(study, arm, scale, f"{goal:g}", float(goal), model, wish) for goal, wish in wishes.items()]


def ra_model(scale: str) -> Name:
    """The RA model whose goals are on a scale."""
    return "RA", "" if scale == "1-10" else scale


def _scale_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    found = [_plain("scale", arm, "", METHODS[arm][1], (arm, "")) for arm in ("UF", "UF, g=10")]
    for scale in recipe["scales"]:
        goals = [SCALES[scale].at(share) for share in recipe["shares"]]
        for arm, model in (("base", ("base", "")), ("RA", ra_model(scale))):
            found += _on_scale("scale", arm, scale, goals, model)
    return found


def _noise_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    return [
        _plain("noise", arm, f"{noise:g}", METHODS[arm][1], (arm, models.variant_of(recipe, noise)))
        for noise, arm in product(recipe["noises"], THREE)
    ]


def _outside_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    found = []
    for scale, beyond in recipe["outside"].items():
        if scale not in recipe["scales"]:
            continue
        inside = recipe["goals"] if scale == "1-10" else [SCALES[scale].at(share) for share in recipe["shares"]]
        goals = sorted({*inside, *beyond, SCALES[scale].high})
        models = {"base": ("base", ""), "RA": ra_model(scale)}
        if scale == "1-10":
            models["RA, no top"] = ("RA", "top")
        for arm, model in models.items():
            found += _on_scale("outside", arm, scale, goals, model)
    return found


def _policy_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    turns = range(1, recipe["on_policy"]["rounds"] + 1)
    found = [
        _plain("on-policy", arm, x, METHODS[arm][1], (arm, x))
        for source, number, arm in product(SOURCES, turns, THREE)
        for x in [f"{source}, round {number}"]
    ]
    name, x = "RA, attributes", "on-policy, round 1"
    found.append(Cell("on-policy", name, x, "all 10", 10.0, (name, x), COMPACT.text(profile())))
    base = [_plain("on-policy", arm, "", goal, ("base", "")) for arm, goal in (("base", None), ("base, g=10", 10))]
    return [*base, *found]


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """Train every model on every seed and sample its answers.

    Returns:
        "answers": one row an answer and cell, with the cell's study, arm, x, asked and goal, architecture, seed and
        `COLUMNS`. "training": one row a model, as `goal_studies_models.training_table` gives it. "examples": some
        answers of the first seed, with their texts.
    """
    options = models.options_of(recipe, jobs=jobs)
    found = {
        (seed, name): run
        for seed in recipe["seeds"]
        for name, run in models.trained(recipe, options, seed).items()
    }
    plan = cells(recipe)
    asking = _answer_runs(recipe, found, plan)
    needed = [run for run in found.values() if run.needs]
    sampled = [run.needs["pairs"] for run in needed if "pairs" in run.needs]
    results = run_all([*asking.values(), *needed, *sampled], name="goal-studies", jobs=jobs)
    by_key = {result.key: result for result in results}
    answers = _answers(recipe, found, plan, {key: by_key[run.key] for key, run in asking.items()})
    first = answers["seed"].eq(recipe["seeds"][0]) & answers["prompt"].isin(answers["prompt"].unique()[:4])
    return {
        "answers": answers.drop(columns="text"),
        "training": models.training_table(recipe, found, by_key),
        "examples": answers[first & answers["study"].eq("attributes")].reset_index(drop=True),
    }


def _answer_runs(
    recipe: Mapping[str, Any], found: Mapping[tuple[int, Name], Run], plan: Sequence[Cell]
) -> dict[tuple[int, str], Run]:
    """One run a seed and trained model (arms may share one), with all score prompts that it meets."""
    wishes: dict[tuple[int, str], dict[str | None, None]] = {}
    for (seed, name), run in found.items():
        asked = {cell.wish: None for cell in plan if cell.model == name}
        wishes.setdefault((seed, run.key), {}).update(asked)
    trained = {(seed, run.key): run for (seed, _), run in found.items()}
    return {key: _answer_run(recipe, trained[key], list(asked), key[0]) for key, asked in wishes.items()}


def _answer_run(recipe: Mapping[str, Any], model: Run, wishes: list[str | None], seed: int) -> Run:
    base = recipe["central"]
    config = {
        "architecture": recipe["architecture"],
        "split": "test",
        **{name: base[name] for name in ("world", "prompts", "prompt_seed", "temperature")},
        "wishes": wishes,
        "seed": central.own_seed(recipe["architecture"], seed),
    }
    return Run(f"{RUNS}:answer_wishes", config, {"model": model}, label=f"answers of {model.label}")


def _answers(
    recipe: Mapping[str, Any],
    found: Mapping[tuple[int, Name], Run],
    plan: Sequence[Cell],
    results: Mapping[tuple[int, str], Result],
) -> pd.DataFrame:
    tables = {
        key: dict(list(pd.read_parquet(result.folder / "answers.parquet").groupby("wish")))
        for key, result in results.items()
    }
    frames = []
    for seed, cell in product(recipe["seeds"], plan):
        part = tables[seed, found[seed, cell.model].key][cell.wish or ""][[*COLUMNS, "text"]]
        named = {name: getattr(cell, name) for name in ("study", "arm", "x", "asked", "goal")}
        frames.append(part.assign(**named, architecture=recipe["architecture"], seed=seed))
    return pd.concat(frames, ignore_index=True)


def results(*, scale: str, measure: bool, jobs: int) -> dict[str, pd.DataFrame]:
    """Everything the notebook shows, by the names in `FRAMES`: measured now, or as kept with the project."""
    recipe = recipe_of(scale)
    return measure_or_read("goals_and_scales", FRAMES, frames, recipe, scale=scale, measure=measure, jobs=jobs)
