"""The tuning rule of every study: the setting of a grid with the highest gold on the tuning prompts, over bases."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rapo.runs.queue import run_all
from rapo.runs.run import Run

BROKEN = 5.0  # % of answers that break the form on some base: such a setting is not chosen while another is left


def tune(
    cells: Sequence[tuple[Mapping[str, Any], Run, int]],
    *,
    name: str,
    jobs: int,
    by: Sequence[str] = (),
    over: Sequence[str] = (),
) -> pd.DataFrame:
    """Evaluate every setting of every arm on the tuning prompts of every base, and mark the best setting of each arm.

    Args:
        cells: what names an arm, its setting and its base; the run that evaluates it; and which of its conditions
            counts.
        name: of the queue.
        jobs: processes.
        by: columns that tell arms apart; none: all cells are settings of one arm.
        over: columns that tell bases apart; none: there is one.

    Returns:
        One row a cell: what names it; ``gold`` and ``unparseable`` (%); ``best``: its setting has the highest mean gold
        over bases of its arm, the first of equals, among those that `BROKEN` leaves; ``edge``: and its learning rate
        is the lowest or the highest of the grid, so that the optimum may lie outside.
    """
    results = run_all([run for _, run, _ in cells], name=name, jobs=jobs)
    table = pd.DataFrame(
        [
            {**about, **{metric: result.metrics[metric][place] for metric in ("gold", "unparseable")}}
            for (about, _, place), result in zip(cells, results, strict=True)
        ]
    )
    keys = [column for column in cells[0][0] if column not in over]
    settings = (
        table.groupby(keys, sort=False, dropna=False).agg({"gold": "mean", "unparseable": "max"}).reset_index()
    )
    arms = settings.groupby(list(by), sort=False) if by else [((), settings)]
    best = pd.concat([_best(part) for _, part in arms])[keys].assign(best=True)
    found = table.merge(best, on=keys, how="left").assign(best=lambda both: both["best"].eq(True))
    return found.assign(edge=found["best"] & _on_the_edge(found, by))


def _best(settings: pd.DataFrame) -> pd.DataFrame:
    """The row of the chosen setting. Columns gold, unparseable: mean and largest over bases."""
    whole = settings[settings["unparseable"] <= BROKEN]
    pool = settings if whole.empty else whole
    return pool.loc[[pool["gold"].idxmax()]]


def _on_the_edge(table: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Whether a row's learning rate is an extreme of its arm's, of two or more."""
    rates = table.groupby(list(by))["learning_rate"] if by else table.assign(all=0).groupby("all")["learning_rate"]
    low, high = rates.transform("min"), rates.transform("max")
    return (low < high) & ((table["learning_rate"] == low) | (table["learning_rate"] == high))


def setting(options: Mapping[str, Any]) -> dict[str, float]:
    """A trainer's options as columns of a tuning table: learning rate and beta (NaN for a trainer without)."""
    return {"learning_rate": options["learning_rate"], "beta": options.get("beta", np.nan)}
