"""One run of the selection studies: score pairs with a base model, train on the pairs that a metric selects.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from rapo.models import tiny
from rapo.selection import select
from rapo.studies.common.micro_pairs import pairs, with_logprobs
from rapo.studies.common.micro_runs import train_on
from rapo.world import data


def score_pairs(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Pairs by a reward model, with the base's log-probability sums and token counts: pairs.parquet.

    The best of four answers against the worst, as the paper's data sets are built.
    """
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"], rule="worst")
    pq.write_table(with_logprobs(model, tokenizer, table), folder / "pairs.parquet")
    return {"pairs": len(table)}


def train_selected(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`train_on` the selected pairs."""
    table, rule = pq.read_table(needs["scored"] / "pairs.parquet"), config["selection"]
    options = select.Options(implicit="simpo", weight=rule.get("weight", 1.0), seed=config["seed"])
    kept, chosen = select.select(table, metric=rule["metric"], fraction=rule["fraction"], options=options)
    return {"threshold": chosen.threshold, **train_on(kept, config, folder, needs)}
