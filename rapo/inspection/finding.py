"""What an audit says: findings with a level, a count, an interval, examples, and what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rapo.stats.intervals import Interval, wilson

LEVELS = ("ok", "note", "warning", "serious")
SHOWN = 3
GROUPS = {
    "scores": "Scores",
    "premises": "The papers' premises",
    "lengths": "Length bias",
    "contradictions": "Contradictions",
    "duplicates": "Duplicates",
    "contamination": "Contamination",
    "turns": "Turns",
    "policy": "The policy's view",
    "preview": "Training preview",
}

# From which value on a finding is a note, a warning, serious; infinity where it never is.
Bounds = tuple[float, float, float]
NEVER = float("inf")
ANY = 0.0  # as a bound: as soon as there is one


@dataclass(frozen=True)
class Example:
    """One row that shows a finding.

    Attributes:
        position: of the row in the data, from 0.
        column: whose text shows it.
        note: what is wrong with this row.
        other: position of another row that it is held against; -1 for none.
        row, pair_id, text: how a person finds the row; read from the data when the audit is done.
    """

    position: int
    column: str
    note: str = ""
    other: int = -1
    row: str = ""
    pair_id: str = ""
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: short, the same in every audit: "ties", "near-duplicate-prompts".
        group: the subject that it belongs to: "scores", "lengths".
        level: "ok", "note", "warning" or "serious".
        told: one sentence with what was found.
        count, n, unit: how many of how many: pairs, responses, prompts.
        measure: what the interval is of: "share", or the name of a statistic.
        interval: 95 %; None where there is nothing to estimate.
        examples: up to three rows.
        advice: what to do, with the command as typed; "" where all is well.
        data: further numbers, for the JSON document.
    """

    name: str
    group: str
    level: str
    told: str
    count: int
    n: int
    unit: str = "pairs"
    measure: str = "share"
    interval: Interval | None = None
    examples: tuple[Example, ...] = ()
    advice: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """Bars: how many have which value.

    Attributes:
        title, axis: what is shown, and what the bars stand over.
        labels: under the bars. Shape: (n_bars,)
        series: name -> counts. Shape of each: (n_bars,)
    """

    group: str
    title: str
    axis: str
    labels: tuple[str, ...]
    series: dict[str, tuple[int, ...]]


def level(value: float, bounds: Bounds) -> str:
    """The highest level whose bound a value reaches; nothing is wrong at zero or below, or where it is unknown.

    >>> [level(value, (ANY, 0.01, 0.1)) for value in (0.0, 0.001, 0.01, 0.5)]
    ['ok', 'note', 'warning', 'serious']
    >>> level(0.001, (NEVER, ANY, 0.1))
    'warning'
    """
    reached = [number for number, bound in enumerate(bounds, 1) if value > 0 and value >= bound]
    return LEVELS[max(reached, default=0)]


def share(
    name: str,
    group: str,
    told: str,
    *,
    count: int,
    n: int,
    bounds: Bounds,
    unit: str = "pairs",
    examples: Iterable[Example] = (),
    advice: str = "",
    data: dict[str, Any] | None = None,
) -> Finding:
    """A finding about a share: its level follows the share itself, its interval is Wilson's."""
    told_level = level(count / n if n else 0.0, bounds)
    return Finding(
        name=name,
        group=group,
        level=told_level,
        told=told,
        count=count,
        n=n,
        unit=unit,
        interval=wilson(count, n) if n else None,
        examples=tuple(islice(examples, SHOWN)),
        advice=advice if told_level != "ok" else "",
        data=data or {},
    )


def distance(interval: Interval, *, zero: float = 0.0) -> float:
    """How far the near end of an interval is from ``zero``; 0 where it holds it, and where it is not known.

    >>> distance(Interval(0.6, 0.55, 0.65, n=9), zero=0.5).__round__(2)
    0.05
    """
    if np.isnan(interval.estimate) or interval.low <= zero <= interval.high:
        return 0.0
    return min(abs(interval.low - zero), abs(interval.high - zero))


def statistic(
    name: str,
    group: str,
    told: str,
    *,
    measure: str,
    interval: Interval,
    count: int,
    bounds: Bounds,
    zero: float = 0.0,
    examples: Iterable[Example] = (),
    advice: str = "",
) -> Finding:
    """A finding about a statistic: its level follows the end of the interval that is nearer to ``zero``."""
    told_level = level(distance(interval, zero=zero), bounds)
    return Finding(
        name=name,
        group=group,
        level=told_level,
        told=told,
        count=count,
        n=interval.n,
        measure=measure,
        interval=None if np.isnan(interval.estimate) else interval,
        examples=tuple(islice(examples, SHOWN)) if told_level != "ok" else (),
        advice=advice if told_level != "ok" else "",
    )


def at(positions: Sequence[int] | NDArray[np.int64], column: str, note: str = "") -> list[Example]:
    """Examples at the first of these positions."""
    return [Example(int(position), column, note) for position in positions[:SHOWN]]


def percent(count: float, n: float) -> str:
    """A share for people.

    >>> percent(1, 3), percent(1, 5000), percent(0, 9), percent(0, 0)
    ('33.3 %', '0.02 %', '0 %', 'none')
    """
    return f"{per_cent(count / n)} %" if n else "none"


def per_cent(share: float) -> str:
    """A share in per cent, the same wherever it is shown: to one decimal, below a thousandth to one digit.

    >>> per_cent(0.5), per_cent(0.0002), per_cent(1e-7), per_cent(0.0)
    ('50.0', '0.02', '0.00001', '0')
    """
    value = round(100 * share, 6)
    return f"{value:.1f}" if value >= 0.1 else np.format_float_positional(float(f"{value:.0e}"), trim="-")


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by level, the worst first, otherwise in their order."""
    return sorted(findings, key=lambda found: -LEVELS.index(found.level))
