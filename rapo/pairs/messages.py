"""Columns of chat messages as Arrow arrays: lift, split, take apart, put together. No text is ever edited.

A column holds one list of turns a row; a turn is ``{"role", "content"}``. Everything here works on whole columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TURN = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
MESSAGES = pa.list_(TURN)
LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


@dataclass(frozen=True)
class Turns:
    """Every turn of a column, one after the other.

    Attributes:
        roles, contents: Arrow strings. Shape: (n_turns,)
        lengths: turns in each row. Shape: (n_rows,)
    """

    roles: pa.Array
    contents: pa.Array
    lengths: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """Index of each row's first turn. Shape: (n_rows,)"""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def row_of(self) -> np.ndarray:
        """Row of each turn. Shape: (n_turns,)"""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def place(self) -> np.ndarray:
        """Place of each turn within its row, from 0. Shape: (n_turns,)"""
        return np.arange(len(self.row_of)) - self.starts[self.row_of]

    def column(self) -> pa.ListArray:
        """Put the turns together again."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int32)
        turns = pa.StructArray.from_arrays([self.roles, self.contents], fields=list(TURN))
        return pa.ListArray.from_arrays(pa.array(offsets), turns)

    def take(self, turns: np.ndarray, lengths: np.ndarray) -> "Turns":
        """The turns with these indices, as rows of these lengths."""
        index = pa.array(turns)
        return Turns(self.roles.take(index), self.contents.take(index), lengths)


class FurtherField(ValueError):
    """A turn has a field besides role and content that holds something; ``at`` is its row, from 0."""

    def __init__(self, field: str, at: int) -> None:
        super().__init__(f"has turns with a further field {field!r}, which would be lost; remove it")
        self.at = at


def turns(column: pa.Array) -> Turns:
    """Take a column of messages apart.

    >>> turns(pa.array([[{"role": "user", "content": "hi"}]], MESSAGES)).contents.to_pylist()
    ['hi']
    """
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = column.flatten()
    return Turns(pc.struct_field(flat, "role"), pc.struct_field(flat, "content"), lengths)


def is_messages(kind: pa.DataType) -> bool:
    """True for a list of structs that have a role and a content."""
    if not any(test(kind) for test in LISTS) or not pa.types.is_struct(kind.value_type):
        return False
    return {"role", "content"} <= {field.name for field in kind.value_type}


def is_text(kind: pa.DataType) -> bool:
    """True for every Arrow type that holds text."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_utf8(text: str | None) -> bool:
    """False where Arrow cannot hold a text: an escape may spell half of a character (a lone surrogate).

    >>> is_utf8("half"), is_utf8(chr(0xD83D))
    (True, False)
    """
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True


def lift(column: pa.Array, *, role: str) -> pa.ListArray:
    """The column as messages: plain text becomes one turn of ``role``; messages keep role and content.

    Raises:
        TypeError: the column is neither text nor messages.
        ValueError: a turn carries a further field with a value (it would be lost).

    >>> lift(pa.array(["hi"]), role="user").to_pylist()
    [[{'role': 'user', 'content': 'hi'}]]
    """
    if is_text(column.type):
        contents = column.cast(pa.string())
        return Turns(pa.repeat(pa.scalar(role), len(column)), contents, np.ones(len(column), np.int64)).column()
    if column.type == MESSAGES and not column.null_count:
        return column
    if not is_messages(column.type):
        raise TypeError(f"holds {column.type}, neither text nor a list of {{role, content}}")
    parts = turns(column)
    _refuse_further_fields(column)
    texts = [_text(parts.roles, "role"), _text(parts.contents, "content")]
    return Turns(texts[0], texts[1], parts.lengths).column()


def _text(values: pa.Array, field: str) -> pa.Array:
    if is_text(values.type) or pa.types.is_null(values.type):
        return values.cast(pa.string())
    raise TypeError(f"has turns whose {field} is {values.type}, not text")


