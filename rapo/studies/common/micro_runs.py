"""One run of a study in the micro world: train a base, train an arm on it, sample and judge its answers.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rapo.models import sampling, tiny
from rapo.pairs.candidates import Pairing, to_pairs
from rapo.relabelling.goals import COMPACT
from rapo.relabelling.relabel import relabel
from rapo.training import train
from rapo.world import answers, data, lexicon, skills
from rapo.world import prompts as asked
from rapo.world.reward import ATTRIBUTES

PLACEMENT = {"llama": "system", "qwen2": "system", "gemma2": "prefix"}
Messages = list[dict[str, str]]


def ask(text: str, *, goal: float | Mapping[str, float] | None = None, placement: str = "system") -> Messages:
    """A prompt as messages, with its goal where the placement says."""
    if goal is None:
        return [{"role": "user", "content": text}]
    wish = COMPACT.text(goal)
    if placement == "prefix":
        return [{"role": "user", "content": f"{wish} {text}"}]
    return [{"role": "system", "content": wish}, {"role": "user", "content": text}]


def say(text: str) -> Messages:
    """An answer as messages."""
    return [{"role": "assistant", "content": text}]


def train_base(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train a base model from random weights on the annotators' answers, some of them under a score prompt."""
    placement = PLACEMENT[config["architecture"]]
    tokenizer = tiny.build_tokenizer(lexicon.vocabulary(), chat_template=tiny.CHAT_TEMPLATES[placement])
    shape = tiny.tiny_config(config["architecture"], vocab_size=len(tokenizer), **config.get("size", {}))
    model = tiny.random_model(shape, seed=config["seed"])
    examples = data.corpus(data.make_world(config["world"]), seed=config["seed"], **config["corpus"])
    rows = [
        {"prompt": ask(e.prompt, goal=e.goal, placement=placement), "completion": say(e.answer)} for e in examples
    ]
    log = train.train_sft(
        model, tokenizer, rows, settings=train.Settings(**config["training"]), seed=config["seed"]
    )
    tiny.save(model, tokenizer, folder / "model")
    return {"parameters": model.num_parameters(), **_told(log)}


def pairs(settings: data.World, n: int, *, seed: int) -> pa.Table:
    """Scored pairs of the world: the best judged of four answers against a random other, ties left out."""
    table = to_pairs(data.candidates(settings, n, seed=seed), Pairing(seed=seed), name="micro world")
    return table.filter(pc.not_equal(table["score_chosen"], table["score_rejected"]))


def train_arm(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train one arm on a base: ``config["arm"]["data"]`` is "uf", "ra", "half ra" or "sft"."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    arm, seed = config["arm"], config["seed"]
    rows = training_rows(table, arm["data"], placement=PLACEMENT[config["architecture"]], seed=seed)
    options = {**config["training"], "epochs": arm.get("epochs", 1)}
    if arm["data"] == "sft":
        log = train.train_sft(model, tokenizer, rows, settings=train.Settings(**options), seed=seed)
    else:
        log = train.train_dpo(model, tokenizer, rows, settings=train.DPOSettings(**options), seed=seed)
    tiny.save(model, tokenizer, folder / "model")
    return {"pairs": len(table), "rows": len(rows), **_told(log)}


def training_rows(table: pa.Table, kind: str, *, placement: str, seed: int) -> list[dict[str, Any]]:
    """Rows for TRL made of scored pairs, for one kind of data.

    Raises:
        ValueError: the kind is unknown.
    """
    if kind == "uf":
        return table.select(["prompt", "chosen", "rejected"]).to_pylist()
    if kind == "sft":
        return table.select(["prompt", "chosen"]).rename_columns(["prompt", "completion"]).to_pylist()
    if kind not in ("ra", "half ra"):
        raise ValueError(f"data is {kind!r}; use 'uf', 'ra', 'half ra' or 'sft'")
    new = relabel(table, placement=placement, template=COMPACT, half=kind == "half ra", seed=seed)
    return [_one_line(row) for row in new.select(["prompt", "chosen", "rejected"]).to_pylist()]


def _one_line(row: dict[str, Any]) -> dict[str, Any]:
    """White space in a prompt made single: the micro world's tokenizer splits there and nowhere else."""
    return {**row, "prompt": [{**turn, "content": " ".join(turn["content"].split())} for turn in row["prompt"]]}


def evaluate(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Sample a model's answers to held-out prompts under each (goal, temperature), score them by gold.

    Writes answers.parquet: prompt, goal (NaN: none), temperature, text, gold, length, sentences, parseable and the
    attributes; one row an answer.
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    settings = data.make_world(config["world"])
    questions = asked.draw_distinct(config["prompts"], split=config["split"], seed=config["prompt_seed"])
    frames = []
    for place, (goal, temperature) in enumerate(config["conditions"]):
        prompts = [ask(q.text, goal=goal, placement=PLACEMENT[config["architecture"]]) for q in questions]
        seed = config["seed"] * 1000 + place
        texts = sampling.sample(model, tokenizer, prompts, temperature=temperature, seed=seed)
        frames.append(_scored(settings, questions, texts, goal, temperature))
    table = pd.concat(frames, ignore_index=True)
    table.to_parquet(folder / "answers.parquet")
    metrics: dict[str, Any] = {"gold": [float(frame["gold"].mean()) for frame in frames]}
    if quizzes := config.get("quizzes"):
        metrics["skills"] = held_out_skills(model, tokenizer, quizzes)
    return metrics


def _scored(
    settings: data.World,
    questions: Sequence[asked.Prompt],
    texts: Sequence[str],
    goal: float | None,
    temperature: float,
) -> pd.DataFrame:
    attributes = settings.gold.table(questions, texts)
    parsed = [answers.parse(text) for text in texts]
    frame = pd.DataFrame(
        {
            "prompt": [question.id for question in questions],
            "goal": np.nan if goal is None else float(goal),
            "temperature": float(temperature),
            "text": list(texts),
            "gold": settings.gold.overall(attributes),
            "length": [answers.length(text) for text in texts],
            "sentences": [np.nan if answer is None else len(answer.sentences) for answer in parsed],
            "parseable": [answer is not None for answer in parsed],
        }
    )
    return frame.join(pd.DataFrame(attributes, columns=list(ATTRIBUTES)))


def held_out_skills(model: Any, tokenizer: Any, n: int, *, seed: int = 99) -> dict[str, float]:
    """Share of right answers for each held-out skill, greedy."""
    quizzes = skills.draw(n, seed=seed)
    texts = sampling.sample(
        model, tokenizer, [ask(question) for _, question, _ in quizzes], temperature=0, max_new_tokens=16
    )
    right = pd.Series([text == quiz[2] for text, quiz in zip(texts, quizzes, strict=True)])
    return {
        str(skill): float(share) for skill, share in right.groupby([quiz[0] for quiz in quizzes]).mean().items()
    }


def _told(log: train.TrainLog) -> dict[str, Any]:
    """A training log as metrics."""
    return {
        "steps": log.steps,
        "tokens": log.tokens,
        "tokens_per_second": log.tokens_per_second,
        "loss": [entry["loss"] for entry in log.history],
        "accuracy": [entry["rewards/accuracies"] for entry in log.history if "rewards/accuracies" in entry],
    }
