"""Rows of one response: a prompt with a completion, and for KTO a label, by the rules that pairs keep."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from rapo.pairs import check, door, messages, openings, raw, sift, toolcalls
from rapo.pairs import columns as naming
from rapo.pairs.faults import Fault, PairsError, short, tell
from rapo.pairs.files import BATCH_ROWS
from rapo.pairs.tally import Counts

_log = logging.getLogger(__name__)
COLUMNS = ("prompt", "completion")
LABEL = "label"
_REMEDY = "Write true where the completion is wanted and false where not, or leave such rows out with --bad drop."


def are_in(names: Sequence[str], columns: Mapping[str, str]) -> bool:
    """Whether columns of these names, once they are called what they are said to be, hold single responses.

    >>> are_in(["question", "answer"], {"completion": "answer"}), are_in(["prompt", "chosen", "rejected"], {})
    (True, False)
    """
    return set(COLUMNS) <= {*names, *_called(names, columns)}


def _called(names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    return {**naming.known(names), **columns}


def read(found: raw.Raw, *, columns: Mapping[str, str], bad: str, labelled: bool) -> pa.Table:
    """Every row that can be trained on.

    Args:
        found: rows; lines that cannot be read are left out where it says so.
        columns: ``{"completion": "answer"}`` where they have other names.
        bad: "raise" tells rows that break a rule, "drop" leaves them out, with a warning that counts them.
        labelled: whether each row says that its completion is wanted: true or false, or 1 or 0.

    Returns:
        ``prompt`` and ``completion``, both strings or both messages, and where asked for ``label`` (bool).
        Shape: (n_rows, 2 or 3)

    Raises:
        PairsError: (a ValueError) a column is missing or of a wrong type, or a row breaks a rule.
        ValueError: the data cannot be read.
    """
    counts, tables = Counts(), []
    for piece in found.pieces(BATCH_ROWS):
        table, faults = _checked(_named(piece, columns, labelled), piece, bad)
        if faults and bad == "raise":
            raise PairsError(piece.name, faults)
        counts.blame(faults)
        tables.append(table.rename_columns([*COLUMNS, *table.column_names[2:]]))
    for line in (*door.unreadable(found), *counts.told("keep")):
        _log.warning("%s: %s", found.name, line)
    return pa.concat_tables(tables)


def _named(piece: raw.Piece, columns: Mapping[str, str], labelled: bool) -> pa.Table:
    """The columns that are read, under the names that they are known by here."""
    given = piece.table if "prompt" in columns else openings.joined(piece.table)[0]
    table = naming.rename(given, _called(given.column_names, columns), name=piece.name)
    wanted = [*COLUMNS, *([LABEL] if labelled else [])]
    if missing := [name for name in wanted if name not in table.column_names]:
        remedy = check.how_to_name(missing, table.column_names)
        raise PairsError(piece.name, [Fault("", f"{missing[0]} is missing", remedy, np.empty(0, int), ())])
    return table.select([*wanted, *(["system"] if openings.has_system(table) else [])])


def _checked(table: pa.Table, piece: raw.Piece, bad: str) -> tuple[pa.Table, list[Fault]]:
    """Rows that keep the rules, still under the names of pairs, and what is wrong with the others."""
    plain = all(messages.is_text(field.type) for field in map(table.schema.field, COLUMNS))
    plain &= not openings.has_system(table)
    table, faults = _as_pairs(table, piece.row)
    table = sift.sifted(table)[0] if bad == "drop" else table
    try:
        found = check.examine(table, name=piece.name, scored=False, first_row=piece.row)
    except PairsError as error:
        raise PairsError(piece.name, _of_completions(error.faults)) from error
    faults = [*_of_completions(found.faults), *faults]
    kept = np.ones(len(table), bool)
    for fault in faults:
        kept[fault.rows - piece.row] = False
    whole = door.unlifted(found.table) if plain else openings.with_system(found.table)[0]
    return whole.drop_columns(["rejected"]).filter(pa.array(kept)), faults


def _as_pairs(table: pa.Table, row: int) -> tuple[pa.Table, list[Fault]]:
    """Pairs whose responses are both the completion, with labels, and rows whose label is none."""
    completion = table["completion"]
    made, faults = {"prompt": table["prompt"], "chosen": completion, "rejected": completion}, list[Fault]()
    if LABEL in table.column_names:
        made[LABEL], faults = _labels(table[LABEL], row)
    if openings.has_system(table):
        made["system"] = table["system"]
    return toolcalls.written(pa.table(made))[0], faults


def _of_completions(faults: Sequence[Fault]) -> list[Fault]:
    """Faults of such pairs, each told once and of the column where it lies."""
    return [
        replace(fault, column="completion") if fault.column == "chosen" else fault
        for fault in faults
        if fault.column != "rejected"
    ]


def _labels(column: pa.ChunkedArray, row: int) -> tuple[pa.Array, list[Fault]]:
    """Labels as true and false, null where a row says neither, and these rows."""
    held = column.to_pylist()
    labels = [bool(one) if isinstance(one, int | float) and one in (0, 1) else None for one in held]
    bad = np.array([one is None for one in labels], bool)
    faults = tell(LABEL, "neither true nor false", _REMEDY, bad, row, lambda i: short(held[i]))
    return pa.array(labels, pa.bool_()), faults
