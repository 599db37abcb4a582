"""Two judges made up from a known truth, so that agreement, kappa and biases can be checked against it.

A pair's true margin is N(0, 1), its difference in length z is N(0, 1) and says nothing about quality. The first judge
sees margin + noise; the second, asked in both orders, sees margin + length_bias * z + noise, plus or minus
position_bias for the answer shown first. Every expected figure below is exact for this model.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtr

from rapo.stats.arrays import Floats

# Log odds in the first judge's preference per unit of what it sees: most preferences are then near 1 or 2.
_SHARPNESS = 4.0


@dataclass(frozen=True)
class TwoJudges:
    """Faults of both judges, in standard deviations of the true margin.

    Attributes:
        noise, second_noise: standard deviation of each judge's own error.
        length_bias: what one standard deviation of length is worth to the second judge.
        position_bias: what the first place is worth to the second judge.
    """

    noise: float = 0.7
    second_noise: float = 0.7
    length_bias: float = 0.5
    position_bias: float = 0.3


def judged_pairs(judges: TwoJudges, *, n_pairs: int, seed: int = 0) -> pd.DataFrame:
    """Pairs that both judged, in the shape of `rapo.judging.matching.match`.

    Returns:
        ``instruction``, ``first`` and ``second`` (preferences 1..2; the second's is the mean of both orders, so 1.5
        where the orders differ), ``truth`` (1 or 2), ``forward`` and ``backward`` (the second's preference with the
        model's answer shown first and second), ``length_model`` and ``length_baseline``.
    """
    rng = np.random.default_rng(seed)
    margin, z, first_error, second_error = rng.normal(size=(4, n_pairs))
    seen = margin + judges.length_bias * z + judges.second_noise * second_error
    forward, backward = 1.0 + (seen + judges.position_bias > 0), 1.0 + (seen - judges.position_bias > 0)
    base = np.exp(rng.normal(6.0, 0.3, n_pairs))
    return pd.DataFrame(
        {
            "instruction": np.arange(n_pairs),
            "first": 1 + expit(_SHARPNESS * (margin + judges.noise * first_error)),
            "second": (forward + backward) / 2,
            "truth": 1.0 + (margin > 0),
            "forward": forward,
            "backward": backward,
            "length_model": np.round(base * np.exp(0.4 * z)),
            "length_baseline": np.round(base),
        }
    )


def expected_agreement(distance: ArrayLike, judges: TwoJudges) -> Floats:
    """Expected agreement, ties half, at a distance of the first judge's preference from 1.5. Shape: as given.

    With s1 what the first judge sees, the second sees N(s1 / v1, v2 - 1 / v1), v1 and v2 the variances of both; its
    verdict is the sign of that plus or minus its position bias.
    """
    seen = logit(0.5 + np.minimum(np.asarray(distance, dtype=float), 0.5 - 1e-12)) / _SHARPNESS
    first = 1 + judges.noise**2
    spread = np.sqrt(_variance(judges) - 1 / first)
    shifts = (judges.position_bias, -judges.position_bias)
    return np.asarray(np.mean([ndtr((seen / first + shift) / spread) for shift in shifts], axis=0))


def expected_position_bias(judges: TwoJudges) -> float:
    """Expected share of votes for the first place less that for the second: P(|seen| < position_bias)."""
    return float(2 * ndtr(judges.position_bias / np.sqrt(_variance(judges))) - 1)


def expected_longer(judges: TwoJudges) -> float:
    """Expected share of the second judge's votes for the longer answer, ties half; the truth's is 1/2."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    spread = np.sqrt(1 + judges.second_noise**2)
    shifts = (judges.position_bias, -judges.position_bias)
    chance = np.mean([ndtr((judges.length_bias * np.abs(nodes) + s) / spread) for s in shifts], axis=0)
    return float(weights @ chance / weights.sum())


def expected_sways(judges: TwoJudges) -> list[float]:
    """Expected shares in the rows of `bias.sways`: truth, first and second for length, second for position."""
    return [0.5, 0.5, expected_longer(judges), (1 + expected_position_bias(judges)) / 2]


def _variance(judges: TwoJudges) -> float:
    """Of what the second judge sees, order aside."""
    return 1 + judges.length_bias**2 + judges.second_noise**2
