"""How fast reward-augmented DPO approaches its optimum (RA-Th): Theorem 4.1 of arXiv:2410.08067, measured.

Fit. ``pi = ref exp(theta . features) / Z`` by maximum likelihood on the labelled rows, which is DPO with beta = 1,
plus KL(ref || pi) where the policy is used, with weight ``anchor / sqrt(N)``. Such a supervised term is what
analyses with rate N^-1/2 add to DPO for pessimism; it also keeps the fit finite when few labels all point one way.
N counts pairs.

Sub-optimality. J(pi) = E[R(y, 10)] - KL(pi || ref) is largest at pi*, and J(pi*) - J(pi) = KL(pi || pi*) in nats,
averaged over prompts. The theorem bounds it from above by O(N^-1/2): a slope of log sub-optimality against log N
of -1/2 or steeper agrees with it. On one smooth problem theory expects -1, since the error of theta falls like
N^-1/2 and the sub-optimality is quadratic in it. `worst_case` shows where -1/2 itself comes from.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, logsumexp
from scipy.stats import binom

from rapo.stats.arrays import Floats
from rapo.studies.theory.problems import METHODS, POLICIES, Problem, divergence, problem

Counts = NDArray[np.int_]
# Where rows say nothing about a direction only the anchor does; this keeps Newton's matrix invertible without one.
_FLOOR = 1e-9


def measure(
    *,
    coverages: Sequence[float],
    n_pairs: Sequence[int],
    n_seeds: int,
    anchor: float = 0.1,
    policies: Sequence[str] = POLICIES,
    methods: Sequence[str] = METHODS,
    seed: int = 0,
) -> pd.DataFrame:
    """Sub-optimality against the number of pairs; each size and seed has data of its own.

    Returns:
        One row a policy class, method, coverage, size and seed: ``suboptimality`` in nats, and
        ``shortfall``, the points by which the likeliest answer misses the best, mean over prompts.
    """
    frames = []
    for policy, method, coverage in product(policies, methods, coverages):
        posed = problem(policy, method, coverage=coverage)
        for size in n_pairs:
            rng = np.random.default_rng([seed, size, round(1e6 * coverage)])
            drawn, preferred = draw_labels(posed, size, n_seeds=n_seeds, rng=rng)
            theta = fit(posed, drawn, preferred, anchor=anchor)
            about = {"policy": policy, "method": method, "coverage": coverage, "n_pairs": size}
            frames.append(pd.DataFrame({**about, "seed": range(n_seeds), **judged(posed, theta)}))
    return pd.concat(frames, ignore_index=True)


def draw_labels(posed: Problem, n_pairs: int, *, n_seeds: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """How often each pair is drawn, and how often its first answer is preferred in each of its rows.

    Counts of the distinct pairs are multinomial and their labels binomial: the same as drawing pair by pair.

    Returns:
        Shapes: (n_seeds, n_distinct_pairs) and (n_seeds, n_rows, n_distinct_pairs).
    """
    drawn = rng.multinomial(n_pairs, posed.pair_probability / posed.pair_probability.sum(), size=n_seeds)
    preferred = rng.binomial(drawn[:, None, :], posed.preference)
    return drawn, np.asarray(preferred)


def fit(posed: Problem, drawn: Counts, preferred: Counts, *, anchor: float, steps: int = 60) -> Floats:
    """Minimum of the DPO loss plus the anchor by Newton's method, all seeds at once.

    Args:
        posed: the problem.
        drawn: Shape: (n_seeds, n_distinct_pairs).
        preferred: Shape: (n_seeds, n_rows, n_distinct_pairs).
        anchor: weight of KL(ref || pi), to be divided by the square root of the number of pairs.
        steps: most Newton steps.

    Returns:
        Shape: (n_seeds, n_parameters).
    """
    data = _Data(posed, drawn, preferred, anchor)
    theta: Floats = np.zeros((len(drawn), posed.features.shape[-1]))
    loss = data.loss(theta)
    for _ in range(steps):
        gradient, curvature = data.derivatives(theta)
        if np.abs(gradient).max() < 1e-8:
            break
        step = np.linalg.solve(curvature + _FLOOR * np.eye(theta.shape[1]), gradient[..., None])[..., 0]
        theta, loss = _backtracked(data, theta, loss, np.asarray(step))
    return theta


class _Data:
    """Labelled rows of every seed, with the loss that `fit` minimises and its derivatives."""

    def __init__(self, posed: Problem, drawn: Counts, preferred: Counts, anchor: float) -> None:
        told = np.abs(posed.contrasts).sum(axis=-1) > 0
        rows = len(posed.contrasts)
        total = rows * drawn.sum(axis=1)[:, None]
        self.posed = posed
        self.contrasts = posed.contrasts[told]
        self.squares = np.einsum("rp,rq->rpq", self.contrasts, self.contrasts).reshape(len(self.contrasts), -1)
        self.share = np.repeat(drawn[:, None, :], rows, axis=1)[:, told] / total
        self.preferred = preferred[:, told] / total
        self.weight = anchor / np.sqrt(drawn.sum(axis=1))
        reference = np.exp(posed.log_reference)
        self.reference_mean = np.einsum("xa,xap->p", reference, posed.features) / len(reference)

    def logits(self, theta: Floats) -> Floats:
        return self.posed.log_reference + np.einsum("xap,sp->sxa", self.posed.features, theta)

    def loss(self, theta: Floats) -> Floats:
        margins = theta @ self.contrasts.T
        likelihood = (self.share * np.logaddexp(0.0, margins) - self.preferred * margins).sum(axis=1)
        anchor = logsumexp(self.logits(theta), axis=2).mean(axis=1) - theta @ self.reference_mean
        return np.asarray(likelihood + self.weight * anchor)

    def derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        chance = expit(theta @ self.contrasts.T)
        policy = np.exp(log_softmax(self.logits(theta), axis=2))
        features, n_prompts = self.posed.features, len(self.posed.features)
        mean = np.einsum("sxa,xap->sxp", policy, features)
        pull = mean.mean(axis=1) - self.reference_mean
        gradient = (self.share * chance - self.preferred) @ self.contrasts + self.weight[:, None] * pull
        size = theta.shape[1]
        curvature = ((self.share * chance * (1 - chance)) @ self.squares).reshape(-1, size, size)
        second = np.einsum("sxa,xap,xaq->spq", policy, features, features, optimize=True)
        spread = (second - np.einsum("sxp,sxq->spq", mean, mean)) / n_prompts
        return gradient, curvature + self.weight[:, None, None] * spread


def _backtracked(data: _Data, theta: Floats, loss: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Halve each seed's step until its loss does not rise."""
    length = np.ones(len(theta))
    for _ in range(30):
        moved = theta - length[:, None] * step
        new = data.loss(moved)
        worse = new > loss + 1e-13
        if not worse.any():
            break
        length[worse] /= 2
    return moved, new


