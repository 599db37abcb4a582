"""One run of the selection studies: score pairs with a base model, train on the pairs that a metric selects.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rapo.models import tiny
from rapo.pairs.candidates import Pairing, to_pairs
from rapo.scoring.tokens import tokenise
from rapo.selection import select as selection
from rapo.studies.common import micro_runs
from rapo.training import train
from rapo.world import data


def reward_model_pairs(settings: data.World, n: int, *, seed: int) -> pa.Table:
    """Best against worst of four answers by the reward model's score, as the paper's data sets are built."""
    table = to_pairs(data.candidates(settings, n, seed=seed), Pairing(rule="worst", seed=seed), name="micro world")
    return table.filter(pc.not_equal(table["score_chosen"], table["score_rejected"]))


def score_pairs(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Pairs by a reward model, with the base's log-probability sums and token counts: pairs.parquet."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = reward_model_pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    rows = table.select(["prompt", "chosen", "rejected"]).to_pylist()
    sums = train.reference_logprobs(model, tokenizer, rows)
    ids = tokenise(tokenizer, rows, sides=["chosen", "rejected"])
    for place, side in enumerate(("chosen", "rejected")):
        table = table.append_column(f"{side}_logprob_sum", pa.array(sums[:, place]))
        table = table.append_column(f"{side}_tokens", pa.array([len(row) for row in ids[f"{side}_ids"]]))
    pq.write_table(table, folder / "pairs.parquet")
    return {"pairs": len(table)}


def train_selected(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train the base on the selected pairs, by DPO or SimPO, as they are or relabelled."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = pq.read_table(needs["scored"] / "pairs.parquet")
    rule, seed = config["selection"], config["seed"]
    options = selection.Options(implicit="simpo", weight=rule.get("weight", 1.0), seed=seed)
    kept, chosen = selection.select(table, metric=rule["metric"], fraction=rule["fraction"], options=options)
    placement = micro_runs.PLACEMENT[config["architecture"]]
    rows = micro_runs.training_rows(kept, config.get("data", "uf"), placement=placement, seed=seed)
    settings = {**config["training"], "epochs": config.get("epochs", 1)}
    if config["objective"] == "simpo":
        log = train.train_simpo(model, tokenizer, rows, settings=train.SimPOSettings(**settings), seed=seed)
    else:
        log = train.train_dpo(model, tokenizer, rows, settings=train.DPOSettings(**settings), seed=seed)
    tiny.save(model, tokenizer, folder / "model")
    gap = pc.subtract(kept["gold_score_chosen"], kept["gold_score_rejected"]).to_numpy()
    return {
        "pairs": len(kept),
        "threshold": chosen.threshold,
        "label_accuracy": float((gap > 0).mean()),
        **told(log),
    }


def told(log: train.TrainLog) -> dict[str, Any]:
    """The part of a training log that is kept."""
    return {"steps": log.steps, "tokens": log.tokens, "loss": [entry["loss"] for entry in log.history]}
