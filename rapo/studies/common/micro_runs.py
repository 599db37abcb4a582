"""One run of a study in the micro world: train a base, train an arm on it, sample and judge its answers.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
Every training of a study is `train_base` or `train_on`; a study's own runs make pairs, and hand them over.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rapo.config import canonical, content_hash
from rapo.models import sampling, tiny
from rapo.relabelling.chat import placement
from rapo.relabelling.goals import COMPACT, GoalTemplate, out_of
from rapo.scoring.tokens import PAIR
from rapo.studies.common.micro_pairs import pair_quality, pairs
from rapo.studies.common.recent import Recent
from rapo.studies.common.rows import ask, say, training_rows
from rapo.studies.common.trainers import TRAINERS, Trainer, options_of, takes_reference, train_rows, trainer_of
from rapo.training import train
from rapo.world import answers, data, lexicon, skills
from rapo.world import prompts as asked

_REFERENCES = Recent[np.ndarray](most=24)  # to score a base's answers takes a fifth of an arm's training
NO_SYSTEM_TURN = ("gemma2",)  # architectures whose chat template refuses one


def train_base(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train a base model on the annotators' answers, some of them under a score prompt.

    It starts from random weights, or from the model of a run called "base" among the needs.
    """
    model, tokenizer = tiny.load(needs["base"] / "model") if "base" in needs else _random_base(config)
    examples = data.corpus(data.make_world(config["world"]), seed=config["seed"], **config["corpus"])
    where = placement(tokenizer)
    rows = [
        {"prompt": ask(example.prompt, wish, placement=where), "completion": say(example.answer)}
        for example, wish in zip(examples, _wishes(examples), strict=True)
    ]
    told = train_rows(
        model, tokenizer, rows, trainer=TRAINERS["sft"], options=config["training"], seed=config["seed"]
    )
    tiny.save(model, tokenizer, folder / "model")
    return {"parameters": model.num_parameters(), **told}


def _wishes(examples: Sequence[data.Example]) -> list[str | None]:
    """Each example's goal in words; None where it has none. Goals of a kind are worded together."""
    kinds: dict[tuple[float, bool], list[int]] = {}
    for place, example in enumerate(examples):
        if example.goal is not None:
            kinds.setdefault((example.top, isinstance(example.goal, Mapping)), []).append(place)
    wishes: list[str | None] = [None] * len(examples)
    for (top, several), places in kinds.items():
        goals: list[Any] = [examples[place].goal for place in places]
        values = {side: [goal[side] for goal in goals] for side in goals[0]} if several else goals
        for place, text in zip(places, out_of(top).texts(values).to_pylist(), strict=True):
            wishes[place] = text
    return wishes


def _random_base(config: Mapping[str, Any]) -> tuple[Any, Any]:
    architecture = config["architecture"]
    template = tiny.CHAT_TEMPLATES["prefix" if architecture in NO_SYSTEM_TURN else "system"]
    tokenizer = tiny.build_tokenizer(lexicon.vocabulary(), chat_template=template)
    shape = tiny.tiny_config(architecture, vocab_size=len(tokenizer), **config.get("size", {}))
    return tiny.random_model(shape, seed=config["seed"]), tokenizer


