"""The toy policies as tables: the paper's beside ours, bands over starts, carry-over, shares of starts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rapo.stats.arrays import Floats
from rapo.stats.intervals import wilson
from rapo.studies.common.tables import estimates
from rapo.studies.toy_policies.examples import Example, Solved
from rapo.studies.toy_policies.transfer import TOP


def bands(paths: pd.DataFrame, answer: str) -> pd.DataFrame:
    """Median and central 90 % over starts of one answer's probability, one row a panel and step."""
    grouped = paths.groupby(["panel", "step"], sort=False)[answer]
    table = pd.DataFrame(
        {"estimate": grouped.median(), "low": grouped.quantile(0.05), "high": grouped.quantile(0.95)}
    )
    return table.reset_index().assign(n=paths["start"].nunique())


def summarise(distribution: pd.DataFrame) -> pd.DataFrame:
    """Mean score and probability of the best answer, one row an arm, way, seed and goal.

    Args:
        distribution: of `transfer.carry_over`.
    """
    weighted = distribution.assign(
        mean_score=distribution["score"] * distribution["probability"],
        p_best=distribution["probability"].where(distribution["score"] == TOP, 0.0),
    )
    keys = ["arm", "how", "seed", "goal"]
    return weighted.groupby(keys, sort=False)[["mean_score", "p_best"]].sum().reset_index()


def shares(example: Example, ends: Mapping[str, Solved], *, above: float = 0.99) -> pd.DataFrame:
    """In how many starts descent gives the answer that the paper's table names, goal by goal.

    Args:
        example: with a table of one answer a goal.
        ends: solved from many starts, by what was compared.
        above: an answer counts as given when its probability is higher.

    Returns:
        One row a key of ``ends`` (``pairs``) and goal, with Wilson's interval; ``n`` starts.
    """
    rows = []
    for name, end in ends.items():
        for place, goal in enumerate(example.goals):
            wanted = end.descent[:, place, int(np.argmax(example.conditioned[place]))] > above
            rows.append((name, goal, wilson(int(wanted.sum()), len(wanted))))
    return estimates(rows, ["pairs", "goal"]).assign(n=[found.n for *_, found in rows])


def side_by_side(example: Example, *, plain: Solved, conditioned: Solved, reward: Solved) -> pd.DataFrame:
    """The paper's table beside what the pairs and the reward solve to.

    Returns:
        One row a policy; each cell is (probability of y1, y2, ...), a range where it depends on the start.
    """
    rows = [("pi(y)", _published(example.unconditioned), "", "", plain.exact[:, 0], plain.descent[:, 0])]
    for place, (goal, published) in enumerate(zip(example.goals, example.conditioned, strict=True)):
        wanted = (written(reward.exact[:, place]), written(reward.descent[:, place]))
        trained = (conditioned.exact[:, place], conditioned.descent[:, place])
        rows.append((f"pi(y | g = {goal:g})", _published(published), *wanted, *trained))
    table = [(*texts, written(limit), written(descent)) for *texts, limit, descent in rows]
    columns = ["policy", "paper", "optimum of R, exact", "by ascent", "DPO on the pairs, limit", "by descent"]
    return pd.DataFrame(table, columns=columns)


def written(policies: Floats) -> str:
    """Policies of many starts as one text; an answer whose probability differs is a range.

    >>> written(np.array([[0.8, 0.2, 0.0], [0.6, 0.4, 0.0]]))
    '(0.60-0.80, 0.20-0.40, 0)'
    """
    cells = []
    for low, high in zip(policies.min(axis=0), policies.max(axis=0), strict=True):
        cells.append(f"{low:.2f}-{high:.2f}" if high - low > 0.005 else f"{(low + high) / 2:.2f}")
    return f"({', '.join({'1.00': '1', '0.00': '0'}.get(cell, cell) for cell in cells)})"


def _published(row: tuple[float | None, ...]) -> str:
    free = iter(("1-a", "a"))
    return f"({', '.join(next(free) if entry is None else f'{entry:g}' for entry in row)})"
