"""One run of a study on real models: train an arm of a hub's model, sample its answers.

Each function is what `queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON. A model
and a data set are named by a mapping with ``source``: an id on the hub, or a folder or file on this machine.
"""

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from rapo.models import sampling, tiny
from rapo.relabelling import chat, goals
from rapo.studies.common import inputs, quizzes
from rapo.studies.common.rows import ask, training_rows
from rapo.studies.common.trainers import options_of, train_rows, trainer_of
from rapo.training import launch
from rapo.training.rows import prepare


def train_arm(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train one arm; ``config["arm"]["data"]`` is a kind of `training_rows`. Writes ``model/``.

    It starts from ``config["model"]``, or from the model of the run ``needs["base"]``. Weights are held in fp32 and
    computed with in bf16 on a GPU: at a learning rate of 5e-7 most updates are smaller than bf16 can add.
    """
    source = start(config["model"], needs.get("base"))
    tokenizer = tiny.load_tokenizer(source)
    table = inputs.preference_pairs(config["data"])
    rows = training_rows(
        table, config["arm"]["data"], placement=placement(config["model"], tokenizer),
        template=goals.template(config["template"]), seed=config["seed"],
    )  # fmt: skip
    if config.get("launch"):
        return {"pairs": len(table), **_launched(rows, config, folder, source, tokenizer)}
    model = load(source, training_weights=True)
    told = train_rows(
        model, tokenizer, rows, trainer=trainer_of(config), options=options_of(config), seed=config["seed"]
    )
    tiny.save(model.to(_dtype()), tokenizer, folder / "model")
    del model
    _release()
    return {"pairs": len(table), **told}


def _launched(
    rows: Sequence[Mapping[str, Any]], config: Mapping[str, Any], folder: Path, source: str, tokenizer: Any
) -> dict[str, Any]:
    """Train on many GPUs, in processes of TRL's own."""
    settings = trainer_of(config)[1](**options_of(config))
    kept = prepare(tokenizer, rows, settings, sides=[side for side in rows[0] if side != "prompt"])
    job = launch.write_job(
        folder / "job", [rows[i] for i in kept.places], settings, model=source, seed=config["seed"],
        launch=config["launch"],
    )  # fmt: skip
    launch.run(job, folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return {"rows": len(rows), "dropped": len(kept.dropped)}


def evaluate(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Sample answers to the instructions under each (goal, temperature), by ``needs["model"]`` or the model itself.

    Writes answers.parquet: prompt (id), instruction, goal (NaN: none), temperature, text, length (words), sentences
    (0: nothing is counted here) and parseable (not blank); one row an answer.
    """
    source = start(config["model"], needs.get("model"))
    tokenizer = tiny.load_tokenizer(source)
    where, template = placement(config["model"], tokenizer), goals.template(config["template"])
    asked = inputs.instructions(config["prompts"])
    model = load(source)
    frames = []
    for goal, temperature in config["conditions"]:
        wish = None if goal is None else template.text(goal)
        prompts = [ask(text, wish, placement=where) for text in asked.values()]
        texts = sampling.sample(
            model, tokenizer, prompts, temperature=temperature, seed=config["seed"], **config["sampling"]
        )
        frames.append(_told(asked, texts, goal, temperature))
    pd.concat(frames, ignore_index=True).to_parquet(folder / "answers.parquet")
    batch_size = config["sampling"].get("batch_size", 32)
    skills = quizzes.accuracies(model, tokenizer, config.get("tasks", {}), batch_size=batch_size)
    del model
    _release()
    return {"skills": skills, "blank": [float(1 - frame["parseable"].mean()) for frame in frames],
            "words": [float(frame["length"].mean()) for frame in frames]}  # fmt: skip


def placement(model: Mapping[str, Any], tokenizer: Any) -> str:
    """Where a model's goals go: as its recipe says; "auto" (or nothing) reads it off the chat template."""
    told = model.get("placement", "auto")
    return chat.placement(tokenizer) if told == "auto" else str(told)


def start(model: Mapping[str, Any], made: Path | None) -> str:
    """Where weights come from: a run's folder where there is one, else the recipe's model, fetched once."""
    return str(made / "model") if made else inputs.model_folder(model)


def load(source: str, *, training_weights: bool = False) -> Any:
    """A causal LM over every GPU there is, else on the CPU: fp32 to train, bf16 to sample on a GPU."""
    if not torch.cuda.is_available():
        return tiny.load(source)[0]
    soft_cap = getattr(AutoConfig.from_pretrained(source), "attn_logit_softcapping", None)
    return AutoModelForCausalLM.from_pretrained(
        source,
        dtype=torch.float32 if training_weights else torch.bfloat16,
        attn_implementation="eager" if soft_cap else "sdpa",  # sdpa would leave a soft cap out in silence
        device_map="auto",
    )


def _dtype() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def _release() -> None:
    """Give GPU memory back before the next run of this process."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _told(asked: Mapping[str, str], texts: Sequence[str], goal: float | None, temperature: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prompt": list(asked),
            "instruction": list(asked.values()),
            "goal": np.nan if goal is None else float(goal),
            "temperature": float(temperature),
            "text": list(texts),
            "length": [len(text.split()) for text in texts],
            "sentences": 0,
            "parseable": [bool(text.strip()) for text in texts],
        }
    )
