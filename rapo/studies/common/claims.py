"""Claims as every study makes them: an estimate, what it rests on, and what the paper says."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite

import pandas as pd

from rapo.claims.claim import Claim, slug
from rapo.stats.intervals import Interval

_log = logging.getLogger(__name__)
NO_CONTROL = "no control"


def claim(
    name: str,
    statement: str,
    statistic: str,
    found: Interval,
    *,
    n: str,
    paper: str = NO_CONTROL,
    unit: str = "of 10",
    direction: str = "greater",
    threshold: float = 0.0,
    figures: Sequence[str] = (),
    tables: Sequence[str] = (),
    note: str = "",
) -> Claim:
    """A claim from an estimate; the other arguments are `Claim`'s fields, ``name`` its id in words."""
    return Claim(
        slug(name),
        statement,
        statistic,
        found.estimate,
        found.low,
        found.high,
        unit=unit,
        threshold=threshold,
        direction=direction,
        level=found.level,
        n=n,
        paper=paper,
        figures=tuple(figures),
        tables=tuple(tables),
        note=note or ("Nothing varies in these data." if found.low == found.high else ""),
    )


def size(answers: pd.DataFrame, units: Sequence[str] = ("seed", "prompt")) -> str:
    """How many of each unit answers rest on, in words.

    >>> size(pd.DataFrame({"seed": [1, 1, 2, 2], "prompt": ["a", "a", "a", "a"]}))
    '2 seeds x 1 prompt'
    """
    counts = {name: answers[name].nunique() for name in units}
    return " x ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in counts.items())


def drawn(made: Iterable[Claim], *figures: str) -> list[Claim]:
    """The claims, with the figures that show them."""
    return [replace(one, figures=figures) for one in made]


def defined(made: Iterable[Claim]) -> list[Claim]:
    """The claims whose statistic the data define (some regimes, enough seeds); the others are logged."""
    found = []
    for one in made:
        if all(map(isfinite, (one.estimate, one.low, one.high))):
            found.append(one)
        else:
            _log.warning("claim %s is left out: %s cannot be computed on these data", one.id, one.statistic)
    return found
