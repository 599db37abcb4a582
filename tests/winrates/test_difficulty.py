"""Difficulty from a pool of models: the optimum of its own objective, and truly without each model."""

import numpy as np
import pytest
from scipy.optimize import minimize

from rapo.winrates.difficulty import estimate, standardised


def pool(seed: int, m: int, n: int, *, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True difficulties, wins and lengths."""
    rng = np.random.default_rng(seed)
    hard, lengths = rng.normal(0, spread, n), np.tanh(rng.normal(size=(m, n)))
    chance = 1 / (1 + np.exp(-(rng.normal(-0.5, 1, m)[:, None] - 0.8 * lengths + hard)))
    return hard, (rng.random((m, n)) < chance).astype(float), lengths


def test_standardised_by_hand() -> None:
    # Differences 1, 3: mean 2, variance (1 + 1) / 1 = 2; -4, 4 has variance 32.
    found = standardised(np.array([1.0, 3.0, -4.0, 4.0]), np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(found, [1 / 2**0.5, 3 / 2**0.5, -4 / 32**0.5, 4 / 32**0.5])


def test_equal_lengths_are_zero_and_a_constant_difference_has_no_scale() -> None:
    found = standardised(np.array([0.0, 0.0, 5.0, 5.0]), np.array([0, 0, 1, 1]))
    assert found[:2].tolist() == [0.0, 0.0]
    assert np.isnan(found[2:]).all()


def test_it_is_the_mode_of_its_own_model() -> None:
    _, wins, lengths = pool(0, 6, 25)
    found, _ = estimate(wins, lengths, np.ones_like(wins))
    # With the variance it settled on, no other parameters make the penalised likelihood larger.
    variances = np.linspace(0.05, 3, 10)

    def mode(variance: float) -> np.ndarray:
        def value(packed: np.ndarray) -> tuple[float, np.ndarray]:
            quality, slope, hard = packed[:6], packed[6:12], packed[12:]
            z = quality[:, None] + slope[:, None] * lengths + hard
            weak = 1e-2 * ((quality**2).sum() + (slope**2).sum()) / 2
            off = 1 / (1 + np.exp(-z)) - wins  # the likelihood's derivative by z
            slopes = [
                off.sum(axis=1) + 1e-2 * quality,
                (off * lengths).sum(axis=1) + 1e-2 * slope,
                off.sum(axis=0) + hard / variance,
            ]
            total = (np.logaddexp(0, z) - wins * z).sum() + (hard**2).sum() / (2 * variance) + weak
            return float(total), np.concatenate(slopes)

        options = {"ftol": 1e-14, "gtol": 1e-9}
        return minimize(value, np.zeros(37), jac=True, method="L-BFGS-B", options=options).x[12:]

    def gap(variance: float) -> float:
        hard = mode(variance)
        return float(np.abs(hard - hard.mean() - found).max())

    near = min(variances, key=gap)
    assert min(map(gap, np.linspace(max(near - 0.3, 0.02), near + 0.3, 13))) < 0.03


def test_it_recovers_difficulty_from_many_models() -> None:
    hard, wins, lengths = pool(1, 300, 60)
    found, _ = estimate(wins, lengths, np.ones_like(wins))
    assert np.corrcoef(found, hard)[0, 1] > 0.98
    # Shrunk a little towards the mean, on the same scale.
    assert np.polyfit(hard, found, 1)[0] == pytest.approx(1.0, abs=0.1)


def test_without_a_model_is_what_the_others_say() -> None:
    _, wins, lengths = pool(2, 12, 80)
    _, without = estimate(wins, lengths, np.ones_like(wins))
    others, _ = estimate(wins[1:], lengths[1:], np.ones_like(wins[1:]))
    assert np.corrcoef(without[0], others)[0, 1] > 0.99
    # Its own verdicts have left no trace: the mean gap between its wins and losses is that of the others' estimate.
    won = wins[0] == 1
    gap = without[0][won].mean() - without[0][~won].mean()
    assert gap == pytest.approx(others[won].mean() - others[~won].mean(), abs=0.1)


def test_no_difference_between_instructions_is_found_where_there_is_none() -> None:
    _, wins, lengths = pool(3, 40, 200, spread=0.0)
    found, _ = estimate(wins, lengths, np.ones_like(wins))
    assert found.std() < 0.15


def test_instructions_that_nobody_answered_are_average() -> None:
    _, wins, lengths = pool(4, 8, 30)
    seen = np.ones_like(wins)
    seen[:, 5] = 0
    found, without = estimate(wins, lengths, seen)
    # 0 before the others are centred: as hard as the mean of the prior.
    assert abs(found[5]) < 0.3
    assert np.isfinite(without).all()
