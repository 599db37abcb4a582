from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs import messages
from rapo.pairs.messages import MESSAGES

text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=5)

talk = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": text}), max_size=4
)

talks = st.lists(talk, max_size=6)


def column(rows: list[Any]) -> pa.ListArray:
    return pa.array(rows, MESSAGES)


@given(talks)
def test_taken_apart_and_put_together_is_the_same(rows: list[Any]):
    assert messages.turns(column(rows)).column().to_pylist() == rows


@given(talks, st.integers(0, 3), st.integers(0, 3))
def test_a_slice_is_read_from_its_own_place(rows: list[Any], start: int, length: int):
    part = column(rows).slice(start, length)
    found = messages.turns(part)
    assert found.lengths.tolist() == [len(row) for row in rows[start : start + length]]
    assert found.column().to_pylist() == rows[start : start + length]


@given(talks)
def test_texts_characters_and_the_last_turn_row_by_row(rows: list[Any]):
    held = column(rows)
    assert messages.texts(held, separator="|").to_pylist() == ["|".join(t["content"] for t in row) for row in rows]
    assert messages.characters(held).tolist() == [sum(len(t["content"]) for t in row) for row in rows]
    before, last = messages.split_last(held)
    assert before.to_pylist() == [row[:-1] for row in rows]
    assert last.to_pylist() == [row[-1:] for row in rows]


@given(st.lists(st.tuples(talk, talk, st.booleans()), max_size=6))
def test_same_is_equality_row_by_row(rows: list[Any]):
    left = [a for a, _, _ in rows]
    right = [a if alike else b for a, b, alike in rows]
    assert messages.same(column(left), column(right)).tolist() == [
        a == b for a, b in zip(left, right, strict=True)
    ]


def test_a_missing_row_has_no_turns():
    assert messages.turns(column([None, []])).lengths.tolist() == [0, 0]
    assert messages.lift(column([None]), role="user").to_pylist() == [[]]


@pytest.mark.parametrize("values", [[1], [[1]], [{"role": "user"}], [[{"from": "human"}]]])
def test_what_is_neither_text_nor_messages_is_refused(values: list[Any]):
    with pytest.raises(TypeError, match="neither text nor a list of"):
        messages.lift(pa.array(values), role="user")


def test_contents_that_are_no_text_are_refused():
    with pytest.raises(TypeError, match="content is int64, not text"):
        messages.lift(pa.array([[{"role": "user", "content": 3}]]), role="user")
