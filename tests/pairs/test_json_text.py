"""JSON lines of whole columns: the same text as Python's json gives row by row."""

import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs.json_text import Encoder


def encoded(table: pa.Table) -> str:
    return b"".join(map(bytes, Encoder().lines(table))).decode()


def by_row(table: pa.Table) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in table.to_pylist())


ROWS: list[dict[str, Any]] = [
    {"t": 'é "q"\\n\n\r\t\x00\x1f\x7f\u2028 ☃ 𝄞', "n": 1, "x": 0.1, "b": True, "l": [{"role": "user", "k": "\\"}]},
    {"t": "", "n": None, "x": 1e300, "b": None, "l": []},
    {"t": None, "n": -3, "x": None, "b": False, "l": None},
    {"t": "x", "n": 2**60, "x": 9.0, "b": True, "l": [{"role": None, "k": "y"}, None]},
]


@pytest.mark.parametrize("start", [0, 1, 3])
def test_every_kind_of_value_reads_as_pythons_json_writes_it(start: int) -> None:
    table = pa.Table.from_pylist(ROWS).slice(start)
    assert encoded(table) == by_row(table)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "a"]).dictionary_encode(),
        pa.array(["a", None], pa.large_string()),
        pa.array([["a"], None, []], pa.large_list(pa.string())),
        pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)),
        pa.array([date(2020, 1, 2), None]),
        pa.array([None, None]),
        pa.array([{}, {}], pa.struct([])),
        pa.array([0.1, 3.0], pa.float32()),
        pa.array([], pa.string()),
    ],
    ids=lambda column: str(column.type),
)
def test_every_type_of_arrow_is_known_or_left_to_python(column: pa.Array) -> None:
    table = pa.table({"a": column, 'a "name"': column})
    assert encoded(table) == by_row(table)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(2), pa.binary_view()])
def test_bytes_are_refused_not_written_as_python_shows_them(kind: pa.DataType) -> None:
    column = pa.array([None, b"\x89P"], kind)
    assert encoded(pa.table({"image": column.slice(0, 1)})) == '{"image": null}\n'
    with pytest.raises(ValueError, match=r"column image holds bytes, which JSON has no word for; write \.parquet"):
        encoded(pa.table({"image": pa.StructArray.from_arrays([column], names=["bytes"])}))


def test_a_table_without_columns_or_rows() -> None:
    assert encoded(pa.table({})) == ""
    assert encoded(pa.table({"a": []})) == ""


def test_what_is_no_number_is_null_and_counted() -> None:
    encoder = Encoder()
    table = pa.table({"s": [float("nan"), 1.0, None], "deep": [[float("inf")], [-float("inf"), 2.0], []]})
    assert [json.loads(line) for line in b"".join(map(bytes, encoder.lines(table))).splitlines()] == [
        {"s": None, "deep": [None]},
        {"s": 1.0, "deep": [None, 2.0]},
        {"s": None, "deep": []},
    ]
    assert encoder.not_numbers == {"s": 1, "deep": 2}


def test_a_column_that_stands_twice_is_not_taken_for_another_part_of_it() -> None:
    column = pa.array(["a", "b", "c", "d"])
    deep = [pa.StructArray.from_arrays([column.slice(i, 2)], ["a"]) for i in (0, 2)]
    tables = [pa.table({"x": deep[0], "y": deep[1]}), pa.table({"x": column.slice(0, 2), "y": column.slice(2, 2)})]
    assert [encoded(table) for table in tables] == [by_row(table) for table in tables]


texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
values = st.fixed_dictionaries(
    {
        "t": st.none() | texts,
        "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "l": st.none() | st.lists(st.none() | texts, max_size=3),
        "s": st.none()
        | st.fixed_dictionaries({"a": st.none() | st.lists(st.integers(-9, 9), max_size=2), "é": texts}),
    }
)
SCHEMA = pa.schema(
    [
        ("t", pa.string()),
        ("x", pa.float64()),
        ("l", pa.list_(pa.string())),
        ("s", pa.struct([("a", pa.list_(pa.int64())), ("é", pa.string())])),
    ]
)


@given(st.lists(values, max_size=6), st.integers(0, 6))
def test_any_rows_any_part_of_them(rows: list[dict[str, Any]], start: int) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA).slice(start)
    assert encoded(table) == by_row(table)
