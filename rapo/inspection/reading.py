"""Data as batches for the lenses: bad rows stay in, and are told beside them."""

from collections.abc import Iterator
from dataclasses import replace

from rapo.inspection.batch import Batch
from rapo.pairs import schema
from rapo.pairs.door import Pairs

ROWS = 4_000


def batches(pairs: Pairs, *, rows: int = ROWS) -> Iterator[Batch]:
    """All rows, in batches; can be asked for again."""
    start = 0
    for look in pairs.looks(rows):
        at = 0
        for piece in schema.batches(look.table, rows=2 * rows):
            inside = [
                replace(fault, rows=fault.rows[(fault.rows >= at) & (fault.rows < at + len(piece))] + start)
                for fault in look.faults
            ]
            numbers = look.rows[at : at + len(piece)]
            yield Batch(piece, start + at, tuple(inside), name=look.name, rows=numbers, plain=pairs.plain)
            at += len(piece)
        start += at
