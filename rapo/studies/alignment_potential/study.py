"""Alignment potential (AP-F1a to AP-A2, AP-map): on-policy pairs, a map of errors, and training on selected pairs.

A base answers each prompt several times; a reward model that errs takes the best against the worst. Its rate is
chosen for each metric and objective by the rule of every study (`tuning.tune`), on the plain on-policy pairs and one
epoch; whatever else is trained on the pairs of that metric (more epochs, other shares, corners) keeps it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo.runs.queue import run_all
from rapo.runs.run import Result, Run
from rapo.studies.alignment_potential import runs as bodies
from rapo.studies.alignment_potential.error_map import accuracy
from rapo.studies.alignment_potential.plan import TOLD, bases, plan
from rapo.studies.common import arms, candidates
from rapo.studies.common.candidates import RewardModel
from rapo.studies.common.results import measure_or_read, with_central
from rapo.studies.common.tuning import setting, tune

RUNS = "rapo.studies.alignment_potential.runs"
FRAMES = ("tuning", "pairs", "map", "answers")
COLUMNS = ["task", "prompt", "gold", "length", "sentences", "parseable"]
AGREEMENT = 72.5  # %: the middle of 65 to 80, what labels of close on-policy pairs are assumed to have in practice
recipe_of = partial(with_central, "alignment_potential")


def candidates_run(recipe: Mapping[str, Any], architecture: str, seed: int, *, policy: str = "on") -> Run:
    """Answers to training prompts, the base's own ("on") or the annotators' ("off")."""
    config = {
        **recipe["candidates"],
        "world": recipe["central"]["world"],
        "prompts": recipe["prompts"],
        "policy": policy,
        "seed": arms.own_seed(architecture, seed),
    }
    needs = {"base": arms.base_run(recipe["central"], architecture, seed)}
    return Run(f"{RUNS}:draw_candidates", config, needs, f"{architecture} {policy}-policy candidates {seed}")


def map_run(recipe: Mapping[str, Any], architecture: str, seed: int, policy: str) -> Run:
    """The map of errors on one base's candidates."""
    config = {"map": recipe["map"], "fraction": recipe["fraction"], "seed": arms.own_seed(architecture, seed)}
    needs = {"candidates": candidates_run(recipe, architecture, seed, policy=policy)}
    return Run(f"{RUNS}:map_errors", config, needs, f"{architecture} {policy}-policy map {seed}")


def selected_run(recipe: Mapping[str, Any], arm: Mapping[str, Any], rate: float, seed: int) -> Run:
    """The base trained on the pairs that an arm of `plan` selects."""
    architecture, objective = arm["architecture"], arm["objective"]
    found = candidates_run(recipe, architecture, seed, policy=arm.get("policy", "on"))
    config = {
        "architecture": architecture,
        "reward": arm.get("reward", recipe["reward"]),
        "selection": dict(arm["rule"]),
        "trainer": objective,
        "arm": {"data": arm.get("data", "uf"), "epochs": arm.get("epochs", 1)},
        "training": {**recipe[objective], "learning_rate": rate},
        "seed": arms.own_seed(architecture, seed),
    }
    needs = {"base": found.needs["base"], "candidates": found}
    label = f"{architecture} {objective} {arm['study']} {arm['arm']} {arm['x']:g} rate {rate:g} seed {seed}"
    return Run(f"{RUNS}:train_selected", config, needs, label)


