"""Some rows of the data as every lens sees them; what several of them need is made once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rapo.inspection.finding import Finding, Picture
from rapo.inspection.words import Hashes, Words, exact, mix, words
from rapo.pairs import messages
from rapo.pairs.faults import Fault
from rapo.pairs.schema import SCORES, SIDES, TEXTS


@dataclass(frozen=True)
class Batch:
    """Consecutive rows.

    Attributes:
        table: in the one schema, bad rows included.
        start: position of the first row in the data, from 0.
        faults: what the check says about them, at positions in the data.
        name: of the file that they come from.
        rows: the number of the row there that each pair comes from. Shape: (n,)
        plain: whether prompt and responses are plain strings there.
    """

    table: pa.RecordBatch
    start: int
    faults: tuple[Fault, ...] = ()
    name: str = "<table>"
    rows: NDArray[np.int64] | None = None
    plain: bool = False

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Of every row in the data. Shape: (n,)"""
        return np.arange(self.start, self.start + len(self))

    @cached_property
    def turns(self) -> dict[str, messages.Turns]:
        """Turns of prompt, chosen and rejected."""
        return {column: messages.turns(self.table[column]) for column in TEXTS}

    @cached_property
    def turn_words(self) -> dict[str, Words]:
        """Words of every turn of prompt, chosen and rejected."""
        return {column: words(found.contents) for column, found in self.turns.items()}

    @cached_property
    def words(self) -> dict[str, Words]:
        """Words of prompt, chosen and rejected, all turns of a row together."""
        return {column: found.joined(self.turns[column].lengths) for column, found in self.turn_words.items()}

    @cached_property
    def hashes(self) -> dict[str, Hashes]:
        """A number for every prompt and response that only equal texts share. Shape of each: (n,)"""
        return {column: exact(found.contents, found.lengths) for column, found in self.turns.items()}

    @cached_property
    def characters(self) -> dict[str, NDArray[np.int64]]:
        """Characters of both responses. Shape of each: (n,)"""
        return {side: messages.characters(self.table[side]) for side in SIDES}

    @cached_property
    def scored(self) -> bool:
        """Whether the rows have scores."""
        return set(SCORES) <= set(self.table.schema.names)

    @cached_property
    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Scores of both sides, NaN where there are none. Shape of each: (n,)"""
        unknown = np.full(len(self), np.nan)
        return {side: self.number(f"score_{side}") if self.scored else unknown for side in SIDES}

    @cached_property
    def margin(self) -> NDArray[np.float64]:
        """Score of chosen less that of rejected, NaN where there is none. Shape: (n,)"""
        return self.scores["chosen"] - self.scores["rejected"]

    def number(self, column: str) -> NDArray[np.float64]:
        """A column of numbers, NaN where it has none. Shape: (n,)"""
        values = pc.fill_null(self.table[column].cast(pa.float64()), np.nan)
        return values.to_numpy(zero_copy_only=False)


class Lens(Protocol):
    """Looks at one subject, batch by batch, and keeps numbers, never texts."""

    def update(self, batch: Batch) -> None:
        """See some more rows."""

    def finish(self) -> list[Finding]:
        """What was found."""

    def pictures(self) -> list[Picture]:
        """What to draw: nothing, unless a lens says otherwise."""
        return []


class Column:
    """Numbers that grow batch by batch."""

    def __init__(self, kind: Any = np.float64) -> None:
        self._kind, self._parts = kind, list[NDArray[Any]]()

    def add(self, values: NDArray[Any]) -> None:
        """Put some behind those that are there."""
        self._parts.append(np.asarray(values).astype(self._kind, copy=True))

    def all(self) -> NDArray[Any]:
        """Every number, in the order in which they came. Shape: (n,)"""
        if len(self._parts) != 1:
            self._parts = [np.concatenate([np.empty(0, self._kind), *self._parts])]
        return self._parts[0]


class Keys:
    """A number for every prompt and response of the data, equal where the texts are."""

    def __init__(self) -> None:
        self._columns = {column: Column(np.uint64) for column in TEXTS}

    def update(self, batch: Batch) -> None:
        """Keep those of a batch."""
        for column, held in self._columns.items():
            held.add(batch.hashes[column])

    def all(self, column: str) -> Hashes:
        """Of a whole column. Shape: (n_pairs,)"""
        return self._columns[column].all()

    def pairs(self) -> Hashes:
        """Of prompt, chosen and rejected together. Shape: (n_pairs,)"""
        prompt, chosen, rejected = (self.all(column) for column in TEXTS)
        return together(together(prompt, chosen), rejected)


def together(left: Hashes, right: Hashes) -> Hashes:
    """One number for two, in their order. Shape: (n,)"""
    return mix(mix(left) + right)


def firsts(keys: Hashes) -> NDArray[np.int64]:
    """Place of the first equal number. Shape: (n,)

    >>> firsts(np.array([7, 8, 7], np.uint64)).tolist()
    [0, 1, 0]
    """
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    return first[number]
