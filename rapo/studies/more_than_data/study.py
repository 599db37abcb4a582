"""Is it more than data? (RA-T5), implicit rewards as goals (RA-T6), unlearning (RA-F3), the official code's fault.

What the central study trains too (base, UF, UF for two epochs, RA) is taken from there, answers included, so that an
arm has one number in both. Every new arm takes its setting from the same grid by the same rule, with two exceptions:
duplicated UF takes that of UF for two epochs (the same rows as often, in as many steps), and RA with the fault takes
that of RA (an ablation: nothing but the data differs).
"""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

import pandas as pd

from rapo.runs.queue import run_all
from rapo.runs.run import Run
from rapo.studies.central_results import study as central
from rapo.studies.common import arms
from rapo.studies.common.results import measure_or_read, with_central
from rapo.studies.common.tuning import setting, tune

RUNS = "rapo.studies.more_than_data.runs"
# What an arm is trained on, the goal it is asked for (None: no goal), and the arm whose setting it takes.
ARMS: dict[str, tuple[str, int | None, str]] = {
    "UF, duplicated": ("uf twice", None, "UF, equal steps"),
    "UF, duplicated, g=10": ("uf twice", 10, "UF, equal steps"),
    "half RA": ("half ra", 10, "half RA"),
    "half RA, unprompted": ("half ra", None, "half RA"),
    "UF, then UF again": ("uf again", None, "UF, then UF again"),
    "UF, then UF again, g=10": ("uf again", 10, "UF, then UF again, g=10"),
    "IRA": ("implicit ra", 10, "IRA"),
    "IRA, unprompted": ("implicit ra", None, "IRA"),
}
TUNED = ("half RA", "UF, then UF again", "UF, then UF again, g=10", "IRA")
FAULTY = "RA, faulty"
FRAMES = ("tuning", "answers", "goals", "unlearning", "fault")
COLUMNS = [
    "architecture", "arm", "seed", "goal",
    "prompt", "task", "answer", "gold", "length", "sentences", "parseable",
]  # fmt: skip
# What is watched: its data, the arm whose setting it takes, and how it is asked.
WATCHED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "UF": ("uf", "UF", ("plain", "g=10")),
    "UF, RA's rate": ("uf", "RA", ("plain", "g=10")),
    "RA": ("ra", "RA", ("plain", "own score", "g=10")),
}
recipe_of = partial(with_central, "more_than_data")


def model_run(
    recipe: Mapping[str, Any], data: str, options: Mapping[str, Any], seed: int, *, uf: Mapping[str, Any]
) -> Run:
    """The model of an arm of `ARMS`; ``uf`` are the options of UF, which second rounds start or learn from."""
    base, architecture = recipe["central"], recipe["architecture"]
    first = arms.arm_run(base, architecture, {"data": "uf"}, uf, seed)
    if data == "uf again":
        return arms.arm_run(base, architecture, {"data": "uf"}, options, seed, start=first)
    if data != "implicit ra":
        return arms.arm_run(base, architecture, {"data": data}, options, seed)
    run = arms.arm_run(base, architecture, {"data": data, "levels": recipe["levels"]}, options, seed)
    config = {**run.config, "source_beta": uf["beta"]}
    return Run(f"{RUNS}:train_implicit", config, {**run.needs, "source": first}, run.label)


