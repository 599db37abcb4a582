"""Do the papers' premises hold in a world? Measured on its candidates and pairs, without any model."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from rapo.pairs.candidates import Pairing, to_pairs
from rapo.stats.intervals import Interval, t_interval, wilson
from rapo.world.answers import length
from rapo.world.data import World, candidates

RARE, GOOD, BAD, BEST = 0.02, 5.0, 4.0, 9.0
# Figures of a world, as `measured` names them.
CHOSEN, REJECTED, TIES = "mean score of the chosen answers", "mean score of the rejected answers", "ties (%)"
GOOD_REJECTED, RIGHT = f"rejected answers judged {GOOD:g} or more (%)", "labels that gold confirms (%)"
NOISE, BY_LENGTH = "judge's score less gold, standard deviation", "correlation of length and gold"


def premises(world: World, n: int, *, seed: int) -> pd.DataFrame:
    """What the papers assume of preference data, and whether it holds in ``n`` prompts of a world.

    Returns:
        Columns premise, value (share), low, high, asked, holds: the whole 95 % interval lies on the asked side.
    """
    table = candidates(world, n, seed=seed)
    pairs = to_pairs(table, Pairing(seed=seed), name="micro world")
    gold = np.array([answer["gold_score"] for row in table["completions"].to_pylist() for answer in row])
    chosen, rejected = (pairs[f"score_{side}"].to_numpy() for side in ("chosen", "rejected"))
    gold_chosen, gold_rejected = (pairs[f"gold_score_{side}"].to_numpy() for side in ("chosen", "rejected"))
    truth = (gold_chosen > gold_rejected)[(chosen != rejected) & (gold_chosen != gold_rejected)]
    rows = [
        (f"the best answers are rare: gold >= {BEST:g}", (gold >= BEST), "at most", RARE),
        (f"good answers are rejected: judged >= {GOOD:g}", rejected >= GOOD, "at least", 0.2),
        (f"bad answers are chosen: judged <= {BAD:g}", chosen <= BAD, "at least", 0.05),
        ("the judge is mostly right: gold agrees with the label", truth, "at least", 0.75),
        ("ties", chosen == rejected, "at most", 0.2),
    ]
    return pd.DataFrame([_row(*row) for row in rows])


def _row(premise: str, hits: np.ndarray, side: str, bound: float) -> dict[str, object]:
    found = wilson(int(hits.sum()), len(hits))
    holds = found.high <= bound if side == "at most" else found.low >= bound
    return {
        "premise": premise,
        "share": found.estimate,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "asked": f"{side} {bound:g}",
        "holds": holds,
    }


def scores_shape(pairs: pa.Table) -> dict[str, Interval]:
    """How the scores of pairs are spread, ties included; by the names of the figures."""
    chosen, rejected = (pairs[f"score_{side}"].to_numpy() for side in ("chosen", "rejected"))
    return {
        CHOSEN: t_interval(chosen),
        REJECTED: t_interval(rejected),
        TIES: share(chosen == rejected),
        GOOD_REJECTED: share(rejected >= GOOD),
    }


def measured(world: World, n: int, *, seed: int) -> tuple[dict[str, Interval], NDArray[np.float64]]:
    """What the preference data of a world are like, on ``n`` prompts.

    Returns:
        The figures of the world by name, and the gold reward of the chosen answers of untied pairs. Shape: (n_pairs,)
    """
    table = candidates(world, n, seed=seed)
    pairs = to_pairs(table, Pairing(seed=seed), name="micro world")
    answers = [answer for row in table["completions"].to_pylist() for answer in row]
    gold, judged = (np.array([answer[kind] for answer in answers]) for kind in ("gold_score", "overall_score"))
    lengths = np.array([length(answer["response"]) for answer in answers], dtype=float)
    apart = pairs["score_chosen"].to_numpy() != pairs["score_rejected"].to_numpy()
    chosen, rejected = (pairs[f"gold_score_{side}"].to_numpy()[apart] for side in ("chosen", "rejected"))
    return {
        **scores_shape(pairs),
        RIGHT: share((chosen > rejected)[chosen != rejected]),
        NOISE: _spread(judged - gold),
        BY_LENGTH: _correlation(lengths, gold),
    }, chosen


def share(hits: Sequence[bool] | NDArray[np.bool_]) -> Interval:
    """A share in percent, with Wilson's interval."""
    return wilson(int(np.sum(hits)), len(hits)).scaled(100)


def _spread(values: NDArray[np.float64]) -> Interval:
    """A standard deviation, with the interval of its square's mean."""
    squares = t_interval((values - values.mean()) ** 2)
    return replace(
        squares, estimate=squares.estimate**0.5, low=max(0.0, squares.low) ** 0.5, high=squares.high**0.5
    )


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> Interval:
    """Pearson's, with Fisher's interval."""
    r, wide = float(np.corrcoef(x, y)[0, 1]), 1.96 / (len(x) - 3) ** 0.5
    z = np.arctanh(r)
    return Interval(r, float(np.tanh(z - wide)), float(np.tanh(z + wide)), n=len(x))
