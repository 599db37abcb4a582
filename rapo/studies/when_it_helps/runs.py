"""One run of the map of regimes: train an arm on pairs picked by their scores.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rapo.models import tiny
from rapo.studies.common import micro_runs
from rapo.training import train
from rapo.world import data

DRAWN = 6  # times as many pairs are drawn as are wanted, before some are picked


def picked(table: pa.Table, pick: Mapping[str, str], n: int, *, good: float, bad: float) -> pa.Table:
    """The first ``n`` pairs of which one side is good (judged at least ``good``) or bad (at most ``bad``).

    Args:
        table: scored pairs.
        pick: "chosen" or "rejected" -> "good" or "bad"; "bad" of rejected is all that is not good.
        n: of pairs.
        good, bad: bounds, in points of the judge's score.

    Raises:
        ValueError: there are too few such pairs.
    """
    for side, kind in pick.items():
        scores = table[f"score_{side}"]
        if kind == "good":
            kept = pc.greater_equal(scores, good)
        else:
            kept = pc.less(scores, good) if side == "rejected" else pc.less_equal(scores, bad)
        table = table.filter(kept)
    if len(table) < n:
        raise ValueError(f"only {len(table)} pairs have {dict(pick)}, {n} are wanted; draw more, or want fewer")
    return table.slice(0, n)


def train_picked(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`micro.train_arm` on as many pairs as it would have, all of them picked."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    world, seed, arm = data.make_world(config["world"]), config["seed"], config["arm"]
    wanted = len(micro_runs.pairs(world, config["pairs"], seed=seed))
    drawn = micro_runs.pairs(world, DRAWN * config["pairs"], seed=seed)
    table = picked(drawn, config["pick"], wanted, good=config["good"], bad=config["bad"])
    rows = micro_runs.training_rows(
        table, arm["data"], placement=micro_runs.PLACEMENT[config["architecture"]], seed=seed
    )
    settings = train.DPOSettings(**config["training"], epochs=arm.get("epochs", 1))
    log = train.train_dpo(model, tokenizer, rows, settings=settings, seed=seed)
    tiny.save(model, tokenizer, folder / "model")
    return {"pairs": len(table), "rows": len(rows), "steps": log.steps, "tokens": log.tokens}


def describe(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """What a person can see in a regime's pairs: shares of good rejected, bad chosen and right labels."""
    world, seed = data.make_world(config["world"]), config["seed"]
    table = micro_runs.pairs(world, config["pairs"], seed=seed)
    if pick := config["pick"]:
        drawn = micro_runs.pairs(world, DRAWN * config["pairs"], seed=seed)
        table = picked(drawn, pick, len(table), good=config["good"], bad=config["bad"])
    chosen, rejected = (table[f"score_{side}"].to_numpy() for side in ("chosen", "rejected"))
    gap = table["gold_score_chosen"].to_numpy() - table["gold_score_rejected"].to_numpy()
    return {
        "pairs": len(table),
        "good_rejected": float((rejected >= config["good"]).mean()),
        "bad_chosen": float((chosen <= config["bad"]).mean()),
        "label_right": float((gap[gap != 0] > 0).mean()) if (gap != 0).any() else float("nan"),
        "best_chosen": float((table["gold_score_chosen"].to_numpy() >= 9).mean()),
    }
