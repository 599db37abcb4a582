"""The regression behind length-controlled win rates: its design, its fit for many models, its uncertainty.

`length_control` is the door; here are arrays only. Rows of one model are contiguous and in the order that decides
their folds. Features are [tanh(std_delta_len), difficulty, 1], or without the second.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rapo.stats import l1_logistic, resampling
from rapo.stats.arrays import Floats, Integers, sigmoid

# scikit-learn's default grid of inverse penalties and AlpacaEval's number of folds.
GRID: Floats = np.logspace(-4, 4, 10)
N_FOLDS = 5
_CHUNK = 32


@dataclass(frozen=True)
class Formula:
    """Which terms the regression has.

    Attributes:
        difficulty: whether it knows how hard an instruction is.
        baseline_regulariser: total weight of the gamed baselines, relative to the model's rows; 0: none.
    """

    difficulty: bool
    baseline_regulariser: float


# AlpacaEval's names.
FORMULAS: dict[str, Formula] = {
    "length_controlled_v1": Formula(difficulty=True, baseline_regulariser=0.2),
    "length_controlled_noreg": Formula(difficulty=True, baseline_regulariser=0.0),
    "length_controlled_minimal": Formula(difficulty=False, baseline_regulariser=0.0),
}


@dataclass(frozen=True)
class Rows:
    """Judgements of M models, model after model.

    Attributes:
        starts: where each model begins, and the end. Shape: (M + 1,)
        win: preference in [0, 1]. Shape: (n,)
        delta: standardised length difference. Shape: (n,)
        difficulty: of the instruction; None for a formula without it. Shape: (n,)
        cluster: whole number of the instruction, for intervals. Shape: (n,)
    """

    starts: Integers
    win: Floats
    delta: Floats
    difficulty: Floats | None
    cluster: Integers

    @property
    def model(self) -> Integers:
        """Number of each row's model, Shape (n,)."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def features(self) -> Floats:
        """Design matrix, Shape (n, d)."""
        length = np.tanh(self.delta)
        middle = [] if self.difficulty is None else [self.difficulty]
        return np.stack([length, *middle, np.ones_like(length)], axis=1)


@dataclass(frozen=True)
class Fits:
    """Fitted regressions.

    Attributes:
        weights: Shape (M, d), in the order of the features.
        chosen: the chosen place in `GRID`. Shape: (M,)
        hessian: of the weighted log loss at ``weights``. Shape: (M, d, d)
    """

    weights: Floats
    chosen: Integers
    hessian: Floats


def fit(rows: Rows, gamed: Floats | None, *, baseline_regulariser: float) -> Fits:
    """Fit every model's regression with its own cross-validated penalty.

    Args:
        rows: what is fitted.
        gamed: rows of two gamed baselines: win, std_delta_len, difficulty. Shape: (n_gamed, 3)
        baseline_regulariser: weight of the gamed baselines together; each row weighs half of it.
    """
    n_models, d = len(rows.starts) - 1, rows.features().shape[1]
    found = Fits(np.empty((n_models, d)), np.empty(n_models, dtype=np.intp), np.empty((n_models, d, d)))
    for models, data, start in _prepared(rows, gamed, baseline_regulariser):
        found.chosen[models], weights, _ = l1_logistic.choose_penalty(data, GRID, start)
        found.weights[models] = weights
        found.hessian[models] = l1_logistic.moments(data, weights[:, None], l1_logistic.NONE_LEFT_OUT)[1][:, 0]
    return found


def fit_loosely(rows: Rows, gamed: Floats | None, *, baseline_regulariser: float) -> Floats:
    """Coefficients of every model under the weakest penalty of `GRID`, as `fit` takes the rows. Shape: (M, d)"""
    found = np.empty((len(rows.starts) - 1, rows.features().shape[1]))
    for models, data, start in _prepared(rows, gamed, baseline_regulariser):
        penalty = np.full((len(models), 1), 1 / GRID[-1])
        found[models] = l1_logistic.solve(data, start[:, None], penalty, l1_logistic.NONE_LEFT_OUT)[:, 0]
    return found


