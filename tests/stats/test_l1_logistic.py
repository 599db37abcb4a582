"""Batched L1 logistic regressions: optimal by their own conditions, and by liblinear and a general optimiser."""

import liblinear
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from rapo.stats import l1_logistic

ALL = l1_logistic.NONE_LEFT_OUT


def problem(seed: int, *, n: int = 60, d: int = 3, batch: int = 1, folds: int = 1) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, folds, n, d))
    x[..., -1] = 1.0
    p = 1 / (1 + np.exp(-x @ rng.normal(size=d) - rng.normal(0, 1, (batch, folds, n))))
    return x, p, rng.uniform(0.1, 2.0, (batch, folds, n))


def slack(x: np.ndarray, p: np.ndarray, s: np.ndarray, w: np.ndarray, penalty: float) -> float:
    """How far the optimality conditions of one problem are violated."""
    gradient = x.T @ (s * (1 / (1 + np.exp(-x @ w)) - p))
    at_zero = np.maximum(np.abs(gradient) - penalty, 0.0)
    return float(np.max(np.where(w == 0, at_zero, np.abs(gradient + penalty * np.sign(w)))))


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(-4, 3))
def test_the_conditions_of_the_optimum_hold_to_1e_8(seed, exponent) -> None:
    x, p, s = problem(seed)
    penalty = 10.0**exponent
    w = l1_logistic.solve(l1_logistic.prepare(x, p, s), np.zeros((1, 1, 3)), np.array([[penalty]]), ALL)[0, 0]
    assert slack(x[0, 0], p[0, 0], s[0, 0], w, penalty) < 1e-8


@pytest.mark.parametrize("penalty", [1e-3, 0.3, 5.0, 12.0])
def test_it_agrees_with_liblinear_on_doubled_rows(penalty) -> None:
    x, p, s = (array[0, 0] for array in problem(7))
    theirs = liblinear.fit(x, p, s, penalty=penalty)
    data = l1_logistic.prepare(x[None, None], p[None, None], s[None, None])
    ours = l1_logistic.solve(data, np.zeros((1, 1, 3)), np.array([[penalty]]), ALL)[0, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert (ours == 0).tolist() == (np.abs(theirs) < 1e-12).tolist()


def test_it_agrees_with_a_general_optimiser() -> None:
    x, p, s = (array[0, 0] for array in problem(3))

    def value(split: np.ndarray) -> float:
        w = split[:3] - split[3:]
        z = x @ w
        return float((s * (np.logaddexp(0, z) - p * z)).sum() + 0.7 * split.sum())

    theirs = minimize(value, np.full(6, 0.1), bounds=[(0, None)] * 6, options={"ftol": 1e-15, "gtol": 1e-10})
    data = l1_logistic.prepare(x[None, None], p[None, None], s[None, None])
    ours = l1_logistic.solve(data, np.zeros((1, 1, 3)), np.array([[0.7]]), ALL)
    np.testing.assert_allclose(ours[0, 0], theirs.x[:3] - theirs.x[3:], atol=1e-4)
    assert l1_logistic.objective(data, ours, np.array([[0.7]]), ALL)[0, 0] <= theirs.fun + 1e-9


def test_a_batch_with_folds_equals_one_problem_at_a_time() -> None:
    x, p, s = problem(5, batch=3, folds=4, n=30)
    penalty = np.array([[0.01, 1.0, 8.0, 2.0, 0.5]]).repeat(3, axis=0)
    left_out = np.array([-1, 0, 2, 3, 1])
    together = l1_logistic.solve(l1_logistic.prepare(x, p, s), np.zeros((3, 5, 3)), penalty, left_out)
    for b in range(3):
        for k, fold in enumerate(left_out):
            seen = [f for f in range(4) if f != fold]
            rows = [np.concatenate([array[b, f] for f in seen])[None, None] for array in (x, p, s)]
            alone = l1_logistic.solve(l1_logistic.prepare(*rows), np.zeros((1, 1, 3)), penalty[:1, k : k + 1], ALL)
            np.testing.assert_allclose(together[b, k], alone[0, 0], atol=1e-10)


def test_rows_of_weight_zero_are_not_there() -> None:
    x, p, s = problem(1)
    padded = [np.concatenate([array, np.full_like(array[:, :, :9], 0.5)], axis=2) for array in (x, p, s)]
    padded[2][:, :, -9:] = 0.0
    args = (np.zeros((1, 1, 3)), np.array([[0.1]]), ALL)
    one, other = (l1_logistic.solve(l1_logistic.prepare(*rows), *args) for rows in ((x, p, s), padded))
    np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_perfect_separation_is_solved(scale) -> None:
    x, _, s = problem(2)
    p = (x @ np.array([2.0, -1.0, 0.3]) > 0).astype(float)
    x = x * scale
    w = l1_logistic.solve(l1_logistic.prepare(x, p, s), np.zeros((1, 1, 3)), np.array([[1e-4]]), ALL)[0, 0]
    assert np.isfinite(w).all()
    assert slack(x[0, 0], p[0, 0], s[0, 0], w, 1e-4) < 1e-8


def test_a_feature_that_is_always_zero_stays_out() -> None:
    x, p, s = problem(4)
    x[..., 1] = 0.0
    w = l1_logistic.solve(l1_logistic.prepare(x, p, s), np.zeros((1, 1, 3)), np.array([[0.1]]), ALL)[0, 0]
    assert w[1] == 0.0
    assert slack(x[0, 0], p[0, 0], s[0, 0], w, 0.1) < 1e-8


def test_a_bad_start_does_not_matter() -> None:
    x, p, s = problem(6)
    data, penalty = l1_logistic.prepare(x, p, s), np.array([[0.2]])
    near = l1_logistic.solve(data, np.zeros((1, 1, 3)), penalty, ALL)
    far = l1_logistic.solve(data, np.full((1, 1, 3), 40.0), penalty, ALL)
    np.testing.assert_allclose(near, far, atol=1e-9)


@settings(max_examples=100)
@example(9767, 0.0)  # mending signs went in circles, and so did coordinate descent that began anew each time
@given(st.integers(0, 10_000), st.floats(-3, 2))
def test_a_step_minimises_the_quadratic_model(seed, exponent) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 3, 3))
    h = root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(3)
    g, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)) * rng.integers(0, 2, (4, 3))
    cost = 10.0**exponent
    moved = l1_logistic.newton_step(w[None], g[None], h[None], np.full((1, 4), cost))[0]
    slope, end = g + (h @ moved[..., None])[..., 0], w + moved
    zero = np.abs(end) < 1e-12
    assert (np.where(zero, np.abs(slope) - cost, np.abs(slope + cost * np.sign(end))) <= 1e-7 * (1 + cost)).all()


