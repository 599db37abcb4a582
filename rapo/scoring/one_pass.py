"""One pass of one model over the rows of a data set, piece by piece: look up, else compute and keep."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.config import canonical, content_hash
from rapo.models.loading import Checkpoint
from rapo.scoring import binding, sequences, tokens
from rapo.scoring.cache import Columns, Store
from rapo.scoring.lm_head import LogProbs, logprobs_of
from rapo.scoring.processes import Processes
from rapo.scoring.tokens import PAIR

TYPES = {"logprob_sum": pa.float64(), "tokens": pa.int64(), "truncated": pa.bool_()}
COLUMNS = (
    *(f"{side}_{what}" for side in PAIR for what in ("logprob_sum", "tokens")),
    *(f"{side}_truncated" for side in PAIR),
)
COUNTED = ("tokens_read", "tokens_scored", "pieces_computed", "pieces_reused", "pieces_damaged")
HASHES = tuple(f"{side}_hash" for side in PAIR)  # of the tokens that were scored
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("row_id", *HASHES)),
        *((name, TYPES[name.split("_", 1)[1]]) for name in COLUMNS),
    ]
)


@dataclass(frozen=True)
class Job:
    """What the model and its reference have in common."""

    pieces: Callable[[], Iterator[pa.Table]]  # starts the rows anew, in pieces of consecutive rows
    name: str  # what an error calls the rows
    tokenizer: Any
    tokenizer_key: str
    max_length: int | None
    token_budget: int | None  # None chooses by device
    cache: Path | None
    tick: Callable[[float], object]  # told of rows that are done


@dataclass(frozen=True)
class Pass:
    """What one model did, over all processes.

    Attributes:
        model: its folder, hub id or class.
        weights: hash of weights, precision and configuration.
        tokens_read, tokens_scored: tokens of the sequences computed now, and of those the responses' own.
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


def run(job: Job, checkpoint: Checkpoint, *, process: Processes) -> tuple[pa.Table, Pass]:
    """Score every row with one model: ``row_id`` and `COLUMNS`, the same in every process; and what was done."""
    scorer, started = _Scorer(job, checkpoint), time.monotonic()
    parts, first_row = {}, 1
    for number, piece in enumerate(job.pieces()):
        if process.mine(number):
            parts[number] = scorer.columns(piece, first_row)
        first_row += len(piece)
    gathered = process.gather((parts, scorer.counts, time.monotonic() - started))
    everything = {number: part for theirs, *_ in gathered for number, part in theirs.items()}
    counts = sum((counts for _, counts, _ in gathered), Counter[str]())
    slowest = max(seconds for *_, seconds in gathered)
    done = Pass(
        model=checkpoint.name,
        weights=checkpoint.key,
        dtype=checkpoint.dtype,
        device=checkpoint.device,
        **{name: counts[name] for name in COUNTED},
        seconds=slowest,
        tokens_per_second=counts["tokens_read"] / slowest if counts["tokens_read"] and slowest else None,
    )
    return pa.concat_tables(everything[number] for number in sorted(everything)), done


@dataclass
class _Scorer:
    """Scores pieces with one model, and counts tokens and pieces."""

    job: Job
    checkpoint: Checkpoint
    counts: Counter[str] = field(default_factory=Counter)

    @cached_property
    def store(self) -> Store:
        return Store(self.job.cache / self.checkpoint.state if self.job.cache else None, self.counts)

    @cached_property
    def head(self) -> LogProbs:
        """The model's head, looked at when there is something to compute."""
        return logprobs_of(self.checkpoint.model)

    def columns(self, piece: pa.Table, first_row: int) -> pa.Table:
        """Columns of one piece, found or computed."""
        texts = tokens.texts(piece, name=self.job.name, first_row=first_row)
        names = tokens.row_ids(texts)
        ids = tokens.tokenise(self.job.tokenizer, texts.to_pylist(), name=self.job.name, first_row=first_row)
        # Everything but the model that the scores depend on.
        key = content_hash(self.job.tokenizer_key, canonical(self.job.max_length), canonical(list(ids.values())))
        columns = self.store.read(key, names)
        if columns is None:
            columns = self.computed(ids)
            self.store.write(key, names, columns)
        else:
            self.job.tick(len(names))
        hashes = [binding.hashes(ids, side, max_length=self.job.max_length) for side in PAIR]
        return pa.table({"row_id": names, **dict(zip(HASHES, hashes, strict=True)), **columns}, schema=_SCHEMA)

    def computed(self, ids: tokens.Ids) -> Columns:
        budget = self.job.token_budget or sequences.budget_of(self.checkpoint.device)
        sides = [tokens.completions(ids, side, max_length=self.job.max_length) for side in PAIR]
        both = [completion for completions, _ in sides for completion in completions]
        sums = sequences.logprob_sums(
            self.checkpoint.model, self.head, both, budget=budget, tick=lambda n: self.job.tick(n / len(PAIR))
        )
        self.counts["tokens_read"] += sum(len(completion.ids) for completion in both if completion.tokens)
        self.counts["tokens_scored"] += sum(completion.tokens for completion in both)
        columns: Columns = {}
        for side, (completions, cut), values in zip(PAIR, sides, np.split(sums, len(PAIR)), strict=True):
            columns[f"{side}_logprob_sum"] = [None if np.isnan(value) else value for value in values.tolist()]
            columns[f"{side}_tokens"] = [completion.tokens for completion in completions]
            columns[f"{side}_truncated"] = cut
        return columns
