"""One run of the studies of goals: pairs of annotators or of a model's own answers, goals on any scale or of several
attributes, and answers to any score prompt.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rapo.models import sampling, tiny
from rapo.pairs.candidates import Pairing, to_pairs
from rapo.relabelling.goals import COMPACT
from rapo.relabelling.relabel import relabel
from rapo.studies.common import micro_runs
from rapo.studies.goals_and_scales.scales import SCALES, rescored
from rapo.training import train
from rapo.world import answers, data
from rapo.world import prompts as asked


def annotated_pairs(settings: data.World, n: int, *, seed: int, rule: str = "random") -> pa.Table:
    """Pairs of the world's annotators as `micro.pairs` gives them, with the judge's verdicts before rounding.

    Args:
        settings: of the world.
        n: prompts.
        seed: of prompts, annotators and judge.
        rule: whom the best answer is compared with: "random" another, or the "worst".

    Returns:
        Scored pairs without ties; ``raw_score_chosen`` and ``raw_score_rejected`` are on 1-10, neither rounded nor
        clipped.
    """
    table = data.candidates(settings, n, seed=seed)
    completions = table["completions"].to_pylist()
    texts = [answer["response"] for row in completions for answer in row]
    questions = [q for q in asked.draw(n, split="train", seed=seed) for _ in range(data.CANDIDATES)]
    raw = iter(settings.judge(seed=seed).raw(questions, texts, range(len(texts))).tolist())
    judged = [[{**answer, "raw_score": next(raw)} for answer in row] for row in completions]
    table = table.set_column(table.column_names.index("completions"), "completions", pa.array(judged))
    return _untied(to_pairs(table, Pairing(rule=rule, seed=seed), name="micro world"))


def _untied(table: pa.Table) -> pa.Table:
    """Pairs whose scores differ and whose responses do: a model's own answers may repeat."""
    same = pc.equal(table["score_chosen"], table["score_rejected"]).to_numpy()
    texts = [[turns[-1]["content"] for turns in table[side].to_pylist()] for side in ("chosen", "rejected")]
    repeated = np.array([one == other for one, other in zip(*texts, strict=True)], dtype=bool)
    return table.filter(pa.array(~(same | repeated)))


