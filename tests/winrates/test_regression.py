"""The regression's arrays: folds, features, resamples."""

import numpy as np
from sklearn.model_selection import GroupKFold

from rapo.winrates import regression


def rows(sizes: list[int], seed: int = 0) -> regression.Rows:
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    cluster = np.concatenate([np.arange(size) for size in sizes])
    return regression.Rows(
        starts, (rng.random(n) < 0.4).astype(float), rng.normal(size=n), rng.normal(size=n), cluster
    )


def test_features_by_hand() -> None:
    one = regression.Rows(np.array([0, 1]), np.array([1.0]), np.array([0.5]), np.array([2.0]), np.array([0]))
    # tanh(.5) = .462117
    np.testing.assert_allclose(one.features(), [[0.46211716, 2.0, 1.0]], atol=1e-8)


def test_folds_are_those_of_group_k_fold_over_gamed_rows_and_model_rows() -> None:
    for n, n_gamed in ((23, 0), (23, 10), (20, 13), (41, 34)):
        mine = rows([n])
        gamed = np.stack([np.full(n_gamed, 0.5), np.arange(n_gamed), np.zeros(n_gamed), np.zeros(n_gamed)], axis=1)
        x, win, weight = regression.padded(mine, mine.features(), np.array([0]))
        x[0, :, 0] = 1000 + np.arange(n)
        data = regression.folded(x, win, weight, gamed if n_gamed else None, 0.1)
        ours = set()
        for fold in range(5):
            there = data.weights[0, fold] > 0
            ours.add(frozenset(data.features[0, fold, there, 0].tolist()))
        order = np.concatenate([np.arange(n_gamed), 1000 + np.arange(n)])
        group = np.arange(len(order))
        theirs = {frozenset(order[test].tolist()) for _, test in GroupKFold(5).split(order, groups=group)}
        assert ours == theirs, (n, n_gamed)


def test_models_of_any_size_fit_together_as_they_do_alone() -> None:
    sizes = [12, 57, 33, 120]
    together = regression.fit(rows(sizes), None, baseline_regulariser=0.0)
    for m in range(len(sizes)):
        whole = rows(sizes)
        part = slice(whole.starts[m], whole.starts[m + 1])
        alone = regression.Rows(
            np.array([0, sizes[m]]),
            whole.win[part],
            whole.delta[part],
            whole.difficulty[part],
            whole.cluster[part],
        )
        found = regression.fit(alone, None, baseline_regulariser=0.0)
        assert found.chosen[0] == together.chosen[m]
        np.testing.assert_allclose(found.weights[0], together.weights[m], atol=1e-9)


def test_the_delta_method_is_the_standard_error_where_only_a_constant_is_fitted() -> None:
    # Without difficulty and at equal lengths the prediction is one number, the win rate: sqrt(p q / (n - 1)).
    n = 400
    win = (np.arange(n) < 100).astype(float)
    flat = regression.Rows(np.array([0, n]), win, np.zeros(n), None, np.arange(n))
    fits = regression.fit(flat, None, baseline_regulariser=0.0)
    np.testing.assert_allclose(regression.delta_method(flat, fits), (0.25 * 0.75 / 399) ** 0.5, rtol=2e-3)


def test_resamples_depend_on_the_seed_and_the_models_place_alone() -> None:
    pair = rows([40, 40])
    first = regression.Rows(
        np.array([0, 40]), pair.win[:40], pair.delta[:40], pair.difficulty[:40], pair.cluster[:40]
    )
    options = {"baseline_regulariser": 0.0, "n_resamples": 40, "seed": 5}
    both, one = regression.bootstrap(pair, None, **options), regression.bootstrap(first, None, **options)
    np.testing.assert_allclose(both[0], one[0], atol=1e-10)
    other = regression.bootstrap(first, None, **{**options, "seed": 6})
    assert not np.allclose(one, other)
