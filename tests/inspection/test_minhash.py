"""Near-duplicates against Jaccard's similarity by brute force."""

import random
import re
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from rapo.inspection import minhash
from rapo.inspection.words import words

WORDS = [f"word{i}" for i in range(400)]


def shingles(text: str) -> set[tuple[str, ...]]:
    """Sets of three consecutive words; a shorter text is one shingle."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(found[i : i + 3]) for i in range(max(len(found) - 2, 1))} if found else set()


def jaccard(left: str, right: str) -> float:
    a, b = shingles(left), shingles(right)
    return len(a & b) / len(a | b)


def variants(n: int, *, size: int, seed: int) -> list[str]:
    """Texts of which each group of four is one text with more and more of its words changed."""
    draw = random.Random(seed)
    texts = []
    for _ in range(n // 4):
        base = draw.choices(WORDS, k=size)
        for changes in (0, size // 60, size // 12, size // 4):
            text = list(base)
            for at in draw.sample(range(size), changes):
                text[at] = draw.choice(WORDS)
            texts.append(" ".join(text))
    return texts


def sketched(texts: list[str]) -> np.ndarray:
    return minhash.sketches(minhash.bins(words(pa.array(texts))))


def alike(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    """Pairs of texts in one group."""
    with minhash.Index() as index:
        half = len(texts) // 2
        index.add(words(pa.array(texts[:half], pa.string())))
        index.add(words(pa.array(texts[half:], pa.string())))
        edges = [np.stack(pair) for pair in index.alike(threshold=threshold)]
    left, right = np.concatenate([np.empty((2, 0), np.int64), *edges], axis=1)
    label = minhash.groups(len(texts), left, right)
    return {(i, j) for i, j in combinations(range(len(texts)), 2) if label[i] == label[j]}


@pytest.mark.parametrize("size", [40, 200])
def test_similarity_is_close_to_that_by_brute_force(size: int) -> None:
    texts = variants(80, size=size, seed=size)
    held = sketched(texts)
    pairs = [(i, j) for i in range(0, 80, 4) for j in (i + 1, i + 2, i + 3)]
    left, right = np.array(pairs).T
    want = np.array([jaccard(texts[i], texts[j]) for i, j in pairs])
    error = minhash.similarity(held[left], held[right]) - want
    assert np.abs(error).max() < 0.25  # 64 bins: a standard error of at most 0.0625
    assert abs(error.mean()) < 0.03
    assert want.min() < 0.3
    assert want.max() > 0.85


def test_groups_are_those_of_brute_force() -> None:
    texts = variants(200, size=120, seed=3)
    got = alike(texts, 0.8)
    for i, j in combinations(range(200), 2):
        if i // 4 == j // 4:
            value = jaccard(texts[i], texts[j])
            if value > 0.93:
                assert (i, j) in got
            if value < 0.6:
                assert (i, j) not in got
        else:
            assert (i, j) not in got


def test_short_texts_are_exact() -> None:
    texts = ["Why?", "why", "why not", "", "...", "the cat sat", "the cat sat down"]
    assert alike(texts, 0.8) == {(0, 1)}
    held = sketched(texts)
    assert minhash.similarity(held[5:6], held[6:7])[0] == pytest.approx(1 / 2)  # one shingle of two
    assert np.isnan(minhash.similarity(held[3:4], held[4:5])[0])


@pytest.mark.parametrize("size", [3, 6, 12])
def test_short_texts_are_found_among_many(size: int) -> None:
    draw = random.Random(size)
    bases = [" ".join(draw.choices(WORDS, k=size)) for _ in range(300)]
    got = alike([*bases, *(f"{base} too" for base in bases)], 0.85)
    planted = {(i, i + 300) for i in range(300)}
    # One shingle more: 1 of 2, 4 of 5, 10 of 11 are shared. Two of five shingles may share a bin, then one is not seen.
    assert got <= planted
    assert len(got) == 300 if size == 12 else len(got) < 40


def test_the_threshold_parts() -> None:
    base = [f"w{i}" for i in range(42)]  # 40 shingles
    texts = [" ".join(base), " ".join([*base[:-4], "x1", "x2", "x3", "x4"])]  # 36 shared, 44 in all: 0.82
    assert jaccard(*texts) == pytest.approx(36 / 44)
    assert alike(texts, 0.6) == {(0, 1)}
    assert alike(texts, 0.99) == set()


def test_many_equal_texts_cost_no_quadratic_work() -> None:
    texts = ["sorry i cannot help with that request"] * 3000
    with minhash.Index() as index:
        index.add(words(pa.array(texts)))
        sizes = [len(left) for left, _ in index.alike(threshold=0.8)]
    assert max(sizes) < 2 * 3000
    assert len(sizes) == 5, "five shingles, each in another band"


def test_one_document_has_no_neighbour() -> None:
    with minhash.Index() as index:
        index.add(words(pa.array(["alone"])))
        assert list(index.alike(threshold=0.8)) == []
