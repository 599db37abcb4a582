"""L1-penalised logistic regressions with soft labels: many small ones at once, cross-validated.

A regression minimises ``sum_i s_i [log(1 + exp(z_i)) - p_i z_i] + penalty * |w|_1`` with ``z = X w``, targets p in
[0, 1] and row weights s: liblinear's L1 problem with ``penalty = 1 / C`` in which each row stands twice, once as
a win with weight s p and once as a loss with weight s (1 - p). Here it stands once. Rows lie in folds; a problem
names the fold it leaves out (-1: none), so that one pass over the rows serves every fold and penalty.

Own code and not scikit-learn's LogisticRegressionCV: the same optimum in a twentieth of the time
(tests/benchmarks/bench_winrate.py).
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from rapo.stats.arrays import Floats, Integers

# Numbers in one piece of work.
_SLICE = 1 << 16
_LOCAL = threading.local()
_RIDGE = 1e-10
# Coefficients of standardised features rarely differ by more from one step to the next.
_LONG = 3.0
# A Newton step of this size leaves an error of about its square.
_ROUGHLY = 1e-4
# Log-odds of 1e-15, where the official score clips its probabilities.
_CLIP = float(np.log1p(-1e-15) - np.log(1e-15))
NONE_LEFT_OUT = np.array([-1])


@dataclass(frozen=True)
class Regressions:
    """Rows of B regressions, each cut into F folds of R rows; build it with `prepare`.

    Attributes:
        features: Shape (B, F, R, d).
        weighted: half of the row weight times the features, Shape (B, F, d, R).
        products: a quarter of the row weight times the pairs of features, Shape (B, F, d (d + 1) / 2, R).
        at_zero: gradient of each fold's rows at zero coefficients, Shape (B, F, d).
        curve: the sum of ``products`` over a fold's rows, Shape (B, F, d (d + 1) / 2).
        targets, weights: Shape (B, F, R); weight 0 marks padding.
    """

    features: Floats
    weighted: Floats
    products: Floats
    at_zero: Floats
    curve: Floats
    targets: Floats
    weights: Floats


def prepare(features: Floats, targets: Floats, weights: Floats) -> Regressions:
    """Collect what every Newton step needs.

    Args:
        features: Shape (B, F, R, d).
        targets: in [0, 1], Shape (B, F, R).
        weights: at least 0; 0 leaves a row out, Shape (B, F, R).
    """
    first, second = _upper(features.shape[-1])
    by_feature = np.ascontiguousarray(np.moveaxis(features, -1, -2))
    weighted = by_feature * (weights / 2)[..., None, :]
    products = by_feature[..., first, :] * (weighted / 2)[..., second, :]
    at_zero = (weighted @ (1.0 - 2.0 * targets)[..., None])[..., 0]
    curve = products.sum(axis=-1)
    return Regressions(np.ascontiguousarray(features), weighted, products, at_zero, curve, targets, weights)


def choose_penalty(data: Regressions, grid: Floats, start: Floats) -> tuple[Integers, Floats, Floats]:
    """Cross-validate ``C`` and refit on every row, as scikit-learn's LogisticRegressionCV does.

    Args:
        data: rows of B regressions in F folds.
        grid: values of ``C = 1 / penalty``, ascending, Shape (C,).
        start: where the first Newton step begins, Shape (B, d).

    Returns:
        The chosen index for each regression, Shape (B,) (the first of equals); its coefficients on all rows,
        Shape (B, d); and the mean held-out loss, Shape (B, C).
    """
    n, n_folds = data.targets.shape[:2]
    loosest = np.full((n, n_folds), 1.0 / grid[-1])
    rough = solve(data, start[:, None], loosest[:, :1], NONE_LEFT_OUT, tolerance=0.1)
    by_fold = solve(data, rough.repeat(n_folds, axis=1), loosest, np.arange(n_folds), tolerance=0.01)
    loss = held_out_loss(data, _paths(data, by_fold, grid)).mean(axis=1)
    best = np.argmin(loss, axis=1)
    final = solve(data, rough, 1.0 / grid[best][:, None], NONE_LEFT_OUT)
    return best, final[:, 0], loss


def held_out_loss(data: Regressions, weights: Floats) -> Floats:
    """Mean weighted log loss in each fold's own rows, probabilities clipped at 1e-15.

    Args:
        data: rows of B regressions.
        weights: fold f's coefficients at each of C penalties, Shape (B, F, C, d).

    Returns:
        Nats per row, Shape (B, F, C).
    """
    loss = np.empty(weights.shape[:3])
    wins = (data.weights * data.targets)[:, :, None]
    for part, some in _slices(data, weights.shape[2]):
        now = np.swapaxes(weights[part, :, some], 2, 3)
        z, softplus = _scratch(data, now)
        np.matmul(data.features[part], now, out=z)
        np.clip(z, -_CLIP, _CLIP, out=z)
        np.exp(z, out=softplus)
        np.log1p(softplus, out=softplus)
        loss[part, :, some] = (data.weights[part, :, None] @ softplus - wins[part] @ z)[:, :, 0]
    return loss / (data.weights > 0).sum(axis=2)[..., None]


def solve(
    data: Regressions,
    start: Floats,
    penalty: Floats,
    left_out: Integers,
    *,
    tolerance: float = 1e-7,
    max_steps: int = 200,
) -> Floats:
    """Minimise every problem by proximal Newton steps; the answer is about ``tolerance`` squared from the optimum.

    Moves that are long, and all of them from the ninth step on, are halved until they do not raise the objective;
    the others nearly always are right as they are.

    Args:
        data: rows of B regressions.
        start: Shape (B, P, d).
        penalty: Shape (B, P).
        left_out: the fold that problem p does not see, or -1, Shape (P,).
        tolerance: stop when a step moves no coefficient by more than this, relative to max(1, its size).
        max_steps: bound on the number of steps.

    Raises:
        RuntimeError: a problem did not converge.
    """
    weights = start.copy()
    active = np.arange(start.shape[1])
    for step in range(max_steps):
        now = weights[:, active]
        moved = newton_step(now, *moments(data, now, left_out[active]), penalty[:, active])
        doubtful = np.flatnonzero((step >= 8) | (np.abs(moved) > _LONG).any(axis=(0, 2)))
        if doubtful.size:
            problems = active[doubtful]
            part = (now[:, doubtful], moved[:, doubtful], penalty[:, problems], left_out[problems])
            moved[:, doubtful] *= _damping(data, *part)[..., None]
        weights[:, active] = now + moved
        small = np.abs(moved) <= tolerance * np.maximum(1.0, np.abs(now))
        active = active[~small.all(axis=(0, 2))]
        if active.size == 0:
            return weights
    raise RuntimeError(
        f"{active.size} of {start.shape[1]} regressions did not converge in {max_steps} Newton steps"
    )


def moments(data: Regressions, weights: Floats, left_out: Integers) -> tuple[Floats, Floats]:
    """Gradient (B, P, d) and Hessian (B, P, d, d) of the smooth part, at coefficients of Shape (B, P, d)."""
    n_folds, d = data.at_zero.shape[1:]
    sees = (left_out != np.arange(n_folds)[:, None]).astype(float)
    gradient = np.empty(weights.shape)
    packed = np.empty((*weights.shape[:2], data.products.shape[2]))
    for part, some in _slices(data, weights.shape[1]):
        half = np.swapaxes(weights[part, some] / 2, 1, 2)[:, None]
        z, tilt = _scratch(data, half)
        # With t = tanh(z / 2) the chance is (1 + t) / 2 and its slope (1 - t t) / 4: fast, and no overflow.
        np.matmul(data.features[part], half, out=z)
        np.tanh(z, out=tilt)
        slope = data.weighted[part] @ tilt + data.at_zero[part][..., None]
        gradient[part, some] = (slope * sees[:, None, some]).sum(axis=1).swapaxes(1, 2)
        np.multiply(tilt, tilt, out=z)
        curve = data.curve[part][..., None] - data.products[part] @ z
        packed[part, some] = (curve * sees[:, None, some]).sum(axis=1).swapaxes(1, 2)
    first, second = _upper(d)
    hessian = np.empty((*weights.shape, d))
    hessian[..., first, second] = packed
    hessian[..., second, first] = packed
    return gradient, hessian


def newton_step(weights: Floats, gradient: Floats, hessian: Floats, penalty: Floats) -> Floats:
    """The move that minimises the quadratic model plus the L1 penalty, exactly. Shapes as in `moments`.

    The signs of the minimiser are guessed, which makes it a linear system. Where the answer contradicts the guess,
    the contradicted signs are mended; should that go in circles, coordinate descent, which goes on from where it was
    and takes longer each time, gives the next guess.
    """
    shape, d = weights.shape, weights.shape[-1]
    # The ridge keeps a flat direction solvable; it changes the step, not the optimum.
    w, g, h = weights.reshape(-1, d), gradient.reshape(-1, d), hessian.reshape(-1, d, d) + _RIDGE * np.eye(d)
    cost = penalty.reshape(-1, 1)
    signs = np.sign(w)
    if not signs.all():
        signs += (signs == 0) * (np.abs(g) > cost) * -np.sign(g)
    moved, better = _given_signs(w, g, h, cost, signs)
    wrong = np.flatnonzero((better != signs).any(axis=1))
    descended = moved.copy()
    for attempt in range(100):
        if wrong.size == 0:
            break
        part = (w[wrong], g[wrong], h[wrong], cost[wrong])
        tried = better[wrong]
        if attempt % 4 == 3:
            descended[wrong] = _sweeps(*part, descended[wrong], n=attempt + 1)
            tried = np.sign(part[0] + descended[wrong])
        moved[wrong], better[wrong] = _given_signs(*part, tried)
        wrong = wrong[(better[wrong] != tried).any(axis=1)]
    return moved.reshape(shape)


def objective(data: Regressions, weights: Floats, penalty: Floats, left_out: Integers) -> Floats:
    """What is minimised, per problem, Shape (B, P)."""
    sees = left_out[None, :] != np.arange(data.at_zero.shape[1])[:, None]
    value = penalty * np.abs(weights).sum(axis=-1)
    for part, some in _slices(data, weights.shape[1]):
        now = weights[part, some]
        z = data.features[part] @ np.swapaxes(now, 1, 2)[:, None]
        loss = np.logaddexp(0.0, z) - data.targets[part][..., None] * z
        by_fold = (data.weights[part][:, :, None] @ loss)[:, :, 0]
        value[part, some] += (by_fold * sees[:, some]).sum(axis=1)
    return value


def _paths(data: Regressions, by_fold: Floats, grid: Floats) -> Floats:
    """Coefficients of each fold at each C, Shape (B, F, C, d), from the loosest ones, Shape (B, F, d).

    Accurate to about 1e-8, which is enough to compare held-out losses.
    """
    n, n_folds, d = by_fold.shape
    size, folds = len(grid), np.arange(n_folds)
    left_out = folds.repeat(size)
    penalty = np.broadcast_to(np.tile(1.0 / grid, n_folds), (n, n_folds * size))
    # One look at the rows gives the first step for every penalty.
    gradient, hessian = moments(data, by_fold, folds)
    paths = by_fold.repeat(size, axis=1)
    moved = newton_step(paths, gradient.repeat(size, axis=1), hessian.repeat(size, axis=1), penalty)
    paths += np.clip(moved, -_LONG, _LONG)
    steepest = np.abs(data.at_zero.sum(axis=1, keepdims=True) - data.at_zero).max(axis=2)
    nothing = steepest.repeat(size, axis=1) <= penalty
    paths[nothing], moved[nothing] = 0.0, 0.0
    todo = np.flatnonzero((np.abs(moved) > _ROUGHLY).any(axis=(0, 2)))
    if todo.size:
        paths[:, todo] = solve(data, paths[:, todo], penalty[:, todo], left_out[todo], tolerance=_ROUGHLY)
    return paths.reshape(n, n_folds, size, d)


def _given_signs(w: Floats, g: Floats, h: Floats, cost: Floats, signs: Floats) -> tuple[Floats, Floats]:
    """The step for given signs (0: the coefficient goes to 0), and the signs, mended where it contradicts them."""
    free = signs != 0
    if free.all():
        moved = -np.linalg.solve(h, (g + cost * signs)[..., None])[..., 0]
        return moved, signs * ((w + moved) * signs > 0)
    pinned = np.where(free, 0.0, -w)
    drift = g + (h @ pinned[..., None])[..., 0] + cost * signs
    system = h * (free[:, :, None] & free[:, None, :])
    diagonal = np.arange(w.shape[1])
    system[:, diagonal, diagonal] += ~free
    moved = pinned - np.linalg.solve(system, (drift * free)[..., None])[..., 0]
    slope = g + (h @ moved[..., None])[..., 0]
    pulled = ~free & (np.abs(slope) > cost * (1 + 1e-12))
    return moved, np.where(pulled, -np.sign(slope), signs * ((w + moved) * signs > 0))


def _sweeps(w: Floats, g: Floats, h: Floats, cost: Floats, moved: Floats, *, n: int) -> Floats:
    """Coordinate descent on the quadratic model from ``moved``; every array has one row a problem."""
    moved = moved.copy()
    for j in list(range(w.shape[1])) * n:
        curve = h[:, j, j]
        target = curve * (w[:, j] + moved[:, j]) - g[:, j] - (h[:, j] * moved).sum(axis=1)
        moved[:, j] = np.sign(target) * np.maximum(np.abs(target) - cost[:, 0], 0.0) / curve - w[:, j]
    return moved


def _damping(data: Regressions, weights: Floats, moved: Floats, penalty: Floats, left_out: Integers) -> Floats:
    """Largest of 1, 1/2, 1/4, ... by which each move does not raise the objective, Shape (B, P)."""
    factor = np.ones(penalty.shape)
    before = objective(data, weights, penalty, left_out)
    for _ in range(40):
        after = objective(data, weights + factor[..., None] * moved, penalty, left_out)
        worse = after > before + 1e-12 * np.abs(before)
        if not worse.any():
            break
        factor[worse] /= 2
    return factor


def _slices(data: Regressions, n_problems: int) -> Iterator[tuple[slice, slice]]:
    """Cut regressions and problems into pieces of work that fit a core's cache."""
    n_rows = data.weights[0].size
    columns = -(-n_problems // -(-n_problems * n_rows // _SLICE))
    models = max(1, _SLICE // (n_rows * columns))
    for i in range(0, len(data.weights), models):
        for j in range(0, n_problems, columns):
            yield slice(i, i + models), slice(j, j + columns)


def _scratch(data: Regressions, coefficients: Floats) -> tuple[Floats, Floats]:
    """Two work arrays of Shape (models, F, R, problems), kept: fresh memory costs more than the arithmetic."""
    shape = (coefficients.shape[0], *data.weights.shape[1:], coefficients.shape[-1])
    size = math.prod(shape)
    if getattr(_LOCAL, "size", 0) < size:
        _LOCAL.size, _LOCAL.work = size, np.empty((2, size))
    return _LOCAL.work[0, :size].reshape(shape), _LOCAL.work[1, :size].reshape(shape)


@cache
def _upper(d: int) -> tuple[Integers, Integers]:
    """Rows and columns of the upper triangle of a d x d matrix."""
    first, second = np.triu_indices(d)
    return first, second
