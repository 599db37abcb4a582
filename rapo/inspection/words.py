"""Words of many texts as numbers, without a Python loop over texts: for shingles, copies and shared n-grams.

A word is a run of letters, digits and bytes beyond ASCII, in lower case. A character of a script that is written
without spaces is a word by itself. Punctuation of Latin-1 (U+0080 to U+00BF, with the space that does not break) and
general punctuation (U+2000 to U+2FFF) part words as ASCII's does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
CHUNK = 1 << 18  # bytes hashed at a time: what fits into a processor's cache

_SPACE, _INSIDE, _ALONE = range(3)
_PUNCTUATION = {0xC2: 2, 0xE2: 3}  # first byte -> how many: U+0080 to U+00BF, U+2000 to U+2FFF
_TURN, _ODD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1342543DE82EF95)


def mix(values: Hashes) -> Hashes:
    """Scatter 64-bit numbers so that every bit depends on every bit; one to one. Shape: (n,)"""
    values = values ^ (values >> np.uint64(32))
    values *= _TURN
    values ^= values >> np.uint64(29)
    values *= _ODD
    values ^= values >> np.uint64(32)
    return values


def _kinds() -> NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    kinds[[*range(48, 58), *range(65, 91), *range(97, 123), *range(0x80, 256)]] = _INSIDE
    kinds[[0xE0, *range(0xE3, 0xEE), *range(0xF0, 0xF5)]] = _ALONE
    return kinds


def _values() -> Hashes:
    values = mix(np.arange(1, 257, dtype=np.uint64))
    values[65:91] = values[97:123]
    values[_kinds() == _SPACE] = 0
    return values


def _powers(base: np.uint64, n: int) -> Hashes:
    powers = np.full(n, base, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


class _Table:
    """Powers of a number modulo 2^64, and of its inverse, as far as they were needed."""

    def __init__(self, base: np.uint64) -> None:
        self.base, self.up, self.down = base, np.empty(0, np.uint64), np.empty(0, np.uint64)

    def reach(self, n: int) -> None:
        if n > len(self.up):
            size, inverse = max(n, CHUNK), np.uint64(pow(int(self.base), -1, 1 << 64))
            self.up, self.down = _powers(self.base, size), _powers(inverse, size)


_KINDS, _VALUES, _EXACT = _kinds(), _values(), mix(np.arange(1001, 1257, dtype=np.uint64))
_BYTES, _WORDS = _Table(np.uint64(0x2545F4914F6CDD1D)), _Table(np.uint64(0x9FB21C651E98DF25))


@dataclass(frozen=True)
class Words:
    """The words of documents, one after the other.

    Attributes:
        hashes: of every word. Shape: (n_words,)
        starts: each document's first word, and the number of words at the end. Shape: (n_documents + 1,)
    """

    hashes: Hashes
    starts: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Words of each document. Shape: (n_documents,)"""
        return np.diff(self.starts)

    def grams(self, n: int) -> tuple[Hashes, NDArray[np.int64]]:
        """Hashes of every ``n`` consecutive words of one document, and the document of each. Shapes: (n_grams,)"""
        firsts = np.maximum(self.counts - n + 1, 0)
        document = np.repeat(np.arange(len(firsts)), firsts)
        at = np.arange(len(document)) + (self.starts[:-1] - (np.cumsum(firsts) - firsts))[document]
        return self.windows(at, np.full(len(at), n)), document

    def windows(self, at: NDArray[np.int64], sizes: NDArray[np.int64]) -> Hashes:
        """Hash of the ``sizes[i]`` words from word ``at[i]`` on, whatever stands around them. Shapes: (n,)"""
        _WORDS.reach(len(self.hashes) + 1)
        sums = np.zeros(len(self.hashes) + 1, np.uint64)
        np.cumsum(self.hashes * _WORDS.up[: len(self.hashes)], out=sums[1:])
        return mix((sums[at + sizes] - sums[at]) * _WORDS.down[at])

    def whole(self) -> Hashes:
        """One hash a document; equal where the words are, whatever their case and punctuation. Shape: (n,)"""
        return self.windows(self.starts[:-1], self.counts)

    def joined(self, lengths: NDArray[np.int64]) -> "Words":
        """The same words, as many neighbouring documents made one as ``lengths`` says. Shape: (n_joined,)"""
        return Words(self.hashes, self.starts[np.append(0, np.cumsum(lengths))])


