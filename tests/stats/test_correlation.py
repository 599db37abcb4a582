"""Correlations of margins against scipy and by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from rapo.stats.correlation import paired_effect, rank_correlation

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=60)
Y = 0.5 * X + RANDOM.normal(size=60)
Z = X + RANDOM.normal(size=60)


def both_sides(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, -values])


def test_spearman_as_scipy_has_it_over_both_sides() -> None:
    got = rank_correlation(X, Y)
    assert got.estimate == pytest.approx(stats.spearmanr(both_sides(X), both_sides(Y)).statistic)
    wide = stats.norm.ppf(0.975) * 1.03 / math.sqrt(57)
    assert got.low == pytest.approx(math.tanh(math.atanh(got.estimate) - wide))
    assert got.high == pytest.approx(math.tanh(math.atanh(got.estimate) + wide))
    assert got.n == 60


def test_ties_and_zeros_share_their_ranks() -> None:
    x, y = np.round(X), np.round(2 * Y).astype(np.int32)
    assert (x == 0).sum() > 5
    expected = stats.spearmanr(both_sides(x), both_sides(y)).statistic
    assert rank_correlation(x, y).estimate == pytest.approx(expected, abs=1e-12)


def test_which_side_is_chosen_does_not_matter() -> None:
    flip = np.where(RANDOM.random(60) < 0.5, -1, 1)
    for given in (None, Z):
        turned = None if given is None else flip * given
        assert rank_correlation(flip * X, flip * Y, given=turned).estimate == pytest.approx(
            rank_correlation(X, Y, given=given).estimate
        )


def test_the_partial_correlation_is_that_of_the_residuals() -> None:
    x, y, z = (stats.rankdata(both_sides(values)) for values in (X, Y, Z))
    left, right = (values - np.polyval(np.polyfit(z, values, 1), z) for values in (x, y))
    got = rank_correlation(X, Y, given=Z)
    assert got.estimate == pytest.approx(np.corrcoef(left, right)[0, 1])
    wide = stats.norm.ppf(0.975) * 1.03 / math.sqrt(56)
    assert math.atanh(got.high) - math.atanh(got.estimate) == pytest.approx(wide)


@pytest.mark.parametrize(
    ("x", "y", "given"),
    [(X[:3], Y[:3], None), (X[:4], Y[:4], Z[:4]), (X, 0 * Y, None), (X, Y, X), (X, Y, 0 * X)],
)
def test_what_cannot_be_known_is_nan(x: np.ndarray, y: np.ndarray, given: np.ndarray | None) -> None:
    assert math.isnan(rank_correlation(x, y, given=given).estimate)


def test_paired_effect_by_hand() -> None:
    got = paired_effect(np.array([1.0, 3.0, 5.0]))  # mean 3, standard deviation 2
    assert got.estimate == pytest.approx(1.5)
    half = 1.959964 * math.sqrt(1 / 3 + 1.5**2 / 6)
    assert (got.low, got.high) == (pytest.approx(1.5 - half), pytest.approx(1.5 + half))
    assert math.isnan(paired_effect(np.array([2.0, 2.0])).estimate)
    assert math.isnan(paired_effect(np.array([2.0])).estimate)