def tuning_table(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Mean gold on the tuning prompts of every metric's rates, over bases of both architectures; ``best`` is chosen.

    Returns:
        Columns objective, metric, architecture, seed, learning_rate, beta, and those of `tune`.
    """
    cells = []
    for arm in (one for one in plan(recipe) if one["study"] == "metric"):
        for rate, seed in product(recipe["rates"][arm["objective"]], recipe["central"]["tuning_seeds"]):
            model = selected_run(recipe, arm, rate, seed)
            about = {
                **{name: arm[name] for name in ("objective", "metric", "architecture")},
                "seed": seed, **setting(model.config["training"]),
            }  # fmt: skip
            cells.append((about, _asked(recipe, arm, model, seed, split="tuning"), 0))
    return tune(
        cells, by=["objective", "metric"], over=["architecture", "seed"], name="potential-tuning", jobs=jobs
    )


def rates(tuning: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The chosen rate of each objective and metric."""
    chosen = tuning[tuning["best"]].drop_duplicates(["objective", "metric"])
    return dict(zip(zip(chosen["objective"], chosen["metric"], strict=True), chosen["learning_rate"], strict=True))


def _asked(recipe: Mapping[str, Any], arm: Mapping[str, Any], model: Run, seed: int, *, split: str) -> Run:
    base = recipe["central"]
    return arms.evaluate_run(base, model, [(arm.get("goal"), base["temperature"])], split=split, seed=seed)


def train(recipe: Mapping[str, Any], tuning: pd.DataFrame, *, jobs: int) -> pd.DataFrame:
    """Train every arm on every seed at its metric's rate, and sample the test prompts.

    Returns:
        One row an answer: `TOLD`, seed, `COLUMNS`, label_accuracy (of the pairs that were trained on) and steps (NaN
        for the base).
    """
    rate = rates(tuning)
    cells: list[tuple[dict[str, Any], int, Run | None]] = [
        (arm, seed, selected_run(recipe, arm, rate[arm["objective"], arm["metric"]], seed))
        for arm, seed in product(plan(recipe), recipe["seeds"])
    ]
    cells = [(arm, seed, None) for arm, seed in product(bases(recipe), recipe["seeds"])] + cells
    asked = [
        _asked(
            recipe, arm, model or arms.base_run(recipe["central"], arm["architecture"], seed), seed, split="test"
        )
        for arm, seed, model in cells
    ]
    models = [model for *_, model in cells if model]
    by_key = {found.key: found for found in run_all([*asked, *models], name="potential", jobs=jobs)}
    frames = []
    for (arm, seed, model), run in zip(cells, asked, strict=True):
        told = by_key[model.key].metrics if model else {"label_accuracy": np.nan, "steps": np.nan}
        about = {**{name: arm[name] for name in TOLD}, "seed": seed}
        frame = arms.answers(by_key[run.key])[COLUMNS]
        frames.append(frame.assign(**about, **{name: told[name] for name in ("label_accuracy", "steps")}))
    return pd.concat(frames, ignore_index=True)


def error_maps(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """The map of every base and policy, as `error_map` reads it."""
    cells = list(product(("on", "off"), recipe["architectures"], recipe["seeds"]))
    found = run_all(
        [map_run(recipe, a, seed, policy) for policy, a, seed in cells], name="potential-map", jobs=jobs
    )
    return pd.concat(
        [
            pd.read_parquet(result.folder / "map.parquet").assign(policy=policy, architecture=a, seed=seed)
            for result, (policy, a, seed) in zip(found, cells, strict=True)
        ],
        ignore_index=True,
    )


def scored_pairs(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Every pair of the reward model that is trained on, with its margins: one row a pair.

    Returns:
        policy, architecture, seed, pair_id, prompt, chosen, rejected (texts, of the first group only), explicit,
        implicit (signed; nats a token), gold (signed margin) and words (that chosen has more).
    """
    cells = list(product(("on", "off"), recipe["architectures"], recipe["seeds"]))
    drawn = [candidates_run(recipe, a, seed, policy=policy) for policy, a, seed in cells]
    frames = []
    for place, (result, (policy, a, seed)) in enumerate(
        zip(run_all(drawn, name="potential-candidates", jobs=jobs), cells, strict=True)
    ):
        frame = margins_of(result, recipe["reward"], arms.own_seed(a, seed))
        frame = frame if place == 0 else frame.drop(columns=["prompt", "chosen", "rejected"])
        frames.append(frame.assign(policy=policy, architecture=a, seed=seed))
    return pd.concat(frames, ignore_index=True)


def margins_of(result: Result, reward: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Texts and margins of the pairs that a reward model makes of a run's candidates."""
    table = bodies.pairs_of({"reward": reward, "seed": seed}, {"candidates": result.folder}).to_pandas()
    texts = {name: [turns[-1]["content"] for turns in table[name]] for name in ("prompt", "chosen", "rejected")}
    means = {side: table[f"{side}_logprob_sum"] / table[f"{side}_tokens"] for side in ("chosen", "rejected")}
    return pd.DataFrame(
        {
            "pair_id": table["pair_id"],
            **texts,
            "explicit": table["score_chosen"] - table["score_rejected"],
            "implicit": means["chosen"] - means["rejected"],
            "gold": table["gold_score_chosen"] - table["gold_score_rejected"],
            "words": [
                len(one.split()) - len(other.split())
                for one, other in zip(texts["chosen"], texts["rejected"], strict=True)
            ],
        }
    )


def agreement_by_noise(recipe: Mapping[str, Any], noises: Sequence[float], *, jobs: int) -> pd.DataFrame:
    """How often gold confirms the labels of the TUNING bases' own pairs, for each noise: the rule for `reward`.

    Of bases and pairs alone, before any arm is compared. Take the noise marked ``nearest`` to `AGREEMENT`.

    Returns:
        Columns noise, agreement (%, a mean over bases), nearest.
    """
    cells = list(product(recipe["architectures"], recipe["central"]["tuning_seeds"]))
    found = run_all([candidates_run(recipe, *cell) for cell in cells], name="potential-noise", jobs=jobs)
    drawn = [candidates.read(result.folder / bodies.FILE) for result in found]
    rows = []
    for noise in noises:
        rights = []
        for answers, (a, seed) in zip(drawn, cells, strict=True):
            model = RewardModel(**{**recipe["reward"], "noise": noise}, seed=arms.own_seed(a, seed))
            kept, best, worst = candidates.extremes(answers, model.score(answers))
            rights.append(accuracy(answers.gold[kept, best] - answers.gold[kept, worst]))
        rows.append({"noise": noise, "agreement": float(np.mean(rights))})
    away = [abs(row["agreement"] - AGREEMENT) for row in rows]
    return pd.DataFrame(rows).assign(nearest=[each == min(away) for each in away])


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """ "tuning" of `tuning_table`, "pairs" of `scored_pairs`, "map" of `error_maps` and "answers" of `train`."""
    tuning = tuning_table(recipe, jobs=jobs)
    return {
        "tuning": tuning,
        "pairs": scored_pairs(recipe, jobs=jobs),
        "map": error_maps(recipe, jobs=jobs),
        "answers": train(recipe, tuning, jobs=jobs),
    }


results = partial(measure_or_read, "alignment_potential", FRAMES, frames)  # all that the notebook shows
