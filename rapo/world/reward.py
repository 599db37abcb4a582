"""The gold reward, known to us: five attributes read off the text, and one overall score from 1 to 10."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rapo.world.answers import Answer, parse
from rapo.world.lexicon import CATEGORY_OF
from rapo.world.prompts import Prompt

ATTRIBUTES = ("count", "truth", "unique", "order", "elaboration")


@dataclass(frozen=True)
class Gold:
    """What counts, how much, and where elaboration is best.

    Four attributes are monotone: more of them is always better. *Elaboration* (sentences after the list) peaks
    inside: quality is 1 - |k - peak| / peak, so too little and too much are both bad. Overall quality is the
    weighted mean q of the five; the score is 1 + 9 q^exponent, and 1 where the answer cannot be parsed.

    Attributes:
        peak: the best number of sentences; 0 makes elaboration monotone too (the fewer the better).
        weights: non-negative, one an attribute; normalised to sum 1.
        exponent: the larger, the rarer a high score.
    """

    peak: int = 3
    exponent: float = 3.0
    weights: dict[str, float] = field(
        default_factory=lambda: {"count": 0.2, "truth": 0.2, "unique": 0.1, "order": 0.25, "elaboration": 0.25}
    )

    def attributes(self, prompt: Prompt, text: str) -> NDArray[np.float64]:
        """The five attributes in [0, 1]; NaN where the answer cannot be parsed. Shape: (5,)."""
        answer = parse(text)
        if answer is None:
            return np.full(len(ATTRIBUTES), np.nan)
        items = answer.items
        return np.array(
            [
                max(0.0, 1 - abs(len(items) - prompt.count) / prompt.count),
                np.mean([CATEGORY_OF[i] == prompt.category and i != prompt.without for i in items]),
                len(set(items)) / len(items),
                _ordered(answer, prompt.order),
                self._elaboration(len(answer.sentences)),
            ]
        )

    def _elaboration(self, sentences: int) -> float:
        if self.peak == 0:
            return max(0.0, 1 - sentences / 3)
        return max(0.0, 1 - abs(sentences - self.peak) / self.peak)

    def overall(self, attributes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Overall score, 1 to 10. Shape: (..., 5) -> (...)."""
        weights = np.array([self.weights[name] for name in ATTRIBUTES])
        quality = np.nan_to_num(attributes, nan=0.0) @ (weights / weights.sum())
        return 1 + 9 * quality**self.exponent

    def score(self, prompts: Sequence[Prompt], texts: Sequence[str]) -> NDArray[np.float64]:
        """Gold score of each answer, 1 to 10. Shape: (n,)."""
        return self.overall(self.table(prompts, texts))

    def table(self, prompts: Sequence[Prompt], texts: Sequence[str]) -> NDArray[np.float64]:
        """Attributes of each answer. Shape: (n, 5).

        Raises:
            ValueError: the two lists differ in length.
        """
        if len(prompts) != len(texts):
            raise ValueError(f"{len(prompts)} prompts but {len(texts)} answers; give one answer a prompt")
        rows = [self.attributes(prompt, text) for prompt, text in zip(prompts, texts, strict=True)]
        return np.array(rows).reshape(len(rows), len(ATTRIBUTES))


def whole(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores as an annotation form has them: whole numbers from 1 to 10."""
    return np.clip(np.rint(scores), 1, 10)


def _ordered(answer: Answer, order: str) -> float:
    """Share of neighbouring items in the asked order; 1 where any order will do."""
    if order == "any" or len(answer.items) < 2:
        return 1.0
    items = answer.items[::-1] if order == "reverse" else answer.items
    ahead = [a <= b for a, b in pairwise(items)]
    return sum(ahead) / len(ahead)