def _prepared(
    rows: Rows, gamed: Floats | None, baseline_regulariser: float
) -> Iterator[tuple[Integers, l1_logistic.Regressions, Floats]]:
    """Some models at a time: their numbers, their rows in folds, and coefficients to begin with."""
    features = rows.features()
    extra = _gamed_rows(gamed, features.shape[1])
    for models in _chunks(np.diff(rows.starts)):
        x, win, weight = padded(rows, features, models)
        yield models, folded(x, win, weight, extra, baseline_regulariser / 2), _start(win, weight, x.shape[2])


def predictions(rows: Rows, weights: Floats) -> Floats:
    """Chance that each row's model wins if outputs were equally long, Shape (n,)."""
    of_row = weights[rows.model]
    z = of_row[:, -1] if rows.difficulty is None else of_row[:, -1] + of_row[:, 1] * rows.difficulty
    return sigmoid(z)


def model_means(rows: Rows, values: Floats) -> Floats:
    """Mean of a value over each model's rows, Shape (M,)."""
    return np.add.reduceat(values, rows.starts[:-1]) / np.diff(rows.starts)


def influences(rows: Rows, fits: Fits) -> Floats:
    """How far each judgement moves its model's length-controlled win rate, as a fraction. Shape: (n,)

    An instruction moves the mean prediction directly and through the coefficients (the delta method). The difficulties
    and the gamed rows are taken as given; the penalty is left out, for a coefficient that it holds at 0 is no more
    certain than another.
    """
    model, features, weights = rows.model, rows.features(), fits.weights
    chance = predictions(rows, weights)
    mean, n = model_means(rows, chance), np.diff(rows.starts)
    slope = chance * (1 - chance)
    equal = features.copy()
    equal[:, 0] = 0.0
    gradient = np.stack([model_means(rows, slope * column) for column in equal.T], axis=1)
    lever = np.linalg.solve(fits.hessian + 1e-10 * np.eye(weights.shape[1]), gradient[..., None])[..., 0]
    z = (features * weights[model]).sum(axis=1)
    residual = rows.win - sigmoid(z)
    return np.asarray((chance - mean[model]) / n[model] + residual * (features * lever[model]).sum(axis=1))


def delta_method(rows: Rows, fits: Fits) -> Floats:
    """Standard error of each length-controlled win rate as a fraction, Shape (M,): the squared `influences` of the
    instructions are summed."""
    model, influence = rows.model, influences(rows, fits)
    # One number for each (model, instruction): rows of one instruction move together.
    _, group = np.unique(model * (int(rows.cluster.max()) + 1) + rows.cluster, return_inverse=True)
    total = np.bincount(group, influence)
    owner = np.zeros(len(total), dtype=np.intp)
    owner[group] = model
    many = np.bincount(owner)
    return np.sqrt(np.bincount(owner, total**2) * many / np.maximum(many - 1, 1))


def bootstrap(
    rows: Rows, gamed: Floats | None, *, baseline_regulariser: float, n_resamples: int, seed: int
) -> Floats:
    """Length-controlled win rates of resampled instructions as fractions, Shape (M, n_resamples).

    Each resample is fitted anew: lengths standardised, penalty chosen. ``seed`` and the model's place decide the
    draws.
    """
    found = np.empty((len(rows.starts) - 1, n_resamples))
    features = rows.features()
    extra = _gamed_rows(gamed, features.shape[1])
    for m, (begin, end) in enumerate(zip(rows.starts[:-1], rows.starts[1:], strict=True)):
        part = slice(begin, end)
        _, cluster = np.unique(rows.cluster[part], return_inverse=True)
        n_clusters = int(cluster.max()) + 1
        counts = resampling.counts(np.random.default_rng([seed, m]), n_clusters, n_resamples=n_resamples)
        for at in range(0, n_resamples, _CHUNK):
            weight = counts[at : at + _CHUNK, cluster]
            x = np.repeat(features[None, part], len(weight), axis=0)
            x[..., 0] = np.tanh(_restandardised(rows.delta[part], weight))
            win = np.broadcast_to(rows.win[part], weight.shape)
            data = folded(x, win, weight, extra, baseline_regulariser / 2)
            _, fitted, _ = l1_logistic.choose_penalty(data, GRID, _start(win, weight, x.shape[2]))
            x[..., 0] = 0.0
            chance = sigmoid((x * fitted[:, None]).sum(axis=2))
            found[m, at : at + _CHUNK] = (chance * weight).sum(axis=1) / weight.sum(axis=1)
    return found


