"""One run of self-play: first pairs, a round of own pairs, training on what there is, answers to harder prompts.

Each function is what `queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON. A data
run writes pairs.parquet, all pairs up to its round, with the columns of `COLUMNS`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rapo.models import tiny
from rapo.selection import select
from rapo.studies.common import micro_pairs
from rapo.studies.common.micro_runs import answered, keep_answers, train_on
from rapo.studies.self_play.prompts import difficulty, evolved, harder, read, written
from rapo.world import data

SCORES = ("score_chosen", "score_rejected", "gold_score_chosen", "gold_score_rejected")
# What is kept of a pair; ``question`` is its prompt as JSON (`prompts.Prompt`), ``round`` when it came in.
COLUMNS = ("pair_id", "prompt", "chosen", "rejected", *SCORES, "question", "round")
ASK_POLICY = ("small-implicit-margin", "alignment-potential")
BATCH = 900  # answers sampled at a time: a sixth faster than 300 at this size


def first_pairs(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """``config["pairs"]`` pairs of the world's annotators by the reward model; fewer of them are the first of more.

    Raises:
        ValueError: too many pairs tie.
    """
    n, seed = config["pairs"], config["seed"]
    drawn = n + n // 10 + 10
    world = data.make_world(config["world"])
    table = micro_pairs.pairs(world, drawn, seed=seed, rule="worst")
    if len(table) < n:
        raise ValueError(f"{len(table)} of {drawn} pairs have two scores, {n} are wanted; ask for fewer pairs")
    questions = {f"{seed}-{i}": q for i, q in enumerate(world.ask(drawn, split="train", seed=seed))}
    table = table.slice(0, n)
    texts = [written(questions[name]) for name in table["prompt_id"].to_pylist()]
    table = _kept(table.append_column("question", pa.array(texts)), turn=0)
    pq.write_table(table, folder / "pairs.parquet")
    return {"pairs": n, **micro_pairs.pair_quality(table)}


def play(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """One round: evolve the prompts of the best pairs, answer them, judge, pair, and add the best of the new pairs.

    ``config["metric"]`` ranks both times, under the model of the round before. Without ``config["evolve"]`` new
    prompts of the world take the place of evolved ones.
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    world = data.make_world(config["world"])
    before, seed = pq.read_table(needs["data"] / "pairs.parquet"), config["seed"]
    if config["evolve"]:
        pool = best(config, model, tokenizer, before, fraction=config["share"])
        old, chosen = (read(table["question"].to_pylist()) for table in (before, pool))
        questions = evolved(world, chosen, config["prompts"], known=old, seed=seed)
    else:
        questions = world.ask(config["prompts"], split="train", seed=seed)
    candidates = micro_pairs.own_answers(
        model, tokenizer, world, questions, n=config["answers"],
        temperature=config["temperature"], top_p=config["top_p"], seed=seed, batch_size=BATCH,
    )  # fmt: skip
    candidates = candidates.append_column("question", pa.array([written(question) for question in questions]))
    made = _kept(micro_pairs.own_pairs(candidates, seed=seed), turn=config["round"])
    kept = best(config, model, tokenizer, made, k=min(config["kept"], len(made)))
    pq.write_table(pa.concat_tables([before, kept]), folder / "pairs.parquet")
    sampled = micro_pairs.candidate_quality(candidates)
    return {
        "prompts": len(questions),
        "made": len(made),
        "made_label_accuracy": micro_pairs.pair_quality(made).get("label_accuracy"),
        "added": len(kept),
        **{f"sampled_{name}": value for name, value in sampled.items()},
        **difficulty(read(kept["question"].to_pylist())),
        **micro_pairs.pair_quality(kept),
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
    scored = micro_pairs.with_logprobs(model, tokenizer, table) if metric in ASK_POLICY else table
    options = select.Options(implicit="simpo", weight=config["weight"], seed=config["seed"])
    kept, _ = select.select(scored, metric=metric, k=k, fraction=fraction, options=options)
    return kept.select(table.column_names)


def train(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`train_on` all pairs that a data run holds."""
    return train_on(pq.read_table(needs["data"] / "pairs.parquet"), config, folder, needs)


def answer(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Answers to the test prompts, as `micro_runs.evaluate` draws them, and to evolved test prompts: answers.parquet.

    Columns are those of `micro_runs.evaluate`, and ``asked``: "test" or "evolved".
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    world, n, seed = data.make_world(config["world"]), config["prompts"], config["prompt_seed"]
    sets = {
        "test": world.ask_distinct(n, split="test", seed=seed),
        "evolved": harder(world, n, split="test", steps=config["evolutions"], seed=seed),
    }
    about = {"goal": np.nan, "temperature": config["temperature"]}
    frames = [
        answered(model, tokenizer, world, questions, temperature=config["temperature"],
                 seed=config["seed"], n=config["answers"], about=about).assign(asked=name)
        for name, questions in sets.items()
    ]  # fmt: skip
    return keep_answers(frames, folder)


def _kept(table: pa.Table, *, turn: int) -> pa.Table:
    """The columns that every round keeps, with ids that no other round has."""
    ids = [f"{turn}:{name}" for name in table["pair_id"].to_pylist()]
    table = table.set_column(table.column_names.index("pair_id"), "pair_id", pa.array(ids, pa.string()))
    turns = pa.array([turn] * len(table), pa.int64())
    return table.append_column("round", turns).select(list(COLUMNS)).replace_schema_metadata()
