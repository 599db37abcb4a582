"""Alignment potential (AP-F1a to AP-A2): margins, agreement with gold, and training on selected pairs."""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rapo.runs.queue import run_all
from rapo.runs.run import Run
from rapo.selection import margins, select
from rapo.studies.alignment_potential.tables import METRICS
from rapo.studies.common import arms
from rapo.studies.common.results import measure_or_read, with_central

RUNS = "rapo.studies.alignment_potential.runs"
FRAMES = ("pairs", "answers")
recipe_of = partial(with_central, "alignment_potential")


def scored_run(recipe: Mapping[str, Any], architecture: str, fault: Mapping[str, Any], seed: int) -> Run:
    """Pairs made by a reward model with a fault, scored by the base."""
    world = {**recipe["central"]["world"], **fault}
    config = {"world": world, "pairs": recipe["pairs"], "seed": arms.own_seed(architecture, seed)}
    needs = {"base": arms.base_run(recipe["central"], architecture, seed)}
    return Run(f"{RUNS}:score_pairs", config, needs, f"{architecture} scored pairs {seed}")


def selected_run(
    recipe: Mapping[str, Any],
    architecture: str,
    seed: int,
    rule: Mapping[str, Any],
    *,
    objective: str = "dpo",
    data: str = "uf",
    epochs: int = 1,
) -> Run:
    """The base trained on selected pairs."""
    config = {
        "architecture": architecture,
        "selection": dict(rule),
        "trainer": objective,
        "arm": {"data": data, "epochs": epochs},
        "training": recipe[objective],
        "seed": arms.own_seed(architecture, seed),
    }
    scored = scored_run(recipe, architecture, recipe["fault"], seed)
    needs = {"base": scored.needs["base"], "scored": scored}
    label = f"{architecture} {objective} {rule['metric']} {rule['fraction']:g} {data} seed {seed}"
    return Run(f"{RUNS}:train_selected", config, needs, label)


