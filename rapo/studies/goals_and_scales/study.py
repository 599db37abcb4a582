"""Studies of goals: several attributes (RA-T8), other scales and noisy judges (RA-A1), goals outside the seen range
(RA-A2), and data that the model wrote itself (RA-T9). `asked` tells what each model is asked; here they are trained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo.relabelling.goals import COMPACT
from rapo.runs.queue import run_all
from rapo.runs.run import Result, Run
from rapo.studies.central_results.study import chosen, options_of, tuned
from rapo.studies.common import arms
from rapo.studies.common.results import measure_or_read, with_central
from rapo.studies.common.tuning import setting, tune
from rapo.studies.goals_and_scales.asked import (
    METHODS,
    SOURCES,
    THREE,
    Cell,
    Name,
    cells,
    noises_of,
    sides_of,
    variant_of,
)

RUNS = "rapo.studies.goals_and_scales.runs"
COLUMNS = ["prompt", "task", "answer", "gold", "length", "sentences", "parseable"]  # and the sides
QUANTITIES = ("pairs", "rows", "goals", "label_accuracy", "gold_chosen", "gold_rejected")
FRAMES = ("tuning", "answers", "training", "examples")
Options = Mapping[str, Mapping[str, Any]]
recipe_of = partial(with_central, "goals_and_scales")


def tuning_table(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Gold on the tuning prompts of goals of several attributes, asked for 10 of all, in every setting of the central
    study's grid: other prompts than an overall goal's, and longer ones.

    Returns:
        Columns architecture, seed, arm, learning_rate, beta, and those of `tune`.
    """
    arm, cells = "RA, attributes", []
    wish = COMPACT.best(sides_of(recipe))
    for seed in recipe["central"]["tuning_seeds"]:
        for options in options_of(recipe["central"], {"data": METHODS[arm][0]}):
            model = _goals_run(recipe, {arm: options}, seed, arm, scale=None)
            about = {"architecture": recipe["architecture"], "seed": seed, "arm": arm, **setting(options)}
            cells.append((about, _answer_run(recipe, model, [wish], seed, split="tuning"), 0))
    return tune(cells, by=["arm"], over=["seed"], name="goals-tuning", jobs=jobs)


def trained(recipe: Mapping[str, Any], options: Options, seed: int) -> dict[Name, Run]:
    """Every model of the studies for one seed, by arm and variant."""
    found = {("base", ""): base_of(recipe, seed)}
    for noise, arm in product(noises_of(recipe), THREE):
        found[arm, variant_of(recipe, noise)] = _noisy_run(recipe, options, seed, arm, noise)
    for scale in recipe["scales"]:
        if scale != "1-10":
            found["RA", scale] = _goals_run(recipe, options, seed, "RA", scale=scale)
    found["RA", "top"] = _goals_run(recipe, options, seed, "RA", top=recipe["top"])
    found["RA, attributes", ""] = _goals_run(recipe, options, seed, "RA, attributes", scale=None)
    for source, arm in product(SOURCES, THREE):
        for number, run in enumerate(rounds(recipe, options, seed, arm, source), start=1):
            found[arm, f"{source}, round {number}"] = run
    first, *_ = rounds(recipe, options, seed, "RA, attributes", "on-policy")
    found["RA, attributes", "on-policy, round 1"] = first
    return found


def base_of(recipe: Mapping[str, Any], seed: int) -> Run:
    """The base model, the central study's."""
    return arms.base_run(recipe["central"], recipe["architecture"], seed)


def _noisy_run(recipe: Mapping[str, Any], options: Options, seed: int, arm: str, noise: float) -> Run:
    """An arm as the central study trains it, on another judge's pairs; the base is the same."""
    shared = {**recipe["central"], "pairs": recipe["pairs"]}
    if variant := variant_of(recipe, noise):
        shared["world"] = {**shared["world"], "noise": noise}
    start = base_of(recipe, seed)
    run = arms.arm_run(shared, recipe["architecture"], {"data": METHODS[arm][0]}, options[arm], seed, start=start)
    return replace(run, label=f"{arm} {variant} seed {seed}")


