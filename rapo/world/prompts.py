"""What is asked: "please give me six fruits , sorted from z to a , without fig , with two facts . thank you !"."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from rapo.config import content_hash
from rapo.world.draws import one, stream
from rapo.world.lexicon import CATEGORIES, FACTS, FLOWING, NUMBERS, ORDERS, PHRASINGS, TAILS

SPLITS = ("train", "tuning", "test")
MAX_COUNT = 8
WITHOUT_SHARE = 0.15  # of the prompts exclude an item
Task = tuple[int, str, str, int]  # count, category, order, facts


@dataclass(frozen=True)
class Prompt:
    """One instruction, as structure; `text` renders it.

    Attributes:
        count: how many items are asked for, 3 to 8.
        category: a key of `lexicon.CATEGORIES`.
        order: "any", "alphabetical" or "reverse".
        without: an item that must not occur, or "".
        facts: how many facts about the items are asked for, 1 to 3; 0: none.
        wording, phrasing, tail: which of the equivalent texts is used.
    """

    count: int
    category: str
    order: str
    without: str = ""
    facts: int = 0
    wording: int = 0
    phrasing: int = 0
    tail: int = 0

    @cached_property
    def text(self) -> str:
        """The instruction in words."""
        what = f"{NUMBERS[self.count]} {self.category}"
        what = " ".join(filter(None, [what, ORDERS[self.order][self.wording]]))
        if self.without:
            what += f" , without {self.without}"
        if self.facts:
            what += f" , {FACTS[self.facts]}"
        request = PHRASINGS[self.phrasing].format(what=what).replace(", ", " , ").replace("  ", " ")
        return " ".join(filter(None, [request, TAILS[self.tail]]))

    @property
    def flows(self) -> bool:
        """A sentence is asked for, with "and" before its last item; else a bare list."""
        return PHRASINGS[self.phrasing] in FLOWING

    @cached_property
    def polite(self) -> bool:
        """It says please or thank you, and closing words are in place; else they are not."""
        return {"please", "thank"} & set(self.text.split()) != set()

    @property
    def asks(self) -> "Task":
        """What is asked, wording and excluded item apart."""
        return self.count, self.category, self.order, self.facts

    @property
    def task(self) -> str:
        """`asks` in words: prompts of one task are no independent questions."""
        return " ".join(map(str, self.asks))

    @property
    def id(self) -> str:
        """Stable id: a hash of the text."""
        return content_hash(self.text, length=12)


def tasks(split: str, *, facts: bool = False) -> list[Task]:
    """What may be asked in a split, wording apart: 62 % train, 11 % tuning, 27 % test, disjoint.

    Args:
        split: one of `SPLITS`.
        facts: tasks that ask for none, one, two or three facts about the items (else: for none).

    Raises:
        ValueError: the split is unknown.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; use one of {', '.join(SPLITS)}")
    numbers = range(len(FACTS)) if facts else (0,)
    everything = list(product(range(3, MAX_COUNT + 1), CATEGORIES, ORDERS, numbers))
    order = np.random.default_rng([0, 7]).permutation(len(everything))
    cuts = {"train": (0, 0.62), "tuning": (0.62, 0.73), "test": (0.73, 1.0)}[split]
    first, last = (round(cut * len(everything)) for cut in cuts)
    return [everything[i] for i in order[first:last]]


def draw(n: int, *, split: str, seed: int = 0, facts: bool = False) -> list[Prompt]:
    """Draw ``n`` prompts of a split; prompt i depends on (seed, i) alone."""
    pool = tasks(split, facts=facts)
    place = SPLITS.index(split)
    return [_worded(one(pool, rng), rng) for rng in (stream(seed, i, place) for i in range(n))]


def draw_distinct(n: int, *, split: str, seed: int = 0, facts: bool = False) -> list[Prompt]:
    """Draw ``n`` prompts with different texts, spread evenly over the tasks of a split.

    Raises:
        ValueError: the split has too few different prompts.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split), 31])
    pool, found = tasks(split, facts=facts), dict[str, Prompt]()
    for _ in range(5 * (n // len(pool) + 1)):
        for place in rng.permutation(len(pool)):
            prompt = _worded(pool[place], rng)
            found.setdefault(prompt.text, prompt)
            if len(found) == n:
                return list(found.values())
    raise ValueError(f"only {len(found)} different prompts drawn in split {split!r}; ask for fewer than {n}")


def _worded(task: Task, rng: np.random.Generator) -> Prompt:
    """A task in one of its wordings, now and then without one item."""
    count, category, order, facts = task
    without = one(CATEGORIES[category], rng) if rng.random() < WITHOUT_SHARE else ""
    return Prompt(
        count=count,
        category=category,
        order=order,
        without=without,
        facts=facts,
        wording=int(rng.integers(2)),
        phrasing=int(rng.integers(len(PHRASINGS))),
        tail=int(rng.integers(len(TAILS))),
    )


def evolve(prompt: Prompt, rng: np.random.Generator) -> Prompt:
    """Make a prompt harder by one step: a larger count, one more fact, a required order or an
    excluded item.

    >>> easy = Prompt(count=3, category="fruits", order="any", without="fig")
    >>> harder = evolve(easy, np.random.default_rng(0))
    >>> (harder.count, harder.order) != (easy.count, easy.order)
    True
    """
    steps: list[Prompt] = []
    if prompt.count < MAX_COUNT:
        steps.append(replace(prompt, count=int(rng.integers(prompt.count + 1, MAX_COUNT + 1))))
    if 0 < prompt.facts < len(FACTS) - 1:
        steps.append(replace(prompt, facts=prompt.facts + 1))
    if prompt.order == "any":
        steps.append(replace(prompt, order=one(["alphabetical", "reverse"], rng)))
    if not prompt.without:
        steps.append(replace(prompt, without=one(CATEGORIES[prompt.category], rng)))
    if not steps:
        steps.append(replace(prompt, order="reverse" if prompt.order == "alphabetical" else "alphabetical"))
    return one(steps, rng)
