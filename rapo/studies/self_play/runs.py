"""One run of self-play: first pairs, a round of own pairs, training on what there is, answers to harder prompts.

All pairs are on-policy: the base wrote the first ones, the model of the round before the others, and a reward model
takes the best answer against the worst by scores that are not rounded.

Each function is what `queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON. A data
run writes pairs.parquet, all pairs up to its round, with the columns of `COLUMNS`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rapo.models import tiny
from rapo.selection import select
from rapo.studies.common import candidates, micro_pairs
from rapo.studies.common.candidates import Candidates, RewardModel
from rapo.studies.common.micro_runs import answered, keep_answers, train_on
from rapo.studies.self_play.prompts import difficulty, evolved, harder
from rapo.world import data
from rapo.world.prompts import Prompt

SIDES = tuple(f"{name}_{side}" for name in ("score", "gold_score") for side in ("chosen", "rejected"))
# What is kept of a pair; ``question`` is its prompt as JSON (`candidates.written`), ``round`` when it came in.
COLUMNS = ("pair_id", "prompt", "chosen", "rejected", *SIDES, "question", "round")
ASK_POLICY = ("small-implicit-margin", "alignment-potential")
SPARE = 1.1  # prompts asked for each pair that is wanted without selection: some answers tie


def first_pairs(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """``config["pairs"]`` pairs of the base's own answers; fewer of them are the first of more.

    Raises:
        ValueError: too many prompts have no two answers of different scores.
    """
    n, world = config["pairs"], data.make_world(config["world"])
    drawn = spared(n)
    found = _answered(config, needs["base"], world.ask(drawn, split="train", seed=config["seed"]))
    made = _paired(config, found)
    if len(made) < n:
        raise ValueError(f"{len(made)} of {drawn} pairs have two scores, {n} are wanted; ask for fewer pairs")
    table = _kept(made.slice(0, n), turn=0)
    pq.write_table(table, folder / "pairs.parquet")
    return {"pairs": n, **micro_pairs.pair_quality(table)}


def spared(n: int) -> int:
    """Prompts to ask so that ``n`` pairs are left."""
    return int(SPARE * n) + 10


def _answered(config: Mapping[str, Any], model: Path, questions: Sequence[Prompt]) -> Candidates:
    """A model's own answers to prompts."""
    return candidates.sampled(
        *tiny.load(model / "model"), data.make_world(config["world"]), questions, n=config["answers"],
        temperature=config["temperature"], top_p=config["top_p"], seed=config["seed"],
    )  # fmt: skip


def _paired(config: Mapping[str, Any], found: Candidates) -> pa.Table:
    """Best against worst by the reward model; what the policy thought of them is left out, as it goes on learning."""
    seed = config["seed"]
    table = candidates.pairs(found, RewardModel(**config["reward"], seed=seed).score(found), name=str(seed))
    return table.select([name for name in COLUMNS if name != "round"])


def play(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """One round: evolve the prompts of the best pairs, answer them, score, pair, and add the best of the new pairs.

    ``config["metric"]`` ranks both times, under the model of the round before. Without ``config["evolve"]`` new
    prompts of the world take the place of evolved ones.
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    world = data.make_world(config["world"])
    before, seed = pq.read_table(needs["data"] / "pairs.parquet"), config["seed"]
    if config["evolve"]:
        pool = best(config, model, tokenizer, before, fraction=config["share"])
        old, chosen = (candidates.questions_of(table) for table in (before, pool))
        questions = evolved(world, chosen, config["prompts"], known=old, seed=seed)
    else:
        questions = world.ask(config["prompts"], split="train", seed=seed)
    found = _answered(config, needs["model"], questions)
    made = _kept(_paired(config, found), turn=config["round"])
    kept = best(config, model, tokenizer, made, k=min(config["kept"], len(made)))
    pq.write_table(pa.concat_tables([before, kept]), folder / "pairs.parquet")
    return {
        "prompts": len(questions),
        "made": len(made),
        "made_label_accuracy": micro_pairs.pair_quality(made).get("label_accuracy"),
        "added": len(kept),
        **{f"sampled_{name}": value for name, value in candidates.quality(found).items()},
        **difficulty(candidates.questions_of(kept)),
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
