"""Battles of two models: tables of many shapes read into one, and what must hold for strengths to exist.

A table of battles has the columns ``model_a``, ``model_b``, ``outcome`` (1 = a wins ... 0 = b wins, 0.5 = a tie) and,
where they matter, ``weight`` and ``instruction`` (battles of one instruction are resampled together).
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rapo.judging import judgements as judged
from rapo.stats.arrays import Floats, Integers, finite

# Arena-Hard's verdicts: which answer, A or B, and how clearly -> A's outcome.
_VERDICTS = {"A>>B": 1.0, "A>B": 1.0, "A=B": 0.5, "B>A": 0.0, "B>>A": 0.0}
_VERDICTS |= {"B<<A": 1.0, "B<A": 1.0, "B=A": 0.5, "A<B": 0.0, "A<<B": 0.0}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Battles:
    """Numbers behind a table of battles.

    Attributes:
        models: names, sorted.
        a, b: places of the two models in ``models``. Shape: (n,).
        outcome, weight: Shape: (n,).
        style: differences a less b. Shape: (n, n_features).
    """

    models: tuple[str, ...]
    a: Integers
    b: Integers
    outcome: Floats
    weight: Floats
    style: Floats


def from_judgements(judgements: pd.DataFrame, *, baseline: str | None = None) -> pd.DataFrame:
    """Battles from judgements against a baseline: preferences 1..2 become outcomes 0..1.

    Args:
        judgements: columns ``model``, ``instruction``, ``preference`` and, unless given, ``baseline``
            (`rapo.judging.judgements.read`).
        baseline: the name of the model that all were judged against.

    Raises:
        ValueError: the baseline is not known, or a preference is not in [1, 2].
    """
    rows = judged.check(judgements)
    if baseline is None and "baseline" not in rows:
        raise ValueError("judgements have no column baseline; name it with baseline=...")
    return pd.DataFrame(
        {
            "model_a": rows["model"].astype(str),
            "model_b": rows["baseline"].astype(str) if baseline is None else baseline,
            "outcome": rows["preference"].astype(float) - 1,
            "instruction": rows["instruction"],
        }
    )


def from_arena_hard(
    records: Iterable[Mapping[str, Any]], *, baseline: str | None = None, strong: float = 3.0
) -> pd.DataFrame:
    """Battles from Arena-Hard-Auto's judgement records: two games a prompt, the model second and then first.

    A clear verdict (>>) weighs ``strong`` times. Records with a game without a verdict are left out and counted in
    a warning, as the official code does. Differs from arena-hard-auto:show_result.py, which writes clear
    verdicts down three times: here a battle is one row, and resampled as one.

    Args:
        records: objects with ``uid`` (or ``question_id``), ``model`` and ``games``, each game with a ``score`` such
            as "A>>B"; A is the answer shown first.
        baseline: the model that all were judged against, where records do not name it (``baseline``) themselves.

    Raises:
        ValueError: there is no record with two verdicts, a verdict is unknown, or the baseline is.
    """
    rows, lost = [], 0
    for record in records:
        games = record["games"] if hasattr(record["games"], "__len__") else ()
        scores = [None if game is None else game["score"] for game in games]
        if len(scores) != 2 or None in scores:
            lost += 1
            continue
        instruction = record.get("uid", record.get("question_id"))
        named = record.get("baseline")  # NaN where only other records of a file name it
        opponent = named if isinstance(named, str) and named else baseline
        if opponent is None:
            raise ValueError(
                f"the record of {instruction!r} names no baseline; say --opponent NAME (in Python baseline=)"
            )
        for order, score in enumerate(scores):
            if score not in _VERDICTS:
                raise ValueError(f"verdict {score!r} on {instruction!r} is none of {', '.join(_VERDICTS)}")
            outcome = _VERDICTS[score] if order == 1 else 1 - _VERDICTS[score]
            weight = strong if ">>" in score or "<<" in score else 1.0
            rows.append((record["model"], opponent, outcome, weight, instruction, order))
    if lost:
        _log.warning("%d records lack a verdict in one of the two orders; they are left out", lost)
    if not rows:
        raise ValueError("no record holds two verdicts; judge again")
    return pd.DataFrame(rows, columns=["model_a", "model_b", "outcome", "weight", "instruction", "order"])


def read(battles: pd.DataFrame, style: pd.DataFrame | None) -> Battles:
    """Check a table of battles and its style differences.

    Raises:
        ValueError: a column is missing or holds what it must not; names it, the row, the value and the remedy.
    """
    if lacking := {"model_a", "model_b", "outcome"} - set(battles.columns):
        raise ValueError(f"battles have no column {sorted(lacking)}; they have {list(battles.columns)}")
    names = pd.concat([battles["model_a"], battles["model_b"]], ignore_index=True)
    if names.isna().any() or battles.empty:
        raise ValueError("battles are empty, or a model's name is missing; leave such rows out first")
    codes, models = pd.factorize(names.astype(str), sort=True)
    a, b = np.split(codes.astype(np.int64), 2)
    if (a == b).any():
        raise ValueError(
            f"battle {int(np.argmax(a == b))} sets {models[a[a == b][0]]!r} against itself; leave it out"
        )
    outcome = _numbers(battles["outcome"], "outcome", 0.0, 1.0)
    weight = _numbers(battles["weight"], "weight", 0.0, np.inf) if "weight" in battles else np.ones(len(a))
    if style is not None and len(style) != len(a):
        raise ValueError(f"style has {len(style)} rows for {len(a)} battles; give one row per battle")
    features = np.empty((len(a), 0)) if style is None else finite(style, "style", dimensions=2)
    if not weight.sum() > 0:
        raise ValueError("every battle has weight 0; give some a weight above 0")
    return Battles(tuple(models), a, b, outcome, weight, features)


def check_connected(data: Battles, ridge: float) -> None:
    """Raise where strengths are not defined: groups that never met or, without ridge, infinite ones."""
    n, codes = groups(data, data.weight, strong=False)
    if n > 1:
        apart = [[data.models[i] for i in np.flatnonzero(codes == group)[:3]] for group in range(min(n, 3))]
        raise ValueError(f"models fall into {n} groups that never met, such as {apart}; fit each group on its own")
    n, codes = groups(data, data.weight, strong=True)
    if n > 1 and ridge == 0:
        largest = np.bincount(codes).argmax()
        names = [data.models[i] for i in np.flatnonzero(codes != largest)[:3]]
        raise ValueError(
            f"{', '.join(names)} won or lost every battle against the others: strengths are infinite; "
            "add battles, leave such models out, or say --ridge 1 (in Python ridge=1.0), which draws them in"
        )


def groups(data: Battles, weight: Floats, *, strong: bool) -> tuple[int, Integers]:
    """Groups of models joined by battles; ``strong``: by wins (or parts of one) in both directions, so that
    strengths are finite (Ford 1957)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    won, lost = (weight > 0) & (data.outcome > 0), (weight > 0) & (data.outcome < 1)
    beaten = np.zeros((len(data.models),) * 2, dtype=bool)
    beaten[data.a[won], data.b[won]] = True
    beaten[data.b[lost], data.a[lost]] = True
    n, codes = connected_components(csr_array(beaten), directed=True, connection="strong" if strong else "weak")
    return int(n), codes.astype(np.int64)


