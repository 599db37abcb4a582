"""Simulated judges: the gold score seen through noise and a liking for length, as with real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rapo.world.answers import length
from rapo.world.draws import stream
from rapo.world.prompts import Prompt
from rapo.world.reward import Gold

TYPICAL_LENGTH = 15.0


@dataclass(frozen=True)
class Judge:
    """Scores answers: gold + length_bias * (words - 15) / 10 + N(0, noise), as yet neither rounded nor clipped.

    Attributes:
        gold: the truth behind the score.
        noise: standard deviation of the error, in score points.
        length_bias: score points for every ten words above the typical length.
        flips: share of answers whose score is replaced by a random one (careless annotation).
        seed: the judge's own; an answer's draw depends on (seed, row id) alone.
    """

    gold: Gold = field(default_factory=Gold)
    noise: float = 1.0
    length_bias: float = 0.0
    flips: float = 0.0
    seed: int = 0

    def raw(self, prompts: Sequence[Prompt], texts: Sequence[str], ids: Sequence[int]) -> NDArray[np.float64]:
        """Scores before rounding and clipping. Shape: (n,)."""
        return self.seen(self.gold.score(prompts, texts), texts, ids)

    def seen(self, gold: NDArray[np.float64], texts: Sequence[str], ids: Sequence[int]) -> NDArray[np.float64]:
        """Gold scores as the judge sees them, before rounding and clipping. Shape: (n,)."""
        draws = np.array([_draws(self.seed, i) for i in ids]).reshape(len(ids), 3)
        words = np.array([length(text) for text in texts], dtype=float)
        bias = self.length_bias * (words - TYPICAL_LENGTH) / 10
        scores = gold + bias + self.noise * draws[:, 0]
        return np.where(draws[:, 1] < self.flips, 1 + 9 * draws[:, 2], scores)

    def prefer(
        self,
        prompts: Sequence[Prompt],
        baseline: Sequence[str],
        model: Sequence[str],
        ids: Sequence[int],
        *,
        temperature: float = 0.5,
    ) -> NDArray[np.float64]:
        """Pairwise preference in AlpacaEval's coding: 1 the baseline wins .. 2 the model wins. Shape: (n,).

        Both answers are read with noise of their own; their difference passes through a logistic of width
        ``temperature`` score points, as a judge's probability of naming one of two answers does.
        """
        odd = [2 * i for i in ids], [2 * i + 1 for i in ids]
        margin = self.raw(prompts, model, odd[1]) - self.raw(prompts, baseline, odd[0])
        return 1 + 1 / (1 + np.exp(-margin / temperature))


def _draws(seed: int, row: int) -> tuple[float, float, float]:
    rng = stream(seed, row, 13)
    return rng.standard_normal(), rng.random(), rng.random()
