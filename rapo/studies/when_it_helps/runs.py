"""One run of the map of regimes: train an arm on pairs picked by their scores, or say what the pairs look like.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rapo.studies.common.micro_pairs import pairs
from rapo.studies.common.micro_runs import train_on
from rapo.world import data

DRAWN = (6, 18, 54)  # times as many prompts are asked as are wanted, until enough pairs can be picked


def picked(table: pa.Table, pick: Mapping[str, str], n: int, *, good: float, bad: float) -> pa.Table:
    """The first ``n`` pairs, or fewer, of which one side is good (judged at least ``good``) or bad (at most ``bad``).

    Args:
        table: scored pairs.
        pick: "chosen" or "rejected" -> "good" or "bad"; "bad" of rejected is all that is not good.
        n: of pairs.
        good, bad: bounds, in points of the judge's score.
    """
    for side, kind in pick.items():
        scores = table[f"score_{side}"]
        if kind == "good":
            kept = pc.greater_equal(scores, good)
        else:
            kept = pc.less(scores, good) if side == "rejected" else pc.less_equal(scores, bad)
        table = table.filter(kept)
    return table.slice(0, n)


def pairs_of(config: Mapping[str, Any]) -> pa.Table:
    """A regime's pairs: those of `pairs`, or as many that are picked, where ``config["pick"]`` says so.

    Raises:
        ValueError: there are too few such pairs.
    """
    world, seed = data.make_world(config["world"]), config["seed"]
    table = pairs(world, config["pairs"], seed=seed)
    if not config["pick"]:
        return table
    wanted = len(table)
    for times in DRAWN:
        drawn = pairs(world, times * config["pairs"], seed=seed)
        table = picked(drawn, config["pick"], wanted, good=config["good"], bad=config["bad"])
        if len(table) == wanted:
            return table
    raise ValueError(f"only {len(table)} pairs have {config['pick']}, {wanted} are wanted; want fewer")


def train_picked(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`train_on` a regime's pairs."""
    return train_on(pairs_of(config), config, folder, needs)


def describe(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """What a person can see in a regime's pairs: shares of good rejected, bad chosen and right labels."""
    table = pairs_of(config)
    chosen, rejected = (table[f"score_{side}"].to_numpy() for side in ("chosen", "rejected"))
    gap = table["gold_score_chosen"].to_numpy() - table["gold_score_rejected"].to_numpy()
    return {
        "pairs": len(table),
        "good_rejected": float((rejected >= config["good"]).mean()),
        "bad_chosen": float((chosen <= config["bad"]).mean()),
        "label_right": float((gap[gap != 0] > 0).mean()) if (gap != 0).any() else float("nan"),
        "best_chosen": float((table["gold_score_chosen"].to_numpy() >= 9).mean()),
    }
