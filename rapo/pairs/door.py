"""The one way in: pairs from whatever a person has, recognised, checked, and read in bounded memory.

Every command and function that reads pairs reads them here.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import columns as naming
from rapo.pairs import messages, openings, partners, raw, schema, sift, toolcalls
from rapo.pairs.candidates import Pairing, not_excluded
from rapo.pairs.check import check_options, examine, passed
from rapo.pairs.faults import Fault, PairsError, several, short
from rapo.pairs.files import BATCH_ROWS
from rapo.pairs.layouts.layout import Layout, Made
from rapo.pairs.layouts.registry import PAIRS, recognise
from rapo.pairs.tally import Counts, Ids

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """How pairs are read: the options of `open_pairs`."""

    columns: Mapping[str, str] = field(default_factory=dict)
    bad: str = "raise"
    reversed_pairs: str = "raise"
    pairing: Pairing = field(default_factory=Pairing)
    scored: bool | None = True
    layout: str | None = None
    lift: bool = True


def open_pairs(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    bad: str = "raise",
    reversed_pairs: str = "raise",
    pairing: Pairing = Pairing(),  # noqa: B008 - frozen, so one for all calls is safe
    scored: bool | None = True,
    layout: str | None = None,
    lift: bool = True,
    name: str = "<table>",
) -> "Pairs":
    """Open preference data of any known shape as checked pairs. Nothing is read yet but what is piped in.

    Args:
        source: a file, a list of files, a folder or a pattern of shards, "-" for standard input, "owner/name" or
            "hf://owner/name" on a hub, an Arrow table, a DataFrame, what `datasets.load_dataset` returns (a data set,
            streamed or not, or several splits of one), or a list of rows.
        columns, split, revision, bad, reversed_pairs, pairing: as `rapo.pairs.sources.read_pairs` takes them.
        streaming: read a data set on a hub as it comes, without a copy on the disk.
        scored: False asks for prompt and responses alone; None checks scores where there are some, and does to reversed
            pairs what it is told to, but does not refuse them.
        layout: the layout's name (`rapo.pairs.layouts.registry`), where it shall not be found out.
        lift: False leaves texts as they are where prompt and responses are plain strings in every row.
        name: what errors call data in memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an option is unknown, or the name says nothing known.
        TypeError: ``source`` is of no known kind.

    >>> row = {"instruction": "2 + 2 ?", "chosen": "4", "rejected": "5", "chosen_score": 9, "rejected_score": 2}
    >>> open_pairs([row]).read()["score_chosen"].to_pylist()
    [9.0]
    """
    check_options(bad, reversed_pairs)
    if bad == "drop":
        pairing = replace(pairing, bad="drop")
    reading = Reading(dict(columns or {}), bad, reversed_pairs, pairing, scored, layout, lift)
    found = raw.opened(source, split=split, revision=revision, streaming=streaming, name=name, drop=bad == "drop")
    return Pairs(found, reading)


class Look(NamedTuple):
    """Some pairs, bad ones among them, and what is wrong with them.

    Attributes:
        table: in the schema, as far as the rows keep to it.
        faults: their rows are places in ``table``, from 0; those of completions that no pair was made of have none.
        name: of the file.
        rows: the number of the row that each pair comes from, in that file. Shape: (n_pairs,)
    """

    table: pa.Table
    faults: list[Fault]
    name: str
    rows: np.ndarray


class Pairs:
    """Pairs that can be read, in batches or whole, as often as wanted.

    Attributes:
        name: what errors and reports call them.
        told: what was found out and done, one line each; whole after the first full pass.
        counts: of the last full pass.
        plain: whether prompt and responses are plain strings in the source, as the first batch shows.
    """

    def __init__(self, source: raw.Raw, reading: Reading) -> None:
        self.name = source.name
        self.told: list[str] = []
        self.counts = Counts()
        self.plain = False
        self._raw, self._reading = source, reading
        self._layout: Layout | None = None
        self._tell(*source.told)

    def columns(self) -> list[str]:
        """Names of the columns as the source has them. Raises ValueError where it cannot be read."""
        return next(self._raw.pieces(BATCH_ROWS)).table.column_names

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
        """Checked pairs in the schema of `rapo.pairs.schema`, with ``pair_id``; one schema over all batches.

        Args:
            rows: read at a time; where rows hold candidates, a batch may have more pairs.

        Raises:
            PairsError: (a ValueError) rows break the schema; they are named with column, value and remedy.
            ValueError: the data cannot be read, or hold no row.
        """
        counts, ids = Counts(), Ids()
        for piece, made in self._converted(rows):
            ids.add(_names(made.table))
            yield self._checked(piece, made, counts)
        if (place := ids.repeated()) is not None:
            raise PairsError(self.name, [self._repeated(place)])
        self._close(counts)

    def record(self) -> dict[str, int]:
        """What the last full pass dropped, swapped or left out, for the record of a product: kind -> how many."""
        unread = {"lines_dropped": len(self._raw.skipped)} if self._raw.skipped else {}
        return {**unread, **self.counts.record(self._reading.reversed_pairs)}

    def looks(self, rows: int = BATCH_ROWS) -> Iterator[Look]:
        """All pairs with all their faults, for whoever reports on them; no row is refused or left out.

        Raises:
            PairsError: (a ValueError) columns are missing or of a wrong type.
            ValueError: the data cannot be read.
        """
        counts = Counts()
        for piece, made in self._converted(rows):
            counts.left_out.update(made.left_out)
            counts.blame(made.faults)
            scored = _has_scores(made.table) if self._reading.scored is None else bool(self._reading.scored)
            found = examine(made.table, name=piece.name, reversed_pairs="keep", scored=scored, first_row=piece.row)
            of_completions = [replace(fault, rows=np.empty(0, np.int64)) for fault in made.faults]
            of_pairs = [replace(fault, rows=fault.rows - piece.row) for fault in found.faults]
            table = self._opened(found.table)
            numbers = piece.row + (np.arange(len(table)) if made.rows is None else made.rows)
            yield Look(table, [*of_completions, *of_pairs], piece.name, numbers)
        self._tell_left_out(counts)

    def read(self) -> pa.Table:
        """All pairs as one table. Raises what `batches` raises. Shape: (n_pairs, n_columns)"""
        table = pa.concat_tables(self.batches(schema.BATCH_ROWS))
        whole = self._reading.scored and self._reading.reversed_pairs != "keep"
        return passed(table) if whole else table

    def _converted(self, rows: int) -> Iterator[tuple[raw.Piece, Made]]:
        """Pieces, and the pairs made of each."""
        before = 0
        for piece in self._pieces(rows):
            yield piece, self._made(piece, before)
            before += len(piece.table)

    def _made(self, piece: raw.Piece, before: int) -> Made:
        """A piece with the schema's names, by its layout, which the first piece shows; ``before`` it so many rows."""
        if not piece.table.num_columns and self._raw.skipped:
            raise ValueError(f"{piece.name}: no line of it can be read: {self._raw.skipped[0]}")
        if not piece.table.num_columns:
            raise ValueError(f"{piece.name} is empty: there is nothing to read")
        layout = self._recognised(piece)
        plain = layout is PAIRS
        if "prompt" not in self._reading.columns:
            parts, line = openings.joined(piece.table)
            self._tell(*([f"{self.name}: {line}"] if line else []))
            piece = piece._replace(table=parts)
        mapping = {**(naming.known(piece.table.column_names) if plain else {}), **self._reading.columns}
        if mapping:
            self._tell(f"{self.name}: " + ", ".join(f"{ours} is {theirs}" for ours, theirs in mapping.items()))
        first = {
            ours: held for ours, held in mapping.items() if naming.column_of(held) in piece.table.column_names
        }
        table = naming.rename(piece.table, first, name=piece.name)
        table = table if layout is PAIRS else naming.plain(table)
        made = layout.convert(table, self._reading.pairing, piece.name, piece.row)
        made = made if layout.pairs_up else _included(made, self._reading.pairing, piece.name)
        later = {ours: held for ours, held in mapping.items() if ours not in first}
        table, calls = toolcalls.written(naming.rename(made.table, later, name=piece.name))
        if calls:
            self._tell(f"{self.name}: calls of tools are written into their turns as <tool_call> ... </tool_call>")
        if self._reading.bad == "drop":
            table, told = sift.sifted(table)
            self._tell(*(f"{self.name}: {line}" for line in told), loud=True)
        table = partners.alike(table)
        if self._reading.reversed_pairs == "swap":
            partners.refuse_unlike(table.schema, name=piece.name)
        texts = [name for name in schema.TEXTS if name in table.column_names]
        self.plain = plain and all(messages.is_text(table.schema.field(name).type) for name in texts)
        self.plain &= not openings.has_system(table)
        return replace(made, table=_with_ids(table, made.rows, before))

    def _recognised(self, piece: raw.Piece) -> Layout:
        """The layout, which the first rows show."""
        if self._layout is None:
            self._tell(*self._raw.told)
            there = piece.table.column_names
            named = {ours: held for ours, held in self._reading.columns.items() if naming.column_of(held) in there}
            self._layout = recognise(naming.plain(naming.rename(piece.table, named)), self._reading.layout)
            if self._layout.told:
                self._tell(f"{self.name}: read as {self._layout.name}: {self._layout.told}")
            if "goal_source" in piece.table.column_names:
                told = "rows of rapo relabel, of which every pair has a reversed one: check and audit the pairs instead"
                self._tell(f"{self.name}: {told}")
        return self._layout

    def _pieces(self, rows: int) -> Iterator[raw.Piece]:
        """Rows as they come; those that make one pair together come together."""
        pieces = self._raw.pieces(rows)
        first = next(pieces)
        together = self._recognised(first).together if first.table.num_columns else ""
        whole = chain([first], pieces)
        return raw.together(whole, together) if together else whole

    def _checked(self, piece: raw.Piece, made: Made, counts: Counts) -> pa.Table:
        """The pairs made of a piece, checked and counted."""
        reading = self._reading
        scored = _has_scores(made.table) if reading.scored is None else reading.scored
        by_goal = "goal_source" in made.table.column_names  # ordered by their goal: their scores turn none of them
        unasked = reading.scored is None if reading.reversed_pairs == "raise" else by_goal
        found = examine(
            made.table,
            name=piece.name,
            bad=reading.bad,
            reversed_pairs="keep" if unasked else reading.reversed_pairs,
            scored=scored,
            first_row=piece.row,
        )
        faults = [*made.faults, *(_of_rows(fault, piece, made) for fault in found.faults)]
        if faults and reading.bad == "raise":
            raise PairsError(piece.name, faults)
        counts.blame(faults)
        counts.left_out.update(made.left_out)
        counts.rows += len(piece.table)
        counts.pairs += len(found.table)
        turned = found.turned if reading.reversed_pairs == "drop" else 0
        counts.dropped += len(made.table) - len(found.table) - turned
        counts.reversed += found.turned
        if scored:
            counts.see(found.table)
        return unlifted(found.table) if self.plain and not reading.lift else self._opened(found.table)

    def _opened(self, pairs: pa.Table) -> pa.Table:
        """Pairs whose prompts begin with their system's turn."""
        table, line = openings.with_system(pairs)
        self._tell(*([f"{self.name}: {line}"] if line else []))
        return table

    def _repeated(self, place: int) -> Fault:
        """The fault that a repeated id is; the rows are read once more to show it."""
        done = 0
        for piece, made in self._converted(BATCH_ROWS):
            ids = _names(made.table)
            if place < done + len(ids):
                at = place - done if made.rows is None else made.rows[place - done]
                row, value = np.array([piece.row + at]), short(ids[place - done].as_py())
                return Fault("pair_id", "the id occurs before", "Make the ids unique.", row, (value,))
            done += len(ids)
        raise RuntimeError(f"{self.name} changed while it was read; run again")

    def _close(self, counts: Counts) -> None:
        """Tell what was dropped and what range the scores have; no pair is an error."""
        self._tell_left_out(counts)
        if not counts.rows:
            raise ValueError(f"{self.name} holds no row: there is nothing to read")
        if not counts.pairs:
            raise ValueError(f"{self.name}: no pair is left of {several(counts.rows, 'rows')}")
        if np.isfinite(counts.low):
            self._tell(f"{self.name}: scores from {counts.low:g} to {counts.high:g}")
        self.counts = counts

    def _tell_left_out(self, counts: Counts) -> None:
        lines = [*unreadable(self._raw), *counts.told(self._reading.reversed_pairs)]
        self._tell(*(f"{self.name}: {line}" for line in lines), loud=True)

    def _tell(self, *lines: str, loud: bool = False) -> None:
        """Note lines, and log each the first time that it is told."""
        for line in lines:
            if line not in self.told:
                self.told.append(line)
                _log.log(logging.WARNING if loud else logging.INFO, "%s", line)


