"""Reward-augmented data under TRL's other objectives (RA-A3), and against other methods on the same pairs (RA-A4).

Equal compute: every arm trains on the same number of sequences (a prompt with one response, counted each time it
is trained on), in as many steps: four a pair, as relabelling makes two rows of two responses. Forward passes of the
reference, and KTO's for its KL term, are not counted.

Every arm, under the goal it is asked for, takes from a grid of one size the setting with the highest mean gold on
the tuning prompts, on a seed that no test uses, as in the central study.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import pandas as pd

from rapo.runs.queue import run_all
from rapo.runs.run import Run
from rapo.studies.common import arms
from rapo.studies.common.results import measure_or_read, with_central
from rapo.studies.common.rows import IMITATED
from rapo.studies.common.tuning import setting, tune

RUNS = "rapo.studies.objectives_and_baselines.runs"
# What an arm is trained on, and the goal it is asked for.
ARMS: dict[str, tuple[str, int | None]] = {
    "UF": ("uf", None),
    "UF, g=10": ("uf", 10),
    "RA": ("ra", 10),
    "best": ("best", None),
    "best, g=10": ("best", 10),
    "own score": ("own score", 10),
}
EPOCHS = {"uf": 2, "ra": 1, "best": 4, "own score": 2}  # so that each sees four sequences a pair
ABOUT = ("title", "trainer", "data", "published", "grid", "length_penalty")  # of a method, not of its trainer
COLUMNS = [
    "method", "arm", "architecture", "seed",
    "prompt", "task", "answer", "gold", "length", "sentences", "parseable",
]  # fmt: skip
FRAMES = ("tuning", "answers", "training")


@dataclass(frozen=True)
class Cell:
    """An arm of a method at one of the settings of its grid."""

    method: str
    arm: str
    setting: int

    @property
    def data(self) -> str:
        return ARMS[self.arm][0]


recipe_of = partial(with_central, "objectives_and_baselines")


def method_of(recipe: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What the recipe says of a method, objective or baseline.

    Raises:
        ValueError: the recipe has no such method.
    """
    known = {**recipe["objectives"], **recipe["baselines"]}
    if name not in known:
        raise ValueError(f"run names {name!r}; the recipe has {', '.join(known)}")
    return dict(known[name])


def arms_of(recipe: Mapping[str, Any], name: str) -> list[str]:
    """Arms of a method: an objective has three, a baseline those of its data."""
    wanted = ("uf", "ra") if name in recipe["objectives"] else (method_of(recipe, name)["data"],)
    return [arm for arm, (data, _) in ARMS.items() if data in wanted]


