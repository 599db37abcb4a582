"""The gold reward, known to us: sides of quality read off the text, and one overall score from 1 to 10."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rapo.world.answers import Answer, parse
from rapo.world.lexicon import CATEGORY_OF, CLOSING
from rapo.world.prompts import Prompt

Side = Callable[[Prompt, Answer], float]


@dataclass(frozen=True)
class Gold:
    """What counts, how much, and where elaboration is best.

    Overall quality is the weighted mean q of the sides; the score is 1 + 9 q^exponent, and 1 where the answer cannot
    be parsed. The sides that may have a weight, each from 0 to 1 (most are best when there is most of them; the
    amount of facts and of elaboration has its best place inside):

    * count, truth, order: how many items are asked for, what kind, in which order; unique: none twice
    * facts: as many true statements about listed items as are asked for, and no false ones
    * concise: no filler after the list
    * form: "and" before the last item where a sentence is asked for, none where it is a list
    * close: the closing words, once, at the end, where the prompt is polite, none where it is not
    * elaboration: sentences of any kind after the list, best at ``peak``: ``1 - |k - peak| / peak``

    Attributes:
        weights: of the sides that count, in their order; non-negative, normalised to sum 1.
        exponent: the larger, the rarer a high score.
        peak: the best number of sentences; 0 makes elaboration monotone too (the fewer the better).
        strict: count, truth, unique and order are worth nothing when half of them is right: max(0, 2 x - 1).
    """

    peak: int = 3
    exponent: float = 3.0
    weights: Mapping[str, float] = field(
        default_factory=lambda: {"count": 0.2, "truth": 0.2, "unique": 0.1, "order": 0.25, "elaboration": 0.25}
    )
    strict: bool = False

    def __post_init__(self) -> None:
        """Refuse sides that are unknown.

        Raises:
            ValueError: a weight belongs to no side.
        """
        if unknown := set(self.weights) - set(SIDES) - {"elaboration"}:
            raise ValueError(f"gold.weights names {', '.join(sorted(unknown))}; the sides are {', '.join(SIDES)}")

    @property
    def sides(self) -> tuple[str, ...]:
        """Names of the sides that have a weight, 0 included."""
        return tuple(self.weights)

    @property
    def best_sentences(self) -> int | None:
        """The best number of sentences; None where their number is no side of quality."""
        return self.peak if self.weights.get("elaboration", 0) > 0 else None

    def attributes(self, prompt: Prompt, text: str) -> NDArray[np.float64]:
        """The sides in [0, 1]; NaN where the answer cannot be parsed. Shape: (n_sides,)."""
        return np.array(self._sides(prompt, text))

    def _sides(self, prompt: Prompt, text: str) -> list[float]:
        answer = parse(text)
        return [math.nan if answer is None else self._side(name, prompt, answer) for name in self.weights]

    def _side(self, name: str, prompt: Prompt, answer: Answer) -> float:
        if name == "elaboration":
            far = abs(len(answer.sentences) - self.peak)
            return max(0.0, 1 - far / (self.peak or 3))
        value = SIDES[name](prompt, answer)
        return max(0.0, 2 * value - 1) if self.strict and name in BASIC else value

    def overall(self, attributes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Overall score, 1 to 10. Shape: (..., n_sides) -> (...)."""
        weights = np.array(list(self.weights.values()))
        quality = np.nan_to_num(attributes, nan=0.0) @ (weights / weights.sum())
        return 1 + 9 * quality**self.exponent

    def score(self, prompts: Sequence[Prompt], texts: Sequence[str]) -> NDArray[np.float64]:
        """Gold score of each answer, 1 to 10. Shape: (n,)."""
        return self.overall(self.table(prompts, texts))

    def table(self, prompts: Sequence[Prompt], texts: Sequence[str]) -> NDArray[np.float64]:
        """Sides of each answer. Shape: (n, n_sides).

        Raises:
            ValueError: the two lists differ in length.
        """
        if len(prompts) != len(texts):
            raise ValueError(f"{len(prompts)} prompts but {len(texts)} answers; give one answer a prompt")
        rows = [self._sides(prompt, text) for prompt, text in zip(prompts, texts, strict=True)]
        return np.array(rows, dtype=float).reshape(len(rows), len(self.sides))


def whole(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores as an annotation form has them: whole numbers from 1 to 10."""
    return np.clip(np.rint(scores), 1, 10)


def _count(prompt: Prompt, answer: Answer) -> float:
    return max(0.0, 1 - abs(len(answer.items) - prompt.count) / prompt.count)


def _truth(prompt: Prompt, answer: Answer) -> float:
    right = [CATEGORY_OF[item] == prompt.category and item != prompt.without for item in answer.items]
    return sum(right) / len(right)


def _unique(_: Prompt, answer: Answer) -> float:
    return len(set(answer.items)) / len(answer.items)


def _order(prompt: Prompt, answer: Answer) -> float:
    """Share of neighbouring items in the asked order; 1 where any order will do."""
    if prompt.order == "any" or len(answer.items) < 2:
        return 1.0
    items = answer.items[::-1] if prompt.order == "reverse" else answer.items
    ahead = [a <= b for a, b in pairwise(items)]
    return sum(ahead) / len(ahead)


def _facts(prompt: Prompt, answer: Answer) -> float:
    """1 - |good - asked| / 2 - wrong / 2, where a good fact is true, about a listed item, and said once."""
    good = {item for item, true in answer.facts if true and item in answer.items}
    wrong = len(answer.facts) - len(good)
    return max(0.0, 1 - abs(len(good) - prompt.facts) / 2 - wrong / 2)


def _concise(_: Prompt, answer: Answer) -> float:
    return max(0.0, 1 - answer.filler / 3)


def _form(prompt: Prompt, answer: Answer) -> float:
    return float(answer.joined == prompt.flows)


def _close(prompt: Prompt, answer: Answer) -> float:
    return float(answer.closed if prompt.polite else CLOSING not in answer.sentences)


BASIC = ("count", "truth", "unique", "order")
SIDES: dict[str, Side] = {
    "count": _count,
    "truth": _truth,
    "unique": _unique,
    "order": _order,
    "facts": _facts,
    "concise": _concise,
    "form": _form,
    "close": _close,
}
# The sides of the default gold reward.
ATTRIBUTES = Gold().sides
