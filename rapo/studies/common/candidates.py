"""Several answers to each prompt, what gold and a policy say of each, and the pairs that a reward model makes of them.

A reward model scores without rounding and errs: by noise, by a liking for length, and by a lean on what the policy
finds likely. None of it needs the policy again, so one set of answers serves any number of reward models.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rapo.models import sampling, tiny
from rapo.relabelling.chat import placement
from rapo.scoring.sequences import completion_logprobs
from rapo.scoring.tokens import completions, tokenise
from rapo.stats.arrays import Floats
from rapo.studies.common.rows import ask, say
from rapo.world import answers, data
from rapo.world.judge import TYPICAL_LENGTH
from rapo.world.prompts import Prompt

NUMBERS = ("gold", "words", "logprob_sum", "tokens")


@dataclass(frozen=True)
class Candidates:
    """As many answers to every prompt.

    Attributes:
        questions: Shape: (n_prompts,)
        texts: Shape: (n_prompts, n_answers)
        gold: the true reward, 1-10. This and what follows, Shape: (n_prompts, n_answers)
        words: lengths.
        logprob_sum: of a policy, nats.
        tokens: that the sum covers.
    """

    questions: list[Prompt]
    texts: list[list[str]]
    gold: Floats
    words: Floats
    logprob_sum: Floats
    tokens: Floats

    @cached_property
    def likelihood(self) -> Floats:
        """Mean log-probabilities, nats a token. Shape: (n_prompts, n_answers)"""
        return self.logprob_sum / self.tokens

    @cached_property
    def blank(self) -> NDArray[np.bool_]:
        """Which answers say nothing; they stand in no pair. Shape: (n_prompts, n_answers)"""
        return np.array([[not text.strip() for text in several] for several in self.texts])

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """The place of the first answer to the prompt with the same text. Shape: (n_prompts, n_answers)"""
        return np.array([[several.index(text) for text in several] for several in self.texts])


@dataclass(frozen=True)
class RewardModel:
    """Gold + length_bias (words - 15) / 10 + lean z + N(0, noise), neither rounded nor clipped.

    Attributes:
        noise: standard deviation of the error, in score points; equal answers to a prompt have equal errors.
        length_bias: score points for every ten words.
        lean: score points for every standard deviation by which the policy's mean log-probability stands out among the
            answers to a prompt (`standing`): below zero the model overrates what the policy finds unlikely.
        seed: of the noise; that of a prompt's answers depends on (seed, place of the prompt) alone.
    """

    noise: float = 0.0
    length_bias: float = 0.0
    lean: float = 0.0
    seed: int = 0

    def score(self, found: Candidates) -> Floats:
        """Shape: (n_prompts, n_answers)"""
        n, k = found.gold.shape
        draws = np.stack([np.random.default_rng([self.seed, i, 53]).standard_normal(k) for i in range(n)])
        errors = self.noise * np.take_along_axis(draws, found.first, axis=1)
        bias = self.length_bias * (found.words - TYPICAL_LENGTH) / 10
        return found.gold + bias + self.lean * standing(found.likelihood) + errors


def standing(values: Floats) -> Floats:
    """Values less their row's mean, over one standard deviation of all such differences. Shape: (n, k)

    One scale for all rows: what stands out more in a row is further from zero there. (z-scores of each row would make
    every prompt's spread the same, and an error that leans on them tells nothing of the policy's margin.) Zeros where
    nothing stands out.

    >>> standing(np.array([[1.0, 3.0], [2.0, 2.0], [5.0, 8.0]])).round(2).tolist()
    [[-0.96, 0.96], [0.0, 0.0], [-1.44, 1.44]]
    """
    apart = values - values.mean(axis=1, keepdims=True)
    spread = float(apart.std())
    return apart / spread if spread > 1e-12 else np.zeros_like(apart)


def extremes(found: Candidates, scores: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The prompts with two answers of different scores, and the places of their best and worst answer.

    Blank answers are passed over; of equal scores the first counts. Shape of each: (n_pairs,)
    """
    best = np.where(found.blank, -np.inf, scores).argmax(axis=1)
    worst = np.where(found.blank, np.inf, scores).argmin(axis=1)
    rows = np.arange(len(scores))
    differ = (scores[rows, best] > scores[rows, worst]) & ((~found.blank).sum(axis=1) > 1)
    kept = np.flatnonzero(differ)
    return kept, best[kept], worst[kept]