def tuning_table(recipe: Mapping[str, Any], uf: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Mean gold on the tuning prompts of every new arm and setting, in the columns of the central study's."""
    base, cells = recipe["central"], []
    for name, seed, options in product(TUNED, base["tuning_seeds"], central.options_of(base, {"data": "ra"})):
        model = model_run(recipe, ARMS[name][0], options, seed, uf=uf)
        about = {"architecture": recipe["architecture"], "seed": seed, "arm": name, **setting(options)}
        cells.append((about, central.tuning_run(base, model, seed), 0 if ARMS[name][1] is None else 1))
    return tune(cells, by=["arm"], over=["architecture", "seed"], name="more-than-data-tuning", jobs=jobs)


def new_arms(recipe: Mapping[str, Any], tuning: pd.DataFrame, *, jobs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers of every arm of `ARMS`, and the goals that implicit rewards gave each seed's responses.

    Returns:
        One row an answer (`COLUMNS`); and `goal_quality` of each seed, with a column seed.
    """
    base, architecture = recipe["central"], recipe["architecture"]
    taken = {*(tuned for _, _, tuned in ARMS.values()), "UF"}
    options = {name: central.chosen(base, tuning, name) for name in taken}
    cells = list(product(base["seeds"], ARMS))
    models = {
        (seed, name): model_run(recipe, ARMS[name][0], options[ARMS[name][2]], seed, uf=options["UF"])
        for seed, name in cells
    }
    goals = [(goal, base["temperature"]) for goal in (None, 10)]
    runs = [arms.evaluate_run(base, models[cell], goals, split="test", seed=cell[0]) for cell in cells]
    found = run_all([*runs, *models.values()], name="more-than-data", jobs=jobs)
    answers, trained = found[: len(runs)], dict(zip(models, found[len(runs) :], strict=True))
    frames = [
        arms.under(arms.answers(result), ARMS[name][1]).assign(architecture=architecture, arm=name, seed=seed)
        for result, (seed, name) in zip(answers, cells, strict=True)
    ]
    told = [
        goal_quality(pd.read_parquet(trained[seed, "IRA"].folder / "goals.parquet")).assign(seed=seed)
        for seed in base["seeds"]
    ]
    return pd.concat(frames, ignore_index=True)[COLUMNS], pd.concat(told, ignore_index=True)


def goal_quality(responses: pd.DataFrame) -> pd.DataFrame:
    """Mean gold of the responses of each goal, by implicit reward and by the judge.

    Args:
        responses: columns goal (implicit), score (the judge's), gold.

    Returns:
        Columns kind, goal, gold, n, correlation (Spearman's, of the kind's goals with gold).
    """
    frames = []
    for kind, column in (("implicit", "goal"), ("judge", "score")):
        found = responses.groupby(column)["gold"].agg(["mean", "size"]).reset_index()
        found.columns = pd.Index(["goal", "gold", "n"])
        correlation = responses[column].corr(responses["gold"], method="spearman")
        frames.append(found.assign(kind=kind, correlation=correlation))
    return pd.concat(frames, ignore_index=True)[["kind", "goal", "gold", "n", "correlation"]]


def watch(recipe: Mapping[str, Any], tuning: pd.DataFrame, *, jobs: int) -> pd.DataFrame:
    """RA-F3: mean log-probability of good rejected responses, of their chosen rivals and of the base's own answers to
    the tuning prompts, while UF, UF at RA's learning rate and RA train.

    Returns:
        Columns arm, conditioning, side, seed, step, share, logprob (nats a response), n (responses).
    """
    base, own = recipe["central"], recipe["unlearning"]
    cells = list(product(own["seeds"], WATCHED))
    runs = []
    for seed, name in cells:
        data, taken, conditionings = WATCHED[name]
        options = central.chosen(base, tuning, taken)
        arm = arms.arm_run(base, recipe["architecture"], {"data": data}, options, seed)
        config = {
            **arm.config,
            "conditionings": list(conditionings),
            "distance": {"prompts": own["prompts"], "prompt_seed": base["prompt_seed"]},
            "watched": own["pairs"],
            "good": own["good"],
            "shares": own["shares"],
        }
        runs.append(Run(f"{RUNS}:watch", config, arm.needs, f"watched {arm.label}"))
    results = run_all(runs, name="more-than-data-unlearning", jobs=jobs)
    keys, frames = ["conditioning", "side", "step", "share"], []
    for result, (seed, name) in zip(results, cells, strict=True):
        found = pd.read_parquet(result.folder / "logprobs.parquet").groupby(keys, sort=False)["logprob"]
        means = found.agg(["mean", "size"]).reset_index().rename(columns={"mean": "logprob", "size": "n"})
        frames.append(means.assign(arm=name, seed=seed))
    return pd.concat(frames, ignore_index=True)


def faulty(recipe: Mapping[str, Any], measured: pd.DataFrame, tuning: pd.DataFrame, *, jobs: int) -> pd.DataFrame:
    """The fault's ablation: answers of base, UF, RA and RA with the fault, under several goals.

    Args:
        recipe: of the study.
        measured: answers of the central study, labelled as `arms.sample_arms` does.
        tuning: of the central study.
        jobs: processes.

    Returns:
        One row an answer (`COLUMNS`; the goal tells what was asked).
    """
    base, own = recipe["central"], recipe["fault"]
    architecture, longer = own["architecture"], "UF, equal steps, g=10"
    part = measured[(measured["architecture"] == architecture) & measured["seed"].isin(own["seeds"])]
    shown = part["trained"].isin(["base", "RA"]) & (part["goal"].isna() | part["goal"].isin(own["goals"]))
    plain = part["arm"].isin(["UF", "UF, g=10"])
    frames = [part[shown].assign(arm=part["trained"]), part[plain]]
    options = {name: central.chosen(base, tuning, name) for name in ("RA", longer)}
    goals = [(goal, base["temperature"]) for goal in (None, *own["goals"])]
    cells = list(product(own["seeds"], (FAULTY, longer)))
    runs = []
    for seed, name in cells:
        if name == FAULTY:
            model = arms.arm_run(base, architecture, {"data": "faulty ra"}, options["RA"], seed)
        else:
            model = arms.arm_run(base, architecture, arms.ARMS[longer][0] or {}, options[longer], seed)
        runs.append(arms.evaluate_run(base, model, goals, split="test", seed=seed))
    results = run_all(runs, name="more-than-data-fault", jobs=jobs)
    for result, (seed, name) in zip(results, cells, strict=True):
        table = arms.answers(result)
        frames.append(table.assign(architecture=architecture, seed=seed, arm=name.removesuffix(", g=10")))
    return pd.concat([frame[COLUMNS] for frame in frames], ignore_index=True)


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """Train every arm, and watch and break what the notebook watches and breaks; keys are `FRAMES`."""
    wanted = dict.fromkeys([recipe["architecture"], recipe["fault"]["architecture"]])
    shared, _, measured = central.measure_arms(recipe["central"], jobs=jobs, architectures=list(wanted))
    measured = measured[measured["temperature"] == recipe["central"]["temperature"]]
    uf = central.chosen(recipe["central"], shared, "UF")
    tuning = pd.concat([shared, tuning_table(recipe, uf, jobs=jobs)], ignore_index=True)
    answers, goals = new_arms(recipe, tuning, jobs=jobs)
    own = measured[(measured["architecture"] == recipe["architecture"]) & (measured["arm"] != "")]
    return {
        "tuning": tuning,
        "answers": pd.concat([own[COLUMNS], answers], ignore_index=True),
        "goals": goals,
        "unlearning": watch(recipe, tuning, jobs=jobs),
        "fault": faulty(recipe, measured, shared, jobs=jobs),
    }


results = partial(measure_or_read, "more_than_data", FRAMES, frames)  # all that the notebook shows