def titles(recipe: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """What pictures and tables call methods."""
    return {name: method_of(recipe, name)["title"] for name in names}


def plan(recipe: Mapping[str, Any]) -> pd.DataFrame:
    """What runs, one row a method: title, what it is (objective or baseline), data, trainer and fixed options."""
    rows = []
    for name in recipe["run"]:
        method = method_of(recipe, name)
        kind = "objective" if name in recipe["objectives"] else "baseline"
        data = dict.fromkeys(ARMS[arm][0] for arm in arms_of(recipe, name))
        options = {
            key: value for key, value in method.items() if key not in ("title", "data", "published", "grid")
        }
        rows.append({"method": method["title"], "kind": kind, "data": ", ".join(data), **options})
    return pd.DataFrame(rows, dtype=object).set_index("method").fillna("")


def objectives_of(recipe: Mapping[str, Any]) -> list[str]:
    """Names of the objectives that run."""
    return [name for name in recipe["run"] if name in recipe["objectives"]]


def options_of(recipe: Mapping[str, Any], name: str, data: str) -> list[dict[str, Any]]:
    """The settings that a method may choose from, as its trainer takes them. Shape: (n_settings,)

    Raises:
        ValueError: the method's own grid is not as long as the others'.
    """
    method = method_of(recipe, name)
    grid = method.get("grid", recipe["grid"])
    if len(grid) != len(recipe["grid"]):
        raise ValueError(f"{name} has {len(grid)} settings, the others {len(recipe['grid'])}; give each as many")
    own = {key: value for key, value in method.items() if key not in ABOUT}
    rows = recipe["batch"] // (1 if data in IMITATED else 2)
    return [{**own, **each, "batch_size": rows, "epochs": EPOCHS[data]} for each in grid]


def model_run(recipe: Mapping[str, Any], cell: Cell, seed: int) -> Run:
    """The base trained as a cell says."""
    method, central = method_of(recipe, cell.method), {**recipe["central"], "pairs": recipe["pairs"]}
    arm, options = {"data": cell.data}, options_of(recipe, cell.method, cell.data)[cell.setting]
    run = arms.arm_run(central, recipe["architecture"], arm, options, seed)
    own: dict[str, Any] = {name: method[name] for name in ("trainer", "length_penalty") if name in method}
    label = f"{cell.method} {cell.data} setting {cell.setting} seed {seed}"
    return Run(f"{RUNS}:train_objective", {**run.config, **own}, run.needs, label)


def goals_of(data: str) -> list[int | None]:
    """Everything that models trained on this data are asked for."""
    return [goal for kind, goal in ARMS.values() if kind == data]


def _answers_run(recipe: Mapping[str, Any], model: Run, data: str, *, split: str, seed: int) -> Run:
    conditions = [(goal, recipe["central"]["temperature"]) for goal in goals_of(data)]
    return arms.evaluate_run(recipe["central"], model, conditions, split=split, seed=seed)


def tuning_table(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Mean gold on the tuning prompts of every arm and setting; ``best`` marks the chosen one.

    Returns:
        Columns method, arm, seed, setting, learning_rate, beta (NaN for SFT), and those of `tune`.
    """
    cells, numbers = [], range(len(recipe["grid"]))
    for name in recipe["run"]:
        for arm, number, seed in product(arms_of(recipe, name), numbers, recipe["tuning_seeds"]):
            cell = Cell(name, arm, number)
            options = options_of(recipe, name, cell.data)[number]
            about = {"method": name, "arm": arm, "seed": seed, "setting": number, **setting(options)}
            run = _answers_run(recipe, model_run(recipe, cell, seed), cell.data, split="tuning", seed=seed)
            cells.append((about, run, goals_of(cell.data).index(ARMS[arm][1])))
    return tune(cells, by=["method", "arm"], over=["seed"], name="objectives-tuning", jobs=jobs)


def chosen(tuning: pd.DataFrame, method: str, arm: str) -> Cell:
    """An arm at its chosen setting."""
    row = tuning[(tuning["method"] == method) & (tuning["arm"] == arm) & tuning["best"]].iloc[0]
    return Cell(method, arm, int(row["setting"]))


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """Tune every arm, train it on every seed and sample its answers to the test prompts.

    Returns:
        "tuning" of `tuning_table`; "answers", one row an answer (`COLUMNS`; the untrained base is method "base"); and
        "training", one row a model: method, data, seed, setting, rows, sequences, tokens, steps.
    """
    tuning = tuning_table(recipe, jobs=jobs)
    plan = [chosen(tuning, name, arm) for name in recipe["run"] for arm in arms_of(recipe, name)]
    cells = list(product(recipe["seeds"], plan))
    models = [model_run(recipe, cell, seed) for seed, cell in cells]
    runs = [
        _answers_run(recipe, model, cell.data, split="test", seed=seed)
        for model, (seed, cell) in zip(models, cells, strict=True)
    ]
    bases = [arms.base_run(recipe["central"], recipe["architecture"], seed) for seed in recipe["seeds"]]
    asked = [
        _answers_run(recipe, base, "uf", split="test", seed=seed)
        for base, seed in zip(bases, recipe["seeds"], strict=True)
    ]
    found = run_all([*runs, *models, *asked], name="objectives", jobs=jobs)
    frames = [
        arms.under(arms.answers(result), ARMS[cell.arm][1]).assign(method=cell.method, arm=cell.arm, seed=seed)
        for result, (seed, cell) in zip(found, cells, strict=False)
    ]
    for result, seed in zip(found[2 * len(runs) :], recipe["seeds"], strict=True):
        frames += [
            arms.under(arms.answers(result), goal).assign(method="base", arm=name, seed=seed)
            for name, goal in (("base", None), ("base, g=10", 10))
        ]
    answers = pd.concat(frames, ignore_index=True).assign(architecture=recipe["architecture"])
    told = [
        {"method": cell.method, "data": cell.data, "seed": seed, "setting": cell.setting,
         **{name: result.metrics[name] for name in ("rows", "sequences", "tokens", "steps")}}
        for result, (seed, cell) in zip(found[len(runs) :], cells, strict=False)
    ]  # fmt: skip
    training = pd.DataFrame(told).drop_duplicates(ignore_index=True)
    return {"tuning": tuning, "answers": answers[COLUMNS], "training": training}


results = partial(measure_or_read, "objectives_and_baselines", FRAMES, frames)  # all that the notebook shows
