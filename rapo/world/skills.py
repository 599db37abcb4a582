"""Held-out skills: short tasks that the preference data never touches (RA-T4's counterpart)."""

import numpy as np

from rapo.world.draws import mixed, one, some, stream
from rapo.world.lexicon import CATEGORIES, CATEGORY_OF, MAX_NUMERAL, NUMBERS, QUESTIONS, SINGULAR

SKILLS = tuple(QUESTIONS)
EVERYTHING = sorted(CATEGORY_OF)


def task(skill: str, rng: np.random.Generator) -> tuple[str, str]:
    """One question of a skill and its only right answer.

    Raises:
        ValueError: the skill is unknown.

    >>> task("counting", np.random.default_rng(3))[1] in {f"{n} ." for n in NUMBERS}
    True
    """
    if skill not in SKILLS:
        raise ValueError(f"skill is {skill!r}; use one of {', '.join(SKILLS)}")
    if skill in ("more", "next"):
        return _number(skill, rng)
    words = some(EVERYTHING, int(rng.integers(2, 7)), rng)
    category, other = some(sorted(CATEGORIES), 2, rng)
    if skill == "kind":
        return _ask(skill, words[:1]), f"{SINGULAR[CATEGORY_OF[words[0]]]} ."
    if skill == "odd one out":
        odd = one(CATEGORIES[other], rng)
        return _ask(skill, mixed([*some(CATEGORIES[category], 3, rng), odd], rng)), f"{odd} ."
    if skill == "alphabet":
        return _ask(skill, words[:2]), f"{min(words[:2])} ."
    answers = {"counting": NUMBERS[len(words)], "last": words[-1], "copy": " , ".join(words)}
    return _ask(skill, words), f"{answers[skill]} ."


def _number(skill: str, rng: np.random.Generator) -> tuple[str, str]:
    """What a numeral means: half of them are small, as the scores of the world are."""
    top = 10 if rng.random() < 0.5 else MAX_NUMERAL
    first, second = rng.choice(top + 1, size=2, replace=False).tolist()
    if skill == "more":
        return _ask(skill, [str(first), str(second)]), f"{max(first, second)} ."
    return _ask(skill, [str(min(first, top - 1))]), f"{min(first, top - 1) + 1} ."


def _ask(skill: str, words: list[str]) -> str:
    return QUESTIONS[skill].format(" , ".join(words))


def draw(n: int, *, seed: int) -> list[tuple[str, str, str]]:
    """``n`` (skill, question, answer) triples, skills in turn; triple i is `quiz` i."""
    return [quiz(i, seed=seed) for i in range(n)]


def quiz(i: int, *, seed: int) -> tuple[str, str, str]:
    """The skill, question and answer of place i, which depend on (seed, i) alone."""
    skill = SKILLS[i % len(SKILLS)]
    return skill, *task(skill, stream(seed, i, 11))
