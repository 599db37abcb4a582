"""One run of the studies of goals: pairs of annotators or of a model's own answers, goals on any scale or of several
attributes, and answers to any score prompt.

Each function is what `rapo.runs.queue.Run` names: ``f(config, folder, needs) -> metrics``. Configs are plain JSON.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rapo.models import tiny
from rapo.pairs.candidates import Pairing, to_pairs
from rapo.relabelling.goals import COMPACT, GoalTemplate
from rapo.studies.common import micro_pairs
from rapo.studies.common.micro_runs import answered, keep_answers, train_on
from rapo.studies.goals_and_scales.scales import SCALES, rescored
from rapo.world import data


def annotated_pairs(world: data.World, n: int, *, seed: int, rule: str = "random") -> pa.Table:
    """Pairs of the world's annotators as `micro_pairs.pairs` gives them, with the judge's verdicts before rounding.

    Args:
        world, n, seed, rule: as `micro_pairs.pairs` takes them.

    Returns:
        Scored pairs without ties or repeated texts; ``raw_score_chosen`` and ``raw_score_rejected`` are on 1-10,
        neither rounded nor clipped.
    """
    table = data.candidates(world, n, seed=seed)
    completions = table["completions"].to_pylist()
    texts = [answer["response"] for row in completions for answer in row]
    questions = [q for q in world.ask(n, split="train", seed=seed) for _ in range(data.CANDIDATES)]
    raw = iter(world.judge(seed=seed).raw(questions, texts, range(len(texts))).tolist())
    judged = [[{**answer, "raw_score": next(raw)} for answer in row] for row in completions]
    table = table.set_column(table.column_names.index("completions"), "completions", pa.array(judged))
    return micro_pairs.unlike(to_pairs(table, Pairing(rule=rule, seed=seed), name="micro world"))


def sample_pairs(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """A model's own answers to training prompts, scored by the world's judge, best against worst: pairs.parquet."""
    model, tokenizer = tiny.load(needs["model"] / "model")
    world = data.make_world(config["world"])
    questions = world.ask(config["prompts"], split="train", seed=config["seed"])
    candidates = micro_pairs.own_answers(
        model, tokenizer, world, questions, n=config["candidates"],
        temperature=config["temperature"], seed=config["seed"], wish=config["wish"],
    )  # fmt: skip
    table = micro_pairs.own_pairs(candidates, seed=config["seed"]).slice(0, config["pairs"])
    pq.write_table(table, folder / "pairs.parquet")
    return {"pairs": len(table), **micro_pairs.candidate_quality(candidates), **micro_pairs.pair_quality(table)}


def train_goals(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """`train_on` scored pairs, plain or relabelled; ``scale`` of a config (a key of `SCALES`) is that of its goals.

    ``config["source"]``: annotators' ``prompts``, ``rule``, ``seed``, at most ``pairs`` of them, and the ``top``
    score that a pair may hold (null: any). Pairs of a run called "pairs" among the needs take their place.
    """
    table = pq.read_table(needs["pairs"] / "pairs.parquet") if "pairs" in needs else _annotated(config)
    table, template = on_scale(table, config.get("scale"))
    return train_on(table, config, folder, needs, template=template)


def on_scale(table: pa.Table, scale: str | None) -> tuple[pa.Table, GoalTemplate]:
    """Pairs with the scores on a scale (None, or no raw scores: as they are), and the wording of its goals."""
    if scale is None or "raw_score_chosen" not in table.column_names:
        return table, COMPACT
    return rescored(table, SCALES[scale]), SCALES[scale].template


def _annotated(config: Mapping[str, Any]) -> pa.Table:
    source = config["source"]
    world = data.make_world(config["world"])
    table = annotated_pairs(world, source["prompts"], seed=source["seed"], rule=source["rule"])
    if source["top"] is not None:
        table = table.filter(pc.less_equal(table["score_chosen"], source["top"]))
    return table.slice(0, source["pairs"])


def answer_wishes(config: Mapping[str, Any], folder: Path, needs: Mapping[str, Path]) -> dict[str, Any]:
    """Sample a model's answers to held-out prompts under each score prompt, score them by gold.

    The draws are the same under every score prompt. Writes answers.parquet: `micro_runs.evaluate`'s columns, with
    ``wish`` ("" for none) in the place of goal and temperature; one row an answer.

    Raises:
        ValueError: the tokenizer lacks a word of a score prompt, which it would drop in silence.
    """
    model, tokenizer = tiny.load(needs["model"] / "model")
    world, known = data.make_world(config["world"]), tokenizer.get_vocab()
    questions = world.ask_distinct(config["prompts"], split=config["split"], seed=config["prompt_seed"])
    for wish in config["wishes"]:
        if missing := [word for word in (wish or "").split() if word not in known]:
            raise ValueError(f"the tokenizer has no {missing[0]!r} (in {wish!r}); spell it in words that it has")
    frames = [
        answered(model, tokenizer, world, questions, wish=wish, temperature=config["temperature"],
                 seed=config["seed"], n=config["answers"], about={"wish": wish or ""})
        for wish in config["wishes"]
    ]  # fmt: skip
    return keep_answers(frames, folder)
