"""One run of the selection studies: candidates of a base, the map of errors, training on what a metric selects.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rapo.models import tiny
from rapo.selection import select
from rapo.studies.alignment_potential.error_map import selected_right
from rapo.studies.common import candidates
from rapo.studies.common.candidates import Candidates, RewardModel
from rapo.studies.common.micro_runs import train_on
from rapo.world import data
from rapo.world.reward import whole

FILE = "candidates.parquet"
DRAWS = (
    1_000_000  # where the seeds of the map's reward models begin: they are no one's who makes pairs to train on
)


def draw_candidates(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Answers to training prompts, the base's own or (``policy`` "off") the annotators': candidates.parquet."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    world, n, seed = data.make_world(config["world"]), config["prompts"], config["seed"]
    if config["policy"] == "off":
        found = candidates.of_annotators(model, tokenizer, world, n, seed=seed)
    else:
        questions = world.ask(n, split="train", seed=seed)
        found = candidates.sampled(
            model, tokenizer, world, questions, n=config["answers"], temperature=config["temperature"],
            top_p=config["top_p"], seed=seed,
        )  # fmt: skip
    candidates.keep(found, folder / FILE)
    return {"prompts": n, **candidates.quality(found)}


def pairs_of(config: Mapping[str, Any], needs: Mapping[str, Path]) -> pa.Table:
    """The pairs that a run's reward model makes of the candidates that it needs."""
    found = candidates.read(needs["candidates"] / FILE)
    seed = config["seed"]
    return candidates.pairs(found, RewardModel(**config["reward"], seed=seed).score(found), name=str(seed))


def map_errors(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Labels that gold confirms in each metric's share, for every reward model of a grid: map.parquet."""
    found = candidates.read(needs["candidates"] / FILE)
    rows = [
        {**error, **told}
        for error in grid(config["map"])
        for told in confirmed(
            found, error, share=config["fraction"], draws=config["map"]["draws"], seed=config["seed"]
        )
    ]
    pd.DataFrame(rows).to_parquet(folder / "map.parquet")
    return {"cells": len(rows)}


def grid(axes: Mapping[str, Any]) -> list[dict[str, float]]:
    """Every reward model of the map: its lean, noise and length bias."""
    names = ("lean", "noise", "length_bias")
    return [dict(zip(names, values, strict=True)) for values in product(*(axes[name] for name in names))]


def confirmed(
    found: Candidates, error: Mapping[str, float], *, share: float, draws: int, seed: int
) -> list[dict[Any, Any]]:
    """One row a metric, a mean over draws of the reward model's noise: metric, right (%), agrees (%), pairs."""
    rows = []
    for draw in range(1, draws + 1):
        rows += _of_one(found, RewardModel(**error, seed=DRAWS * draw + seed).score(found), share)
    return pd.DataFrame(rows).groupby("metric", sort=False).mean().reset_index().to_dict("records")


def _of_one(found: Candidates, scores: np.ndarray, share: float) -> list[dict[str, Any]]:
    rows, best, worst = candidates.extremes(found, scores)
    explicit, implicit, gold = (
        values[rows, best] - values[rows, worst] for values in (scores, found.likelihood, found.gold)
    )
    told = implicit != 0
    agrees = 100 * float((implicit[told] > 0).mean()) if told.any() else np.nan
    return [
        {"metric": metric, "right": right, "agrees": agrees, "pairs": len(rows)}
        for metric, right in selected_right(explicit, implicit, gold, share=share).items()
    ]


def train_selected(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`train_on` the selected pairs."""
    rule = config["selection"]
    options = select.Options(implicit="simpo", spread=True, weight=rule.get("weight", 1.0), seed=config["seed"])
    kept, chosen = select.select(
        pairs_of(config, needs), metric=rule["metric"], fraction=rule["fraction"], options=options
    )
    kept = in_whole_scores(kept) if config["arm"]["data"] == "ra" else kept
    return {"threshold": chosen.threshold, **train_on(kept, config, folder, needs)}


def in_whole_scores(table: pa.Table) -> pa.Table:
    """The table with scores as an annotation form has them: goals are words that the base knows."""
    for name in ("score_chosen", "score_rejected"):
        table = table.set_column(table.column_names.index(name), name, pa.array(whole(table[name].to_numpy())))
    return table
