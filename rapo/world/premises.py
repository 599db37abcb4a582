"""Do the papers' premises hold in a world? Measured on its candidates and pairs, without any model."""

import numpy as np
import pandas as pd

from rapo.pairs.candidates import Pairing, to_pairs
from rapo.stats.intervals import wilson
from rapo.world.data import World, candidates

RARE, GOOD, BAD, BEST = 0.02, 5.0, 4.0, 9.0


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