def _restandardised(delta: Floats, weight: Floats) -> Floats:
    """Length differences over their standard deviation in each resample, Shape (B, n)."""
    total = weight.sum(axis=1, keepdims=True)
    mean = weight @ delta[:, None] / total
    spread = np.sqrt((weight * (delta - mean) ** 2).sum(axis=1, keepdims=True) / np.maximum(total - 1, 1))
    return delta / np.where(spread > 0, spread, 1.0)


def _gamed_rows(gamed: Floats | None, d: int) -> Floats | None:
    """Rows [win, features] of the gamed baselines, Shape (n_gamed, 1 + d): their constant is 0."""
    if gamed is None:
        return None
    zero = np.zeros(len(gamed))
    middle = [gamed[:, 2]] if d == 3 else []
    return np.stack([gamed[:, 0], np.tanh(gamed[:, 1]), *middle, zero], axis=1)


def _chunks(sizes: Integers) -> Iterator[Integers]:
    """Numbers of models of similar size, a few dozen at a time."""
    order = np.argsort(sizes, kind="stable")
    for begin in range(0, len(order), _CHUNK):
        yield np.sort(order[begin : begin + _CHUNK])


def padded(rows: Rows, features: Floats, models: Integers) -> tuple[Floats, Floats, Floats]:
    """Features (B, n, d), wins and weights (B, n) of some models; the shorter ones end in rows of weight 0."""
    sizes = rows.starts[models + 1] - rows.starts[models]
    shape = (len(models), int(sizes.max()))
    x, win, weight = np.zeros((*shape, features.shape[1])), np.zeros(shape), np.zeros(shape)
    for b, (m, n) in enumerate(zip(models, sizes, strict=True)):
        begin = rows.starts[m]
        x[b, :n], win[b, :n], weight[b, :n] = features[begin : begin + n], rows.win[begin : begin + n], 1.0
    return x, win, weight


def folded(
    x: Floats, win: Floats, weight: Floats, gamed: Floats | None, gamed_weight: float
) -> l1_logistic.Regressions:
    """Rows of B regressions in folds, the gamed rows beside them.

    scikit-learn's GroupKFold (1.6 and later) deals equally large groups out from the last row backwards, here over
    the gamed rows followed by the model's. Only which rows share a fold matters: row j of the model goes with
    gamed row i when j = i - n_gamed modulo the number of folds.
    """
    n_models, n, d = x.shape
    n_gamed = 0 if gamed is None else len(gamed)
    depth, more = -(-n // N_FOLDS), -(-n_gamed // N_FOLDS)
    shape = (n_models, depth + more, N_FOLDS)
    features, targets, weights = np.zeros((*shape, d)), np.zeros(shape), np.zeros(shape)
    for into, own in ((features, x), (targets, win), (weights, weight)):
        into[:, :depth].reshape(n_models, depth * N_FOLDS, -1)[:, :n] = own.reshape(n_models, n, -1)
    if gamed is not None:
        place, fold = depth + np.arange(n_gamed) // N_FOLDS, (np.arange(n_gamed) - n_gamed) % N_FOLDS
        features[:, place, fold], targets[:, place, fold] = gamed[:, 1:], gamed[:, 0]
        weights[:, place, fold] = gamed_weight
    return l1_logistic.prepare(*(np.swapaxes(values, 1, 2) for values in (features, targets, weights)))


def _start(win: Floats, weight: Floats, d: int) -> Floats:
    """Coefficients to begin with: only a constant, the log-odds of the win rate. Shape: (B, d)"""
    share = np.clip((win * weight).sum(axis=1) / weight.sum(axis=1), 1e-3, 1 - 1e-3)
    start = np.zeros((len(win), d))
    start[:, -1] = np.log(share / (1 - share))
    return start
