"""The models that the studies of goals train, one seed at a time.

A model is named by its arm and a variant: ("RA", "1-100") is RA with goals on that scale, ("UF", "noise 3") is UF on
a noisier judge's pairs, ("RA", "") the arm as the central study trains it, here on fewer pairs.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo.relabelling.goals import COMPACT
from rapo.runs.run import Result, Run
from rapo.studies.central_results import study as central
from rapo.world import data

RUNS = "rapo.studies.goals_and_scales.runs"
# What an arm is trained on, the goal it is asked for, and the arm of the central study whose settings it takes.
METHODS: dict[str, tuple[dict[str, Any], int | None, str]] = {
    "UF": ({"kind": "uf"}, None, "UF"),
    "UF, g=10": ({"kind": "uf"}, 10, "UF, g=10"),
    "RA": ({"kind": "ra", "scale": "1-10"}, 10, "RA"),
    "RA, attributes": ({"kind": "attributes"}, None, "RA"),
}
THREE = ("UF", "UF, g=10", "RA")
SOURCES = ("off-policy", "on-policy")
QUANTITIES = ("pairs", "rows", "goals", "label_accuracy", "gold_chosen", "gold_rejected")
Name = tuple[str, str]
Options = Mapping[str, Mapping[str, Any]]


def trained(recipe: Mapping[str, Any], options: Options, seed: int) -> dict[Name, Run]:
    """Every model of the studies for one seed, by arm and variant."""
    found = {("base", ""): base_of(recipe)}
    for noise, arm in product(recipe["noises"], THREE):
        found[arm, variant_of(recipe, noise)] = _noisy_run(recipe, options, seed, arm, noise)
    for scale in recipe["scales"]:
        if scale != "1-10":
            found["RA", scale] = _goals_run(recipe, options, seed, "RA", scale=scale)
    found["RA", "top"] = _goals_run(recipe, options, seed, "RA", top=recipe["top"])
    found["RA, attributes", ""] = _goals_run(recipe, options, seed, "RA, attributes")
    for source, arm in product(SOURCES, THREE):
        for number, (run, _) in enumerate(rounds(recipe, options, seed, arm, source), start=1):
            found[arm, f"{source}, round {number}"] = run
    found["RA, attributes", "on-policy, round 1"] = rounds(recipe, options, seed, "RA, attributes", "on-policy")[
        0
    ][0]
    return found


def base_of(recipe: Mapping[str, Any]) -> Run:
    return central.base_run(recipe["central"], recipe["architecture"])


def variant_of(recipe: Mapping[str, Any], noise: float) -> str:
    """The variant trained on a judge's pairs: "" for the noise that the world has anyway."""
    return "" if data.make_world(recipe["central"]["world"]).noise == noise else f"noise {noise:g}"


def _noisy_run(recipe: Mapping[str, Any], options: Options, seed: int, arm: str, noise: float) -> Run:
    """An arm as the central study trains it, on another judge's pairs; the base is the same."""
    shared = {**recipe["central"], "pairs": recipe["pairs"]}
    if variant := variant_of(recipe, noise):
        shared["world"] = {**shared["world"], "noise": noise}
    wanted, _, tuned = METHODS[arm]
    told = {"data": wanted["kind"]}
    run = central.arm_run(shared, recipe["architecture"], told, options[tuned], seed, start=base_of(recipe))
    return replace(run, label=f"{arm} {variant} seed {seed}")


def _goals_run(
    recipe: Mapping[str, Any],
    options: Options,
    seed: int,
    arm: str,
    *,
    scale: str = "1-10",
    top: int | None = None,
) -> Run:
    """RA on pairs of the annotators, with goals of another kind or from a data set without its best answers."""
    own = central.own_seed(recipe["architecture"], seed)
    wanted, _, tuned = METHODS[arm]
    wanted = {**wanted, "scale": scale} if wanted["kind"] == "ra" else wanted
    source = {"prompts": recipe["pairs"], "pairs": None, "rule": "random", "seed": own, "top": top}
    config = {"data": wanted, "source": source, "training": dict(options[tuned]), "seed": own}
    return _run(recipe, config, {"base": base_of(recipe)}, f"{arm} {scale} top {top} seed {seed}")


def _run(recipe: Mapping[str, Any], config: Mapping[str, Any], needs: Mapping[str, Run], label: str) -> Run:
    named = {"architecture": recipe["architecture"], "world": recipe["central"]["world"], **config}
    return Run(f"{RUNS}:train_goals", named, needs, label)


