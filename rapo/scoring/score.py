"""Log-probabilities of a model over a preference data set: sums and token counts of both responses of every row.

Sums are in nats over the tokens of the response alone, its end-of-turn token included, as TRL sums them. What is
computed is kept in small pieces under a hash of what it was computed from (weights, adapters that are on, tokenizer,
chat template, token ids, max_length): an interrupted run continues, and a second run on the same rows computes nothing.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from rapo import paths
from rapo.config import canonical, content_hash
from rapo.models import loading
from rapo.pairs import schema
from rapo.pairs.door import Pairs, open_pairs
from rapo.scoring import binding, one_pass, processes, tokens
from rapo.scoring.cache import Store
from rapo.scoring.one_pass import COLUMNS, HASHES, Pass

PIECE_ROWS = 256
KEYS = ("row_id", *HASHES)  # columns that name what was scored


@dataclass(frozen=True)
class Scores:
    """Scores of every row, in the order of the rows.

    Attributes:
        table: ``row_id`` (a hash of prompt and responses, whatever the model), ``chosen_hash`` and ``rejected_hash``
            (of the tokens that were scored) and `COLUMNS`; with a reference those again with the prefix ``ref_``. A sum
            is null where the prompt alone fills ``max_length``, so that no token of the response could be scored.
        passes: what the model did, then the reference.
        plain: True where rows are plain strings, scored without a chat template.
        max_length: tokens of prompt and response together; what is longer is cut from its end and flagged.
        tokenizer: hash of tokenizer and chat template.
        template: hash of the chat template alone.
    """

    table: pa.Table
    passes: tuple[Pass, ...]
    plain: bool
    max_length: int | None
    tokenizer: str
    template: str

    def attach(self, table: pa.Table, *, start: int = 0) -> pa.Table:
        """Rows ``start`` (from 0) and following, with the score columns added; columns of these names are replaced.

        Raises:
            ValueError: the rows are not those that were scored.
        """
        mine, _ = self._of(table, start)
        return _with(table, {name: mine[name] for name in mine.column_names if name not in KEYS})

    def attach_trl(self, table: pa.Table, *, start: int = 0) -> pa.Table:
        """As `attach`, but with the columns that a trainer takes in place of a reference model.

        ``ref_chosen_logps`` and ``ref_rejected_logps`` are named as in TRL; ``ref_scored`` binds them to the row, the
        model, the tokenizer and max_length (`rapo.scoring.binding`). Prompt and responses are written as they were
        scored, and a pair without a ``pair_id`` gets one: ``row-`` and its number.

        Raises:
            ValueError: the rows are not those that were scored.
        """
        mine, texts = self._of(table, start)
        table = schema.with_ids(table, row=start + 1)
        sums = {name: mine[f"{side}_logprob_sum"] for name, side in zip(binding.LOGPS, tokens.PAIR, strict=True)}
        hashes = {side: mine[f"{side}_hash"].combine_chunks() for side in tokens.PAIR}
        record = binding.column(table["pair_id"].combine_chunks(), hashes, self.origin)
        return _with(table, {**{name: texts[name] for name in schema.TEXTS}, **sums, binding.RECORD: record})

    @property
    def origin(self) -> binding.Origin:
        """What the sums of the model (not the reference) depend on beside their rows."""
        first = self.passes[0]
        return binding.Origin(self.max_length or 0, self.template, self.tokenizer, first.dtype, first.weights)

    def _of(self, table: pa.Table, start: int) -> tuple[pa.Table, pa.Table]:
        """The scores of these rows, and the rows' texts."""
        mine, texts = self.table.slice(start, len(table)), tokens.texts(table)
        if tokens.row_ids(texts) != mine["row_id"].to_pylist():
            raise ValueError(
                f"rows {start + 1} to {start + len(table)} are not those that were scored; score the table as it is now"
            )
        return mine, texts

    def summary(self) -> dict[str, Any]:
        """What was done, as plain JSON."""
        cut = [name for name in self.table.column_names if name.endswith("_truncated")]
        totals = [name for name in self.table.column_names if name.endswith("_logprob_sum")]
        return {
            "rows": len(self.table),
            "format": "plain strings" if self.plain else "messages",
            "max_length": self.max_length,
            "truncated": {name: int(np.count_nonzero(self.table[name])) for name in cut},
            "nothing_to_score": {name: self.table[name].null_count for name in totals},
            "rows_hash": content_hash(canonical(self.table["row_id"].to_pylist())),
            "tokenizer_hash": self.tokenizer,
            "models": [asdict(one) for one in self.passes],
        }