def _refuse_further_fields(column: pa.Array) -> None:
    flat = column.flatten()
    for field in column.type.value_type:
        if field.name in ("role", "content"):
            continue
        held = pc.struct_field(flat, field.name)
        if len(held) > held.null_count:
            lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
            first = int(np.argmax(held.is_valid().to_numpy(zero_copy_only=False)))
            raise FurtherField(field.name, int(np.searchsorted(np.cumsum(lengths), first, side="right")))


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def sizes(column: pa.Array) -> np.ndarray:
    """How many items each row's list has, 0 for a missing one. Shape: (n_rows,)"""
    return pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)


def lists(items: pa.Array, sizes: np.ndarray) -> pa.ListArray:
    """Items as lists, of as many as ``sizes`` says. Shape: (n_rows,)

    >>> lists(pa.array([1, 2, 3]), np.array([2, 0, 1])).to_pylist()
    [[1, 2], [], [3]]
    """
    return pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(sizes)), pa.int32()), items)


def fields(column: pa.Array) -> dict[str, pa.Array]:
    """Every field of a list's items, those of all rows one behind the other: name -> values. Shape: (n_items,) each"""
    flat = column.flatten()
    return {field.name: pc.struct_field(flat, field.name) for field in column.type.value_type}


def of_fields(held: Mapping[str, pa.Array], sizes: np.ndarray) -> pa.ListArray:
    """Lists of items with these fields, of as many as ``sizes`` says: `fields` turned round. Shape: (n_rows,)"""
    return lists(pa.StructArray.from_arrays([*held.values()], names=[*held]), sizes)


def split_last(column: pa.Array) -> tuple[pa.ListArray, pa.ListArray]:
    """Split conversations before their last turn: (what comes before, the last turn). Empty rows stay empty.

    >>> talk = pa.array([[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]], MESSAGES)
    >>> [part.to_pylist()[0][0]["content"] for part in split_last(talk)]
    ['q', 'a']
    """
    parts = turns(column)
    is_last = parts.place == parts.lengths[parts.row_of] - 1
    some = np.minimum(parts.lengths, 1)
    before = parts.take(np.flatnonzero(~is_last), parts.lengths - some)
    return before.column(), parts.take(np.flatnonzero(is_last), some).column()


def same(left: pa.Array, right: pa.Array) -> np.ndarray:
    """Which rows hold the same turns on both sides. Shape: (n_rows,)"""
    a, b = turns(left), turns(right)
    found = (a.lengths == b.lengths) & (_bytes(a) == _bytes(b))
    rows = np.flatnonzero(found & (a.lengths > 0))
    if not len(rows):
        return found
    x = a.take(np.flatnonzero(found[a.row_of]), a.lengths[rows])
    y = b.take(np.flatnonzero(found[b.row_of]), b.lengths[rows])
    alike = equal(x.roles, y.roles) & equal(x.contents, y.contents)
    found[rows] = np.logical_and.reduceat(alike, x.starts)
    return found


def _bytes(parts: Turns) -> np.ndarray:
    sizes = pc.fill_null(pc.binary_length(parts.contents), 0).to_numpy(zero_copy_only=False)
    return np.bincount(parts.row_of, weights=sizes, minlength=len(parts.lengths))


def equal(left: pa.Array, right: pa.Array | str) -> np.ndarray:
    """Where two columns, or a column and one text, are equal; never where either is missing. Shape: (n,)"""
    return pc.fill_null(pc.equal(left, right), False).to_numpy(zero_copy_only=False)


def texts(column: pa.Array, *, separator: str = "\n\n") -> pa.Array:
    """Each row's contents joined to one string: for lengths and keys. Shape: (n_rows,)

    >>> texts(pa.array([[{"role": "user", "content": "hi"}]], MESSAGES)).to_pylist()
    ['hi']
    """
    parts = turns(column)
    offsets = np.concatenate([[0], np.cumsum(parts.lengths)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), parts.contents), separator)


def characters(column: pa.Array) -> np.ndarray:
    """Characters of each row's contents. Shape: (n_rows,)"""
    parts = turns(column)
    counts = pc.fill_null(pc.utf8_length(parts.contents), 0).to_numpy(zero_copy_only=False)
    return np.bincount(parts.row_of, weights=counts, minlength=len(parts.lengths)).astype(np.int64)
