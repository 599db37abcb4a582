"""The tuning rule of every study: of one grid, the setting with the highest mean gold on the tuning prompts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rapo.runs.queue import run_all
from rapo.runs.run import Run


def tune(
    cells: Sequence[tuple[Mapping[str, Any], Run, int]],
    *,
    name: str,
    jobs: int,
    by: Sequence[str] = (),
    tell: Sequence[str] = ("gold",),
) -> pd.DataFrame:
    """Evaluate every setting of every arm on the tuning prompts, and mark the best of each.

    Args:
        cells: what names an arm and its setting; the run that evaluates it; and which of its conditions counts.
        name: of the queue.
        jobs: processes.
        by: columns that tell arms apart; none: all cells are settings of one arm.
        tell: metrics of the evaluation that become columns, "gold" among them.

    Returns:
        One row a cell: what names it, ``tell``, and ``best``: the highest gold of its arm, the first of equals.
    """
    results = run_all([run for _, run, _ in cells], name=name, jobs=jobs)
    table = pd.DataFrame(
        [
            {**about, **{metric: result.metrics[metric][place] for metric in tell}}
            for (about, _, place), result in zip(cells, results, strict=True)
        ]
    )
    best = table.groupby(list(by))["gold"].idxmax() if by else [table["gold"].idxmax()]
    return table.assign(best=table.index.isin(best))


def setting(options: Mapping[str, Any]) -> dict[str, float]:
    """A trainer's options as columns of a tuning table: learning rate and beta (NaN for a trainer without)."""
    return {"learning_rate": options["learning_rate"], "beta": options.get("beta", np.nan)}
