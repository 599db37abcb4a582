"""Data as batches for the lenses: bad rows stay in, and are told beside them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rapo.inspection.batch import Batch
from rapo.pairs import schema
from rapo.pairs.door import Pairs, open_pairs

ROWS = 4_000


def opened(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    revision: str | None = None,
    unreadable: str = "raise",
) -> Pairs:
    """Preference data of any shape, with scores or without; see `rapo.pairs.door.open_pairs`.

    Rows that break a rule stay in; ``unreadable`` says whether those that cannot be read at all "raise", or "drop".
    """
    return open_pairs(source, columns=columns, split=split, revision=revision, bad=unreadable, scored=None)


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
