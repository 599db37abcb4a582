"""A ladder of goals whose numbers are known."""

import numpy as np
import pandas as pd

NAN = float("nan")
# (scored, pairs, trained, goal) -> gold. On tuning prompts the base asked for 10 is best where it knows goals.
GOLD = {
    (0.0, 0, "base", NAN): 4.0, (0.0, 0, "base", 1.0): 3.0, (0.0, 0, "base", 10.0): 3.0,
    (0.0, 40, "UF, equal steps", NAN): 6.0, (0.0, 40, "UF, equal steps", 10.0): 5.5,
    (0.0, 40, "RA", 1.0): 5.0, (0.0, 40, "RA", 10.0): 5.9,
    (0.0, 80, "UF, equal steps", NAN): 6.0, (0.0, 80, "UF, equal steps", 10.0): 6.5,
    (0.0, 80, "RA", 1.0): 2.5, (0.0, 80, "RA", 10.0): 7.0,
    (0.45, 0, "base", NAN): 4.0, (0.45, 0, "base", 1.0): 2.0, (0.45, 0, "base", 10.0): 7.0,
    (0.45, 40, "UF, equal steps", NAN): 6.0, (0.45, 40, "UF, equal steps", 10.0): 6.5,
    (0.45, 40, "RA", 1.0): 2.0, (0.45, 40, "RA", 10.0): 7.25,
}  # fmt: skip


def ladder() -> pd.DataFrame:
    """Two seeds and three prompts of each split, which every model finds as hard as the others do."""
    hard = np.random.default_rng(0).normal(size=(2, 3))
    rows = [
        {"scored": scored, "pairs": pairs, "trained": trained, "goal": goal, "split": split, "seed": seed,
         "prompt": f"{split}{place}", "task": f"t{place}", "answer": 0, "gold": gold + hard[seed, place],
         "learning_rate": 1.6e-4, "sentences": 1.0, "parseable": trained != "RA" or place > 0}
        for (scored, pairs, trained, goal), gold in GOLD.items() for split in ("tuning", "test")
        for seed in (0, 1) for place in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


LADDER = ladder()
