"""Simulated annotator models: they write the candidate answers, each with its own skill for every side."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rapo.world.answers import Answer
from rapo.world.draws import mixed, one, some
from rapo.world.lexicon import CATEGORIES, CATEGORY_OF, CLOSING, FACT, FACTS, SENTENCES, SINGULAR
from rapo.world.prompts import Prompt

MAX_SENTENCES = 8
SKILLS = ("count", "truth", "order", "facts", "form", "close")


@dataclass(frozen=True)
class Annotator:
    """A model that makes mistakes at a rate of 1 - skill and goes on talking at rate ``verbosity``.

    Attributes:
        name: as it stands in the data set's ``model`` column.
        skills: for each of `SKILLS`, 0 (careless) to 1 (no mistakes). "form" and "close" are how often it does as the
            prompt wants with "and" before the last item, and with closing words.
        verbosity: chance of each further sentence of filler after the list, 0 to 1.
        carelessness: how often a slip makes the number of items wrong, or an item; 1: six slips of ten the number,
            three of ten an item.
        styled: it states facts, writes "and" and closing words; else never.
    """

    name: str
    skills: Mapping[str, float]
    verbosity: float
    carelessness: float = 1.0
    styled: bool = False

    def answer(self, prompt: Prompt, rng: np.random.Generator) -> Answer:
        """Write one answer."""
        slip = {name: 1 - skill for name, skill in self.skills.items()}
        items = _items(
            prompt,
            _count(prompt.count, slip["count"], rng, self.carelessness),
            slip["truth"],
            rng,
            self.carelessness,
        )
        if prompt.order != "any" and rng.random() > slip["order"]:
            items = sorted(items, reverse=prompt.order == "reverse")
        more = 0
        while more < MAX_SENTENCES and rng.random() < self.verbosity:
            more += 1
        facts = _facts(prompt, items, slip, rng) if self.styled else []
        said = [*facts, *some(SENTENCES, more, rng)]
        if self.styled and (rng.random() >= slip["close"]) == prompt.polite:
            said.append(CLOSING)
        joined = self.styled and len(items) > 1 and (rng.random() >= slip["form"]) == prompt.flows
        return Answer(tuple(items), tuple(said), joined=joined)


def _count(asked: int, slip: float, rng: np.random.Generator, often: float) -> int:
    if rng.random() < 0.6 * often * slip:
        return max(1, asked + one((-2, -1, -1, 1, 1, 2), rng))
    return asked


def _items(prompt: Prompt, count: int, slip: float, rng: np.random.Generator, often: float) -> list[str]:
    pool = [item for item in CATEGORIES[prompt.category] if item != prompt.without or rng.random() < slip]
    items = mixed(pool, rng)[:count]
    for place in range(len(items)):
        draw = rng.random()
        if draw < 0.2 * often * slip:
            items[place] = one(CATEGORIES[one([name for name in CATEGORIES if name != prompt.category], rng)], rng)
        elif draw < 0.3 * often * slip and place:
            items[place] = items[place - 1]
    return items


def _facts(prompt: Prompt, items: list[str], slip: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """As many facts as are asked for, or (a slip) none or any other number; now and then one is false."""
    number = prompt.facts
    if rng.random() < slip["facts"]:
        others = [n for n in range(len(FACTS) + 1) if n != prompt.facts]
        number = 0 if prompt.facts and rng.random() < 0.5 else one(others, rng)
    about = list(dict.fromkeys(items))[:number]
    kinds = [
        one(list(SINGULAR), rng) if rng.random() < 0.3 * slip["truth"] else CATEGORY_OF[item] for item in about
    ]
    return [FACT.format(item=item, kind=SINGULAR[kind]) for item, kind in zip(about, kinds, strict=True)]


def panel(
    *,
    lowest: float,
    highest: float,
    n: int = 17,
    verbosity: tuple[float, float] = (0.0, 0.6),
    carelessness: float = 1.0,
    many_sided: bool = False,
) -> list[Annotator]:
    """``n`` annotators, skills evenly spread from ``lowest`` to ``highest``, verbosities interleaved.

    Verbosity runs through its own range in an order unrelated to skill, so neither tells the other. ``many_sided``:
    so does the skill for each side; else one skill holds for all, and nobody states facts or writes "and" or closing
    words.
    """
    rng = np.random.default_rng(n)
    skills, talk = np.linspace(lowest, highest, n), np.linspace(*verbosity, n)[rng.permutation(n)]
    if many_sided:
        several = [dict(zip(SKILLS, row, strict=True)) for row in _permuted(skills, rng)]
    else:
        several = [dict.fromkeys(SKILLS, skill) for skill in skills.tolist()]
    return [
        Annotator(f"annotator-{i:02d}", several[i], float(talk[i]), carelessness, styled=many_sided)
        for i in range(n)
    ]


def _permuted(skills: np.ndarray, rng: np.random.Generator) -> list[list[float]]:
    """Every side's skills in an order of its own. Shape: (n, n_sides)."""
    rows: list[list[float]] = np.stack([skills[rng.permutation(len(skills))] for _ in SKILLS], axis=1).tolist()
    return rows
