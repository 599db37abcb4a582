"""One run of self-play: first pairs, a round of own pairs, training on what there is, answers to harder prompts.

Each function is what `queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON. A data
run writes pairs.parquet, all pairs up to its round, with the columns of `COLUMNS`.
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
from rapo.scoring.tokens import tokenise
from rapo.selection import select as selection
from rapo.studies.alignment_potential import runs
from rapo.studies.common import micro_runs
from rapo.studies.self_play.prompts import difficulty, evolved, harder, read, written
from rapo.training import train as training
from rapo.world import answers, data
from rapo.world import prompts as asked

SCORES = ("score_chosen", "score_rejected", "gold_score_chosen", "gold_score_rejected")
# What is kept of a pair; ``question`` is its prompt as JSON (`asked.Prompt`), ``round`` when it came in.
COLUMNS = ("pair_id", "prompt", "chosen", "rejected", *SCORES, "question", "round")
ASK_POLICY = ("small-implicit-margin", "alignment-potential")
SIDES = ("chosen", "rejected")
BATCH = 900  # answers sampled at a time: a sixth faster than 300 at this size


def first_pairs(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """``config["pairs"]`` pairs of the world's annotators by the reward model; fewer of them are the first of more.

    Raises:
        ValueError: too many pairs tie.
    """
    n, seed = config["pairs"], config["seed"]
    drawn = n + n // 10 + 10
    table = runs.reward_model_pairs(data.make_world(config["world"]), drawn, seed=seed)
    if len(table) < n:
        raise ValueError(f"{len(table)} of {drawn} pairs have two scores, {n} are wanted; ask for fewer pairs")
    questions = {f"{seed}-{i}": q for i, q in enumerate(asked.draw(drawn, split="train", seed=seed))}
    table = table.slice(0, n)
    texts = [written(questions[name]) for name in table["prompt_id"].to_pylist()]
    table = _kept(table.append_column("question", pa.array(texts)), turn=0)
    pq.write_table(table, folder / "pairs.parquet")
    return {"pairs": n, **quality(table)}


def play(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """One round: evolve the prompts of the best pairs, answer them, judge, pair, and add the best of the new pairs.

    ``config["metric"]`` ranks both times, under the model of the round before. Without ``config["evolve"]`` new
    prompts of the world take the place of evolved ones.
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    before = pq.read_table(needs["data"] / "pairs.parquet")
    if config["evolve"]:
        pool = best(config, model, tokenizer, before, fraction=config["share"])
        old, chosen = (read(table["question"].to_pylist()) for table in (before, pool))
        questions = evolved(chosen, config["prompts"], known=old, seed=config["seed"])
    else:
        questions = asked.draw(config["prompts"], split="train", seed=config["seed"])
    several = sampling.samples(
        model, tokenizer, [micro_runs.ask(q.text) for q in questions], n=config["answers"],
        temperature=config["temperature"], top_p=config["top_p"], seed=config["seed"], batch_size=BATCH,
    )  # fmt: skip
    candidates = judged(data.make_world(config["world"]), questions, several, seed=config["seed"])
    made = _kept(own_pairs(candidates, seed=config["seed"]), turn=config["round"])
    kept = best(config, model, tokenizer, made, k=min(config["kept"], len(made)))
    pq.write_table(pa.concat_tables([before, kept]), folder / "pairs.parquet")
    gold = [answer["gold_score"] for row in candidates["completions"].to_pylist() for answer in row]
    parsed = [answers.parse(text) is not None for texts in several for text in texts]
    return {
        "prompts": len(questions),
        "made": len(made),
        "made_label_accuracy": quality(made).get("label_accuracy"),
        "added": len(kept),
        "sampled_gold": float(np.mean(gold)),
        "sampled_parseable": float(np.mean(parsed)),
        **difficulty(read(kept["question"].to_pylist())),
        **quality(kept),
    }


def best(
    config: Mapping[str, Any],
    model: Any,
    tokenizer: Any,
    table: pa.Table,
    *,
    k: int | None = None,
    fraction: float | None = None,
) -> pa.Table:
    """The best pairs by ``config["metric"]``, the policy's own margin being that of ``model``; columns as they were."""
    metric = config["metric"]
    scored = with_logprobs(model, tokenizer, table) if metric in ASK_POLICY else table
    options = selection.Options(implicit="simpo", weight=config["weight"], seed=config["seed"])
    kept, _ = selection.select(scored, metric=metric, k=k, fraction=fraction, options=options)
    return kept.select(table.column_names)


