"""Candidates that bring no scores of their own: shown to whoever scores them, and given what he says."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapo.pairs import columns, messages, openings, prompts
from rapo.pairs.columns import CANDIDATES


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


def at_quantile(table: pa.Table, quantile: float, *, field: str, name: str = "<table>") -> pa.Table:
    """The best candidate of each row and the one at a quantile of the others' scores: 0 the worst, 1 the next best.

    Of equal scores the earlier candidate counts as better; those without a finite score are left out. Rows keep
    their order, candidates theirs.

    Raises:
        ValueError: the quantile is not from 0 to 1, or completions have no such field.
    """
    check_quantile(quantile)
    flat, lengths = _flat(table, name)
    if field not in [known.name for known in flat.type]:
        raise ValueError(
            f"{name}: completions have no field {field}; they have {_names(flat)}; name it with --score"
        )
    scores = pc.fill_null(pc.struct_field(flat, field).cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    ends = np.cumsum(lengths)
    kept = [_two(scores, end - length, end, quantile) for end, length in zip(ends, lengths, strict=True)]
    chosen = np.concatenate([np.empty(0, np.int64), *kept])
    return _put(table, flat.take(pa.array(chosen)), np.array([len(two) for two in kept], np.int64))


def _two(scores: np.ndarray, start: int, end: int, quantile: float) -> np.ndarray:
    """Places of the two candidates of one row, or of the one that there is."""
    places = start + np.flatnonzero(np.isfinite(scores[start:end]))
    ranked = places[np.argsort(-scores[places], kind="stable")]
    if len(ranked) < 2:
        return ranked
    other = ranked[len(ranked) - 1 - round(quantile * (len(ranked) - 2))]
    return np.sort([ranked[0], other])


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
