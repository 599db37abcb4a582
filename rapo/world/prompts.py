"""What is asked: "please give me six fruits , sorted from z to a , without fig . thank you !"."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from rapo.config import content_hash
from rapo.world.lexicon import CATEGORIES, NUMBERS, ORDERS, PHRASINGS, TAILS

SPLITS = ("train", "tuning", "test")
MAX_COUNT = 8
WITHOUT_SHARE = 0.15  # of the prompts exclude an item


@dataclass(frozen=True)
class Prompt:
    """One instruction, as structure; `text` renders it.

    Attributes:
        count: how many items are asked for, 3 to 8.
        category: a key of `lexicon.CATEGORIES`.
        order: "any", "alphabetical" or "reverse".
        without: an item that must not occur, or "".
        wording, phrasing, tail: which of the equivalent texts is used.
    """

    count: int
    category: str
    order: str
    without: str = ""
    wording: int = 0
    phrasing: int = 0
    tail: int = 0

    @property
    def text(self) -> str:
        """The instruction in words."""
        what = f"{NUMBERS[self.count]} {self.category}"
        what = " ".join(filter(None, [what, ORDERS[self.order][self.wording]]))
        if self.without:
            what += f" , without {self.without}"
        request = PHRASINGS[self.phrasing].format(what=what).replace(", ", " , ").replace("  ", " ")
        return " ".join(filter(None, [request, TAILS[self.tail]]))

    @property
    def id(self) -> str:
        """Stable id: a hash of the text."""
        return content_hash(self.text, length=12)


def combinations(split: str) -> list[tuple[int, str, str]]:
    """The (count, category, order) combinations of a split: 70 % train, 15 % tuning, 15 % test, disjoint.

    Raises:
        ValueError: the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; use one of {', '.join(SPLITS)}")
    everything = list(product(range(3, MAX_COUNT + 1), CATEGORIES, ORDERS))
    order = np.random.default_rng([0, 7]).permutation(len(everything))
    cuts = {"train": (0, 0.7), "tuning": (0.7, 0.85), "test": (0.85, 1.0)}[split]
    first, last = (round(cut * len(everything)) for cut in cuts)
    return [everything[i] for i in order[first:last]]


def draw(n: int, *, split: str, seed: int = 0) -> list[Prompt]:
    """Draw ``n`` prompts of a split; prompt i depends on (seed, i) alone."""
    pool = combinations(split)
    return [_one(pool, np.random.default_rng([seed, i, SPLITS.index(split)])) for i in range(n)]


def draw_distinct(n: int, *, split: str, seed: int = 0) -> list[Prompt]:
    """Draw ``n`` prompts with different texts.

    Raises:
        ValueError: the split has too few different prompts.
    """
    found = list({prompt.text: prompt for prompt in draw(4 * n + 100, split=split, seed=seed)}.values())
    if len(found) < n:
        raise ValueError(f"only {len(found)} different prompts drawn in split {split!r}; ask for fewer than {n}")
    return found[:n]


def _one(pool: Sequence[tuple[int, str, str]], rng: np.random.Generator) -> Prompt:
    count, category, order = pool[int(rng.integers(len(pool)))]
    without = str(rng.choice(CATEGORIES[category])) if rng.random() < WITHOUT_SHARE else ""
    return Prompt(
        count=count,
        category=category,
        order=order,
        without=without,
        wording=int(rng.integers(2)),
        phrasing=int(rng.integers(len(PHRASINGS))),
        tail=int(rng.integers(len(TAILS))),
    )


def evolve(prompt: Prompt, rng: np.random.Generator) -> Prompt:
    """Make a prompt harder by one step: a larger count, a required order or an excluded item.

    >>> easy = Prompt(count=3, category="fruits", order="any", without="fig")
    >>> harder = evolve(easy, np.random.default_rng(0))
    >>> (harder.count, harder.order) != (easy.count, easy.order)
    True
    """
    steps: list[Prompt] = []
    if prompt.count < MAX_COUNT:
        steps.append(replace(prompt, count=int(rng.integers(prompt.count + 1, MAX_COUNT + 1))))
    if prompt.order == "any":
        steps.append(replace(prompt, order=str(rng.choice(["alphabetical", "reverse"]))))
    if not prompt.without:
        steps.append(replace(prompt, without=str(rng.choice(CATEGORIES[prompt.category]))))
    if not steps:
        steps.append(replace(prompt, order="reverse" if prompt.order == "alphabetical" else "alphabetical"))
    return steps[int(rng.integers(len(steps)))]