def rounds(
    recipe: Mapping[str, Any], options: Options, seed: int, arm: str, source: str
) -> list[tuple[Run, Run | None]]:
    """A method's model after each round, with the run that sampled its pairs (None: annotators wrote them).

    Prompts are the same for both sources and new in each round; the reference is the model that a round starts
    from. The first round samples the base asked plainly; later ones ask RA for a score of 10, UF plainly.
    """
    policy, kept_as = recipe["on_policy"], base_of(recipe)
    wanted, _, tuned = METHODS[arm]
    found: list[tuple[Run, Run | None]] = []
    for number in range(1, policy["rounds"] + 1):
        own = central.own_seed(recipe["architecture"], seed) + 100 * (number - 1)
        config = {"data": wanted, "source": {}, "training": dict(options[tuned]), "seed": own}
        label, pairs = f"{arm} {source} round {number} seed {seed}", None
        if source == "on-policy":
            wish = COMPACT.text(10) if number > 1 and arm == "RA" else None
            pairs = _sampled(recipe, kept_as, wish, own, f"pairs for {label}")
        else:
            config["source"] = {**{name: policy[name] for name in ("prompts", "pairs")}, "rule": "worst",
                                "seed": own, "top": None}  # fmt: skip
        needs = {"base": kept_as, **({"pairs": pairs} if pairs else {})}
        kept_as = _run(recipe, config, needs, label)
        found.append((kept_as, pairs))
    return found


def _sampled(recipe: Mapping[str, Any], model: Run, wish: str | None, seed: int, label: str) -> Run:
    policy = {name: recipe["on_policy"][name] for name in ("prompts", "pairs", "candidates", "temperature")}
    about = {"architecture": recipe["architecture"], "world": recipe["central"]["world"]}
    return Run(f"{RUNS}:sample_pairs", {**about, **policy, "wish": wish, "seed": seed}, {"model": model}, label)


def options_of(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, dict[str, Any]]:
    """The settings that the central study chose for UF, for UF asked for 10, and for RA."""
    names = list(dict.fromkeys(tuned for _, _, tuned in METHODS.values()))
    architecture = recipe["architecture"]
    tuning = central.tune(recipe["central"], jobs=jobs, architectures=[architecture], names=names)
    return {name: central.chosen(recipe["central"], tuning, name, architecture) for name in names}


def training_table(
    recipe: Mapping[str, Any], found: Mapping[tuple[int, Name], Run], results: Mapping[str, Result]
) -> pd.DataFrame:
    """What each model was trained on.

    Returns:
        Columns arm, variant, seed, pairs, rows, goals (different score prompts that the pairs give RA),
        label_accuracy (share of the pairs whose chosen answer gold likes better), gold_chosen, gold_rejected,
        own_gold and own_parseable (of all answers that were sampled for the pairs; NaN for annotators' pairs).
    """
    plain = {
        (seed, variant_of(recipe, noise)): _pair_quality(recipe, noise, seed)
        for seed, noise in product(recipe["seeds"], recipe["noises"])
    }
    rows = []
    for (seed, (arm, variant)), run in found.items():
        if not run.needs:
            continue
        told = {**plain.get((seed, variant), {}), **results[run.key].metrics}
        own = results[run.needs["pairs"].key].metrics if "pairs" in run.needs else {}
        row = {name: told.get(name, np.nan) for name in QUANTITIES}
        own_row = {f"own_{name}": own.get(name, np.nan) for name in ("gold", "parseable")}
        rows.append({"arm": arm, "variant": variant, "seed": seed, **row, **own_row})
    return pd.DataFrame(rows)


def _pair_quality(recipe: Mapping[str, Any], noise: float, seed: int) -> dict[str, float]:
    """What `goal_studies_runs.train_goals` tells of its pairs, for those of a judge that the central code trains on."""
    from rapo.studies.common import micro_runs

    world = data.make_world({**recipe["central"]["world"], "noise": noise})
    table = micro_runs.pairs(world, recipe["pairs"], seed=central.own_seed(recipe["architecture"], seed))
    chosen, rejected = (table[f"gold_score_{side}"].to_numpy() for side in ("chosen", "rejected"))
    scores = np.concatenate([table[f"score_{side}"].to_numpy() for side in ("chosen", "rejected")])
    return {
        "goals": len(np.unique(scores)),
        "label_accuracy": float((chosen > rejected).mean()),
        "gold_chosen": float(chosen.mean()),
        "gold_rejected": float(rejected.mean()),
    }
