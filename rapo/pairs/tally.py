"""What one pass over pairs counts: rows, what was dropped, the range of the scores, ids that occur twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs.columns import CANDIDATES
from rapo.pairs.faults import Fault, merged, several
from rapo.pairs.schema import SCORES


@dataclass
class Counts:
    """What one pass over the data found.

    Attributes:
        rows: rows read.
        pairs: pairs given.
        dropped: pairs left out because they break a rule.
        reversed: pairs whose chosen response scores below the rejected one, swapped or dropped.
        low, high: the extreme scores; NaN where there are none.
        faults: what is wrong with rows that were dropped.
        left_out: what the data themselves exclude, and how often.
    """

    rows: int = 0
    pairs: int = 0
    dropped: int = 0
    reversed: int = 0
    low: float = float("nan")
    high: float = float("nan")
    faults: list[Fault] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def blame(self, faults: Sequence[Fault]) -> None:
        """Add faults of a batch."""
        self.faults = merged([*self.faults, *faults]) if faults else self.faults

    def see(self, table: pa.Table) -> None:
        """Widen the range of the scores by a batch."""
        for name in SCORES:
            ends = pc.min_max(table[name]).as_py()
            if ends["min"] is not None:
                self.low, self.high = float(np.fmin(self.low, ends["min"])), float(np.fmax(self.high, ends["max"]))

    def record(self, reversed_pairs: str) -> dict[str, int]:
        """What did not stay as it was, for the record of a product: kind -> how many; nothing where all did.

        >>> Counts(rows=9, pairs=7, dropped=1, reversed=1).record("drop")
        {'rows_read': 9, 'pairs_dropped': 1, 'reversed_pairs_dropped': 1}
        """
        done = {"swap": "reversed_pairs_swapped", "drop": "reversed_pairs_dropped"}.get(reversed_pairs)
        completions = sum(len(fault.rows) for fault in self.faults if fault.column == CANDIDATES)
        found = {"completions_dropped": completions, "pairs_dropped": self.dropped}
        found |= {done: self.reversed} if done else {}
        found |= {f"{what.replace(' ', '_')}_left_out": n for what, n in self.left_out.items()}
        changed = {what: n for what, n in found.items() if n}
        return {"rows_read": self.rows, **changed} if changed else {}

    def told(self, reversed_pairs: str) -> list[str]:
        """What was dropped, swapped or left out, a line a kind."""
        lines = [f"left out {several(n, what)}" for what, n in self.left_out.items()]
        for fault in self.faults:
            what = "completions" if fault.column == CANDIDATES else "rows"
            lines.append(f"dropped {several(len(fault.rows), what)}: column {fault.column}: {fault.problem}")
        if self.reversed:
            done = {"swap": "swapped", "drop": "dropped"}[reversed_pairs]
            lines.append(
                f"{done} {several(self.reversed, 'pairs')} whose chosen response scores below the rejected one"
            )
        return lines


class Ids:
    """Pair ids seen so far, 8 bytes each: enough to say that one occurs twice."""

    def __init__(self) -> None:
        self._hashes: list[np.ndarray] = []

    def add(self, ids: pa.ChunkedArray) -> None:
        """Note the ids of a batch; a missing one counts as none."""
        found = (-1 if name is None else hash(str(name)) for name in ids.to_pylist())
        self._hashes.append(np.fromiter(found, np.int64, len(ids)))

    def repeated(self) -> int | None:
        """Place of the first id that occurs before, from 0; None where there is none.

        >>> ids = Ids()
        >>> ids.add(pa.chunked_array([["a", "b", "a"]]))
        >>> ids.repeated()
        2
        """
        seen = np.concatenate([np.empty(0, np.int64), *self._hashes])
        self._hashes = [seen]
        ordered = np.sort(seen)
        again = np.unique(ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] != -1)])
        if not len(again):
            return None
        places = np.flatnonzero(np.isin(seen, again))
        _, first = np.unique(seen[places], return_index=True)
        return int(np.delete(places, first)[0])
