"""Random numbers of the world, as NumPy draws them, without what it spends on turning lists into arrays."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Something = TypeVar("Something")


def stream(*key: int) -> np.random.Generator:
    """The stream of ``np.random.default_rng(key)``, for whole numbers from 0 to 2^32 - 1.

    >>> stream(3, 7).random() == np.random.default_rng([3, 7]).random()
    True
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(np.array(key, dtype=np.uint32))))


def one(several: Sequence[Something], rng: np.random.Generator) -> Something:
    """The one that ``rng.choice`` would draw.

    >>> one("abc", stream(5)) == stream(5).choice(list("abc"))
    True
    """
    return several[int(rng.integers(len(several)))]


def some(several: Sequence[Something], n: int, rng: np.random.Generator) -> list[Something]:
    """``n`` different ones, as ``rng.choice`` draws them without replacement.

    >>> some("abcdef", 3, stream(5)) == stream(5).choice(list("abcdef"), size=3, replace=False).tolist()
    True
    """
    return [several[place] for place in rng.choice(len(several), size=n, replace=False).tolist()] if n else []


def mixed(several: Sequence[Something], rng: np.random.Generator) -> list[Something]:
    """All of them, in the order of ``rng.permutation``.

    >>> mixed("abcdef", stream(5)) == stream(5).permutation(list("abcdef")).tolist()
    True
    """
    return [several[place] for place in rng.permutation(len(several)).tolist()]
