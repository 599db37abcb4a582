"""The penalty is chosen as scikit-learn's cross-validation chooses it."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold
from stats.test_l1_logistic import liblinear

from rapo.stats import cross_validation, l1_logistic

GRID = np.logspace(-4, 4, 10)


def rows(seed: int, n: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.stack([np.tanh(rng.normal(size=n)), rng.normal(size=n), np.ones(n)], axis=1)
    p = np.clip(1 / (1 + np.exp(-x @ [0.8, 0.5, -0.7])) + rng.normal(0, 0.4, n), 0, 1)
    return x, p, np.where(np.arange(n) < 50, 0.1, 1.0)


def by_hand(x: np.ndarray, p: np.ndarray, s: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """The same with liblinear: every row twice, folds of GroupKFold, clipped log loss, refit on all rows."""
    n = len(x)
    twice, label = np.concatenate([x, x]), np.repeat([1, 0], n)
    weight, group = np.concatenate([s * p, s * (1 - p)]), np.tile(np.arange(n), 2)
    losses = np.zeros((5, len(GRID)))
    for fold, (train, test) in enumerate(GroupKFold(5).split(twice, label, group)):
        held = test[test < n]
        for c, inverse in enumerate(GRID):
            model = liblinear(1 / inverse).fit(twice[train], label[train], sample_weight=weight[train])
            chance = np.clip(model.predict_proba(x[held])[:, 1], 1e-15, 1 - 1e-15)
            loss = -(p[held] * np.log(chance) + (1 - p[held]) * np.log(1 - chance))
            losses[fold, c] = (s[held] * loss).mean()
    mean = losses.mean(axis=0)
    best = int(np.argmin(mean))
    return best, liblinear(1 / GRID[best]).fit(twice, label, sample_weight=weight).coef_[0], mean


def folded(values: np.ndarray) -> np.ndarray:
    """GroupKFold deals rows out from the last one backwards; which fold comes first does not matter."""
    return np.swapaxes(values[::-1].reshape(len(values) // 5, 5, *values.shape[1:]), 0, 1)[None]


@pytest.mark.parametrize("seed", range(6))
def test_it_equals_liblinear_fold_by_fold(seed) -> None:
    x, p, s = rows(seed)
    best, weights, mean = by_hand(x, p, s)
    data = l1_logistic.prepare(folded(x), folded(p), folded(s))
    ours, fitted, loss = cross_validation.choose_penalty(data, GRID, np.zeros((1, 3)))
    np.testing.assert_allclose(loss[0], mean, atol=1e-7)
    assert ours[0] == best
    np.testing.assert_allclose(fitted[0], weights, atol=1e-7)


def test_held_out_loss_by_hand() -> None:
    # One fold of two rows, x = 1 and w = log 3: chance 3/4. Targets 1 and 0, weights 1 and 2:
    # (1 * -log .75 + 2 * -log .25) / 2 = (.287682 + 2.772589) / 2
    data = l1_logistic.prepare(np.ones((1, 1, 2, 1)), np.array([[[1.0, 0.0]]]), np.array([[[1.0, 2.0]]]))
    loss = cross_validation.held_out_loss(data, np.full((1, 1, 1, 1), np.log(3.0)))
    assert loss[0, 0, 0] == pytest.approx(1.5301354, abs=1e-6)


def test_held_out_loss_is_clipped_like_the_official_one() -> None:
    data = l1_logistic.prepare(np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1)), np.ones((1, 1, 1)))
    loss = cross_validation.held_out_loss(data, np.full((1, 1, 1, 1), 900.0))
    # A certain miss costs -log(1e-15), not more.
    assert loss[0, 0, 0] == pytest.approx(-np.log(1e-15), abs=1e-9)


def test_where_nothing_helps_the_first_of_equals_is_taken() -> None:
    rng = np.random.default_rng(0)
    x, p = rng.normal(size=(1, 5, 20, 2)) * 1e-9, np.full((1, 5, 20), 0.5)
    best, weights, _ = cross_validation.choose_penalty(
        l1_logistic.prepare(x, p, np.ones_like(p)), GRID, np.zeros((1, 2))
    )
    assert best[0] == 0
    assert (weights == 0).all()
