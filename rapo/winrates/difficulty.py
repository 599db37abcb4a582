"""How hard each instruction is, estimated from the judgements of a pool of models: a Rasch model with length."""

import numpy as np

from rapo.stats.arrays import Floats, Integers, sigmoid


def standardised(delta: Floats, codes: Integers) -> Floats:
    """Length differences over their standard deviation for each model. Shape: (n,)

    A model whose differences are all 0 keeps zeros; where all are one other number the scale is undefined: NaN.

    Args:
        delta: the baseline's length less the model's, Shape (n,).
        codes: number of the model, Shape (n,).
    """
    total = np.bincount(codes)
    mean = np.bincount(codes, delta) / total
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.bincount(codes, (delta - mean[codes]) ** 2) / (total - 1))[codes]
        return np.where(delta == 0, 0.0, delta / np.where(spread > 0, spread, np.nan))


def estimate(wins: Floats, lengths: Floats, seen: Floats, *, max_rounds: int = 100) -> tuple[Floats, Floats]:
    """Difficulty of each instruction, Shape (n,), and the same without each model, Shape (m, n).

    Newton steps in turns for instructions and models; the variance of the difficulties follows by
    expectation-maximisation. Arrays have Shape (m, n); ``seen`` counts judgements.
    """
    share = np.clip((wins * seen).sum(axis=1) / seen.sum(axis=1), 0.01, 0.99)
    quality = np.log(share / (1 - share))
    slope: Floats = np.zeros(len(wins))
    difficulty: Floats = np.zeros(wins.shape[1])
    variance = 1.0
    for _ in range(max_rounds):
        chance = _chance(quality, slope, lengths, difficulty)
        curve = (seen * chance * (1 - chance)).sum(axis=0) + 1 / variance
        moved = ((seen * (wins - chance)).sum(axis=0) - difficulty / variance) / curve
        difficulty = difficulty + np.clip(moved, -2, 2)
        variance = max(float(np.mean(difficulty**2 + 1 / curve)), 1e-4)
        shift = difficulty.mean()
        difficulty, quality = difficulty - shift, quality + shift
        quality, slope = _models_step(quality, slope, wins, lengths, seen, difficulty)
        if np.abs(moved).max() < 1e-6:
            break
    chance = _chance(quality, slope, lengths, difficulty)
    own = seen * chance * (1 - chance)
    rest = own.sum(axis=0) + 1 / variance - own
    # At the optimum all pulls cancel: leaving out a model's own pull is one Newton step away.
    return difficulty, difficulty - np.clip(seen * (wins - chance) / rest, -3, 3)


def _models_step(
    quality: Floats, slope: Floats, wins: Floats, lengths: Floats, seen: Floats, difficulty: Floats
) -> tuple[Floats, Floats]:
    """One Newton step for each model's quality and length slope, with a weak pull to zero."""
    chance = _chance(quality, slope, lengths, difficulty)
    pull, curve = seen * (wins - chance), seen * chance * (1 - chance)
    weak = 1e-2
    first, second = pull.sum(axis=1) - weak * quality, (pull * lengths).sum(axis=1) - weak * slope
    a = curve.sum(axis=1) + weak
    b = (curve * lengths).sum(axis=1)
    c = (curve * lengths**2).sum(axis=1) + weak
    determinant = a * c - b * b
    step_quality = np.clip((c * first - b * second) / determinant, -2, 2)
    step_slope = np.clip((a * second - b * first) / determinant, -2, 2)
    return quality + step_quality, slope + step_slope


def _chance(quality: Floats, slope: Floats, lengths: Floats, difficulty: Floats) -> Floats:
    return sigmoid(quality[:, None] + slope[:, None] * lengths + difficulty)
