"""One run of the map of regimes: a base model that learns another world's scores.

Each function is what `rapo.study.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rapo import models, training
from rapo.studies import micro
from rapo.world import data

DEPENDS = ("rapo.studies.micro",)


def continue_base(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train the base under ``needs["base"]`` further, on a corpus of the world of ``config`` that it has not seen."""
    model, tokenizer = models.load(needs["base"] / "model")
    placement = micro.PLACEMENT[config["architecture"]]
    examples = data.corpus(data.make_world(config["world"]), seed=config["seed"], **config["corpus"])
    rows = [
        {
            "prompt": micro.ask(each.prompt, goal=each.goal, placement=placement),
            "completion": micro.say(each.answer),
        }
        for each in examples
    ]
    settings = training.Settings(**config["training"])
    log = training.train_sft(model, tokenizer, rows, settings=settings, seed=config["seed"])
    models.save(model, tokenizer, folder / "model")
    return {"examples": len(rows), "steps": log.steps, "tokens": log.tokens}
