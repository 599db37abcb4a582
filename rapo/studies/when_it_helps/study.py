"""When does reward augmentation help? (RA-map) RA against its best control, regime by regime.

Controls are equally prompted, equally long, or both. Which of them is the best is decided for each regime on the tuning
prompts, so that the comparison on the test prompts is not biased against RA by the choice.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pandas as pd

from rapo import config
from rapo.runs.queue import run_all
from rapo.runs.run import Run
from rapo.runs.store import kept, manifest, store
from rapo.studies.central_results.study import tuned
from rapo.studies.common import arms
from rapo.studies.common.results import measure_or_read, with_central
from rapo.studies.when_it_helps import ladder, tables
from rapo.studies.when_it_helps.tables import name_of

RUNS = "rapo.studies.when_it_helps.runs"
FRAMES = ("answers", "pairs", "gains")
LADDER = "when_it_helps_ladder"
# What is trained and which central arm lends its settings; then the goal each is asked for.
MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "UF": ({"data": "uf"}, "UF"),
    "UF for g=10": ({"data": "uf"}, "UF, g=10"),
    "UF, equal steps": ({"data": "uf", "epochs": 2}, "UF, equal steps, g=10"),
    "RA": ({"data": "ra"}, "RA"),
}
ARMS: dict[str, tuple[str, int | None]] = {
    "base": ("base", None),
    "base, g=10": ("base", 10),
    "base, g=1": ("base", 1),
    "UF": ("UF", None),
    "UF, g=10": ("UF for g=10", 10),
    "UF, equal steps": ("UF, equal steps", None),
    "UF, equal steps, g=10": ("UF, equal steps", 10),
    "RA": ("RA", 10),
}


def recipe_of(scale: str) -> dict[str, Any]:
    """The settings of a scale; ``regimes`` and ``grid`` are those of the world of the central study."""
    recipe = with_central("when_it_helps", scale)
    maps: dict[str, dict[str, Any]] = recipe.pop("maps")
    return {**recipe, **maps[recipe["central"]["world"].get("regime", "one-sided")]}


def local(recipe: Mapping[str, Any], regime: Mapping[str, Any]) -> dict[str, Any]:
    """The central recipe as it is in one regime; its judge is left to `judged`, as no base depends on it."""
    base, default = recipe["central"], recipe["default"]
    return {
        **base,
        "prompts": default["prompts"],
        "pairs": regime.get("pairs", default["pairs"]),
        "size": regime.get("size", base["size"]),
        "base_seed": regime.get("base_seed", base["base_seed"]),
        "world": config.merge(base["world"], regime.get("world", {})),
        "corpus": {**base["corpus"], **regime.get("corpus", {})},
    }


def judged(here: Mapping[str, Any], regime: Mapping[str, Any]) -> dict[str, Any]:
    """A regime's recipe with its judge: ``judge`` of the regime holds noise, length_bias or flips."""
    return {**here, "world": config.merge(here["world"], regime.get("judge", {}))}


def base_of(recipe: Mapping[str, Any], regime: Mapping[str, Any], seed: int) -> Run:
    """The base model of a regime and seed.

    Another world is learned by training the default world's base further (``relearn`` in the recipe), before it is
    aligned: texts are the same in every world, what scores they get is not. Another corpus or size needs a base of
    its own.
    """
    here, architecture = local(recipe, regime), recipe["architecture"]
    if "world" not in regime:
        return arms.base_run(here, architecture, seed)
    again, usual = recipe["relearn"], {**here, "world": recipe["central"]["world"], "aligned": None}
    base = arms.base_run(usual, architecture, seed)
    settings = {
        "architecture": architecture,
        "world": here["world"],
        "corpus": {**here["corpus"], "n": again["n"]},
        "training": {**here["base"], "learning_rate": again["learning_rate"]},
        "seed": again["seed"] + base.config["seed"],  # texts of their own
    }
    plain = Run(base.function, settings, {"base": base}, f"base, {name_of(regime)}")
    return arms.aligned_run(here, architecture, seed, plain)


def model_run(
    recipe: Mapping[str, Any], regime: Mapping[str, Any], name: str, options: Mapping[str, Any], seed: int
) -> Run:
    """A model of one regime and seed; "base" is the same for every seed."""
    base = base_of(recipe, regime, seed)
    if name == "base":
        return base
    here = judged(local(recipe, regime), regime)
    run = arms.arm_run(here, recipe["architecture"], MODELS[name][0], options, seed, start=base)
    label = f"{name_of(regime)}, {name}, seed {seed}"
    if "pick" not in regime:
        return replace(run, label=label)
    settings = {**run.config, **_picked(recipe, regime)}
    return Run(f"{RUNS}:train_picked", settings, run.needs, label)