def judged(posed: Problem, theta: Floats) -> dict[str, Floats]:
    """Sub-optimality in nats and shortfall of the likeliest answer in points. Shape of each: (n_seeds,)."""
    tilt = np.einsum("xap,sp->sxa", posed.features, theta)
    likeliest = tilt.argmax(axis=2)
    reached = posed.scores[np.arange(len(posed.scores)), likeliest]
    shortfall = (posed.scores.max(axis=1) - reached).mean(axis=1)
    return {
        "suboptimality": divergence(posed.log_reference + posed.sharpness * tilt, posed.log_wanted),
        "shortfall": shortfall,
    }


def worst_case(n_pairs: Sequence[int], *, gaps: Floats) -> pd.DataFrame:
    """Exact sub-optimality of the greedy policy on two answers, over how far apart they are.

    Every pair compares the best answer, at its goal, with one whose R is lower by ``gap``. The greedy policy
    (beta -> 0) takes the answer preferred more often, either at a draw; it loses ``gap`` when that is the wrong
    one. For a fixed gap the loss decays exponentially in N; the largest loss over gaps, which a bound for all
    problems must cover, decays like N^-1/2.

    Returns:
        One row a gap and size, ``suboptimality`` in nats.
    """
    sizes, apart = np.array(n_pairs), np.asarray(gaps, dtype=float)[:, None]
    chance = expit(apart)
    wrong = binom.cdf((sizes + 1) // 2 - 1, sizes, chance) + 0.5 * binom.pmf(sizes / 2, sizes, chance)
    grid = pd.DataFrame(apart * wrong, columns=sizes).assign(gap=apart)
    return grid.melt("gap", var_name="n_pairs", value_name="suboptimality")
