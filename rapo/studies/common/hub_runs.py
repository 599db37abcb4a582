"""One run of a study on real models: train an arm of a hub's model, sample its answers.

Each function is what `queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON. A model
and a data set are named by a mapping with ``source``: an id on the hub, or a folder or file on this machine.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rapo.models import sampling, tiny
from rapo.relabelling import chat, goals
from rapo.relabelling.placement import put
from rapo.relabelling.relabel import relabel
from rapo.scoring.tokens import PAIR
from rapo.studies.common import inputs, quizzes
from rapo.training import launch
from rapo.training import train as training
from rapo.training.rows import prepare

SIDES = {"sft": ["completion"], "uf": list(PAIR), "ra": list(PAIR), "half ra": list(PAIR)}


def train_arm(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train one arm; ``config["arm"]["data"]`` is "uf", "ra", "half ra" or "sft". Writes ``model/``.

    It starts from ``config["model"]``, or from the model of the run ``needs["base"]``. Weights are held in fp32 and
    computed with in bf16 on a GPU: at a learning rate of 5e-7 most updates are smaller than bf16 can add.
    """
    source = start(config["model"], needs.get("base"))
    tokenizer = tiny.load_tokenizer(source)
    arm, seed = config["arm"], config["seed"]
    table = inputs.preference_pairs(config["data"])
    rows = training_rows(
        table, arm["data"], placement=placement(config["model"], tokenizer), template=config["template"], seed=seed
    )
    options = {**config["training"], "epochs": arm.get("epochs", 1)}
    kind = training.Settings if arm["data"] == "sft" else training.DPOSettings
    settings = kind(**options)
    told = {"pairs": len(table), "rows": len(rows)}
    if config.get("launch"):
        kept = prepare(tokenizer, rows, settings, sides=SIDES[arm["data"]])
        job = launch.write_job(
            folder / "job", [rows[i] for i in kept.places], settings, model=source, seed=seed,
            launch=config["launch"],
        )  # fmt: skip
        launch.run(job, folder / "model")
        tokenizer.save_pretrained(folder / "model")
        return {**told, "dropped": len(kept.dropped)}
    model = load(source, training_weights=True)
    train = training.train_sft if arm["data"] == "sft" else training.train_dpo
    log = train(model, tokenizer, rows, settings=settings, seed=seed)  # type: ignore[arg-type]
    tiny.save(model.to(_dtype()), tokenizer, folder / "model")
    _release()
    return {**told, "dropped": len(log.dropped), "steps": log.steps, "tokens": log.tokens,
            "tokens_per_second": log.tokens_per_second, "loss": [entry["loss"] for entry in log.history]}  # fmt: skip


def training_rows(table: pa.Table, kind: str, *, placement: str, template: str, seed: int) -> list[dict[str, Any]]:
    """Rows for TRL made of scored pairs, for one kind of data. Tied pairs are left out of every kind.

    Differs from the official preprocessing, which leaves them in the plain data: all arms see the same pairs.

    Raises:
        ValueError: the kind is unknown.
    """
    if kind not in SIDES:
        raise ValueError(f"data is {kind!r}; use one of {', '.join(SIDES)}")
    table = table.filter(pc.not_equal(table["score_chosen"], table["score_rejected"]))
    if kind == "uf":
        return table.select(["prompt", *PAIR]).to_pylist()
    if kind == "sft":
        return table.select(["prompt", "chosen"]).rename_columns(["prompt", "completion"]).to_pylist()
    half = kind == "half ra"
    new = relabel(table, placement=placement, template=goals.template(template), half=half, seed=seed)
    return new.select(["prompt", *PAIR]).to_pylist()


def evaluate(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Sample answers to the instructions under each (goal, temperature), by ``needs["model"]`` or the model itself.

    Writes answers.parquet: prompt (id), instruction, goal (NaN: none), temperature, text, length (words), sentences
    (0: nothing is counted here) and parseable (not blank); one row an answer.
    """
    source = start(config["model"], needs.get("model"))
    tokenizer = tiny.load_tokenizer(source)
    where = placement(config["model"], tokenizer)
    asked = inputs.instructions(config["prompts"])
    model = load(source)
    frames = []
    for place, (goal, temperature) in enumerate(config["conditions"]):
        prompts = [ask(text, goal=goal, placement=where, template=config["template"]) for text in asked.values()]
        texts = sampling.sample(
            model, tokenizer, prompts, temperature=temperature, seed=config["seed"] * 1000 + place,
            **config["sampling"],
        )  # fmt: skip
        frames.append(_told(asked, texts, goal, temperature))
    pd.concat(frames, ignore_index=True).to_parquet(folder / "answers.parquet")
    batch_size = config["sampling"].get("batch_size", 32)
    skills = quizzes.accuracies(model, tokenizer, config.get("tasks", {}), batch_size=batch_size)
    del model
    _release()
    return {"skills": skills, "blank": [float(1 - frame["parseable"].mean()) for frame in frames],
            "words": [float(frame["length"].mean()) for frame in frames]}  # fmt: skip


def ask(text: str, *, goal: float | None, placement: str, template: str) -> list[dict[str, str]]:
    """An instruction as messages, with its goal where the placement says.

    >>> ask("name six fruits .", goal=10, placement="prefix", template="compact")
    [{'role': 'user', 'content': 'overall score : 10 .\\n\\nname six fruits .'}]
    """
    wish = None if goal is None else goals.template(template).text(goal)
    return put([{"role": "user", "content": text}], wish, placement=placement)


def placement(model: Mapping[str, Any], tokenizer: Any) -> str:
    """Where a model's goals go: as its recipe says; "auto" (or nothing) reads it off the chat template."""
    told = model.get("placement", "auto")
    return chat.placement(tokenizer) if told == "auto" else str(told)


def start(model: Mapping[str, Any], made: Path | None) -> str:
    """Where weights come from: a run's folder where there is one, else the recipe's model, fetched once."""
    return str(made / "model") if made else inputs.model_folder(model)


def load(source: str, *, training_weights: bool = False) -> Any:
    """A causal LM over every GPU there is, else on the CPU: fp32 to train, bf16 to sample on a GPU."""
    import torch

    if not torch.cuda.is_available():
        return tiny.load(source)[0]
    from transformers import AutoConfig, AutoModelForCausalLM

    soft_cap = getattr(AutoConfig.from_pretrained(source), "attn_logit_softcapping", None)
    return AutoModelForCausalLM.from_pretrained(
        source,
        dtype=torch.float32 if training_weights else torch.bfloat16,
        attn_implementation="eager" if soft_cap else "sdpa",  # sdpa would leave a soft cap out in silence
        device_map="auto",
    )


def _dtype() -> Any:
    import torch

    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def _release() -> None:
    """Give GPU memory back before the next run of this process."""
    import gc

    import torch

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
