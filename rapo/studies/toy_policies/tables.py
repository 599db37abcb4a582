"""Numbers over seeds and starts as tables: means with intervals, and the two tables of the paper beside ours."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rapo.stats.intervals import t_interval, wilson
from rapo.studies.common.policies import Floats
from rapo.studies.toy_policies.examples import Example, Solved


def over_seeds(frame: pd.DataFrame, value: str, *, keys: Sequence[str], log: bool = False) -> pd.DataFrame:
    """Mean of a column over the rows of each group (seeds, say), with its t interval.

    Args:
        frame: one row a group and seed.
        value: the column.
        keys: columns that tell groups apart.
        log: average logarithms; estimate and interval are then those of the geometric mean.

    Returns:
        One row a group: the keys, ``estimate``, ``low``, ``high``, ``n``.
    """
    rows = []
    for kind, part in frame.groupby(list(keys), sort=False):
        interval = t_interval(np.log(part[value]) if log else part[value])
        found = {name: getattr(interval, name) for name in ("estimate", "low", "high")}
        found = {name: float(np.exp(number)) for name, number in found.items()} if log else found
        rows.append(dict(zip(keys, kind, strict=True)) | found | {"n": interval.n})
    return pd.DataFrame(rows)


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
            interval = wilson(int(wanted.sum()), len(wanted))
            found = {part: getattr(interval, part) for part in ("estimate", "low", "high")}
            rows.append({"pairs": name, "goal": goal} | found | {"n": len(wanted)})
    return pd.DataFrame(rows)


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
