"""The audit: every lens over every batch, once; then the rows that show what was found."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rapo.inspection import examples
from rapo.inspection.batch import Batch, Keys, Lens
from rapo.inspection.contamination import SIZE, Contamination, read_items
from rapo.inspection.finding import GROUPS
from rapo.inspection.lengths import Lengths
from rapo.inspection.minhash import Index
from rapo.inspection.near import THRESHOLD, Near
from rapo.inspection.policy import Policy
from rapo.inspection.premises import Thresholds
from rapo.inspection.preview import ROWS, Preview
from rapo.inspection.repeats import Repeats
from rapo.inspection.report import Report
from rapo.inspection.scores import Scores
from rapo.inspection.turns import Turns
from rapo.pairs import schema
from rapo.pairs.door import Pairs, open_pairs

BATCH_ROWS = 4_000


def audit(
    source: Any,
    *,
    columns: dict[str, str] | None = None,
    split: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    unreadable: str = "raise",
    benchmarks: Sequence[str | Path] = (),
    benchmark_column: str | None = None,
    ngram: int = SIZE,
    similarity: float = THRESHOLD,
    good: float | None = None,
    bad: float | None = None,
    best: float | None = None,
    tokenizer: Any = None,
    max_length: int | None = None,
    preview_rows: int = ROWS,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """What is wrong with preference data for direct alignment; docs/audit.md says what each finding means.

    Bad rows are findings, not errors. Memory holds a batch and some numbers a row, never the texts.

    Args:
        source: a file, or data in memory, as `rapo.read_pairs` takes it. Pairs may have no scores.
        columns, split, revision, streaming: as `rapo.read_pairs` takes them.
        unreadable: "raise" for rows that cannot be read at all, or "drop" them with a warning.
        benchmarks: files whose questions should not be in the data.
        benchmark_column: the column with the questions, where it is not found by its name.
        ngram: how many consecutive words are looked for.
        similarity: of near-duplicates: Jaccard's, of the sets of three consecutive words.
        good, bad, best: a rejected response is good from this score on, a chosen one bad up to it, a response the
            best from it on; by default read off the scale.
        tokenizer: a tokenizer, its folder, or its name on a hub: for the training preview and lengths in tokens.
        max_length: tokens of prompt and response in training.
        preview_rows: how many rows the preview tokenises; 0 for all.
        progress: called with the number of pairs of each batch.

    Returns:
        Findings, each with a level, a count, an interval, examples and advice.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: columns are missing, or an option is out of range.

    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "4", "score_chosen": 9, "score_rejected": 2}
    >>> audit([row]).finding("identical-responses").level
    'serious'
    """
    _check(ngram, similarity, max_length, preview_rows)
    data = open_pairs(
        source,
        columns=columns,
        split=split,
        revision=revision,
        streaming=streaming,
        bad=unreadable,
        scored=None,
    )
    keys, name = Keys(), _typed(source)
    with Index() as prompts, Index() as responses:
        lenses: list[Lens] = [
            Scores(thresholds=Thresholds(good, bad, best), source=name),
            Lengths(),
            Repeats(keys, source=name),
            Near(keys, prompts, responses, threshold=similarity, source=name),
            *(
                Contamination(read_items(path, column=benchmark_column), name=Path(path).name, size=ngram)
                for path in benchmarks
            ),
            Turns(source=name),
            Policy(source=name),
        ]
        if tokenizer is not None:
            from rapo.models.loading import load_tokenizer

            loaded = load_tokenizer(tokenizer, None)
            lenses.append(Preview(loaded, max_length=max_length, rows=preview_rows, source=name))
        n = _look(_batches(data), keys, lenses, progress)
        found = [one for lens in lenses for one in lens.finish()]
    pictures = [picture for lens in lenses for picture in lens.pictures()]
    order = list(GROUPS)
    settings = {
        "benchmarks": [str(path) for path in benchmarks],
        "ngram": ngram,
        "similarity": similarity,
        "good": good,
        "bad": bad,
        "best": best,
        "tokenizer": getattr(tokenizer, "name_or_path", tokenizer),
        "max_length": max_length,
        "preview_rows": preview_rows,
    }
    return Report(
        source=data.name,
        n=n,
        findings=tuple(sorted(examples.shown(found, _batches(data)), key=lambda one: order.index(one.group))),
        pictures=tuple(pictures),
        settings=settings,
    )


def _batches(pairs: Pairs) -> Iterator[Batch]:
    """All rows, bad ones with what is wrong beside them; can be asked for again."""
    start = 0
    for look in pairs.looks(BATCH_ROWS):
        at = 0
        for piece in schema.batches(look.table, rows=2 * BATCH_ROWS):
            inside = [
                replace(fault, rows=fault.rows[(fault.rows >= at) & (fault.rows < at + len(piece))] + start)
                for fault in look.faults
            ]
            numbers = look.rows[at : at + len(piece)]
            yield Batch(piece, start + at, tuple(inside), name=look.name, rows=numbers, plain=pairs.plain)
            at += len(piece)
        start += at


def _look(
    batches: Iterator[Batch], keys: Keys, lenses: Sequence[Lens], progress: Callable[[int], None] | None
) -> int:
    """Show every batch to every lens; how many pairs there are."""
    n = 0
    for batch in batches:
        keys.update(batch)
        for lens in lenses:
            lens.update(batch)
        n += len(batch)
        if progress:
            progress(len(batch))
    return n


def _check(ngram: int, similarity: float, max_length: int | None, preview_rows: int) -> None:
    wrong = {
        f"ngram is {ngram}; use 3 or more": ngram < 3,
        f"similarity is {similarity}; use a number above 0, up to 1": not 0 < similarity <= 1,
        f"max_length is {max_length}; use 1 or more": max_length is not None and max_length < 1,
        f"preview_rows is {preview_rows}; use 0 for all rows, or more": preview_rows < 0,
    }
    if told := [text for text, is_wrong in wrong.items() if is_wrong]:
        raise ValueError("; ".join(told))


def _typed(source: Any) -> str:
    """How the data are named on the command line; IN stands for data in memory."""
    return shlex.quote(str(source)) if isinstance(source, str | Path) else "IN"