def _goals_run(
    recipe: Mapping[str, Any],
    options: Options,
    seed: int,
    arm: str,
    *,
    scale: str | None = "1-10",
    top: int | None = None,
) -> Run:
    """RA on pairs of the annotators, with goals of another kind or from a data set without its best answers."""
    own = arms.own_seed(recipe["architecture"], seed)
    source = {"prompts": recipe["pairs"], "pairs": None, "rule": "random", "seed": own, "top": top}
    config = {**_shared(recipe, options, arm, own), "scale": scale, "source": source}
    return Run(
        f"{RUNS}:train_goals", config, {"base": base_of(recipe, seed)}, f"{arm} {scale} top {top} seed {seed}"
    )


def _shared(recipe: Mapping[str, Any], options: Options, arm: str, seed: int) -> dict[str, Any]:
    """What every training on own or on annotators' pairs must know."""
    about = {"architecture": recipe["architecture"], "world": recipe["central"]["world"], "seed": seed}
    return {**about, "arm": {"data": METHODS[arm][0]}, "training": dict(options[arm])}


def rounds(recipe: Mapping[str, Any], options: Options, seed: int, arm: str, source: str) -> list[Run]:
    """A method's model after each round; on-policy, the run that sampled its pairs is among its needs.

    Prompts are the same for both sources and new in each round; the reference is the model that a round starts
    from. The first round samples the base asked plainly; later ones ask RA for a score of 10, UF plainly.
    """
    policy, model = recipe["on_policy"], base_of(recipe, seed)
    found: list[Run] = []
    for number in range(1, policy["rounds"] + 1):
        own = arms.own_seed(recipe["architecture"], seed) + 100 * (number - 1)
        config = {**_shared(recipe, options, arm, own), "scale": "1-10" if METHODS[arm][0] == "ra" else None}
        label, needs = f"{arm} {source} round {number} seed {seed}", {"base": model}
        if source == "on-policy":
            wish = COMPACT.text(10) if number > 1 and arm == "RA" else None
            needs["pairs"] = _sampled(recipe, model, wish, own, f"pairs for {label}")
        else:
            size = {name: policy[name] for name in ("prompts", "pairs")}
            config["source"] = {**size, "rule": "worst", "seed": own, "top": None}
        model = Run(f"{RUNS}:train_goals", config, needs, label)
        found.append(model)
    return found


def _sampled(recipe: Mapping[str, Any], model: Run, wish: str | None, seed: int, label: str) -> Run:
    policy = {name: recipe["on_policy"][name] for name in ("prompts", "pairs", "candidates", "temperature")}
    config = {"world": recipe["central"]["world"], **policy, "wish": wish, "seed": seed}
    return Run(f"{RUNS}:sample_pairs", config, {"model": model}, label)