def score(
    table: Any,
    model: Any,
    *,
    tokenizer: Any = None,
    reference: Any = None,
    adapter: str | Path | None = None,
    max_length: int | None = None,
    token_budget: int | None = None,
    dtype: str | None = None,
    device: str | None = None,
    cache: str | Path | bool = True,
    progress: bool | None = None,
    split: str | None = None,
    piece_rows: int = PIECE_ROWS,
) -> Scores:
    """Score every row of a preference data set with a causal LM, and with a reference model if one is given.

    No row is dropped: what is too long is cut as TRL cuts it, from the end, flagged and counted. Under
    `accelerate launch` the processes share the rows, and each returns the scores of all.

    Args:
        table: ``prompt``, ``chosen`` and ``rejected`` as messages or plain strings; no score columns are needed. A
            table, `rapo.pairs.door.Pairs`, or what `rapo.pairs.door.open_pairs` takes; files are never held.
        model: a folder, a hub's id, or a loaded model, which is put in evaluation mode.
        tokenizer: what tokenises for both models: an object or a name; the model's own by default. A loaded model
            needs it.
        reference: a second model of the same vocabulary, loaded when the first is done.
        adapter: folder or hub's id of a PEFT adapter, put on the model and not on the reference.
        max_length: tokens of prompt and response together; by default what both models can read.
        token_budget: tokens in a batch, padding included; by default 2048 on a CPU, 16384 on a GPU.
        dtype: "float32", "bfloat16", "float16", or "auto", the default: the checkpoint's. Probabilities are
            normalised in fp32 in any case.
        device: "cpu", "cuda"; by default a GPU if there is one.
        cache: True keeps what is computed in `cache_folder()`, a path elsewhere, False nowhere.
        progress: whether to show a bar; by default where a person watches.
        split: which split of a folder that holds several.
        piece_rows: rows computed and kept together: what an interruption can cost.

    Returns:
        Log-probability sums in nats and token counts of both responses of every row, under the model and the
        reference; ``attach(table)`` puts them beside the pairs. Shape of each column: (n_rows,)

    Raises:
        PairsError: (a ValueError) rows are malformed or a response is empty.
        ValueError: models, tokenizer and options do not fit each other; the message says what to do.
        FileNotFoundError: a file or folder is missing.
        OSError: a piece cannot be kept (a full disk); what was kept before stays.
    """
    name = "<table>" if isinstance(table, pa.Table) else table.name if isinstance(table, Pairs) else str(table)
    pieces = _pieces(table, split, piece_rows)
    n_rows, plain = _survey(pieces, name)
    models = [(model, adapter, "model"), *([(reference, None, "reference")] if reference is not None else [])]
    limit = _limit([source for source, *_ in models], max_length)
    words = loading.load_tokenizer(tokenizer, model)
    if not plain:
        tokens.check_template(words, name)
    if reference is not None:
        size = loading.config_of(model).get_text_config().vocab_size
        loading.check_same_vocabulary(words, reference, words=size)
    folder = cache_folder() if cache is True else Path(cache) if cache else None
    Store(folder).check_writable()
    key, process, done = loading.tokenizer_key(words), processes.current(), []
    with _bar(progress if process.is_main else False) as bar:
        task = bar.add_task("", total=n_rows * len(models) // process.count)
        job = one_pass.Job(pieces, name, words, key, limit, token_budget, folder, partial(bar.advance, task))
        for source, extra, what in models:
            bar.update(task, description=what)
            place = (device or process.device) if isinstance(source, str | Path) else device
            checkpoint = loading.load(source, adapter=extra, dtype=dtype, device=place, what=what)
            done.append(one_pass.run(job, checkpoint, process=process))
            del checkpoint  # the reference takes its place in memory
    both = _joined([part for part, _ in done], n_rows, name)
    return Scores(both, tuple(p for _, p in done), plain, limit, key, loading.template_key(words))


def sums(table: pa.Table, *, reference: bool = False) -> np.ndarray:
    """Sums of a scored table, or of its reference, as `rapo.training.train.train_dpo` takes them: chosen, rejected.

    Returns:
        Nats. Shape: (n_rows, 2)

    Raises:
        ValueError: columns are missing, or rows have no sum.

    >>> sums(pa.table({"chosen_logprob_sum": [-1.0], "rejected_logprob_sum": [-2.0]})).tolist()
    [[-1.0, -2.0]]
    """
    names = [f"{'ref_' if reference else ''}{side}_logprob_sum" for side in tokens.PAIR]
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise ValueError(f"the table has no column {' or '.join(missing)}; score it first (`rapo score`)")
    empty = sum(table[name].null_count for name in names)
    if empty:
        raise ValueError(
            f"{empty} responses have no log-probability (their prompt alone fills max_length); "
            "score again with a larger max_length, or drop these rows"
        )
    return np.stack([table[name].to_numpy() for name in names], axis=1)


def cache_folder() -> Path:
    """Where computed pieces are kept: beside the run directories."""
    return paths.runs().parent / "logprobs"


def _pieces(table: Any, split: str | None, rows: int) -> Callable[[], Iterator[pa.Table]]:
    """The rows in pieces, from the start at every call; one empty piece where there are none."""
    if not isinstance(table, pa.Table):
        pairs = table if isinstance(table, Pairs) else open_pairs(table, split=split, scored=None, lift=False)
        return lambda: pairs.batches(rows)
    if split is not None:
        raise ValueError(f"a table has no splits, but split={split!r} was asked for; leave split out")
    return lambda: (table.slice(start, rows) for start in range(0, max(len(table), 1), rows))


def _survey(pieces: Callable[[], Iterator[pa.Table]], name: str) -> tuple[int, bool]:
    """Check every row before any model is loaded: number of rows, and whether they are plain strings."""
    rows, plain = 0, False
    for piece in pieces():
        plain = tokens.is_plain(tokens.texts(piece, name=name, first_row=rows + 1).schema)
        rows += len(piece)
    return rows, plain


def _limit(models: list[Any], max_length: int | None) -> int | None:
    """Tokens of prompt and response together; a ValueError where more is asked for than a model can read."""
    contexts = [context for model in models if (context := loading.context(model)) is not None]
    most = min(contexts, default=None)
    if max_length is None:
        return most
    if max_length < 2 or (most is not None and max_length > most):
        raise ValueError(
            f"max_length is {max_length}; give 2 to {most or 'any number of'} tokens, the model's context"
        )
    return max_length


def _bar(shown: bool | None) -> Progress:
    """Rows done and time left, on stderr; None shows it where that is a terminal."""
    return Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), "rows", TimeElapsedColumn(), "left",
        TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        disable=not (sys.stderr.isatty() if shown is None else shown),
    )  # fmt: skip


def _with(table: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    """The table with columns added; those of the same name are replaced where they stand."""
    for name, column in columns.items():
        at = table.column_names.index(name) if name in table.column_names else None
        table = table.append_column(name, column) if at is None else table.set_column(at, name, column)
    return table


def _joined(parts: list[pa.Table], n_rows: int, name: str) -> pa.Table:
    """Columns of the model and of its reference side by side, once both have seen the same rows."""
    if any(len(part) != n_rows or part["row_id"] != parts[0]["row_id"] for part in parts):
        raise ValueError(f"{name} changed while it was scored; run again, what is the same is kept")
    named = {column: parts[0][column] for column in KEYS}
    for prefix, part in zip(("", "ref_"), parts, strict=False):
        named |= {prefix + column: part[column] for column in COLUMNS}
    return pa.table(named)
