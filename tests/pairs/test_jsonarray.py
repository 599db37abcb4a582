import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs import jsonarray

text = st.text(st.characters(blacklist_categories=["Cs"]), max_size=5)
rows = st.lists(st.dictionaries(text, st.one_of(text, st.integers(), st.lists(text))), max_size=5)


@given(rows, st.sampled_from([None, 2]))
def test_elements_become_lines(given_rows: list[dict], indent: int | None):
    content = json.dumps(given_rows, indent=indent, ensure_ascii=False).encode()
    got = list(jsonarray.lines(io.BytesIO(content), "a"))
    assert [json.loads(line) for line in got] == given_rows
    assert all(line.count(b"\n") == 1 for line in got)


@given(st.lists(rows, min_size=1, max_size=4))
def test_arrays_one_behind_the_other_are_one(arrays: list[list[dict]]):
    content = "\n".join(map(json.dumps, arrays)).encode()
    got = [json.loads(line) for line in jsonarray.lines(io.BytesIO(content), "a")]
    assert got == [row for array in arrays for row in array]


@pytest.mark.parametrize("size", [1, 7])
def test_elements_longer_than_a_chunk(size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jsonarray, "_CHUNK", size)
    content = json.dumps([{"a": "b" * 20}, {"a": 123}, 12345]).encode()
    assert [json.loads(line) for line in jsonarray.lines(io.BytesIO(content), "a")] == json.loads(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'[{"a": 1}, {"a"', "element 2 is cut short or no JSON"),
        (b'[{"a": 1}', "the array has no end after element 1: the file is cut short"),
        (b"[1, nope]", "element 2 is cut short or no JSON"),
        (b'[{"a": 1}] {"a": 2}', "something follows the array after element 1"),
        (b'[{"a": 1}][{"a": 2}', "the array has no end after element 2"),
    ],
)
def test_a_broken_array_is_told(content: bytes, told: str):
    with pytest.raises(ValueError, match=f"a: {told}"):
        list(jsonarray.lines(io.BytesIO(content), "a"))
