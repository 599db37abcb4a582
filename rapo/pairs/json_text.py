"""Arrow columns as JSON text, whole columns at a time: what takes a table's rows to JSON lines.

The text is the one that Python's json gives with ``ensure_ascii=False``, but that a number which is none (NaN, an
infinity) is null: JSON has no word for it. A column that stands twice in a table, as responses do after relabelling,
is encoded once.
"""

import json
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_PIECE_BYTES = 1 << 25  # of a table that is encoded at a time; Arrow's texts end at 2 GB
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode


class Encoder:
    """Encodes tables, and counts what could not be told.

    Attributes:
        not_numbers: column -> how many of its numbers were NaN or infinite and became null.
    """

    def __init__(self) -> None:
        self.not_numbers: dict[str, int] = {}
        self._known: dict[tuple[object, ...], tuple[pa.Array, pa.Array]] = {}
        self._column = ""

    def lines(self, table: pa.Table) -> Iterator[memoryview]:
        """The rows as JSON lines, in pieces of whole lines."""
        rows = max(int(len(table) * _PIECE_BYTES / max(table.nbytes, 1)), 1)
        self._known = {}
        for batch in table.to_batches(max_chunksize=rows):
            yield _bytes(self._rows(batch))

    def _rows(self, batch: pa.RecordBatch) -> pa.Array:
        """One line a row, with its end. Shape: (n_rows,)"""
        parts: list[object] = []
        for i, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
            self._column = name
            parts += [f"{', ' if i else '{'}{_encode(name)}: ", self._values(column)]
        if not parts:
            return pa.array(["{}\n"] * len(batch))
        return pc.binary_join_element_wise(*parts, "}\n", "")

    def _values(self, column: pa.Array) -> pa.Array:
        """The text of each value; what was encoded before is found by its place in memory."""
        key = _place(column)
        if key not in self._known:  # the column is held, so that no other takes its place in memory
            self._known[key] = column, self._encoded(column)
        return self._known[key][1]

    def _encoded(self, column: pa.Array) -> pa.Array:
        kind, encoded = column.type, None
        if pa.types.is_dictionary(kind):
            return self._encoded(column.dictionary_decode())
        for test, way in _WAYS.items():
            if test(kind):
                encoded = way(self, column)
                break
        else:
            encoded = pa.array([_encode(value) for value in column.to_pylist()], pa.string())
        return pc.if_else(column.is_valid(), encoded, "null") if column.null_count else encoded

    def _binary(self, column: pa.Array) -> pa.Array:
        """Nulls alone; a ValueError for bytes, as of pictures: nobody reads again what Python would write for them."""
        if column.null_count < len(column):
            told = "holds bytes, which JSON has no word for; write .parquet, or a folder for an Arrow data set"
            raise ValueError(f"column {self._column} {told}")
        return pa.array(["null"] * len(column), pa.string())

    def _floats(self, column: pa.Array) -> pa.Array:
        values = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
        fine = np.isfinite(values)
        if lost := int((~fine).sum()) - column.null_count:
            self.not_numbers[self._column] = self.not_numbers.get(self._column, 0) + lost
        texts = pa.array([repr(value) for value in values.tolist()], pa.string())
        return texts if fine.all() else pc.if_else(pa.array(fine), texts, "null")

    def _lists(self, column: pa.Array) -> pa.Array:
        filled = pc.fill_null(column, []) if column.null_count else column
        offsets = pc.subtract(filled.offsets, filled.offsets[0]) if len(filled) else filled.offsets
        kind = pa.ListArray if pa.types.is_list(column.type) else pa.LargeListArray
        parts = kind.from_arrays(offsets, self._values(filled.flatten()))
        return pc.binary_join_element_wise("[", pc.binary_join(parts, ", "), "]", "")

    def _structs(self, column: pa.Array) -> pa.Array:
        names = [field.name for field in column.type]
        parts: list[object] = []
        for i, (name, held) in enumerate(zip(names, column.flatten(), strict=True)):
            parts += [f"{', ' if i else '{'}{_encode(name)}: ", self._values(held)]
        if not parts:
            return pa.array(["{}"] * len(column), pa.string())
        return pc.binary_join_element_wise(*parts, "}", "")


def _texts(encoder: Encoder, column: pa.Array) -> pa.Array:
    """Quoted, and escaped where there is anything to escape."""
    column = column.cast(pa.string())
    column = pc.fill_null(column, "") if column.null_count else column
    held = np.frombuffer(_bytes(column), np.uint8)
    marks = [mark for mark in '\\"' if (held == ord(mark)).any()]
    controls = sorted(map(chr, np.unique(held[held < ord(" ")])))
    for mark in [*marks, *controls]:  # the backslash first: the others bring more of them
        column = pc.replace_substring(column, mark, _encode(mark)[1:-1])
    return pc.binary_join_element_wise('"', column, '"', "")


def _place(column: pa.Array) -> tuple[object, ...]:
    """Where a column and those within it lie; no two that are held at once share it but with the same values."""
    kind = column.type
    below = [column.values] if _is_list(kind) else []
    if pa.types.is_struct(kind):
        below = [column.field(i) for i in range(kind.num_fields)]
    addresses = [None if buffer is None else buffer.address for buffer in column.buffers()]
    return str(kind), column.offset, len(column), *addresses, *map(_place, below)


def _bytes(texts: pa.Array) -> memoryview:
    """All texts of an array, one behind the other, without a copy."""
    if not len(texts):
        return memoryview(b"")
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[[texts.offset, texts.offset + len(texts)]]
    return memoryview(data)[ends[0] : ends[1]] if data is not None else memoryview(b"")


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)


_WAYS: dict[Callable[[pa.DataType], bool], Callable[[Encoder, pa.Array], pa.Array]] = {
    pa.types.is_null: lambda _, column: pa.array(["null"] * len(column), pa.string()),
    pa.types.is_boolean: lambda _, column: pc.fill_null(column.cast(pa.string()), "null"),
    pa.types.is_integer: lambda _, column: pc.fill_null(column.cast(pa.string()), "null"),
    pa.types.is_floating: Encoder._floats,
    _is_text: _texts,
    _is_binary: Encoder._binary,
    _is_list: Encoder._lists,
    pa.types.is_struct: Encoder._structs,
}