def pairs(found: Candidates, scores: Floats, *, name: str) -> pa.Table:
    """Best against worst of the answers to each prompt, as scored pairs with the policy's log-probabilities.

    Args:
        found: whose answers.
        scores: of a reward model. Shape: (n_prompts, n_answers)
        name: what ids begin with.

    Returns:
        Columns pair_id, prompt_id, prompt, chosen, rejected (messages), question (JSON), candidate_scores (all of the
        prompt), and of both sides score, gold_score, logprob_sum and tokens.
    """
    rows, *places = extremes(found, scores)
    ids = [f"{name}-{row}" for row in rows]
    columns: dict[str, Any] = {
        "pair_id": ids,
        "prompt_id": ids,
        "prompt": [ask(found.questions[row].text) for row in rows],
        "question": [written(found.questions[row]) for row in rows],
        "candidate_scores": scores[rows].tolist(),
    }
    for side, at in zip(("chosen", "rejected"), places, strict=True):
        columns[side] = [say(found.texts[row][place]) for row, place in zip(rows, at, strict=True)]
        columns[f"score_{side}"] = scores[rows, at]
        columns[f"gold_score_{side}"] = found.gold[rows, at]
        columns[f"{side}_logprob_sum"] = found.logprob_sum[rows, at]
        columns[f"{side}_tokens"] = found.tokens[rows, at].astype(int)
    return pa.table(columns)


def sampled(
    model: Any,
    tokenizer: Any,
    world: data.World,
    questions: Sequence[Prompt],
    *,
    n: int,
    temperature: float,
    top_p: float,
    seed: int,
) -> Candidates:
    """``n`` answers of a policy's own to each prompt."""
    prompts = [ask(question.text, placement=placement(tokenizer)) for question in questions]
    texts = sampling.samples(
        model, tokenizer, prompts, n=n, temperature=temperature, top_p=top_p, seed=seed, batch_size=tiny.BATCH
    )
    return measured(model, tokenizer, world, questions, texts)


def of_annotators(model: Any, tokenizer: Any, world: data.World, n: int, *, seed: int) -> Candidates:
    """The world's annotators' answers to ``n`` prompts, read by a policy that wrote none of them."""
    completed = data.candidates(world, n, seed=seed)["completions"].to_pylist()
    texts = [[answer["response"] for answer in row] for row in completed]
    return measured(model, tokenizer, world, world.ask(n, split="train", seed=seed), texts)


def measured(
    model: Any, tokenizer: Any, world: data.World, questions: Sequence[Prompt], texts: Sequence[Sequence[str]]
) -> Candidates:
    """What gold and a policy say of answers. Shape of texts: (n_prompts, n_answers)"""
    shape = len(questions), len(texts[0])
    repeated = [question for question, several in zip(questions, texts, strict=True) for _ in several]
    flat = [text for several in texts for text in several]
    where = placement(tokenizer)
    rows = [
        {"prompt": ask(question.text, placement=where), "completion": say(text)}
        for question, text in zip(repeated, flat, strict=True)
    ]
    scored, _ = completions(tokenise(tokenizer, rows, sides=["completion"]), "completion")
    numbers = (
        world.gold.score(repeated, flat),
        np.array([answers.length(text) for text in flat]),
        completion_logprobs(model, scored),
        np.array([one.tokens for one in scored]),
    )
    found = [np.asarray(values, dtype=float).reshape(shape) for values in numbers]
    return Candidates(list(questions), [list(several) for several in texts], *found)


def quality(found: Candidates) -> dict[str, float]:
    """Mean gold of all answers, and the share that can be parsed."""
    flat = [text for several in found.texts for text in several]
    return {
        "gold": float(found.gold.mean()),
        "parseable": float(np.mean([answers.parse(text) is not None for text in flat])),
    }


def keep(found: Candidates, file: Path) -> None:
    """Write candidates; `read` gives them back."""
    numbers = {name: getattr(found, name).tolist() for name in NUMBERS}
    questions = [written(question) for question in found.questions]
    pq.write_table(pa.table({"question": questions, "texts": found.texts, **numbers}), file)


def read(file: Path) -> Candidates:
    """What `keep` wrote."""
    table = pq.read_table(file)
    numbers = [np.array(table[name].to_pylist(), dtype=float) for name in NUMBERS]
    return Candidates(questions_of(table), table["texts"].to_pylist(), *numbers)


def written(question: Prompt) -> str:
    """A prompt's structure as JSON: the column ``question`` of a table.

    >>> fruits = Prompt(count=3, category="fruits", order="any")
    >>> questions_of(pa.table({"question": [written(fruits)]})) == [fruits]
    True
    """
    return json.dumps(asdict(question))


def questions_of(table: pa.Table) -> list[Prompt]:
    """The prompts of a table with a column ``question``."""
    return [Prompt(**json.loads(text)) for text in table["question"].to_pylist()]