def plan(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every arm: its study, what varies, how it is trained and the goal it is asked for."""
    share, first = recipe["fraction"], recipe["architectures"][0]
    found = [
        {"study": "metric", "architecture": a, "objective": o, "arm": name, "x": share,
         "rule": {"metric": metric, "fraction": share}}
        for a, o, (name, metric) in product(recipe["architectures"], ("dpo", "simpo"), METRICS.items())
    ]  # fmt: skip
    found += [
        {"study": "weight", "architecture": first, "objective": "dpo", "arm": "MAP", "x": weight,
         "rule": {"metric": "alignment-potential", "fraction": share, "weight": weight}}
        for weight in recipe["weights"]
    ]  # fmt: skip
    found += [
        {"study": "share", "architecture": first, "objective": "dpo", "arm": name, "x": fraction,
         "rule": {"metric": METRICS[name], "fraction": fraction}}
        for name, fraction in product(("uniform", "MAP"), recipe["fractions"])
    ]  # fmt: skip
    joined = {"uniform": ("uniform", "uf", 1), "uniform, 2 epochs": ("uniform", "uf", 2), "MAP": ("MAP", "uf", 1),
              "MAP, 2 epochs": ("MAP", "uf", 2), "RA": ("uniform", "ra", 1), "MAP + RA": ("MAP", "ra", 1)}  # fmt: skip
    found += [
        {"study": "join", "architecture": first, "objective": "dpo", "arm": name, "x": share, "data": kind,
         "epochs": epochs, "goal": 10, "rule": {"metric": METRICS[metric], "fraction": share}}
        for name, (metric, kind, epochs) in joined.items()
    ]  # fmt: skip
    return found


def train(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Train every arm on every seed and sample the test prompts.

    Returns:
        One row an answer: study, architecture, objective, arm, x (share or weight), seed, prompt, gold, length,
        sentences, parseable, label_accuracy (of the pairs that were trained on; NaN for the base).
    """
    cells = list(product(plan(recipe), recipe["seeds"]))
    models = [
        selected_run(
            recipe, arm["architecture"], seed, arm["rule"], objective=arm["objective"],
            data=arm.get("data", "uf"), epochs=arm.get("epochs", 1),
        )
        for arm, seed in cells
    ]  # fmt: skip
    untrained = list(product(bases(recipe), recipe["seeds"]))
    asked = [(arm, arms.base_run(recipe["central"], arm["architecture"], seed), seed) for arm, seed in untrained]
    asked += [(arm, model, seed) for model, (arm, seed) in zip(models, cells, strict=True)]
    runs = [_evaluation(recipe, *each) for each in asked]
    results = run_all([*runs, *models], name="potential", jobs=jobs)
    right = [*[np.nan] * len(untrained), *(trained.metrics["label_accuracy"] for trained in results[len(runs) :])]
    frames = []
    for (arm, _, seed), answers, share in zip(asked, results[: len(runs)], right, strict=True):
        frame = arms.answers(answers)
        named = {name: arm[name] for name in ("study", "architecture", "objective", "arm", "x")}
        frame = frame[["prompt", "gold", "length", "sentences", "parseable"]]
        frames.append(frame.assign(**named, seed=seed, label_accuracy=share))
    return pd.concat(frames, ignore_index=True)


def bases(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The untrained models, as `plan` describes trained ones: plain, and asked for the top score."""
    named = {"base": None, "base, g=10": 10}
    return [
        {"study": "base", "architecture": a, "objective": "none", "arm": name, "x": 0.0, "goal": goal}
        for a, (name, goal) in product(recipe["architectures"], named.items())
    ]


def _evaluation(recipe: Mapping[str, Any], arm: Mapping[str, Any], model: Run, seed: int) -> Run:
    base = recipe["central"]
    return arms.evaluate_run(base, model, [(arm.get("goal"), base["temperature"])], split="test", seed=seed)


def scored_pairs(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Every pair of every reward model, with its margins: one row a pair.

    Returns:
        fault, architecture, seed, pair_id, prompt, chosen, rejected (texts, of the first group only), explicit,
        implicit (signed; nats a token), gold (signed margin), potential, and the lengths in tokens.
    """
    faults = {"main": recipe["fault"], **recipe["faults"]}
    first = recipe["architectures"][0]
    cells = [("main", a, seed) for a, seed in product(recipe["architectures"], recipe["seeds"])]
    cells += [(fault, first, seed) for fault, seed in product(recipe["faults"], recipe["seeds"])]
    runs = [scored_run(recipe, a, faults[fault], seed) for fault, a, seed in cells]
    results = run_all(runs, name="potential-scores", jobs=jobs)
    frames = []
    for place, (result, (fault, a, seed)) in enumerate(zip(results, cells, strict=True)):
        frame = margins_of(pq.read_table(result.folder / "pairs.parquet"))
        frame = frame if place == 0 else frame.drop(columns=["prompt", "chosen", "rejected"])
        frames.append(frame.assign(fault=fault, architecture=a, seed=seed))
    return pd.concat(frames, ignore_index=True)


def margins_of(table: pa.Table) -> pd.DataFrame:
    options = select.Options(implicit="simpo")
    explicit, implicit = select.explicit(table, options), select.implicit(table, options)
    gold = margins.explicit_margin(table["gold_score_chosen"].to_numpy(), table["gold_score_rejected"].to_numpy())
    sides = ("prompt", "chosen", "rejected")
    texts = {name: [turns[-1]["content"] for turns in table[name].to_pylist()] for name in sides}
    return pd.DataFrame(
        {
            "pair_id": table["pair_id"].to_pylist(),
            **texts,
            "explicit": explicit,
            "implicit": implicit,
            "gold": gold,
            "potential": margins.alignment_potential(explicit, implicit),
            "chosen_tokens": table["chosen_tokens"].to_numpy(),
            "rejected_tokens": table["rejected_tokens"].to_numpy(),
        }
    )


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """ "pairs" of `scored_pairs` and "answers" of `train`."""
    return {"pairs": scored_pairs(recipe, jobs=jobs), "answers": train(recipe, jobs=jobs)}


results = partial(measure_or_read, "alignment_potential", FRAMES, frames)  # all that the notebook shows
