"""Near-duplicate documents: one-permutation MinHash with locality-sensitive hashing, on whole arrays.

A document is its set of shingles (`SHINGLE` consecutive words). Each shingle's hash falls into one of `BINS` bins and
the smallest of each bin is kept (Li, Owen and Zhang 2012, arXiv:1208.1259). Documents that agree in all bins of a
band, empty ones too, are candidates. Of a candidate, Jaccard's similarity is the share of equal bins among those that
are not empty in both documents.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from rapo.inspection.words import Words, mix

SHINGLE = 3
BINS = 64
BANDS = 16  # of BINS / BANDS bins each: at similarity 0.8 a pair of documents is missed once in 5,000 times
_EMPTY = np.uint64(2**64 - 1)
_BITS = np.uint64(64 - 6)

Bins = NDArray[np.uint64]
Sketches = NDArray[np.uint8]


def bins(words: Words) -> Bins:
    """The smallest hash in each bin; a document of fewer words than a shingle is one shingle. Shape: (n, BINS)"""
    hashes, document = words.grams(SHINGLE)
    few = np.flatnonzero((words.counts < SHINGLE) & (words.counts > 0))
    short = words.windows(words.starts[few], words.counts[few])
    found = np.full(len(words.counts) * BINS, _EMPTY)
    for values, of in ((hashes, document), (short, few)):
        np.minimum.at(found, of * BINS + (values >> _BITS).astype(np.int64), values)
    return found.reshape(-1, BINS)


def sketches(found: Bins) -> Sketches:
    """A byte a bin, 0 for an empty one: what similarity is estimated from. Shape: (n, BINS)"""
    return np.where(found == _EMPTY, 0, 1 + found % np.uint64(255)).astype(np.uint8)


def bands(found: Bins) -> NDArray[np.uint32]:
    """A number a band, 0 for a band of empty bins, which says nothing. Shape: (n, BANDS)"""
    parts = found.reshape(len(found), BANDS, BINS // BANDS)
    number = np.broadcast_to(np.arange(BANDS, dtype=np.uint64), parts.shape[:2])
    for place in range(parts.shape[2]):
        number = mix((number + parts[..., place]).ravel()).reshape(number.shape)
    some = (parts != _EMPTY).any(axis=2)
    return np.where(some, np.maximum(number >> np.uint64(32), np.uint64(1)), np.uint64(0)).astype(np.uint32)


def similarity(left: Sketches, right: Sketches) -> NDArray[np.float64]:
    """Jaccard's similarity of documents, estimated; NaN where both are empty. Shape: (n,)"""
    told = (left > 0) | (right > 0)
    equal = (left == right) & told
    n = told.sum(axis=1)
    return np.divide(equal.sum(axis=1), n, out=np.full(len(left), np.nan), where=n > 0)


class Index:
    """Sketches and bands of many documents, kept in temporary files; then the pairs of documents that are alike.

    Attributes:
        n: how many documents there are.
    """

    n = 0

    def __enter__(self) -> "Index":
        """Open the files, which the system removes when they are closed."""
        with ExitStack() as opened:
            self._bands = [opened.enter_context(tempfile.TemporaryFile()) for _ in range(BANDS)]
            self._sketches = opened.enter_context(tempfile.TemporaryFile())
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, words: Words) -> Sketches:
        """Add documents, numbered from 0 in the order in which they come; their sketches. Shape: (n, BINS)"""
        found = bins(words)
        numbers = bands(found)
        for band, file in enumerate(self._bands):
            file.write(numbers[:, band].tobytes())
        held = sketches(found)
        self._sketches.write(held.tobytes())
        self.n += len(found)
        return held

    def alike(self, *, threshold: float) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Pairs of documents whose similarity reaches the threshold, a band at a time: (earlier, later).

        Within a bucket every document is held against the bucket's first and against the one before it, so a bucket
        of n documents costs 2 n comparisons; chains join whoever is alike (`groups`).
        """
        if self.n < 2:
            return
        self._sketches.flush()
        held = np.memmap(self._sketches, np.uint8, "r", shape=(self.n, BINS))
        for file in self._bands:
            file.flush()
            file.seek(0)
            left, right = _neighbours(np.fromfile(file, np.uint32))
            keep = [
                similarity(held[left[at : at + 65_536]], held[right[at : at + 65_536]]) >= threshold
                for at in range(0, len(left), 65_536)
            ]
            if keep:
                hit = np.concatenate(keep)
                yield left[hit], right[hit]


def _neighbours(numbers: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of documents in one bucket: with its first, and with the one before; 0 is no bucket."""
    order = np.argsort(numbers, kind="stable")
    order = order[np.count_nonzero(numbers == 0) :]
    same = np.flatnonzero(numbers[order][1:] == numbers[order][:-1]) + 1
    new = np.ones(len(order), bool)
    new[same] = False
    first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))[same]
    pairs = np.concatenate([np.stack([first, same]), np.stack([same - 1, same])[:, same - 1 != first]], axis=1)
    return order[pairs[0]], order[pairs[1]]


def groups(n: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first document that each is joined to, itself where it stands alone. Shape: (n,)"""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(left), bool), (left, right)), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    _, first = np.unique(label, return_index=True)
    return first[label]
