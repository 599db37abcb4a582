"""Words, n-grams and whole texts as numbers, against plain Python."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.inspection import words as w


def plain(text: str) -> list[str]:
    """Words of a text in ASCII."""
    return re.findall(r"[a-z0-9]+", text.lower())


@given(st.lists(st.text(alphabet="abAB01 .,-\n", max_size=30), max_size=8))
def test_words_are_those_of_plain_python(texts: list[str]) -> None:
    found = w.words(pa.array(texts, pa.string()))
    want = [plain(text) for text in texts]
    assert found.counts.tolist() == [len(each) for each in want]
    flat = [word for each in want for word in each]
    numbers = dict(zip(flat, found.hashes.tolist(), strict=True))
    assert len(set(numbers.values())) == len(numbers)
    assert [numbers[word] for word in flat] == found.hashes.tolist()


@given(st.lists(st.text(alphabet="abc ", max_size=12), min_size=1, max_size=8), st.integers(1, 4))
def test_grams_are_those_of_plain_python(texts: list[str], n: int) -> None:
    hashes, document = w.words(pa.array(texts)).grams(n)
    want = [
        (i, tuple(plain(text)[at : at + n]))
        for i, text in enumerate(texts)
        for at in range(len(plain(text)) - n + 1)
    ]
    assert document.tolist() == [i for i, _ in want]
    numbers = dict(zip([gram for _, gram in want], hashes.tolist(), strict=True))
    assert len(set(numbers.values())) == len(numbers)
    assert [numbers[gram] for _, gram in want] == hashes.tolist()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("...", 0),
        ("don't", 2),
        ("don’t", 2),  # U+2019 parts words as the straight apostrophe does
        ("naïve café", 2),
        ("你好 世界", 4),  # no spaces: a character is a word
        ("привет мир", 2),
        ("10\u00a0km «là»", 3),  # Latin-1's space that does not break, and its punctuation, part words too
    ],
)
def test_what_a_word_is(text: str, count: int) -> None:
    assert w.words(pa.array([text])).counts.tolist() == [count]


@pytest.mark.parametrize("text", ["Über GROẞE Brücken", "ПРИВЕТ, Мир!", "Ἀρχὴ ΤΟΥ κόσμου", "«Où?» ÉTÉ"])
def test_case_and_punctuation_beyond_ascii_are_set_aside_too(text: str) -> None:
    bare = re.sub(r"[^\w\s]", " ", text)
    for other in (bare, bare.lower(), " ".join(map(str.capitalize, bare.split()))):
        np.testing.assert_array_equal(w.words(pa.array([text])).hashes, w.words(pa.array([other])).hashes)


def test_curly_and_straight_apostrophes_make_the_same_words() -> None:
    one, other = w.words(pa.array(["don't do it", "don’t DO it!"])).whole()
    assert one == other


def test_missing_texts_and_slices_are_read_right() -> None:
    texts = pa.array(["zero", None, "one two", "three"])
    assert w.words(texts.slice(1, 3)).counts.tolist() == [0, 2, 1]
    assert w.words(texts.cast(pa.large_string()).slice(2)).hashes.tolist() == w.words(texts).hashes.tolist()[1:]


def test_texts_of_more_than_a_chunk_are_read_alike() -> None:
    long = "alpha beta " * (w.CHUNK // 5)
    found = w.words(pa.array(["x", long, "alpha", long]))
    assert found.counts.tolist() == [1, 2 * (w.CHUNK // 5), 1, 2 * (w.CHUNK // 5)]
    assert len(set(found.hashes.tolist())) == 3
    whole = found.whole()
    assert whole[1] == whole[3] != whole[2]


def test_a_document_is_the_same_wherever_it_stands() -> None:
    alone = w.words(pa.array(["the cat sat"])).whole()[0]
    assert w.words(pa.array(["dogs bark.", "", "The cat: SAT"])).whole()[2] == alone


def test_neighbouring_documents_are_joined() -> None:
    found = w.words(pa.array(["a b", "c", "d e f", ""]))
    joined = found.joined(np.array([2, 0, 2]))
    assert joined.counts.tolist() == [3, 0, 3]
    assert joined.whole()[0] == w.words(pa.array(["a b c"])).whole()[0]


@given(
    st.lists(st.lists(st.sampled_from(["", "a", "b", "ab", "A", "é", "a b"]), max_size=3), min_size=1, max_size=9)
)
def test_exact_numbers_are_equal_where_the_texts_are(rows: list[list[str]]) -> None:
    texts = pa.array([text for row in rows for text in row], pa.string())
    numbers = w.exact(texts, np.array([len(row) for row in rows]))
    for i, row in enumerate(rows):
        for j, other in enumerate(rows):
            assert (numbers[i] == numbers[j]) == (row == other)


def test_exact_tells_what_words_do_not() -> None:
    texts = pa.array(["x + y", "x - y", "X + Y"])
    assert len(set(w.words(texts).whole().tolist())) == 1
    assert len(set(w.exact(texts, np.ones(3, np.int64)).tolist())) == 3


def test_exact_over_chunks() -> None:
    long = "z" * (w.CHUNK + 7)
    numbers = w.exact(pa.array(["a", long, "", long, "a"]), np.ones(5, np.int64))
    assert numbers[0] == numbers[4]
    assert numbers[1] == numbers[3]
    assert len(set(numbers.tolist())) == 3