def sample_pairs(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """A model's own answers to training prompts, scored by the world's judge, best against worst: pairs.parquet."""
    model, tokenizer = tiny.load(needs["model"] / "model")
    settings = data.make_world(config["world"])
    questions = asked.draw(config["prompts"], split="train", seed=config["seed"])
    prompts = [
        ask(q.text, config["wish"], placement=micro_runs.PLACEMENT[config["architecture"]]) for q in questions
    ]
    texts = sampling.samples(
        model, tokenizer, prompts, n=config["candidates"], temperature=config["temperature"], seed=config["seed"]
    )
    table = judged(settings, questions, texts, seed=config["seed"])
    gold = np.array([answer["gold_score"] for row in table["completions"].to_pylist() for answer in row])
    made = _untied(to_pairs(table, Pairing(rule="worst", seed=config["seed"], bad="drop"), name="own answers"))
    made = made.slice(0, config["pairs"])
    pq.write_table(made, folder / "pairs.parquet")
    parsed = [answers.parse(text) is not None for several in texts for text in several]
    return {"pairs": len(made), "gold": float(gold.mean()), "parseable": float(np.mean(parsed)), **_quality(made)}


def judged(
    settings: data.World, questions: Sequence[asked.Prompt], texts: Sequence[Sequence[str]], *, seed: int
) -> pa.Table:
    """Answers scored as the world's annotators' are: candidates in UltraFeedback's shape.

    Args:
        settings: of the world.
        questions: Shape: (n,)
        texts: answers of a model. Shape: (n, any)
        seed: of the judge.
    """
    repeated = [question for question, several in zip(questions, texts, strict=True) for _ in several]
    flat = [text for several in texts for text in several]
    scores = iter(data.annotate(settings, repeated, flat, seed=seed))
    return pa.table(
        {
            "prompt_id": [f"{seed}-{i}" for i in range(len(questions))],
            "instruction": [question.text for question in questions],
            "completions": [
                [{"model": "own", "response": text, **next(scores)} for text in several] for several in texts
            ],
        }
    )


def train_goals(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Train a model on scored pairs, plain or relabelled.

    ``config["data"]``: ``kind`` ("uf", "ra" or "attributes"), and ``scale`` of the goals (a key of
    `goal_scales.SCALES`) where pairs have raw scores. ``config["source"]``: annotators' ``prompts``, ``rule``,
    ``seed``, at most ``pairs`` of them, and the ``top`` score that a pair may hold (null: any). Pairs of a run
    called "pairs" among the needs take the annotators' place.
    """
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = pq.read_table(needs["pairs"] / "pairs.parquet") if "pairs" in needs else _annotated(config)
    placement, seed = micro_runs.PLACEMENT[config["architecture"]], config["seed"]
    rows = training_rows(table, config["data"], placement=placement, seed=seed)
    settings = train.DPOSettings(**config["training"])
    log = train.train_dpo(model, tokenizer, rows, settings=settings, seed=seed)
    tiny.save(model, tokenizer, folder / "model")
    goals = {row["prompt"][0]["content"] for row in rows} if config["data"]["kind"] != "uf" else None
    return {
        "pairs": len(table),
        "rows": len(rows),
        "goals": None if goals is None or placement != "system" else len(goals),
        "steps": log.steps,
        "tokens": log.tokens,
        "loss": [entry["loss"] for entry in log.history],
        **_quality(table),
    }


def _annotated(config: Mapping[str, Any]) -> pa.Table:
    source = config["source"]
    world = data.make_world(config["world"])
    table = annotated_pairs(world, source["prompts"], seed=source["seed"], rule=source["rule"])
    if source["top"] is not None:
        table = table.filter(pc.less_equal(table["score_chosen"], source["top"]))
    return table.slice(0, source["pairs"])


def training_rows(
    table: pa.Table, wanted: Mapping[str, Any], *, placement: str, seed: int
) -> list[dict[str, Any]]:
    """Rows for TRL made of scored pairs.

    Pairs whose two goals read alike are left out, whatever the goals: the same whole score on a coarse scale, or
    the same score of every attribute.

    Raises:
        ValueError: the kind of data is unknown.
    """
    kind = wanted["kind"]
    if kind == "uf":
        return micro_runs.training_rows(table, "uf", placement=placement, seed=seed)
    if kind == "attributes":
        new = relabel(table, placement=placement, template=COMPACT, goal="attributes", seed=seed)
    elif kind == "ra" and "raw_score_chosen" in table.column_names:
        scale = SCALES[wanted["scale"]]
        new = relabel(rescored(table, scale), placement=placement, template=scale.template, seed=seed)
    elif kind == "ra":
        return micro_runs.training_rows(table, "ra", placement=placement, seed=seed)
    else:
        raise ValueError(f"data is {kind!r}; use 'uf', 'ra' or 'attributes'")
    return [micro_runs._one_line(row) for row in new.select(["prompt", "chosen", "rejected"]).to_pylist()]


def _quality(table: pa.Table) -> dict[str, float]:
    """Mean gold of chosen and rejected answers, and how often gold confirms the label."""
    chosen, rejected = (table[f"gold_score_{side}"].to_numpy() for side in ("chosen", "rejected"))
    if not len(table):
        return {}
    right = float((chosen > rejected).mean())
    return {"gold_chosen": float(chosen.mean()), "gold_rejected": float(rejected.mean()), "label_accuracy": right}


def ask(text: str, wish: str | None, *, placement: str) -> micro_runs.Messages:
    """A prompt as messages, with a score prompt already in words where the placement says."""
    if wish is None:
        return micro_runs.ask(text)
    if placement == "prefix":
        return micro_runs.ask(f"{wish} {text}")
    return [{"role": "system", "content": wish}, *micro_runs.ask(text)]


def answer_wishes(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Sample a model's answers to held-out prompts under each score prompt, score them by gold.

    The draws are the same under every score prompt. Writes answers.parquet: `micro.evaluate`'s columns without
    goal and temperature, and ``wish`` ("" for none); one row an answer.

    Raises:
        ValueError: the tokenizer lacks a word of a score prompt, which it would drop in silence.
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    settings = data.make_world(config["world"])
    questions = asked.draw_distinct(config["prompts"], split=config["split"], seed=config["prompt_seed"])
    known, frames = tokenizer.get_vocab(), []
    for wish in config["wishes"]:
        if missing := [word for word in (wish or "").split() if word not in known]:
            raise ValueError(f"the tokenizer has no {missing[0]!r} (in {wish!r}); spell it in words that it has")
        prompts = [ask(q.text, wish, placement=micro_runs.PLACEMENT[config["architecture"]]) for q in questions]
        texts = sampling.sample(model, tokenizer, prompts, temperature=config["temperature"], seed=config["seed"])
        frames.append(micro_runs._scored(settings, questions, texts, None, 0.0).assign(wish=wish or ""))
    table = pd.concat(frames, ignore_index=True).drop(columns=["goal", "temperature"])
    table.to_parquet(folder / "answers.parquet")
    return {"gold": [float(frame["gold"].mean()) for frame in frames]}