def unreadable(found: raw.Raw) -> list[str]:
    """What the last pass left out because it could not be read, as a line; none where it left out nothing."""
    lines = found.skipped
    return [f"dropped {several(len(lines), 'lines')} that cannot be read: {lines[0]}"] if lines else []


def _of_rows(fault: Fault, piece: raw.Piece, made: Made) -> Fault:
    """A fault of pairs with the numbers of the rows that they were made of."""
    return fault if made.rows is None else replace(fault, rows=piece.row + made.rows[fault.rows - piece.row])


def _included(made: Made, pairing: Pairing, name: str) -> Made:
    """Pairs that are none of candidates, without those of excluded sources and prompts."""
    default = Pairing()
    for option in ("rule", "score"):
        if (value := getattr(pairing, option)) != getattr(default, option):
            raise ValueError(
                f"{name} holds pairs, no candidates: --{option} {value} says how candidates become pairs; leave it out"
            )
    if not (pairing.exclude_sources or pairing.exclude_prompts):
        return made
    keep = np.concatenate([not_excluded(batch, pairing, name) for batch in schema.batches(made.table)])
    rows = np.flatnonzero(keep) if made.rows is None else made.rows[keep]
    return replace(made, table=made.table.filter(pa.array(keep)), rows=rows)


def _with_ids(table: pa.Table, rows: np.ndarray | None, before: int) -> pa.Table:
    """Pairs without an id are called after the number of their row in the whole source."""
    if rows is None or "pair_id" in table.column_names:
        return schema.with_ids(table, row=before + 1)
    return table.append_column("pair_id", pa.array([f"row-{before + row + 1}" for row in rows], pa.string()))


def _names(table: pa.Table) -> pa.ChunkedArray:
    """What names each row: its pair's id, and of a relabelled pair the side whose goal it has."""
    if "goal_source" not in table.column_names:
        return table["pair_id"]
    return pc.binary_join_element_wise(
        table["pair_id"].cast(pa.string()), table["goal_source"].cast(pa.string()), " "
    )


def _has_scores(table: pa.Table) -> bool:
    return set(schema.SCORES) <= set(table.column_names)


def unlifted(table: pa.Table) -> pa.Table:
    """Prompt and responses, each of one turn, as the strings that they were."""
    for name in schema.TEXTS:
        texts = pa.chunked_array([messages.texts(chunk) for chunk in table[name].chunks], pa.string())
        table = table.set_column(table.column_names.index(name), name, texts)
    return table
