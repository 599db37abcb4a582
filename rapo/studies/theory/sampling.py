"""Which pair to train on next (AP-Th): Theorem 3.1 of arXiv:2503.01864, measured on log-linear policies.

Set-up. Pair i has the feature difference phi_i and the target margin ``phi_i . theta*``; the current implicit
margin is ``phi_i . theta``, starting from theta = 0. One update takes one pair and moves theta along phi_i by
``rate * gap`` (squared loss) or ``rate * (sigmoid(target) - sigmoid(margin))`` (logistic loss: DPO with the true
preference probability as its label, beta = 1). Uniform sampling draws the pair at random; adversarial sampling
takes the one with the largest remaining gap ``|target - margin|``, which is the largest alignment potential.

Measured. T(eps): updates until ``|theta - theta*| <= eps * |theta*|`` first holds. Each sampling has the rate of
one common grid that needs the fewest updates on tuning problems; T is then counted on fresh problems, the same for
both. Feature covariances have trace 1, given dimension, and eigenvalues spread geometrically over the condition
number; targets have standard deviation 2 nats. T counts updates: choosing the largest gap costs a look at every
pair, choosing at random costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rapo.stats.arrays import Floats

LOSSES = ("squared", "logistic")
SAMPLINGS = ("uniform", "adversarial", "largest pull")
# Steepest curvature of a pair's loss in its margin: rates are given in units of its inverse.
_CURVATURE = {"squared": 1.0, "logistic": 0.25}
_DIVERGED = 1e9


@dataclass(frozen=True)
class Kind:
    """What problems of one kind share.

    Attributes:
        dimension: number of parameters.
        condition: largest eigenvalue of the features' covariance over the smallest, >= 1. The eigenvalues are
            spread geometrically and add up to 1.
        spread: standard deviation of the target margins, nats.
        noise: standard deviation of the targets' errors, as a share of ``spread``.
        n_pairs: pairs to choose from.
    """

    dimension: int = 20
    condition: float = 10.0
    spread: float = 1.0
    noise: float = 0.0
    n_pairs: int = 200


@dataclass(frozen=True)
class Problems:
    """Several independent problems of one kind.

    Attributes:
        features: Shape: (n_problems, n_pairs, dimension).
        optimum: theta*. Shape: (n_problems, dimension).
        targets: target margins, with errors where asked for. Shape: (n_problems, n_pairs), nats.
    """

    features: Floats
    optimum: Floats
    targets: Floats

    def repeated(self, times: int) -> "Problems":
        """The same problems ``times`` over, one block after another."""
        parts = (self.features, self.optimum, self.targets)
        return Problems(*(np.concatenate([part] * times) for part in parts))


def draw(kind: Kind, n_problems: int, *, seed: int) -> Problems:
    """Problems with Gaussian features and a random optimum."""
    rng = np.random.default_rng(seed)
    eigenvalues = np.geomspace(1.0, 1.0 / kind.condition, kind.dimension)
    shape = (n_problems, kind.n_pairs, kind.dimension)
    features = rng.normal(size=shape) * np.sqrt(eigenvalues / eigenvalues.sum())
    optimum = rng.normal(size=(n_problems, kind.dimension))
    targets = (features @ optimum[..., None])[..., 0]
    scale = kind.spread / targets.std(axis=1, keepdims=True)
    errors = kind.noise * kind.spread * rng.normal(size=targets.shape)
    return Problems(features, optimum * scale, targets * scale + errors)


def path(problems: Problems, *, sampling: str, loss: str, rates: Floats, seed: int = 0) -> Iterator[Floats]:
    """Relative parameter error before the first update and after each one, without end, every rate at once.

    Args:
        problems: what is learned.
        sampling: one of `SAMPLINGS`.
        loss: one of `LOSSES`.
        rates: step lengths, in units of the inverse curvature of the loss. Shape: (n_rates,).
        seed: of the uniform draws; every rate sees the same pairs.

    Yields:
        ``|theta - theta*| / |theta*|``. Shape: (n_problems, n_rates); a diverging run stays finite.

    Raises:
        ValueError: the sampling or the loss is unknown.
    """
    if sampling not in SAMPLINGS or loss not in LOSSES:
        raise ValueError(f"sampling is {sampling!r}, loss {loss!r}; use one of {SAMPLINGS} and one of {LOSSES}")
    rng, features = np.random.default_rng(seed), problems.features
    gram = features @ features.transpose(0, 2, 1)
    size, lengths = (len(features), len(rates)), rates / _CURVATURE[loss]
    which, columns = np.arange(size[0])[:, None], np.arange(size[1])[None, :]
    margins, theta = np.zeros((*size, features.shape[1])), np.zeros((*size, features.shape[2]))
    while True:
        yield _distance(theta, problems.optimum)
        place = pick(problems.targets[:, None, :], margins, sampling, loss, rng)
        pull = lengths * _pull(problems.targets[which, place], margins[which, columns, place], loss)
        margins = np.clip(margins + pull[..., None] * gram[which, place], -_DIVERGED, _DIVERGED)
        theta = np.clip(theta + pull[..., None] * features[which, place], -_DIVERGED, _DIVERGED)


def updates_needed(errors: Iterator[Floats], *, eps: float, steps: int, patience: float = 2.0) -> Floats:
    """Updates until the error is first at most ``eps``.

    Args:
        errors: what `path` yields.
        eps: share of the initial error.
        steps: most updates.
        patience: stop after so many times the updates in which every problem got there under some rate.

    Returns:
        Infinity where it was not reached. Shape: (n_problems, n_rates).

    >>> updates_needed(iter(np.array([[[1.0, 1.0]], [[0.4, 0.9]], [[0.1, 0.8]]])), eps=0.5, steps=2).tolist()
    [[1.0, inf]]
    """
    needed, last = np.full(next(errors).shape, np.inf), float(steps)
    for step in count(1):
        if step > last:
            break
        now = next(errors) <= eps
        needed = np.where(now & np.isinf(needed), step, needed)
        if last == steps and np.isfinite(needed).any(axis=1).all():
            last = min(steps, patience * step)
    return needed


def pick(targets: Floats, margins: Floats, sampling: str, loss: str, rng: np.random.Generator) -> NDArray[np.int_]:
    """The next pair of each problem and rate. From Shape: (n_problems, n_rates, n_pairs)."""
    if sampling == "uniform":
        n_problems, n_rates, n_pairs = margins.shape
        return np.broadcast_to(rng.integers(n_pairs, size=(n_problems, 1)), (n_problems, n_rates))
    gaps = targets - margins if sampling == "adversarial" else _pull(targets, margins, loss)
    return np.abs(gaps).argmax(axis=2)


def _pull(target: Floats, margin: Floats, loss: str) -> Floats:
    """How far the loss of one pair pushes its margin."""
    return target - margin if loss == "squared" else expit(target) - expit(margin)


def _distance(theta: Floats, optimum: Floats) -> Floats:
    length = np.linalg.norm(optimum, axis=1)[:, None]
    return np.asarray(np.linalg.norm(theta - optimum[:, None, :], axis=2) / length)