def with_logprobs(model: Any, tokenizer: Any, table: pa.Table) -> pa.Table:
    """The table with log-probability sums (nats) and token counts of both responses."""
    rows = table.select(["prompt", *SIDES]).to_pylist()
    sums = training.reference_logprobs(model, tokenizer, rows)
    ids = tokenise(tokenizer, rows, sides=SIDES)
    for place, side in enumerate(SIDES):
        table = table.append_column(f"{side}_logprob_sum", pa.array(sums[:, place]))
        table = table.append_column(f"{side}_tokens", pa.array([len(row) for row in ids[f"{side}_ids"]]))
    return table


def judged(
    world: data.World, questions: Sequence[asked.Prompt], several: Sequence[Sequence[str]], *, seed: int
) -> pa.Table:
    """Answers as candidates, scored by the world's judge and by gold. Shape of ``several``: (n_questions, any)"""
    repeated = [question for question, texts in zip(questions, several, strict=True) for _ in texts]
    flat = [text for texts in several for text in texts]
    scores = world.judge(seed=seed).score(repeated, flat, range(len(flat)))
    gold = world.gold.score(repeated, flat)
    rows = iter(
        {"response": text, "overall_score": float(score), "gold_score": float(truth)}
        for text, score, truth in zip(flat, scores, gold, strict=True)
    )
    return pa.table(
        {
            "prompt_id": [f"{seed}-{i}" for i in range(len(questions))],
            "instruction": [question.text for question in questions],
            "question": [written(question) for question in questions],
            "completions": [[next(rows) for _ in texts] for texts in several],
        }
    )


def own_pairs(candidates: pa.Table, *, seed: int) -> pa.Table:
    """Best against worst answer; no pair of equal scores, and none of equal texts, as a model may repeat itself."""
    table = to_pairs(candidates, Pairing(rule="worst", seed=seed, bad="drop"), name="own answers")
    texts = [[turns[-1]["content"] for turns in table[side].to_pylist()] for side in SIDES]
    differ = np.array([one != other for one, other in zip(*texts, strict=True)], dtype=bool)
    return table.filter(pa.array(differ)).filter(pc.not_equal(*(pc.field(name) for name in SCORES[:2])))


def train(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """The base trained by SimPO on all pairs that a data run holds."""
    model, tokenizer = tiny.load(needs["base"] / "model")
    table = pq.read_table(needs["data"] / "pairs.parquet")
    rows = table.select(["prompt", *SIDES]).to_pylist()
    settings = training.SimPOSettings(**config["training"])
    log = training.train_simpo(model, tokenizer, rows, settings=settings, seed=config["seed"])
    tiny.save(model, tokenizer, folder / "model")
    return {"pairs": len(table), **quality(table), **runs.told(log)}


def answer(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Answers to the test prompts, as `micro.evaluate` draws them, and to evolved test prompts: answers.parquet.

    Columns are those of `micro.evaluate`, and ``asked``: "test" or "evolved".
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    settings, n, seed = data.make_world(config["world"]), config["prompts"], config["prompt_seed"]
    sets = {
        "test": asked.draw_distinct(n, split="test", seed=seed),
        "evolved": harder(n, split="test", steps=config["evolutions"], seed=seed),
    }
    frames = []
    for place, (name, questions) in enumerate(sets.items()):
        prompts = [micro_runs.ask(question.text) for question in questions]
        draws = config["seed"] * 1000 + place
        texts = sampling.sample(model, tokenizer, prompts, temperature=config["temperature"], seed=draws)
        scored = micro_runs._scored(settings, questions, texts, None, config["temperature"])
        frames.append(scored.assign(asked=name))
    pd.concat(frames, ignore_index=True).to_parquet(folder / "answers.parquet")
    return {name: float(frame["gold"].mean()) for name, frame in zip(sets, frames, strict=True)}


def quality(table: pa.Table) -> dict[str, float]:
    """Mean gold of both sides, mean explicit margin, share of labels that gold confirms; nothing of no pairs."""
    score, other, chosen, rejected = (table[name].to_numpy() for name in SCORES)
    if not len(table):
        return {}
    return {
        "gold_chosen": float(chosen.mean()),
        "gold_rejected": float(rejected.mean()),
        "explicit": float((score - other).mean()),
        "label_accuracy": float((chosen > rejected).mean()),
    }


def _kept(table: pa.Table, *, turn: int) -> pa.Table:
    """The columns that every round keeps, with ids that no other round has."""
    ids = [f"{turn}:{name}" for name in table["pair_id"].to_pylist()]
    table = table.set_column(table.column_names.index("pair_id"), "pair_id", pa.array(ids, pa.string()))
    turns = pa.array([turn] * len(table), pa.int64())
    return table.append_column("round", turns).select(list(COLUMNS)).replace_schema_metadata()