def is_separated(data: Battles) -> bool:
    """Whether some direction of the parameters fits battles ever better without end (Konis 2007, section 4.4.3)."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, hstack

    seen = data.weight > 0
    n, rows = int(seen.sum()), np.arange(int(seen.sum()))
    ones = np.ones(n)
    entries = np.concatenate([ones, -ones]), (np.tile(rows, 2), np.concatenate([data.a[seen], data.b[seen]]))
    design = hstack([coo_array(entries, shape=(n, len(data.models))), coo_array(data.style[seen])]).tocsr()
    outcome = data.outcome[seen]
    sides = np.where(outcome == 1, 1.0, -1.0)
    decided = (outcome == 0) | (outcome == 1)
    towards = design[decided] * sides[decided][:, None]
    found = linprog(
        -towards.sum(axis=0),
        A_ub=-towards.tocsr(),
        b_ub=np.zeros(int(decided.sum())),
        A_eq=design[~decided] if not decided.all() else None,
        b_eq=np.zeros(int((~decided).sum())) if not decided.all() else None,
        bounds=(-1, 1),
    )
    return found.fun is not None and found.fun < -1e-6


def _numbers(column: pd.Series, name: str, low: float, high: float) -> Floats:
    """The column's numbers; `finite` would not say that a place is a row."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~((values >= low) & (values <= high) & np.isfinite(values))
    if bad.any():
        at = int(np.argmax(bad))
        told = judged.short(column.iloc[at])
        raise ValueError(f"battles, column {name}, row {at}: {told} is not a number from {low:g} to {high:g}")
    return values
