"""From answers to estimates, as every study makes them: intervals over seeds and prompts. No training here."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rapo.stats import intervals
from rapo.stats.intervals import Interval

BOUNDS = ("estimate", "low", "high")
FORM = ("gold", "sentences", "unparseable")  # what is told of most arms


def with_form(answers: pd.DataFrame) -> pd.DataFrame:
    """Add ``unparseable`` in percent; an unparseable answer has no sentences."""
    broken = ~answers["parseable"].astype(bool)
    return answers.assign(unparseable=100.0 * broken, sentences=answers["sentences"].fillna(0.0))


def matrix(frame: pd.DataFrame, value: str = "gold") -> pd.DataFrame:
    """Mean value of a model's answers to a prompt. Index: architecture (where told), seed. Columns: task (where told),
    prompt. Shape: (n_models, n_prompts).

    Models differ in base, pairs, order of training and sampling. Intervals take the architectures as fixed (`strata`).

    Raises:
        ValueError: a model lacks an answer.
    """
    columns = [name for name in ("task", "prompt") if name in frame]
    index = [name for name in ("architecture", "seed") if name in frame]
    # pivot_table would make a column for every task with every prompt, and take several times as long.
    table = frame.groupby([*index, *columns], observed=True, dropna=False)[value].mean().unstack(columns)
    if table.isna().any(axis=None):
        raise ValueError(f"some models lack {value} for some prompts; every model must answer the same prompts")
    return table.astype(float)


def strata(table: pd.DataFrame | pd.Series) -> NDArray[np.object_] | None:
    """The architecture of each row of a table; None where its index names none."""
    if "architecture" not in table.index.names:
        return None
    return table.index.get_level_values("architecture").to_numpy(dtype=object)


def over_models(table: pd.DataFrame) -> Interval:
    """Interval of the mean of a `matrix`, over models and tasks (prompts, where no task is told)."""
    tasks = table.columns.get_level_values("task") if "task" in table.columns.names else None
    return intervals.crossed(table.to_numpy(), strata=strata(table), clusters=tasks)


def gap(first: pd.DataFrame, second: pd.DataFrame, value: str = "gold") -> Interval:
    """A value of some answers less that of others, paired by model and prompt."""
    return over_models(matrix(first, value) - matrix(second, value))


def slope(tables: Iterable[pd.DataFrame], at: ArrayLike) -> pd.DataFrame:
    """Each model's and prompt's least-squares slope of a `matrix` on where it was measured.

    Args:
        tables: one a place.
        at: the places. Shape: (n_tables,)
    """
    places = np.asarray(at, dtype=float)
    centred = places - places.mean()
    weights = centred / (centred @ centred)
    return reduce(add, [table * weight for table, weight in zip(tables, weights, strict=True)])


def goal_slopes(answers: pd.DataFrame) -> pd.DataFrame:
    """Each model's and prompt's slope of gold on the goal asked for, points a point. Shape: as of `matrix`

    Answers to no goal are left out.
    """
    goals = np.sort(answers["goal"].dropna().unique())
    return slope([matrix(answers[answers["goal"] == goal]) for goal in goals], goals)


def average(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The mean of tables of one shape."""
    return reduce(add, tables) / len(tables)


def mean(values: ArrayLike) -> Interval:
    """Student's interval over the values that are known; limits are NaN with fewer than two of them."""
    given = np.asarray(values, dtype=float)
    known = given[np.isfinite(given)]
    if len(known) > 1:
        return intervals.t_interval(known)
    return Interval(float(known[0]) if len(known) else np.nan, np.nan, np.nan, n=len(known))


def geometric_mean(values: ArrayLike) -> Interval:
    """Geometric mean of positive values, with Student's interval of their logarithms."""
    found = intervals.t_interval(np.log(values))
    estimate, low, high = np.exp([found.estimate, found.low, found.high]).tolist()
    return replace(found, estimate=estimate, low=low, high=high)


def least(found: Mapping[str, Interval]) -> tuple[str, Interval]:
    """The name and interval of the smallest estimate: the hardest rival where estimates are leads over rivals.

    Chosen on the very prompts that the interval rests on: hindsight in disfavour of whoever leads.
    """
    name = min(found, key=lambda one: found[one].estimate)
    return name, found[name]


def estimates(rows: Iterable[tuple[Any, ...]], keys: Sequence[str]) -> pd.DataFrame:
    """Rows that end in an interval as a table: columns ``keys``, estimate, low, high."""
    told = [(*key, found.estimate, found.low, found.high) for *key, found in rows]
    return pd.DataFrame(told, columns=[*keys, *BOUNDS])


def over_seeds(
    frame: pd.DataFrame, value: str, *, keys: Sequence[str], of: Callable[[Any], Interval] = intervals.t_interval
) -> pd.DataFrame:
    """Mean of a column over the rows of each group (seeds, say), with its interval.

    Args:
        frame: one row a group and seed.
        value: the column.
        keys: columns that tell groups apart.
        of: Student's by default, or `mean`, or `geometric_mean`.

    Returns:
        One row a group: the keys, ``estimate``, ``low``, ``high``, ``n``.
    """
    parts = groups(frame, keys)
    found = [of(part[value]) for _, part in parts]
    rows = [(*kind, one) for (kind, _), one in zip(parts, found, strict=True)]
    return estimates(rows, keys).assign(n=[one.n for one in found])


def groups(frame: pd.DataFrame, keys: Sequence[str]) -> list[tuple[tuple[Hashable, ...], pd.DataFrame]]:
    """Parts of a frame by the values of some columns, in the order of their first rows."""
    return list(frame.groupby(list(keys), sort=False, dropna=False))


def cells(frame: pd.DataFrame, keys: Sequence[str], metrics: Sequence[str] = FORM) -> pd.DataFrame:
    """Metrics of every group of answers, over seeds and prompts.

    Args:
        frame: of `with_form`, or with whatever ``metrics`` name.
        keys: columns that tell groups apart.
        metrics: a metric that a group lacks altogether is left out.

    Returns:
        Columns ``keys``, metric, estimate, low, high, n_seeds, n_prompts.
    """
    rows, counts = [], []
    for key, group in groups(frame, keys):
        for metric in metrics:
            if group[metric].notna().any():
                values = matrix(group, metric)
                rows.append((*key, metric, over_models(values)))
                counts.append((values.index.get_level_values("seed").nunique(), values.shape[1]))
    sizes = pd.DataFrame(counts, columns=["n_seeds", "n_prompts"])
    return pd.concat([estimates(rows, [*keys, "metric"]), sizes], axis=1)
