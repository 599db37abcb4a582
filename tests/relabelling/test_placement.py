from copy import deepcopy
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs.messages import MESSAGES
from rapo.relabelling import placement

words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
places = st.sampled_from(["system", "prefix"])


@st.composite
def prompts(draw: st.DrawFn) -> list[dict[str, str]]:
    roles = (["user", "assistant"] * 3)[: 2 * draw(st.integers(0, 2)) + 1]
    roles = ["system", *roles] if draw(st.booleans()) else roles
    return [{"role": role, "content": draw(words)} for role in roles]


def spelt_out(prompt: list[dict[str, str]], wish: str, place: str, separator: str) -> list[dict[str, str]]:
    """The four cases, one by one."""
    first, *rest = prompt
    if place == "system" and first["role"] == "user":
        return [{"role": "system", "content": wish}, *prompt]
    if place == "system":
        return [{"role": "system", "content": wish + separator + first["content"]}, *rest]
    if first["role"] == "user":
        return [{"role": "user", "content": wish + separator + first["content"]}, *rest]
    text = wish + separator + first["content"] + separator + rest[0]["content"]
    return [{"role": "user", "content": text}, *rest[1:]]


@given(st.lists(st.tuples(prompts(), words), max_size=5), places, st.sampled_from(["\n\n", " ", ""]))
def test_a_prompt_and_a_column_of_prompts_get_their_goals_alike(rows: list[Any], place: str, separator: str):
    before = deepcopy(rows)
    expected = [spelt_out(prompt, wish, place, separator) for prompt, wish in rows]
    assert [placement.put(*row, placement=place, separator=separator) for row in rows] == expected
    assert rows == before, "no message is changed in place"
    column, wishes = (
        pa.array([prompt for prompt, _ in rows], MESSAGES),
        pa.array([w for _, w in rows], pa.string()),
    )
    for got in placement.put_columns(column, [wishes, wishes], placement=place, separator=separator):
        assert got.type == MESSAGES
        assert got.to_pylist() == expected


@given(st.lists(prompts(), min_size=2, max_size=6), places)
def test_a_slice_of_a_column_is_read_from_its_own_place(rows: list[Any], place: str):
    column, wishes = pa.array(rows, MESSAGES).slice(1), pa.array([f"g{i}" for i in range(len(rows))]).slice(1)
    (got,) = placement.put_columns(column, [wishes], placement=place)
    assert got.to_pylist() == [placement.put(row, f"g{i}", placement=place) for i, row in enumerate(rows)][1:]


@given(prompts(), places)
def test_no_wish_leaves_the_prompt_as_it_is(prompt: list[dict[str, str]], place: str):
    assert placement.put(prompt, None, placement=place) == prompt


@pytest.mark.parametrize(
    ("prompt", "place", "message"),
    [
        ([], "prefix", "no user turn"),
        ([{"role": "system", "content": "s"}], "prefix", "no user turn"),
        ([{"role": "assistant", "content": "a"}], "prefix", "no user turn"),
        ([{"role": "user", "content": "q"}], "user", "use 'system' or 'prefix'"),
    ],
)
def test_what_has_no_place_for_a_goal_is_told(prompt: list[Any], place: str, message: str):
    with pytest.raises(ValueError, match=message):
        placement.put(prompt, "g", placement=place)


def test_an_unknown_placement_of_a_column_is_told():
    with pytest.raises(ValueError, match="placement is 'user'; use 'system' or 'prefix'"):
        placement.put_columns(pa.array([], MESSAGES), [pa.array([], pa.string())], placement="user")
