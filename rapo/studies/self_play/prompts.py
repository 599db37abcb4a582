"""Prompts of self-play: evolved ones for training, harder ones for the test."""

from collections.abc import Sequence

import numpy as np

from rapo.world import prompts as asked
from rapo.world.data import World
from rapo.world.prompts import Prompt

PASSES = 30  # tries to evolve each selected prompt


def evolved(world: World, pool: Sequence[Prompt], n: int, *, known: Sequence[Prompt], seed: int) -> list[Prompt]:
    """``n`` new prompts, each one step harder than one of the pool; each of the pool has its turn, again and again.

    Prompts whose task belongs to the tuning or test prompts are not taken, nor
    those that are known already. Fewer than ``n`` where the pool gives no more.
    """
    allowed, taken = set(asked.tasks("train", facts=world.many_sided)), {question.text for question in known}
    rng = np.random.default_rng([seed, 41])
    found: list[Prompt] = []
    for _ in range(PASSES):
        for place in rng.permutation(len(pool)):
            new = asked.evolve(pool[place], rng)
            if new.asks in allowed and new.text not in taken:
                taken.add(new.text)
                found.append(new)
            if len(found) == n:
                return found
    return found


def harder(world: World, n: int, *, split: str, steps: int, seed: int) -> list[Prompt]:
    """``n`` different prompts of a split that come of other prompts of it by ``steps`` evolutions.

    Raises:
        ValueError: too few of the prompts that were tried stay in the split.
    """
    allowed = set(asked.tasks(split, facts=world.many_sided))
    found: dict[str, Prompt] = {}
    for i, start in enumerate(world.ask(30 * n, split=split, seed=seed)):
        rng, new = np.random.default_rng([seed, i, 43]), start
        for _ in range(steps):
            new = asked.evolve(new, rng)
        if new.asks in allowed:
            found.setdefault(new.text, new)
    if len(found) < n:
        raise ValueError(f"{len(found)} evolved prompts stay in split {split!r}, {n} are wanted; ask for fewer")
    return list(found.values())[:n]


def difficulty(questions: Sequence[Prompt]) -> dict[str, float]:
    """What prompts ask for: mean number of items, shares with an order and with an excluded item."""
    if not questions:
        return {}
    return {
        "items": float(np.mean([question.count for question in questions])),
        "ordered": float(np.mean([question.order != "any" for question in questions])),
        "without": float(np.mean([question.without != "" for question in questions])),
    }