def train_arm(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`train_on` the pairs of the world's annotators."""
    table = pairs(data.make_world(config["world"]), config["pairs"], seed=config["seed"])
    return train_on(table, config, folder, needs)


def train_on(
    table: pa.Table,
    config: Mapping[str, Any],
    folder: Path,
    needs: Mapping[str, Path],
    *,
    template: GoalTemplate = COMPACT,
    trainer: Trainer | None = None,
) -> dict[str, Any]:
    """Train the model of ``needs["base"]`` on scored pairs and save it as ``folder/model``.

    Args:
        table: scored pairs.
        config: ``arm`` (``data``, a kind of `training_rows`; maybe ``epochs`` and ``levels``), ``training`` and
            maybe ``trainer`` (see `trainers`), ``seed``.
        folder, needs: of the run.
        template: how goals are worded.
        trainer: goes before the config's.

    Returns:
        What `train_rows` and `pair_quality` say; ``pairs``; how many different ``scores`` they have, and how many
        ``goals`` their rows (None: no goal, or none that is a turn of its own).
    """
    model, tokenizer = tiny.load(needs["base"] / "model")
    rows, trainer = arm_rows(table, config, tokenizer, template=template), trainer or trainer_of(config)
    options, reference = options_of(config), None
    if takes_reference(trainer, options):
        weights = [one.detach().numpy().tobytes() for one in model.parameters()]
        made_of = content_hash(canonical(rows), *weights)
        reference = _REFERENCES.get(made_of, lambda: train.reference_logprobs(model, tokenizer, rows))
    told = train_rows(
        model, tokenizer, rows, trainer=trainer, options=options, seed=config["seed"], reference=reference
    )
    tiny.save(model, tokenizer, folder / "model")
    scores = {score for side in PAIR for score in table[f"score_{side}"].to_pylist()}
    goals = {row["prompt"][0]["content"] for row in rows if row["prompt"][0]["role"] == "system"}
    counts = {"pairs": len(table), "scores": len(scores), "goals": len(goals) or None}
    return {**counts, **told, **pair_quality(table)}


def arm_rows(
    table: pa.Table, config: Mapping[str, Any], tokenizer: Any, *, template: GoalTemplate = COMPACT
) -> list[dict[str, Any]]:
    """The rows that `train_on` trains on."""
    arm, where = config["arm"], placement(tokenizer)
    levels = arm.get("levels", 10)
    return training_rows(
        table, arm["data"], placement=where, template=template, levels=levels, seed=config["seed"]
    )


def evaluate(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Sample a model's answers to held-out prompts under each (goal, temperature), score them by gold.

    Draws depend on (seed, prompt, number of the answer) alone, whatever the condition and the model: what two arms
    are asked alike they are asked with the same random numbers.

    Writes answers.parquet: prompt, task, answer (its number), goal (NaN: none), temperature, text, gold, length,
    sentences, parseable and the attributes; one row an answer.
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    world = data.make_world(config["world"])
    questions = world.ask_distinct(config["prompts"], split=config["split"], seed=config["prompt_seed"])
    frames = [
        answered(
            model, tokenizer, world, questions, wish=None if goal is None else COMPACT.text(goal),
            temperature=temperature, seed=config["seed"], n=config["answers"],
            about={"goal": np.nan if goal is None else float(goal), "temperature": float(temperature)},
        )
        for goal, temperature in config["conditions"]
    ]  # fmt: skip
    metrics = keep_answers(frames, folder)
    if quizzes := config.get("quizzes"):
        metrics["skills"] = held_out_skills(model, tokenizer, quizzes, seed=config["prompt_seed"])
    return metrics


def answered(
    model: Any,
    tokenizer: Any,
    world: data.World,
    questions: Sequence[asked.Prompt],
    *,
    wish: str | None = None,
    temperature: float,
    seed: int,
    about: Mapping[str, Any],
    n: int = 1,
) -> pd.DataFrame:
    """A model's answers (``n`` to each question) under one score prompt (None: none), scored by gold.

    Returns:
        Columns prompt (id), task, answer (its number), those of ``about``, text, gold, length (words), sentences (NaN
        where the answer cannot be parsed), parseable and the sides of the world's gold reward.
    """
    where = placement(tokenizer)
    prompts = [ask(question.text, wish, placement=where) for question in questions]
    ids = [int(question.id, 16) for question in questions]
    several = sampling.samples(
        model, tokenizer, prompts, n=n, temperature=temperature, seed=seed, ids=ids, batch_size=tiny.BATCH
    )
    texts, repeated = [text for row in several for text in row], [one for one in questions for _ in range(n)]
    attributes = world.gold.table(repeated, texts)
    parsed = [answers.parse(text) for text in texts]
    frame = pd.DataFrame(
        {
            "prompt": [question.id for question in repeated],
            "task": [question.task for question in repeated],
            "answer": list(range(n)) * len(questions),
            **about,
            "text": texts,
            "gold": world.gold.overall(attributes),
            "length": [answers.length(text) for text in texts],
            "sentences": [np.nan if answer is None else len(answer.sentences) for answer in parsed],
            "parseable": [answer is not None for answer in parsed],
        }
    )
    return frame.join(pd.DataFrame(attributes, columns=list(world.gold.sides)))


def keep_answers(frames: Sequence[pd.DataFrame], folder: Path) -> dict[str, Any]:
    """Write answers.parquet, and tell of each frame its mean gold and the share (%) that cannot be parsed."""
    pd.concat(frames, ignore_index=True).to_parquet(folder / "answers.parquet")
    return {
        "gold": [float(frame["gold"].mean()) for frame in frames],
        "unparseable": [100 * float((~frame["parseable"]).mean()) for frame in frames],
    }


def held_out_skills(model: Any, tokenizer: Any, n: int, *, seed: int) -> dict[str, float]:
    """Share of right answers for each held-out skill, greedy."""
    quizzes = skills.draw(n, seed=seed)
    texts = sampling.sample(
        model, tokenizer, [ask(question) for _, question, _ in quizzes], temperature=0, max_new_tokens=16
    )
    right = pd.Series([text == quiz[2] for text, quiz in zip(texts, quizzes, strict=True)])
    return {
        str(skill): float(share) for skill, share in right.groupby([quiz[0] for quiz in quizzes]).mean().items()
    }
