"""Scored pairs of the micro world, of its annotators or of a model's own answers, and how good they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.models import sampling, tiny
from rapo.pairs.candidates import Pairing, to_pairs
from rapo.relabelling.chat import placement
from rapo.scoring.tokens import PAIR, tokenise
from rapo.studies.common.recent import Recent
from rapo.studies.common.rows import ask
from rapo.training.train import reference_logprobs
from rapo.world import answers, data
from rapo.world.prompts import Prompt

_PAIRS = Recent[pa.Table](most=8)  # they take as long to make as an arm takes to train on them


def pairs(world: data.World, n: int, *, seed: int, rule: str = "random") -> pa.Table:
    """Scored pairs of the world's annotators: the best judged of four answers against another; no ties.

    Args:
        world: whose annotators write, and whose judge scores.
        n: prompts.
        seed: of prompts, annotators and judge.
        rule: whom the best answer is compared with: "random" another, or the "worst".
    """

    def make() -> pa.Table:
        table = to_pairs(data.candidates(world, n, seed=seed), Pairing(rule=rule, seed=seed), name="micro world")
        return apart(table)

    return _PAIRS.get((repr(world), n, seed, rule), make)  # in words, as the order of a world's sides counts


def apart(table: pa.Table) -> pa.Table:
    """Pairs whose scores differ."""
    return table.filter(pc.not_equal(table["score_chosen"], table["score_rejected"]))


def unlike(table: pa.Table) -> pa.Table:
    """Pairs whose scores and whose texts differ: a model's own answers may repeat."""
    texts = [[turns[-1]["content"] for turns in table[side].to_pylist()] for side in PAIR]
    differ = np.array([one != other for one, other in zip(*texts, strict=True)], dtype=bool)
    return apart(table.filter(pa.array(differ)))


def own_answers(
    model: Any,
    tokenizer: Any,
    world: data.World,
    questions: Sequence[Prompt],
    *,
    n: int,
    seed: int,
    temperature: float,
    wish: str | None = None,
    top_p: float = 1.0,
) -> pa.Table:
    """``n`` answers of a model to each prompt, scored by the world's judge: candidates in UltraFeedback's shape."""
    where = placement(tokenizer)
    prompts = [ask(question.text, wish, placement=where) for question in questions]
    texts = sampling.samples(
        model, tokenizer, prompts, n=n, temperature=temperature, top_p=top_p, seed=seed, batch_size=tiny.BATCH
    )
    return judged(world, questions, texts, seed=seed)


def judged(
    world: data.World, questions: Sequence[Prompt], texts: Sequence[Sequence[str]], *, seed: int
) -> pa.Table:
    """Answers scored as the world's annotators' are: candidates in UltraFeedback's shape. Shape of texts: (n, any)"""
    repeated = [question for question, several in zip(questions, texts, strict=True) for _ in several]
    scores = iter(data.annotate(world, repeated, [text for several in texts for text in several], seed=seed))
    completions = [[{"model": "own", "response": text, **next(scores)} for text in several] for several in texts]
    return data.as_candidates(questions, completions, seed=seed)


def own_pairs(candidates: pa.Table, *, seed: int) -> pa.Table:
    """The best against the worst of a model's own answers to each prompt; no equal scores, no equal texts."""
    return unlike(to_pairs(candidates, Pairing(rule="worst", seed=seed, bad="drop"), name="own answers"))


def candidate_quality(candidates: pa.Table) -> dict[str, float]:
    """Mean gold of all candidates, and the share that can be parsed."""
    found = [answer for row in candidates["completions"].to_pylist() for answer in row]
    return {
        "gold": float(np.mean([answer["gold_score"] for answer in found])),
        "parseable": float(np.mean([answers.parse(answer["response"]) is not None for answer in found])),
    }


def pair_quality(table: pa.Table) -> dict[str, float]:
    """Mean gold of both sides, mean explicit margin, share of labels that gold confirms; nothing of no pairs."""
    if not len(table):
        return {}
    score, other, chosen, rejected = (
        table[f"{kind}_{side}"].to_numpy() for kind in ("score", "gold_score") for side in PAIR
    )
    return {
        "gold_chosen": float(chosen.mean()),
        "gold_rejected": float(rejected.mean()),
        "explicit": float((score - other).mean()),
        "label_accuracy": float((chosen > rejected).mean()),
    }


def with_logprobs(model: Any, tokenizer: Any, table: pa.Table) -> pa.Table:
    """The table with a model's log-probability sums (nats) and token counts of both responses."""
    rows = table.select(["prompt", *PAIR]).to_pylist()
    sums = reference_logprobs(model, tokenizer, rows)
    ids = tokenise(tokenizer, rows)
    for place, side in enumerate(PAIR):
        table = table.append_column(f"{side}_logprob_sum", pa.array(sums[:, place]))
        table = table.append_column(f"{side}_tokens", pa.array([len(row) for row in ids[f"{side}_ids"]]))
    return table
