"""The tuning rule of every study: the setting of a grid with the highest gold on the tuning prompts, over bases.

Tuning is a third of a study's time, and its outcome is kept with the project. A kept measurement is taken where the
run's key is the same: the same code, settings, seeds and versions of libraries. Other seeds are tuned anew.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rapo.config import TUNE
from rapo.runs import store
from rapo.runs.queue import run_all
from rapo.runs.run import Run

_log = logging.getLogger(__name__)

METRICS = ("gold", "unparseable")
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
        One row a cell: what names it; ``run`` and ``place``: the key of its run and which condition counted; ``gold``
        and ``unparseable`` (%); ``best``: its setting has the highest mean gold
        over bases of its arm, the first of equals, among those that `BROKEN` leaves; ``edge``: and its learning rate
        is the lowest or the highest of the grid, so that the optimum may lie outside.
    """
    known = {} if os.environ.get(TUNE) else _kept()
    new = {run.key: run for _, run, place in cells if (run.key, place) not in known}
    _log.info("%s: %d runs to measure; what was measured for the kept results stands", name, len(new))
    results = dict(zip(new, run_all(list(new.values()), name=name, jobs=jobs), strict=True)) if new else {}
    rows = []
    for about, run, place in cells:
        measured = known.get((run.key, place)) or {each: results[run.key].metrics[each][place] for each in METRICS}
        rows.append({**about, "run": run.key, "place": place, **measured})
    table = pd.DataFrame(rows)
    keys = [column for column in cells[0][0] if column not in over]
    settings = (
        table.groupby(keys, sort=False, dropna=False).agg({"gold": "mean", "unparseable": "max"}).reset_index()
    )
    arms = settings.groupby(list(by), sort=False) if by else [((), settings)]
    best = pd.concat([_best(part) for _, part in arms])[keys].assign(best=True)
    found = table.merge(best, on=keys, how="left").assign(best=lambda both: both["best"].eq(True))
    return found.assign(edge=found["best"] & _on_the_edge(found, by))


def _kept() -> dict[tuple[str, int], dict[str, float]]:
    """What tuning measured for the kept results: `METRICS` by a run's key and the place of its condition.

    Raises:
        ValueError: a kept file is damaged; names it and the remedy.
    """
    names = [name.removesuffix(".parquet") for name in store.manifest() if name.endswith("_tuning.parquet")]
    tables = [table for table in map(store.kept, names) if {"run", "place"} <= set(table)]
    rows = [row for table in tables for row in table[["run", "place", *METRICS]].dropna().to_dict("records")]
    return {(row["run"], int(row["place"])): {each: row[each] for each in METRICS} for row in rows}


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
