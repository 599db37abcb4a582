"""Scored pairs: the one schema, and what follows from its names.

A table of scored pairs has ``prompt``, ``chosen``, ``rejected`` (lists of {role, content} turns), ``score_chosen``
and ``score_rejected`` (doubles). It may have ``prompt_id``, ``pair_id`` (strings), ``attributes_chosen`` and
``attributes_rejected`` (structs of doubles); any further column is carried along untouched.
`rapo.pairs.check` holds a table against it wherever data enters.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import messages

SIDES = ("chosen", "rejected")
TEXTS = ("prompt", *SIDES)
SCORES = ("score_chosen", "score_rejected")
COLUMNS = (*TEXTS, *SCORES)
BATCH_ROWS = 20_000
_SMALL_CHUNK = 500


def with_ids(table: pa.Table, *, row: int = 1) -> pa.Table:
    """The table with a pair id in every row: ``row-<number>`` where it has none, counted from ``row``.

    >>> with_ids(pa.table({"a": [0, 0]}))["pair_id"].to_pylist()
    ['row-1', 'row-2']
    """
    if "pair_id" in table.column_names:
        return table
    numbers = pa.array(np.arange(row, row + len(table))).cast(pa.string())
    return table.append_column("pair_id", pc.binary_join_element_wise("row", numbers, "-"))


def prompt_keys(batch: pa.RecordBatch) -> pa.Array:
    """What names each row's prompt: ``prompt_id`` where there is one, else its text. Shape: (n_pairs,)"""
    if "prompt_id" in batch.schema.names:
        return batch["prompt_id"]
    return messages.texts(batch["prompt"], separator="\x1e")


def hashes(names: Sequence[str], *, seed: int, purpose: str) -> np.ndarray:
    """64 bits for each name, the same wherever it stands: draws that no order and no worker can change.

    Args:
        names: what is drawn for: ids or texts of prompts.
        seed: another seed gives other draws.
        purpose: draws for different purposes are independent; at most 16 bytes.

    Returns:
        Unsigned 64-bit integers. Shape: (n_names,)
    """
    person, key = purpose.encode(), seed.to_bytes(16, "little", signed=True)
    digests = [hashlib.blake2b(name.encode(), digest_size=8, key=key, person=person).digest() for name in names]
    return np.frombuffer(b"".join(digests), np.uint64)


def partner(column: str) -> str:
    """The same column of the other response.

    >>> partner("score_chosen"), partner("ref_rejected_logps"), partner("model")
    ('score_rejected', 'ref_chosen_logps', 'model')
    """
    other = {"chosen": "rejected", "rejected": "chosen"}
    return re.sub(r"(?<![a-z])(chosen|rejected)(?![a-z])", lambda found: other[found[0]], column)


def swapped(names: Sequence[str]) -> list[str]:
    """Where each column comes from when chosen and rejected change places; a column without partner stays."""
    return [partner(name) if partner(name) in names else name for name in names]


def batches(table: pa.Table, *, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The table in contiguous pieces of at most ``rows`` rows; one empty piece for an empty table.

    Nothing is copied, unless the table lies in many small chunks.
    """
    if not len(table):
        yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)
        return
    pieces = table.to_batches(max_chunksize=rows)
    if len(table) >= _SMALL_CHUNK * len(pieces) or len(pieces) == 1:
        yield from pieces
        return
    for start in range(0, len(table), rows):
        yield from table.slice(start, rows).combine_chunks().to_batches()
