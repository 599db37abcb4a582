"""Reward-augmented data (Sec. 4 of arXiv:2410.08067): every scored pair becomes two goal-conditioned pairs.

With the goal-conditioned reward R(x, y, g) = -(g - r(x, y))^2, the goal g = r_chosen keeps the order and the goal
g = r_rejected reverses it: at its own score each response is the better one. N pairs become 2N rows.

Responses are never edited: both rows point at the buffers of the input. Only prompts are written anew.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import gettempdir

import pyarrow as pa
import pyarrow.compute as pc

from rapo import atomic
from rapo.pairs import files, targets, writing
from rapo.pairs.check import check
from rapo.pairs.door import Pairs, open_pairs
from rapo.pairs.partners import refuse_unlike
from rapo.pairs.schema import batches, with_ids
from rapo.relabelling.goals import OVERALL, GoalTemplate
from rapo.relabelling.rows import (
    Scheme,
    Tally,
    in_lower_half,
    ready,
    refuse_other_scale,
    refuse_relabelled,
    rows_of,
    survey,
)
from rapo.stats.arrays import expect_table

__all__ = ["Scheme", "Tally", "relabel", "relabel_file"]
IMPLICIT = ("implicit_chosen", "implicit_rejected")
_log = logging.getLogger(__name__)


def relabel(
    table: pa.Table,
    *,
    placement: str = "system",
    template: GoalTemplate = OVERALL,
    goal: str = "score",
    half: bool = False,
    ties: str = "drop",
    seed: int = 0,
    levels: int = 10,
    official_fault: str | None = None,
    reversed_pairs: str = "raise",
    name: str = "<table>",
) -> pa.Table:
    """Relabel scored pairs: rows for TRL, in its explicit-prompt conversational format.

    Rows come in blocks (one, up to 20,000 pairs): first the rows under the chosen response's goals, then those
    under the rejected one's, each in the order of the input. Shuffle before training, as trainers do by default.

    Args:
        table: scored pairs, as `rapo.read_pairs` returns them: ``prompt``, ``chosen``, ``rejected``,
            ``score_chosen``, ``score_rejected``.
        placement: where the goal goes: "system", a system turn, or "prefix", in front of the first user turn.
        template: how the goal is worded (`rapo.relabelling.goals`).
        goal: "score": the overall score. "attributes": all attribute scores at once, those of the response that
            the row prefers. "implicit": implicit rewards, from ``implicit_chosen`` and ``implicit_rejected``,
            mapped to the template's scale by their quantile over both columns (`goals.quantile_goals`).
        half: keep half of the prompts (rounded up) among those with a pair that is no tie, and both rows of each
            of their pairs: about as many rows as there were pairs. Which half depends on the seed and on each
            prompt's id (its text, where it has none), never on the order of the rows.
        ties: a tie is a pair whose two goals read the same, so that its rows would contradict each other:
            "drop" it, "keep" both rows (as the official script does), or "raise".
        seed: of the half.
        levels: classes of an implicit goal.
        official_fault: "nosys_unswapped" repeats a fault of the official script, for parity (an ablation; never
            train on it): rows whose goal is the rejected response's score keep the order of the pair.
        reversed_pairs: a chosen response that scores below the rejected one: "raise", "keep", "swap" or "drop".
        name: what an error calls the table.

    Returns:
        ``prompt`` (with its goal), ``chosen``, ``rejected``, ``goal`` (a double; a struct for attributes),
        ``goal_source`` ("chosen" or "rejected": whose score the goal is, in the input), ``pair_id`` ("row-1" and
        so on where the input has none), and every further column; those that belong to a response change places
        with it. Log-probabilities are left out: they do not hold for a prompt with a goal.

    Raises:
        PairsError: the table breaks the schema.
        ValueError: columns for the goal are missing, or ties="raise" meets one.
        TypeError: it is no table.

    >>> from rapo.relabelling.goals import COMPACT
    >>> pair = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 2}
    >>> for row in relabel(pa.Table.from_pylist([pair]), template=COMPACT).to_pylist():
    ...     print(row["prompt"][0]["content"], "->", row["chosen"][0]["content"])
    overall score : 9 . -> 4
    overall score : 2 . -> 5
    """
    scheme = Scheme(placement, template, goal, half, ties, seed, levels, official_fault)
    expect_table(table, "rapo.relabel")
    refuse_relabelled(table.column_names, name=name)
    checked = check(with_ids(table), name=name, reversed_pairs=reversed_pairs)
    made = list(_stream(lambda: [checked], scheme, name))
    total = sum((tally for _, tally in made), Tally())
    _warn_of_scale(total, scheme, name)
    if in_lower_half(total, scheme):
        low, top, high = map(template.show, (template.low, total.high, template.high))
        told = "%s: no score is above %s, but the goal's text says that the scale is %s to %s; set the template's high"
        _log.warning(told, name, top, low, high)
    return pa.concat_tables(rows for rows, _ in made)


def relabel_file(
    source: str | Path | Pairs,
    target: str | Path,
    scheme: Scheme = Scheme(),  # noqa: B008 - frozen, so one for all calls is safe
    *,
    batch_rows: int = files.BATCH_ROWS,
    check_scale: bool = True,
    bad: str = "raise",
    overwrite: bool = False,
    shard_rows: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Tally:
    """Relabel a file into another, whole or not at all, in memory bounded by the batch.

    The file is read and checked once; JSON lines are read once more, to find their schema. Where the whole must be
    known first (the half and implicit goals, which hold their scores and 8 bytes a pair), the checked pairs wait in a
    temporary folder beside ``target``. Rows come in a block a batch.

    Args:
        source: a file, a folder or a hub's id; or what `rapo.pairs.door.open_pairs` made of one, told how to read it.
        target: a file as `rapo.pairs.files` knows them.
        scheme: how to relabel.
        batch_rows: pairs in memory at a time.
        check_scale: refuse scores that are not on the scale that the goal's text shows.
        bad: pairs without both implicit rewards, where the goals are made of these: "raise", or "drop" them.
        overwrite, shard_rows: see `rapo.pairs.writing.write`.
        progress: told, batch by batch, how many more pairs are done.

    Returns:
        What was done.

    Raises:
        FileNotFoundError: ``source`` is missing.
        FileExistsError: ``target`` is there and must not be replaced.
        ValueError: the file breaks the schema, every pair is a tie, or as `relabel` says.
    """
    if batch_rows < 1:
        raise ValueError(f"batch_rows is {batch_rows}; need at least 1")
    places = [source] if isinstance(source, str | Path) else []
    targets.check_target(target, *places, overwrite=overwrite, shard_rows=shard_rows)
    pairs = source if isinstance(source, Pairs) else open_pairs(source)
    refuse_relabelled(pairs.columns(), name=pairs.name)
    tallies: list[Tally] = []
    rewarded = scheme.goal == "implicit" and bad == "drop"

    def made() -> Iterator[pa.Table]:
        with (
            _kept(_exchangeable(pairs, batch_rows, rewarded), Path(target), batch_rows)
            if scheme.needs_whole
            else nullcontext(partial(_exchangeable, pairs, batch_rows))
        ) as tables:
            for rows, tally in _stream(tables, scheme, pairs.name):
                tallies.append(tally)
                if progress:
                    progress(tally.pairs)
                yield rows
        if check_scale:
            refuse_other_scale(sum(tallies, Tally()), scheme, name=pairs.name)
        _warn_of_scale(sum(tallies, Tally()), scheme, pairs.name)
        if rewarded and not any(tally.pairs for tally in tallies):
            raise ValueError(
                f"{pairs.name}: no pair has both implicit rewards; score them with a larger --max-length"
            )
        if not any(tally.rows for tally in tallies):
            raise ValueError(f"{pairs.name}: no row is left: every pair is a tie; keep them with --ties keep")

    writing.write(made(), target, overwrite=overwrite, shard_rows=shard_rows)
    return sum(tallies, Tally())


def _exchangeable(pairs: Pairs, rows: int, rewarded: bool = False) -> Iterator[pa.Table]:
    """Batches whose columns of both responses can change places; of ``rewarded`` pairs alone, where that is asked."""
    for batch in pairs.batches(rows):
        refuse_unlike(batch.schema, name=pairs.name)
        for name in [name for name in IMPLICIT if rewarded and name in batch.column_names]:
            batch = batch.filter(pc.fill_null(pc.is_finite(batch[name].cast(pa.float64())), False))
        yield batch


@contextmanager
def _kept(tables: Iterable[pa.Table], target: Path, rows: int) -> Iterator[Callable[[], Iterable[pa.Table]]]:
    """Tables that are made once and can be had again, in a temporary folder beside ``target``."""
    beside = Path(gettempdir()) / "rapo" if targets.kind(target) == "stdout" else target
    beside.parent.mkdir(parents=True, exist_ok=True)
    with atomic.claimed(beside) as folder:
        folder.mkdir()
        writing.write(tables, folder / "pairs")
        yield lambda: (table.combine_chunks() for table in files.batches(folder / "pairs", rows=rows))


def _stream(
    tables: Callable[[], Iterable[pa.Table]], scheme: Scheme, name: str
) -> Iterator[tuple[pa.Table, Tally]]:
    """Survey the whole where the scheme needs it, then relabel batch by batch. ``tables()`` starts anew."""

    def usable() -> Iterator[pa.RecordBatch]:
        for table in tables():
            for batch in batches(table):
                yield ready(batch, scheme, name=name)

    whole = survey(usable(), scheme)
    total = Tally()
    for batch in usable():
        rows, tally = rows_of(batch, scheme, whole)
        total += tally
        yield rows, tally
    _log.info("%s: %d pairs, %d ties (%s), %d rows", name, total.pairs, total.ties, scheme.ties, total.rows)


def _warn_of_scale(total: Tally, scheme: Scheme, name: str) -> None:
    """Tell of goals outside the scale that their text shows."""
    if total.off_scale:
        low, high = (scheme.template.show(end) for end in (scheme.template.low, scheme.template.high))
        _log.warning(
            "%s: %d of %d rows have a goal outside the scale %s-%s that the goal's text shows; set the template's "
            "low and high",
            name, total.off_scale, total.rows, low, high,
        )  # fmt: skip
