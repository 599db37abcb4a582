"""Candidates that bring no scores of their own: shown to whoever scores them, and given what he says."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import candidates, columns, messages, openings, prompts
from rapo.pairs.columns import CANDIDATES
from rapo.pairs.faults import PairsError, several

_log = logging.getLogger(__name__)


def talks(table: pa.Table, *, name: str = "<table>") -> list[list[dict[str, Any]]]:
    """Every candidate as the conversation that it ends, rows in order. Shape: (n_candidates,)

    Args:
        table: rows of a prompt (or instruction) and ``completions`` with a ``response`` each.
        name: what an error calls the table.

    Raises:
        ValueError: the table is not of this shape.

    >>> row = {"prompt": "2 + 2 ?", "completions": [{"response": "4"}]}
    >>> talks(pa.Table.from_pylist([row]))[0][-1]
    {'role': 'assistant', 'content': '4'}
    """
    flat, lengths = _flat(table, name)
    if "response" not in [field.name for field in flat.type]:
        raise ValueError(f"{name}: completions have no field response; they have {_names(flat)}")
    table = openings.joined(table)[0]
    column = next((known for known in columns.QUESTIONS if known in table.column_names), None)
    if column is None:
        raise ValueError(f"{name} has no column prompt; it has {', '.join(table.column_names)}")
    asked = openings.opened(prompts.lifted(table, column, name=name), table).to_pylist()
    said = pc.fill_null(pc.struct_field(flat, "response"), "").to_pylist()
    rows = np.repeat(np.arange(len(table)), lengths).tolist()
    return [[*asked[row], {"role": "assistant", "content": text}] for row, text in zip(rows, said, strict=True)]


def with_scores(
    table: pa.Table, scores: Sequence[float] | np.ndarray, *, field: str, name: str = "<table>"
) -> pa.Table:
    """The candidates with a score each, in the order of `talks`, under the name of a field.

    Raises:
        ValueError: they have such a field already.
    """
    flat, lengths = _flat(table, name)
    if field in [known.name for known in flat.type]:
        raise ValueError(
            f"{name}: completions have a field {field} already; leave out --reward-model or --judge, or name another "
            "with --score"
        )
    fields = {known.name: pc.struct_field(flat, known.name) for known in flat.type}
    fields[field] = pa.array(np.asarray(scores, float))
    return _put(table, pa.StructArray.from_arrays(list(fields.values()), names=list(fields)), lengths)


def check_quantile(quantile: float) -> None:
    """A ValueError where it is not from 0 to 1."""
    if not 0 <= quantile <= 1:
        raise ValueError(f"--quantile {quantile:g}: give a number from 0 (the worst) to 1 (the next best)")


def at_quantile(
    table: pa.Table, quantile: float, *, field: str, name: str = "<table>", bad: str = "raise"
) -> pa.Table:
    """The best candidate of each row and the one at a quantile of the others' scores: 0 the worst, 1 the next best.

    Of equal scores the earlier candidate counts as better. Rows keep their order, candidates theirs; ``pair_id`` tells
    their places among all, ``candidate_scores`` the scores of all.

    Args:
        table: rows of a prompt and ``completions``.
        quantile: of the others' scores.
        field: of completions, with their scores.
        name: what an error calls the table.
        bad: "raise" tells candidates without a finite score or an answer, "drop" leaves them out with a warning.

    Raises:
        PairsError: (a ValueError) a candidate is bad.
        ValueError: the quantile is not from 0 to 1, or completions have no such field.
    """
    check_quantile(quantile)
    flat, lengths = _flat(table, name)
    if field not in [known.name for known in flat.type]:
        raise ValueError(
            f"{name}: completions have no field {field}; they have {_names(flat)}; name it with --score"
        )
    faults = candidates.made(table, candidates.Pairing(score=field), name=name).faults
    if faults and bad == "raise":
        raise PairsError(name, list(faults))
    for fault in faults:
        _log.warning("%s: left out %s: %s", name, several(len(fault.rows), "completions"), fault.problem)
    scores = pc.fill_null(pc.struct_field(flat, field).cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    said = pc.match_substring_regex(pc.struct_field(flat, "response").cast(pa.string()), r"[^\s\pZ]")
    scores = np.where(pc.fill_null(said, False).to_numpy(zero_copy_only=False), scores, np.nan)
    ends = np.cumsum(lengths)
    spans = list(zip(ends - lengths, ends, strict=True))
    kept = [_two(scores, start, end, quantile) for start, end in spans]
    chosen = np.concatenate([np.empty(0, np.int64), *map(np.sort, kept)])
    found = _put(table, flat.take(pa.array(chosen)), np.array([len(two) for two in kept], np.int64))
    return _told(found, kept, spans, scores)


def _told(
    table: pa.Table, kept: Sequence[np.ndarray], spans: Sequence[tuple[int, int]], scores: np.ndarray
) -> pa.Table:
    """Rows that say which candidates are left, and the scores of all; ids of their own they keep."""
    finite = (scores[start:end][np.isfinite(scores[start:end])].tolist() for start, end in spans)
    told = {"candidate_scores": pa.array(list(finite), pa.list_(pa.float64()))}
    places = [[str(place - start + 1) for place in two] for two, (start, _) in zip(kept, spans, strict=True)]
    ids = [f"row-{row}:{'-'.join(two)}" for row, two in enumerate(places, 1)]
    told |= {} if "pair_id" in table.column_names else {"pair_id": pa.array(ids, pa.string())}
    for column, held in told.items():
        table = table.drop_columns([column] if column in table.column_names else []).append_column(column, held)
    return table


def _two(scores: np.ndarray, start: int, end: int, quantile: float) -> np.ndarray:
    """Places of the two candidates of one row, the best first, or of the one that there is."""
    places = start + np.flatnonzero(np.isfinite(scores[start:end]))
    ranked = places[np.argsort(-scores[places], kind="stable")]
    if len(ranked) < 2:
        return ranked
    other = ranked[len(ranked) - 1 - round(quantile * (len(ranked) - 2))]
    return np.array([ranked[0], other])


def _flat(table: pa.Table, name: str) -> tuple[pa.StructArray, np.ndarray]:
    """All candidates, and how many each row has."""
    kind = table.schema.field(CANDIDATES).type if CANDIDATES in table.column_names else pa.null()
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        raise ValueError(
            f"{name} holds no candidates: give rows with a prompt and completions, a list of {{response}}"
        )
    column = messages.whole(table[CANDIDATES])
    return column.flatten(), messages.sizes(column)


def _put(table: pa.Table, flat: pa.StructArray, lengths: np.ndarray) -> pa.Table:
    place = table.column_names.index(CANDIDATES)
    return table.set_column(place, CANDIDATES, messages.lists(flat, lengths))


def _names(flat: pa.StructArray) -> str:
    return ", ".join(field.name for field in flat.type)