def _picked(recipe: Mapping[str, Any], regime: Mapping[str, Any]) -> dict[str, Any]:
    return {"pick": regime.get("pick", {}), "good": recipe["good"], "bad": recipe["bad"]}


def train(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Train every model of every regime and seed, and sample the test prompts; the tuning prompts as `asked_of` says.

    Returns:
        One row an answer: regime, axis, level, arm, split, seed, prompt, task, answer, gold, sentences,
        parseable.
    """
    settings = tuned(recipe["central"], recipe["grid_of"], jobs=jobs)
    options = {"base": {}, **{name: settings[arm] for name, (_, arm) in MODELS.items()}}
    every = product(recipe["regimes"], options, recipe["seeds"], ["tuning", "test"])
    cells = [cell for cell in every if asked_of(cell[1], cell[3])]
    runs = [
        _evaluation(recipe, regime, model_run(recipe, regime, name, options[name], seed), name, split, seed)
        for regime, name, seed, split in cells
    ]
    results = run_all(runs, name="regimes", jobs=jobs)
    frames = []
    for result, (regime, name, seed, split) in zip(results, cells, strict=True):
        about = {"regime": name_of(regime), "axis": regime["axis"], "level": regime["level"]}
        frames.append(by_arm(arms.answers(result), name).assign(**about, split=split, seed=seed))
    return pd.concat(frames, ignore_index=True)


def asked_of(name: str, split: str) -> list[int | None]:
    """The goals (None: asked plainly) under which a model answers: on the tuning prompts as the controls ask, which
    are all that these prompts choose from.
    """
    return tables.goals_of(ARMS, name, tables.CONTROLS if split == "tuning" else ARMS)


def _evaluation(
    recipe: Mapping[str, Any], regime: Mapping[str, Any], model: Run, name: str, split: str, seed: int
) -> Run:
    conditions = [(goal, recipe["central"]["temperature"]) for goal in asked_of(name, split)]
    run = arms.evaluate_run(local(recipe, regime), model, conditions, split=split, seed=seed)
    return replace(run, label=f"{split} answers, {model.label}")


def by_arm(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """A model's answers, each named by its arm."""
    by_goal = {goal: arm for arm, (asked, goal) in ARMS.items() if asked == name}
    return table[["prompt", "task", "answer", "gold", "sentences", "parseable"]].assign(
        arm=arms.named(table, by_goal)
    )


def described(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """What the pairs of every regime look like, means over seeds: columns as `runs.describe` names them."""
    cells = list(product(recipe["regimes"], recipe["seeds"]))
    runs = []
    for regime, seed in cells:
        here = judged(local(recipe, regime), regime)
        seeds = {"seed": arms.own_seed(recipe["architecture"], seed)}
        settings = {"world": here["world"], "pairs": here["pairs"], **_picked(recipe, regime), **seeds}
        runs.append(Run(f"{RUNS}:describe", settings, label=f"pairs of {name_of(regime)}"))
    results = run_all(runs, name="regimes-pairs", jobs=jobs)
    rows = [
        {"regime": name_of(regime), **result.metrics} for result, (regime, _) in zip(results, cells, strict=True)
    ]
    return pd.DataFrame(rows).groupby("regime", sort=False).mean().reset_index()


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """ "answers" of `train`, "pairs" of `described`, and "gains" (`tables.gains`), which `rapo check` reads too."""
    answers, pairs = train(recipe, jobs=jobs), described(recipe, jobs=jobs)
    return {"answers": answers, "pairs": pairs, "gains": tables.gains(answers, pairs, recipe)}


def results(*, scale: str, measure: bool, jobs: int, ladder_anew: bool = False) -> dict[str, pd.DataFrame]:
    """All that the notebook shows, by the names in `FRAMES`: measured now, or as kept with the project.

    Beside these "ladder" (`ladder.climb`). At small it is measured if ``ladder_anew`` asks for it or its runs are there
    already; else it is as kept, and without rows where nothing is, or where all seeds are others.
    """
    recipe = recipe_of(scale)
    options: dict[str, Any] = {"scale": scale, "measure": measure, "jobs": jobs, "recipe": recipe}
    found = measure_or_read("when_it_helps", FRAMES, frames, **options)
    if measure and (ladder_anew or scale != "small" or ladder.is_climbed(recipe, jobs=jobs)):
        climbed = ladder.climb(recipe, jobs=jobs)
        store(climbed, LADDER, scale=scale, config=recipe)
    elif config.seed_shift() or f"{LADDER}.parquet" not in manifest():
        climbed = pd.DataFrame()
    else:
        climbed = kept(LADDER)
    return {**found, "ladder": climbed}
