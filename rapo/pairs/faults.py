"""What an error says about a table of scored pairs: which rows, which column, what they hold, what to do."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

SHOWN = 3


@dataclass(frozen=True)
class Fault:
    """One kind of problem in one column.

    Attributes:
        column: where.
        problem: what is wrong, ending before the value.
        remedy: what to do about it.
        rows: row numbers as the user counts them. Shape: (n_bad,)
        values: what the first of these rows hold.
    """

    column: str
    problem: str
    remedy: str
    rows: np.ndarray
    values: tuple[str, ...]

    def __str__(self) -> str:
        values = [f" ({value})" for value in self.values] or [""] * SHOWN
        first = ", ".join(f"row {row}{value}" for row, value in zip(self.rows[:SHOWN], values, strict=False))
        more = f" and {len(self.rows) - SHOWN:,} more rows" if len(self.rows) > SHOWN else ""
        where = f" in {first}{more}" if first else ""
        what = f"column {self.column}: " if self.column else ""
        return f"{what}{self.problem}{where}. {self.remedy}"


class PairsError(ValueError):
    """Scored pairs that break the schema; ``faults`` holds every kind of problem that was found."""

    def __init__(self, name: str, faults: list[Fault]) -> None:
        self.name, self.faults = name, faults
        super().__init__("\n".join(f"{name}: {fault}" for fault in faults))


def merged(faults: Iterable[Fault]) -> list[Fault]:
    """One fault a kind, over all batches."""
    kinds: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        key = (fault.column, fault.problem)
        if old := kinds.get(key):
            both = np.concatenate([old.rows, fault.rows])
            fault = replace(old, rows=both, values=(*old.values, *fault.values)[:SHOWN])
        kinds[key] = fault
    return list(kinds.values())


def tell(
    column: str, problem: str, remedy: str, bad: np.ndarray, row: int, show: Callable[[int], str] | None = None
) -> list[Fault]:
    """One fault, or none where no row is ``bad``. Shape of bad: (n_rows,)"""
    where = np.flatnonzero(bad)
    if not len(where):
        return []
    values = tuple(show(int(i)) for i in where[:SHOWN]) if show else ()
    return [Fault(column, problem, remedy, where + row, values)]


def several(n: int, what: str) -> str:
    """A count with what is counted, in the plural: its first word that ends in s loses it where there is one.

    >>> several(1, "good pairs"), several(1_200, "pairs"), several(1, "rows without turns")
    ('1 good pair', '1,200 pairs', '1 row without turns')
    """
    return f"{n:,} " + (re.sub(r"s\b", "", what, count=1) if n == 1 else what)


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
