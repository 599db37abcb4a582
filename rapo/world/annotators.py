"""Simulated annotator models: they write the candidate answers, each with its own skill and verbosity."""

from dataclasses import dataclass

import numpy as np

from rapo.world.answers import Answer
from rapo.world.lexicon import CATEGORIES, SENTENCES
from rapo.world.prompts import Prompt

MAX_SENTENCES = 8


@dataclass(frozen=True)
class Annotator:
    """A model that makes mistakes at a rate of 1 - skill and goes on talking at rate ``verbosity``.

    Attributes:
        name: as it stands in the data set's ``model`` column.
        skill: 0 (careless) to 1 (no mistakes).
        verbosity: chance of each further sentence after the list, 0 to 1.
    """

    name: str
    skill: float
    verbosity: float

    def answer(self, prompt: Prompt, rng: np.random.Generator) -> Answer:
        """Write one answer."""
        slip = 1 - self.skill
        items = _items(prompt, _count(prompt.count, slip, rng), slip, rng)
        if prompt.order != "any" and rng.random() > slip:
            items = sorted(items, reverse=prompt.order == "reverse")
        more = 0
        while more < MAX_SENTENCES and rng.random() < self.verbosity:
            more += 1
        return Answer(tuple(items), tuple(rng.choice(SENTENCES, size=more, replace=False).tolist()))


def _count(asked: int, slip: float, rng: np.random.Generator) -> int:
    if rng.random() < 0.6 * slip:
        return max(1, asked + int(rng.choice([-2, -1, -1, 1, 1, 2])))
    return asked


def _items(prompt: Prompt, count: int, slip: float, rng: np.random.Generator) -> list[str]:
    pool = [item for item in CATEGORIES[prompt.category] if item != prompt.without or rng.random() < slip]
    items: list[str] = rng.permutation(pool)[:count].tolist()
    others = [name for name in CATEGORIES if name != prompt.category]
    for place in range(len(items)):
        draw = rng.random()
        if draw < 0.2 * slip:
            items[place] = str(rng.choice(CATEGORIES[str(rng.choice(others))]))
        elif draw < 0.3 * slip and place:
            items[place] = items[place - 1]
    return items


def panel(
    *, lowest: float, highest: float, n: int = 17, verbosity: tuple[float, float] = (0.0, 0.6)
) -> list[Annotator]:
    """``n`` annotators, skills evenly spread from ``lowest`` to ``highest``, verbosities interleaved.

    Verbosity runs through its own range in an order unrelated to skill, so neither tells the other.
    """
    skills = np.linspace(lowest, highest, n)
    talk = np.linspace(*verbosity, n)[np.random.default_rng(n).permutation(n)]
    return [Annotator(f"annotator-{i:02d}", float(skills[i]), float(talk[i])) for i in range(n)]
