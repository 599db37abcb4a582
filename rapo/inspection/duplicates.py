"""Pairs that repeat others, as the audit finds them, and data without them (`rapo select --drop-duplicates`)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rapo.inspection import minhash
from rapo.inspection.batch import Batch, Column, Keys, firsts
from rapo.inspection.minhash import Index
from rapo.inspection.near import THRESHOLD, prompt_groups
from rapo.pairs import messages
from rapo.pairs.schema import SIDES, TEXTS, batches

KINDS = ("exact", "near")
_ROLES = dict(zip(TEXTS, ("user", "assistant", "assistant"), strict=True))


@dataclass(frozen=True)
class Repeated:
    """Which pairs to leave out.

    Attributes:
        keep: Shape: (n_pairs,) of bool.
        counts: why pairs are left out -> how many; a pair counts under the first reason that it meets.
    """

    keep: NDArray[np.bool_]
    counts: dict[str, int]


def repeated(tables: Iterable[pa.Table], *, kind: str = "exact", similarity: float = THRESHOLD) -> Repeated:
    """Find the pairs that repeat others; the first of each stays.

    Args:
        tables: checked pairs, in batches (`rapo.pairs.door.Pairs.batches`); texts are not held.
        kind: "exact": pairs whose prompt, chosen and rejected stand in an earlier pair, and those whose two responses
            are one text. "near": also pairs whose prompt nearly repeats an earlier one of another text (pairs of the
            same prompt stay together), and those whose two responses are nearly the same.
        similarity: from which on two texts are nearly the same: Jaccard's, of the sets of three consecutive words.

    Raises:
        ValueError: the kind is unknown, or the similarity out of range.

    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5"}
    >>> repeated([pa.Table.from_pylist([row, row])]).keep.tolist()
    [True, False]
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; use one of {', '.join(KINDS)}")
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity is {similarity}; use a number above 0, up to 1")
    keys, alike = Keys(), Column(bool)
    with Index() as prompts:
        for batch in _texts(tables):
            keys.update(batch)
            if kind == "near":
                prompts.add(batch.words["prompt"])
                sides = (minhash.sketches(minhash.bins(batch.words[side])) for side in SIDES)
                alike.add(minhash.similarity(*sides) >= similarity)
        pairs, (prompt, chosen, rejected) = keys.pairs(), map(keys.all, TEXTS)
        reasons = {
            "pairs equal to an earlier one": firsts(pairs) != np.arange(len(pairs)),
            "pairs whose responses are the same": chosen == rejected,
        }
        if kind == "near":
            label = prompt_groups(prompts, prompt, similarity)[2]
            reasons["pairs whose prompt nearly repeats another"] = prompt[label] != prompt
            reasons["pairs whose responses are nearly the same"] = alike.all()
    keep, counts = np.ones(len(pairs), bool), {}
    for why, found in reasons.items():
        counts[why] = int((found & keep).sum())
        keep &= ~found
    return Repeated(keep, {why: n for why, n in counts.items() if n})


def without(tables: Iterable[pa.Table], found: Repeated) -> Iterator[pa.Table]:
    """The same tables, in the same order, without the pairs to leave out."""
    start = 0
    for table in tables:
        yield table.filter(pa.array(found.keep[start : start + len(table)]))
        start += len(table)


def _texts(tables: Iterable[pa.Table]) -> Iterator[Batch]:
    """Prompt and responses alone, as messages."""
    start = 0
    for table in tables:
        for piece in batches(table.select(TEXTS)):
            columns = [messages.lift(piece[name], role=role) for name, role in _ROLES.items()]
            yield Batch(pa.RecordBatch.from_arrays(columns, names=list(TEXTS)), start)
            start += len(piece)
