"""Scored pairs: the one schema, and the one check of it wherever data enters.

A table of scored pairs has ``prompt``, ``chosen``, ``rejected`` (lists of {role, content} turns), ``score_chosen``
and ``score_rejected`` (doubles). It may have ``prompt_id``, ``pair_id`` (strings), ``attributes_chosen`` and
``attributes_rejected`` (structs of doubles); any further column is carried along untouched.
Rows are counted from 1, as an editor counts the lines of a file.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import columns as casting
from rapo.pairs import messages, rules
from rapo.pairs.faults import Fault, PairsError, merged

TEXTS = ("prompt", "chosen", "rejected")
SCORES = ("score_chosen", "score_rejected")
COLUMNS = (*TEXTS, *SCORES)
IDS = ("prompt_id", "pair_id")
BATCH_ROWS = 20_000
_SMALL_CHUNK = 500
REVERSED = ("raise", "keep", "swap", "drop")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Summary:
    """What a table of scored pairs holds.

    Attributes:
        n: pairs.
        prompts: distinct prompts.
        ties: pairs whose two scores are equal.
        identical: pairs whose two responses are the same text.
        reversed: pairs whose chosen response scores below its rejected one.
        multi_turn: pairs whose prompt holds more than one user turn.
        with_system: pairs whose prompt begins with a system turn.
        score_low, score_high: the extreme scores; NaN for an empty table.
    """

    n: int
    prompts: int
    ties: int
    identical: int
    reversed: int
    multi_turn: int
    with_system: int
    score_low: float
    score_high: float


def check(
    table: pa.Table,
    *,
    name: str = "<table>",
    bad: str = "raise",
    reversed_pairs: str = "raise",
    first_row: int = 1,
) -> pa.Table:
    """Validate scored pairs and return them in the canonical schema.

    Plain text becomes one turn. Where ``chosen`` and ``rejected`` hold whole conversations (TRL's implicit
    prompt), the last turn is the response and what comes before it is the prompt. Ties are legal.

    Args:
        table: columns as in the module's first lines.
        name: what an error calls the table: a file's path.
        bad: "raise", or "drop" the offending rows with a warning that counts them.
        reversed_pairs: what to do with a chosen response that scores below the rejected one: "raise", "keep" it
            as it is, "swap" the two sides, or "drop" the pair.
        first_row: number of the table's first row within ``name``.

    Raises:
        PairsError: (a ValueError) naming table, rows, columns, values and remedies, every kind of fault at once.

    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 2}
    >>> check(pa.Table.from_pylist([row]))["chosen"].to_pylist()
    [[{'role': 'assistant', 'content': '4'}]]
    """
    _option("bad", bad, ("raise", "drop"))
    _option("reversed_pairs", reversed_pairs, REVERSED)
    pieces: list[pa.RecordBatch] = []
    faults: list[Fault] = []
    done = 0
    for batch in batches(table):
        piece = _canonical(batch, name=name, row=first_row + done)
        found = rules.faults(piece, row=first_row + done)
        if reversed_pairs == "raise":
            found += rules.reversed_pairs(piece, row=first_row + done)
        rows = np.concatenate([fault.rows for fault in found]) if found else np.empty(0, np.int64)
        pieces.append(_without(piece, rows - first_row - done) if bad == "drop" else piece)
        faults += found
        done += len(batch)
    repeated = rules.repeated_ids(table, row=first_row)
    if repeated or (faults and bad == "raise"):
        raise PairsError(name, [*merged(faults), *repeated])
    for fault in merged(faults):
        _log.warning("%s: dropped %d rows: column %s: %s", name, len(fault.rows), fault.column, fault.problem)
    return _reversed(pa.Table.from_batches(pieces), reversed_pairs)


def rename(table: pa.Table, columns: Mapping[str, str], *, name: str = "<table>") -> pa.Table:
    """Give columns the schema's names. ``columns`` maps a name of the schema to what it is made of.

    A source is a column, ``max(column)`` or ``min(column)`` of a column of lists (every candidate's score).

    Raises:
        ValueError: a source is no column of the table.

    >>> rename(pa.table({"rm": [[1.0, 3.0]]}), {"score_chosen": "max(rm)"})["score_chosen"].to_pylist()
    [3.0]
    """
    made = {target: _source(table, source, name) for target, source in columns.items()}
    used = {source for source in columns.values() if source in table.column_names}
    kept = [column for column in table.column_names if column not in used and column not in made]
    return pa.table({**{column: table[column] for column in kept}, **made})


def with_ids(table: pa.Table, *, row: int = 1) -> pa.Table:
    """The table with a pair id in every row: ``row-<number>`` where it has none, counted from ``row``.

    >>> with_ids(pa.table({"a": [0, 0]}))["pair_id"].to_pylist()
    ['row-1', 'row-2']
    """
    if "pair_id" in table.column_names:
        return table
    numbers = pa.array(np.arange(row, row + len(table))).cast(pa.string())
    return table.append_column("pair_id", pc.binary_join_element_wise("row", numbers, "-"))


def summary(table: pa.Table) -> Summary:
    """Count what a checked table holds.

    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 9}
    >>> summary(check(pa.Table.from_pylist([row]))).ties
    1
    """
    identical, multi, system, keys = 0, 0, 0, set()
    for batch in batches(table):
        identical += int(messages.same(batch["chosen"], batch["rejected"]).sum())
        parts = messages.turns(batch["prompt"])
        has_system = _equals(parts.roles.take(pa.array(parts.starts)), "system")
        users = np.bincount(parts.row_of, weights=_equals(parts.roles, "user"), minlength=len(batch))
        multi, system = multi + int((users > 1).sum()), system + int(has_system.sum())
        keys |= set(prompt_keys(batch).to_pylist())
    chosen, rejected = (table[column].to_numpy() for column in SCORES)
    both = np.concatenate([chosen, rejected])
    return Summary(
        n=len(table),
        prompts=len(keys),
        ties=int((chosen == rejected).sum()),
        identical=identical,
        reversed=int((chosen < rejected).sum()),
        multi_turn=multi,
        with_system=system,
        score_low=float(both.min()) if len(both) else float("nan"),
        score_high=float(both.max()) if len(both) else float("nan"),
    )


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


def _canonical(batch: pa.RecordBatch, *, name: str, row: int) -> pa.RecordBatch:
    """Cast every known column, splitting whole conversations.

    Raises:
        PairsError: columns are missing or cannot be cast.
    """
    columns, faults = casting.cast(batch, row=row)
    if faults:
        raise PairsError(name, faults)
    order = [*COLUMNS, *(column for column in columns if column not in COLUMNS)]
    return pa.RecordBatch.from_arrays([columns[column] for column in order], names=order)


def _without(batch: pa.RecordBatch, rows: np.ndarray) -> pa.RecordBatch:
    keep = np.ones(len(batch), bool)
    keep[rows] = False
    return batch.filter(pa.array(keep))


def _reversed(table: pa.Table, rule: str) -> pa.Table:
    if rule not in ("swap", "drop"):
        return table
    wrong = pc.less(table["score_chosen"], table["score_rejected"])
    n = pc.sum(wrong).as_py() or 0
    if not n:
        return table
    _log.warning("chosen scores below rejected in %d of %d pairs: %s", n, len(table), rule)
    if rule == "drop":
        return table.filter(pc.invert(wrong))
    other = table.select(swapped(table.column_names)).rename_columns(table.column_names)
    index = np.arange(len(table)) + len(table) * wrong.to_numpy()
    return pa.concat_tables([table, other]).take(pa.array(index))


def _source(table: pa.Table, source: str, name: str) -> pa.ChunkedArray:
    found = re.fullmatch(r"(max|min)\((.+)\)", source)
    column = found[2] if found else source
    if column not in table.column_names:
        raise ValueError(f"{name} has no column {column!r}; it has {', '.join(table.column_names)}")
    if not found:
        return table[column]
    extreme = np.fmax if found[1] == "max" else np.fmin
    return pa.chunked_array([_extreme(chunk, extreme) for chunk in table[column].chunks], pa.float64())


def _extreme(lists: pa.ListArray, extreme: np.ufunc) -> pa.Array:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    values = lists.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)
    out = np.full(len(lists), np.nan)
    starts = np.cumsum(lengths) - lengths
    if len(values):
        out[lengths > 0] = extreme.reduceat(values, starts[lengths > 0])
    return pa.array(out)


def _equals(values: pa.Array, text: str) -> np.ndarray:
    return pc.fill_null(pc.equal(values, text), False).to_numpy(zero_copy_only=False)


def _option(name: str, value: str, legal: tuple[str, ...]) -> None:
    if value not in legal:
        raise ValueError(f"{name} is {value!r}; use one of {', '.join(legal)}")
