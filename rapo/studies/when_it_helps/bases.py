"""One run of the map of regimes: a base model that learns another world's scores.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rapo.models import tiny
from rapo.studies.common import micro_runs
from rapo.training import train
from rapo.world import data


def continue_base(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train the base under ``needs["base"]`` further, on a corpus of the world of ``config`` that it has not seen."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    placement = micro_runs.PLACEMENT[config["architecture"]]
    examples = data.corpus(data.make_world(config["world"]), seed=config["seed"], **config["corpus"])
    rows = [
        {
            "prompt": micro_runs.ask(each.prompt, goal=each.goal, placement=placement),
            "completion": micro_runs.say(each.answer),
        }
        for each in examples
    ]
    settings = train.Settings(**config["training"])
    log = train.train_sft(model, tokenizer, rows, settings=settings, seed=config["seed"])
    tiny.save(model, tokenizer, folder / "model")
    return {"examples": len(rows), "steps": log.steps, "tokens": log.tokens}