def test_giving_up_is_said() -> None:
    data = l1_logistic.prepare(*problem(0))
    with pytest.raises(RuntimeError, match="1 of 1 regressions did not converge in 1 "):
        l1_logistic.solve(data, np.zeros((1, 1, 3)), np.array([[0.1]]), ALL, max_steps=1)


# Cross-validation.


def rows(seed: int, n: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.stack([np.tanh(rng.normal(size=n)), rng.normal(size=n), np.ones(n)], axis=1)
    p = np.clip(1 / (1 + np.exp(-x @ [0.8, 0.5, -0.7])) + rng.normal(0, 0.4, n), 0, 1)
    return x, p, np.where(np.arange(n) < 50, 0.1, 1.0)


def folded(values: np.ndarray) -> np.ndarray:
    """GroupKFold deals rows out from the last one backwards; which fold comes first does not matter."""
    return np.swapaxes(values[::-1].reshape(len(values) // 5, 5, *values.shape[1:]), 0, 1)[None]


@pytest.mark.parametrize("seed", range(6))
def test_it_equals_liblinear_fold_by_fold(seed) -> None:
    x, p, s = rows(seed)
    best, weights, mean = liblinear.cross_validated(x, p, s)
    data = l1_logistic.prepare(folded(x), folded(p), folded(s))
    ours, fitted, loss = l1_logistic.choose_penalty(data, liblinear.GRID, np.zeros((1, 3)))
    np.testing.assert_allclose(loss[0], mean, atol=1e-7)
    assert ours[0] == best
    np.testing.assert_allclose(fitted[0], weights, atol=1e-7)


def test_held_out_loss_by_hand() -> None:
    # One fold of two rows, x = 1 and w = log 3: chance 3/4. Targets 1 and 0, weights 1 and 2:
    # (1 * -log .75 + 2 * -log .25) / 2 = (.287682 + 2.772589) / 2
    data = l1_logistic.prepare(np.ones((1, 1, 2, 1)), np.array([[[1.0, 0.0]]]), np.array([[[1.0, 2.0]]]))
    loss = l1_logistic.held_out_loss(data, np.full((1, 1, 1, 1), np.log(3.0)))
    assert loss[0, 0, 0] == pytest.approx(1.5301354, abs=1e-6)


def test_held_out_loss_is_clipped_like_the_official_one() -> None:
    data = l1_logistic.prepare(np.ones((1, 1, 1, 1)), np.zeros((1, 1, 1)), np.ones((1, 1, 1)))
    loss = l1_logistic.held_out_loss(data, np.full((1, 1, 1, 1), 900.0))
    # A certain miss costs -log(1e-15), not more.
    assert loss[0, 0, 0] == pytest.approx(-np.log(1e-15), abs=1e-9)


def test_where_nothing_helps_the_first_of_equals_is_taken() -> None:
    rng = np.random.default_rng(0)
    x, p = rng.normal(size=(1, 5, 20, 2)) * 1e-9, np.full((1, 5, 20), 0.5)
    best, weights, _ = l1_logistic.choose_penalty(
        l1_logistic.prepare(x, p, np.ones_like(p)), liblinear.GRID, np.zeros((1, 2))
    )
    assert best[0] == 0
    assert (weights == 0).all()
