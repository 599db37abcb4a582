"""Do 95 % intervals over models and tasks hold the truth 95 times in 100? Simulated over the shapes of the studies."""

import numpy as np
import pytest

from rapo.stats import intervals

TRIALS = 2000  # standard error of a coverage: 0.5 points
# Spread of bases, of tasks, and of what is left, in gold points: from paired differences without any of the first two
# to ones that they rule. Four answers a prompt halve the last.
PARTS = [(0, 0, 1), (0.05, 0.5, 1), (0.15, 0, 1), (0.15, 0.5, 1), (0.3, 0.5, 1), (0, 1, 1), (0.15, 0.3, 0.5)]


def coverage(shape, parts, *, strata=None, seed=0):
    """Share (%) of intervals that hold the mean, 0."""
    rng = np.random.default_rng(seed)
    (rows, columns), (base, task, rest) = shape, parts
    hits = 0
    for _ in range(TRIALS):
        values = (
            base * rng.normal(size=(rows, 1)) + task * rng.normal(size=columns) + rest * rng.normal(size=shape)
        )
        found = intervals.crossed(values, strata=strata)
        hits += found.low <= 0 <= found.high
    return 100 * hits / TRIALS


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 160), (4, 160), (6, 150), (8, 160), (8, 300)], ids=str)
def test_intervals_cover_what_they_say(shape):
    found = [coverage(shape, parts, seed=i) for i, parts in enumerate(PARTS)]
    # Two standard errors of one coverage around 94 to 96; the mean over the shapes of the spread far closer.
    assert min(found) > 93, found
    assert max(found) < 97.5, found
    assert 94 < np.mean(found) < 96.2, found


@pytest.mark.slow
def test_intervals_cover_within_strata():
    strata = np.repeat(["gemma2", "llama", "qwen2"], 3)
    found = [coverage((9, 160), parts, strata=strata, seed=i) for i, parts in enumerate(PARTS)]
    assert 94 < np.mean(found) < 96.2, found
    assert min(found) > 93, found


@pytest.mark.slow
def test_intervals_cover_win_rates_with_three_models():
    """Win or loss: a model's own skill and a task's own difficulty shift the odds."""
    rng = np.random.default_rng(0)

    def rates(rows, columns):
        odds = 0.5 + 0.3 * rng.normal(size=(rows, 1)) + 1.5 * rng.normal(size=columns)
        return 1 / (1 + np.exp(-odds))

    truth = rates(2000, 2000).mean()
    found = [intervals.crossed(rng.random((3, 150)) < rates(3, 150)) for _ in range(TRIALS)]
    assert 93 < 100 * np.mean([one.low <= truth <= one.high for one in found]) < 97.5