def words(texts: pa.Array) -> Words:
    """Take texts apart into words; each text is a document. Shape: (n_texts,)

    >>> found = words(pa.array(["The cat!", "the  CAT", "cat"]))
    >>> found.counts.tolist(), len(set(found.hashes.tolist())), len(set(found.whole().tolist()))
    ([2, 2, 1], 2, 2)
    """
    data, offsets = raw(pc.utf8_lower(texts))
    pieces, firsts = [], [np.zeros(1, np.int64)]
    for low, high in _chunks(offsets):
        hashes, at = _hashes(data[offsets[low] : offsets[high]], offsets[low:high] - offsets[low])
        firsts.append(np.searchsorted(at, offsets[low + 1 : high + 1] - offsets[low]))
        pieces.append(hashes)
    before = np.cumsum([0, *map(len, pieces)])
    starts = np.concatenate([firsts[0], *(first + n for first, n in zip(firsts[1:], before, strict=False))])
    return Words(np.concatenate(pieces) if pieces else np.empty(0, np.uint64), starts)


def exact(texts: pa.Array, lengths: NDArray[np.int64]) -> Hashes:
    """One hash a document that differs wherever a byte differs, or a text's place among the others.

    Not proof against texts that were made to collide.

    Args:
        texts: Shape: (n_texts,)
        lengths: how many texts each document has. Shape: (n_documents,)

    Returns:
        Shape: (n_documents,)
    """
    data, offsets = raw(texts)
    sizes = np.diff(offsets)
    found = sizes.astype(np.uint64) + np.uint64(1)  # an empty text is not no text
    for low, high in _chunks(offsets):
        some = low + np.flatnonzero(sizes[low:high])
        if len(some):
            chunk, at = data[offsets[low] : offsets[high]], offsets[some] - offsets[low]
            _BYTES.reach(len(chunk))
            found[some] += np.add.reduceat(_EXACT[chunk] * _BYTES.up[: len(chunk)], at) * _BYTES.down[at]
    place = np.arange(len(found)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    _WORDS.reach(int(lengths.max(initial=0)) + 1)
    totals = np.append(np.uint64(0), np.cumsum(mix(found) * _WORDS.up[place]))
    ends = np.append(0, np.cumsum(lengths))
    return mix(totals[ends[1:]] - totals[ends[:-1]])


def raw(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of texts, and where each starts and the last ends. Nothing is copied but missing texts made empty."""
    texts = pc.fill_null(texts, "") if texts.null_count else texts
    wide = pa.types.is_large_string(texts.type)
    if not len(texts):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    _, places, held = texts.buffers()
    offsets = np.frombuffer(places, np.int64 if wide else np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(held, np.uint8) if held is not None and held.size else np.empty(0, np.uint8)
    return data, offsets.astype(np.int64)


def _chunks(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of texts that hold about `CHUNK` bytes together; a longer text stands alone."""
    low, n = 0, len(offsets) - 1
    while low < n:
        high = max(int(np.searchsorted(offsets, offsets[low] + CHUNK, side="right")) - 1, low + 1)
        yield low, high
        low = high


def _hashes(data: NDArray[np.uint8], firsts: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    """Hashes of all words of a chunk, and the byte that each starts at."""
    data = _without_punctuation(data)
    kinds = _KINDS[data]
    inside = kinds != _SPACE
    begins = kinds == _ALONE
    begins[1:] |= inside[1:] & ~inside[:-1]
    edges = firsts[firsts < len(data)]
    begins[edges] = inside[edges]
    at = np.flatnonzero(begins)
    if not len(at):
        return np.empty(0, np.uint64), at
    _BYTES.reach(len(data))
    values = _VALUES[data]
    values *= _BYTES.up[: len(data)]
    return mix(np.add.reduceat(values, at) * _BYTES.down[at]), at


def _without_punctuation(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Punctuation beyond ASCII as spaces."""
    found = [(np.flatnonzero(data == first), n) for first, n in _PUNCTUATION.items()]
    if not any(len(places) for places, _ in found):
        return data
    data = data.copy()
    for places, n in found:
        for place in (places + byte for byte in range(n)):
            data[place[place < len(data)]] = 32
    return data
