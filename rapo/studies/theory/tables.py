"""Slopes of sub-optimality against the number of pairs, and ratios of updates to those of uniform sampling."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rapo.stats.intervals import t_interval
from rapo.studies.common.tables import estimates, geometric_mean, groups
from rapo.studies.theory.sampling import SAMPLINGS


def slopes(measured: pd.DataFrame) -> pd.DataFrame:
    """Slope of log sub-optimality against log N, fitted per seed; t interval over seeds.

    Args:
        measured: what `rates.measure` returns.

    Returns:
        One row a policy class, method and coverage: ``estimate``, ``low``, ``high``, ``n`` seeds.
    """
    keys = ["policy", "method", "coverage"]
    rows: list[tuple[Any, ...]] = []
    for kind, part in groups(measured, keys):
        wide = part.pivot(index="n_pairs", columns="seed", values="suboptimality")
        fitted = np.polyfit(np.log(wide.index.to_numpy(dtype=float)), np.log(wide.to_numpy()), 1)[0]
        rows.append((*kind, t_interval(fitted)))
    return estimates(rows, keys).assign(n=[found.n for *_, found in rows])


def ratios(measured: pd.DataFrame, value: str, *, keys: Sequence[str]) -> pd.DataFrame:
    """Geometric mean over problems of a value over that of uniform sampling, with the t interval of its log.

    Args:
        measured: what `study.compare` or `study.error_after` returns.
        value: "iterations" or "error".
        keys: columns that tell kinds of problems apart.

    Returns:
        One row a kind and sampling: the means ``value`` and ``value_uniform``; ``estimate``, ``low``, ``high``
        of their ratio; ``n`` problems.
    """
    rows: list[tuple[Any, ...]] = []
    for kind, part in groups(measured, keys):
        wide = part.pivot(index="problem", columns="sampling", values=value)
        for sampling in SAMPLINGS[1:]:
            means = wide[sampling].mean(), wide["uniform"].mean()
            rows.append((*kind, sampling, *means, geometric_mean(wide[sampling] / wide["uniform"])))
    table = estimates(rows, [*keys, "sampling", value, f"{value}_uniform"])
    return table.assign(n=[found.n for *_, found in rows])