def training_table(found: Mapping[tuple[int, Name], Run], results: Mapping[str, Result]) -> pd.DataFrame:
    """What each model was trained on.

    Args:
        found: models by seed and name.
        results: of every run that is needed, by key.

    Returns:
        Columns arm, variant, seed, pairs, rows, goals (different score prompts that the pairs give RA),
        label_accuracy (share of the pairs whose chosen answer gold likes better), gold_chosen, gold_rejected,
        own_gold and own_parseable (of all answers that were sampled for the pairs; NaN for annotators' pairs).
    """
    rows = []
    for (seed, (arm, variant)), run in found.items():
        if arm == "base":
            continue
        told = results[run.key].metrics
        if "scale" not in run.config:  # a central arm; plain pairs tell what RA would be given
            told = {**told, "goals": told["scores"]}
        own = results[run.needs["pairs"].key].metrics if "pairs" in run.needs else {}
        row = {name: told.get(name, np.nan) for name in QUANTITIES}
        own_row = {f"own_{name}": own.get(name, np.nan) for name in ("gold", "parseable")}
        rows.append({"arm": arm, "variant": variant, "seed": seed, **row, **own_row})
    return pd.DataFrame(rows)


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """Train every model on every seed and sample its answers.

    Returns:
        "tuning" of `tuning_table`. "answers": one row an answer and cell, with the cell's study, arm, x, asked and
        goal, architecture, seed, `COLUMNS` and the sides of quality. "training": one row a model, as
        `training_table` gives it. "examples": some answers of the first seed, with their texts.
    """
    tuning = tuning_table(recipe, jobs=jobs)
    options = tuned(recipe["central"], THREE, jobs=jobs)
    options["RA, attributes"] = chosen(recipe["central"], tuning, "RA, attributes")
    found = {(seed, name): run for seed in recipe["seeds"] for name, run in trained(recipe, options, seed).items()}
    plan = cells(recipe)
    asking = answer_runs(recipe, found, plan)
    needed = [run for run in found.values() if run.needs]
    sampled = [run.needs["pairs"] for run in needed if "pairs" in run.needs]
    results = run_all([*asking.values(), *needed, *sampled], name="goal-studies", jobs=jobs)
    by_key = {result.key: result for result in results}
    answers = answers_of(recipe, found, plan, {key: by_key[run.key] for key, run in asking.items()})
    first = answers["seed"].eq(recipe["seeds"][0]) & answers["prompt"].isin(answers["prompt"].unique()[:4])
    return {
        "tuning": tuning,
        "answers": answers.drop(columns="text"),
        "training": training_table(found, by_key),
        "examples": answers[first & answers["study"].eq("attributes")].reset_index(drop=True),
    }


def answer_runs(
    recipe: Mapping[str, Any], found: Mapping[tuple[int, Name], Run], plan: Sequence[Cell]
) -> dict[tuple[int, str], Run]:
    """One run a seed and trained model (arms may share one), with all score prompts that it meets."""
    wishes: dict[tuple[int, str], dict[str | None, None]] = {}
    for (seed, name), run in found.items():
        asked = {cell.wish: None for cell in plan if cell.model == name}
        wishes.setdefault((seed, run.key), {}).update(asked)
    trained = {(seed, run.key): run for (seed, _), run in found.items()}
    return {key: _answer_run(recipe, trained[key], list(asked), key[0]) for key, asked in wishes.items()}


def _answer_run(
    recipe: Mapping[str, Any], model: Run, wishes: list[str | None], seed: int, *, split: str = "test"
) -> Run:
    base = recipe["central"]
    config = {
        "split": split,
        **{name: base[name] for name in ("world", "prompts", "prompt_seed", "temperature", "answers")},
        "wishes": wishes,
        "seed": arms.own_seed(recipe["architecture"], seed),
    }
    return Run(f"{RUNS}:answer_wishes", config, {"model": model}, label=f"answers of {model.label}")


def answers_of(
    recipe: Mapping[str, Any],
    found: Mapping[tuple[int, Name], Run],
    plan: Sequence[Cell],
    results: Mapping[tuple[int, str], Result],
) -> pd.DataFrame:
    tables = {key: dict(list(arms.answers(result).groupby("wish"))) for key, result in results.items()}
    frames, columns = [], [*COLUMNS, *sides_of(recipe), "text"]
    for seed, cell in product(recipe["seeds"], plan):
        part = tables[seed, found[seed, cell.model].key][cell.wish or ""][columns]
        named = {name: getattr(cell, name) for name in ("study", "arm", "x", "asked", "goal")}
        frames.append(part.assign(**named, architecture=recipe["architecture"], seed=seed))
    return pd.concat(frames, ignore_index=True)


results = partial(measure_or_read, "goals_and_scales", FRAMES, frames)  # all that the notebook shows
