"""One pass of one model over the rows of a data set, piece by piece: look up, else compute and keep."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.config import canonical, content_hash
from rapo.models import loading
from rapo.scoring import sequences, tokens
from rapo.scoring.bars import Bar
from rapo.scoring.cache import Columns, Store
from rapo.scoring.lm_head import LogProbs, logprobs_of
from rapo.scoring.processes import Processes

SIDES = ("chosen", "rejected")
TYPES = {"logprob_sum": pa.float64(), "tokens": pa.int64(), "truncated": pa.bool_()}
COLUMNS = (
    *(f"{side}_{what}" for side in SIDES for what in ("logprob_sum", "tokens")),
    *(f"{side}_truncated" for side in SIDES),
)
_SCHEMA = pa.schema([("row_id", pa.string()), *((name, TYPES[name.split("_", 1)[1]]) for name in COLUMNS)])


@dataclass(frozen=True)
class Job:
    """What the model and its reference have in common.

    Attributes:
        pieces: starts the rows anew, in pieces of consecutive rows.
        name: what an error calls the rows.
        tokenizer: for both models.
        tokenizer_key: its hash.
        max_length: tokens of prompt and response together; None cuts nothing.
        token_budget: tokens in a batch; None chooses by device.
        cache: folder of kept pieces; None keeps nothing.
    """

    pieces: Callable[[], Iterator[pa.Table]]
    name: str
    tokenizer: Any
    tokenizer_key: str
    max_length: int | None
    token_budget: int | None
    cache: Path | None


@dataclass(frozen=True)
class Pass:
    """What one model did, over all processes.

    Attributes:
        model: its folder, hub id or class.
        weights: hash of weights, precision and configuration.
        dtype, device: how and where it computed.
        tokens_read, tokens_scored: tokens of the sequences computed now, and of those the responses' own.
        pieces_computed, pieces_reused, pieces_damaged: what became of the pieces.
        seconds: wall-clock time of the slowest process, loading left out.
        tokens_per_second: tokens read a second; None where nothing was computed.
    """

    model: str
    weights: str
    dtype: str
    device: str
    tokens_read: int
    tokens_scored: int
    pieces_computed: int
    pieces_reused: int
    pieces_damaged: int
    seconds: float
    tokens_per_second: float | None


@dataclass
class _Count:
    read: int = 0
    scored: int = 0


def run(job: Job, checkpoint: loading.Checkpoint, *, process: Processes, bar: Bar) -> tuple[pa.Table, Pass]:
    """Score every row with one model; processes share the pieces and each returns all rows.

    Returns:
        ``row_id`` and `COLUMNS`, in the order of the rows; and what was done.
    """
    store = Store(job.cache / checkpoint.key if job.cache else None)
    count = _Count()
    score = _scorer(job, checkpoint, count, bar)
    started = time.monotonic()
    parts = {}
    first_row = 1
    for number, piece in enumerate(job.pieces()):
        if process.mine(number):
            parts[number] = _piece(job, piece, first_row, store, score, bar)
        first_row += len(piece)
    seconds = time.monotonic() - started
    gathered = process.gather((parts, count, store.reused, store.written, store.damaged, seconds))
    everything = {number: part for theirs, *_ in gathered for number, part in theirs.items()}
    table = pa.concat_tables(everything[number] for number in sorted(everything))
    read, slowest = sum(entry[1].read for entry in gathered), max(entry[5] for entry in gathered)
    return table, Pass(
        model=checkpoint.name,
        weights=checkpoint.key,
        dtype=checkpoint.dtype,
        device=checkpoint.device,
        tokens_read=read,
        tokens_scored=sum(entry[1].scored for entry in gathered),
        pieces_computed=sum(entry[3] for entry in gathered),
        pieces_reused=sum(entry[2] for entry in gathered),
        pieces_damaged=sum(entry[4] for entry in gathered),
        seconds=slowest,
        tokens_per_second=read / slowest if read and slowest else None,
    )


def _piece(
    job: Job, piece: pa.Table, first_row: int, store: Store, score: Callable[[tokens.Encoded], Columns], bar: Bar
) -> pa.Table:
    """Columns of one piece, found or computed."""
    texts = tokens.texts(piece, name=job.name, first_row=first_row)
    ids = tokens.row_ids(texts)
    encoded = tokens.encode(texts, job.tokenizer, name=job.name, first_row=first_row)
    key = piece_key(encoded, job)
    columns = store.read(key, ids)
    if columns is None:
        columns = score(encoded)
        store.write(key, ids, columns)
    else:
        bar.advance(len(ids))
    return pa.table({"row_id": ids, **columns}, schema=_SCHEMA)


def piece_key(encoded: tokens.Encoded, job: Job) -> str:
    """Hash of everything but the model that a piece's scores depend on."""
    ids = canonical([encoded.prompt, encoded.chosen, encoded.rejected])
    return content_hash(job.tokenizer_key, canonical(job.max_length), ids)


def _scorer(
    job: Job, checkpoint: loading.Checkpoint, count: _Count, bar: Bar
) -> Callable[[tokens.Encoded], Columns]:
    """A function that scores a piece; the model's head is looked at when it is first called."""
    head: list[LogProbs] = []
    on_gpu = checkpoint.device.startswith("cuda")
    budget = job.token_budget or (sequences.CUDA_BUDGET if on_gpu else sequences.CPU_BUDGET)

    def score(encoded: tokens.Encoded) -> Columns:
        if not head:
            head.append(logprobs_of(checkpoint.model))
        sides = [encoded.completions(side, max_length=job.max_length) for side in SIDES]
        both = [completion for completions, _ in sides for completion in completions]
        sums = sequences.logprob_sums(
            checkpoint.model, head[0], both, budget=budget, tick=lambda done: bar.advance(done / len(SIDES))
        )
        count.read += sum(len(completion.ids) for completion in both if completion.tokens)
        count.scored += sum(completion.tokens for completion in both)
        columns: Columns = {}
        for side, (completions, cut), values in zip(SIDES, sides, np.split(sums, len(SIDES)), strict=True):
            columns[f"{side}_logprob_sum"] = [None if np.isnan(value) else value for value in values.tolist()]
            columns[f"{side}_tokens"] = [completion.tokens for completion in completions]
            columns[f"{side}_truncated"] = cut
        return columns

    return score
