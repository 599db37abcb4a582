"""Column names of preference data sets in use, and what they are in the schema of scored pairs."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from rapo.pairs import messages

# The first source whose column is there is taken; a column with the schema's own name always wins.
KNOWN: dict[str, tuple[str, ...]] = {
    "prompt": ("instruction", "question", "query", "input"),
    "chosen": ("chosen_response", "response_chosen"),
    "rejected": ("rejected_response", "response_rejected"),
    # princeton-nlp's data hold every candidate's score; chosen is the best of them and rejected the worst.
    "score_chosen": (
        "chosen_score",
        "chosen_rating",
        "rating_chosen",
        "chosen-rating",
        "chosen_avg_rating",
        "max(all_rm_scores)",
    ),
    "score_rejected": (
        "rejected_score",
        "rejected_rating",
        "rating_rejected",
        "rejected-rating",
        "rejected_avg_rating",
        "min(all_rm_scores)",
    ),
}
_LISTS = (*messages.LISTS, pa.types.is_list_view, pa.types.is_large_list_view)
QUESTIONS = ("prompt", *KNOWN["prompt"])
CANDIDATES = "completions"
# Columns of scores, whose numbers are read as doubles whatever the first row holds.
NUMBERS = tuple(
    name for side in ("score_chosen", "score_rejected") for name in (side, *KNOWN[side]) if "(" not in name
)


def known(columns: Sequence[str]) -> dict[str, str]:
    """What to map, for `rename`: names of the schema that are missing, and the columns that hold them.

    >>> known(["prompt", "chosen", "rejected", "all_rm_scores"])
    {'score_chosen': 'max(all_rm_scores)', 'score_rejected': 'min(all_rm_scores)'}
    """
    found = {}
    for target, sources in KNOWN.items():
        there = [source for source in sources if column_of(source) in columns]
        if target not in columns and there and not (target == "prompt" and "messages" in columns):
            found[target] = there[0]
    return found


def holds_candidates(columns: Sequence[str]) -> bool:
    """True for UltraFeedback's shape: an instruction and a list of scored completions a row.

    >>> holds_candidates(["instruction", "completions"])
    True
    """
    return CANDIDATES in columns and not {"chosen", "rejected"} & set(columns)


def rename(table: pa.Table, columns: Mapping[str, str], *, name: str = "<table>") -> pa.Table:
    """Give columns the schema's names. ``columns`` maps a name of the schema to what it is made of.

    A source is a column, ``max(column)`` or ``min(column)`` of a column of lists (every candidate's score), or a
    number.

    Raises:
        ValueError: a source is no column of the table.

    >>> rename(pa.table({"rm": [[1.0, 3.0]]}), {"score_chosen": "max(rm)"})["score_chosen"].to_pylist()
    [3.0]
    """
    made = {target: _source(table, source, name) for target, source in columns.items()}
    used = {source for source in columns.values() if source in table.column_names}
    kept = [column for column in table.column_names if column not in used and column not in made]
    return pa.table({**{column: table[column] for column in kept}, **made})


def number(source: str) -> float | None:
    """The number that a source is, if it is one.

    >>> number("0.5"), number("score")
    (0.5, None)
    """
    return float(source) if re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)", source) else None


def plain(table: pa.Table) -> pa.Table:
    """Texts and lists in Arrow's plain types at any depth: other tools write large ones, views, and dictionaries.

    >>> plain(pa.table({"a": pa.array([["x"]], pa.large_list(pa.large_string()))}))["a"].type
    ListType(list<item: string>)
    """
    kinds = [_plain(field.type) for field in table.schema]
    if kinds == table.schema.types:
        return table
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))


def _plain(kind: pa.DataType) -> pa.DataType:
    if messages.is_text(kind):
        return pa.string()
    if any(test(kind) for test in _LISTS):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    return kind


def is_number(kind: pa.DataType) -> bool:
    """True for whole numbers and fractions."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def column_of(source: str) -> str:
    """The column that a source looks at."""
    found = re.fullmatch(r"(?:max|min)\((.+)\)", source)
    return found[1] if found else source


def _source(table: pa.Table, source: str, name: str) -> pa.ChunkedArray:
    column = column_of(source)
    if column not in table.column_names and (value := number(source)) is not None:
        return pa.chunked_array([pa.repeat(pa.scalar(value), len(table))])
    if column not in table.column_names:
        raise ValueError(f"{name} has no column {column!r}; it has {', '.join(table.column_names)}")
    if column == source:
        return table[column]
    extreme = np.fmax if source.startswith("max") else np.fmin
    return pa.chunked_array([_extreme(chunk, extreme) for chunk in table[column].chunks], pa.float64())


def _extreme(lists: pa.ListArray, extreme: np.ufunc) -> pa.Array:
    lengths = messages.sizes(lists)
    values = lists.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)
    out = np.full(len(lists), np.nan)
    starts = np.cumsum(lengths) - lengths
    if len(values):
        out[lengths > 0] = extreme.reduceat(values, starts[lengths > 0])
    return pa.array(out)
