"""The fixed reference answers that every model of the micro world is judged against, and the judging."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rapo.world import data
from rapo.world import prompts as asked
from rapo.world.answers import length
from rapo.world.draws import one, stream

ROOM = 1000  # for prompts of a seed, and for answers to a prompt; more where there are more


def judge(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """Judge every answer against one fixed reference answer to the same prompt.

    The reference is written by the annotators whose answers the bases learned from: of every length, so that the
    effect of length can be told from that of the model. (Against the base's own short answers it cannot: nearly
    every trained model's answer is longer, and length-controlled win rates had intervals of 60 points.)

    What the judge draws depends on (seed, prompt, number of the answer) alone, as what a model draws does: answers of
    other arms change no preference.

    Args:
        answers: with prompt (id) and text, maybe seed and answer (its number).
        recipe: world, judge, and which questions.

    Returns:
        ``answers`` with ``preference`` (1 the reference wins .. 2 the model wins) and ``reference_length``.
    """
    world = data.make_world({**recipe["world"], **recipe["judge"]})
    questions = world.ask_distinct(recipe["prompts"], split="test", seed=recipe["prompt_seed"])
    reference = reference_answers(world, questions, seed=recipe["judge_seed"])
    place = {question.id: i for i, question in enumerate(questions)}
    rows = [place[prompt] for prompt in answers["prompt"]]
    seeds, numbers = (np.asarray(answers.get(name, 0)) for name in ("seed", "answer"))
    room = max(ROOM, len(questions), 1 + int(np.max(numbers, initial=0)))
    ids = (seeds * room + rows) * room + numbers
    preference = world.judge(seed=recipe["judge_seed"]).prefer(
        [questions[i] for i in rows], [reference[i] for i in rows], answers["text"].tolist(), ids.tolist()
    )
    lengths = [length(reference[i]) for i in rows]
    return answers.assign(preference=preference, reference_length=lengths)


def reference_answers(world: data.World, questions: Sequence[asked.Prompt], *, seed: int) -> list[str]:
    """One answer a question, each by a writer of the base's corpus drawn at random; answer i depends on (seed, i)."""
    writers = world.base_panel()
    draws = [stream(seed, i, 29) for i in range(len(questions))]
    return [one(writers, rng).answer(question, rng).text for question, rng in zip(questions, draws, strict=True)]
