"""Contamination: do prompts or responses hold the questions of a benchmark?

An item counts as held where at least half of its n-grams (`SIZE` consecutive words) occur in the text; an item of
fewer words counts where the text has the same words and no others.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rapo.inspection import finding
from rapo.inspection.batch import Batch, Lens
from rapo.inspection.finding import ANY, NEVER, Example, Finding, percent
from rapo.inspection.words import Hashes, Words, words
from rapo.pairs import files, messages
from rapo.pairs.schema import TEXTS

GROUP = "contamination"
SIZE = 8
COVERED = 0.5
HELD = (NEVER, ANY, 0.01)
TOUCHED = (0.01, 0.1, NEVER)
COLUMNS = ("prompt", "instruction", "question", "problem", "query", "text", "input", "goal", "turns")


def read_items(path: str | Path, *, column: str | None = None) -> pa.Array:
    """The questions of a benchmark: lines of a .txt file, else a column of a table.

    Args:
        path: a .txt file, or a table as `rapo.pairs.files` reads it.
        column: which column holds the questions: text, or messages, or a list of texts.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: no column holds the questions, or there is none.
    """
    if Path(path).suffix.lower() == ".txt":
        lines = [line for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        if not lines:
            raise ValueError(f"{path} is empty: write a question a line")
        return pa.array(lines, pa.string())
    table = files.read(path)
    if not len(table):
        raise ValueError(f"{path} holds no row: there is no question to look for")
    names = [column] if column else [name for name in COLUMNS if name in table.column_names]
    if not names or names[0] not in table.column_names:
        raise ValueError(
            f"{path} has the columns {', '.join(table.column_names)}; say which one holds the questions: "
            "--benchmark-column NAME"
        )
    return _texts(table[names[0]].combine_chunks(), f"{path}: column {names[0]}")


def _texts(held: pa.Array, name: str) -> pa.Array:
    if messages.is_text(held.type):
        return held.cast(pa.string())
    if messages.is_messages(held.type):
        return messages.texts(held)
    if pa.types.is_list(held.type) and messages.is_text(held.type.value_type):
        return pa.array(
            ["\n\n".join(turn or "" for turn in turns or []) for turns in held.to_pylist()], pa.string()
        )
    raise ValueError(f"{name} holds {held.type}, no text; choose another with --benchmark-column NAME")


class Contamination(Lens):
    """Looks for the items of one benchmark.

    Args:
        items: their texts. Shape: (n_items,)
        name: of the benchmark.
        size: words of an n-gram.
    """

    def __init__(self, items: pa.Array, *, name: str, size: int = SIZE) -> None:
        self._items, self._name, self._size = items, name, size
        self._n = self._touched = 0
        found = words(items)
        self._long = _Grams(found, size)
        keys, items_at, equal = _short(found, size)
        self._short = keys, items_at
        self._equal_items = dict(zip(items_at.tolist(), equal.tolist(), strict=True))
        self._held = dict.fromkeys(TEXTS, 0)
        self._seen: set[int] = set()
        self._examples: list[Example] = []
        self._parts: list[Example] = []

    def update(self, batch: Batch) -> None:
        """Look up every n-gram of the batch."""
        self._n += len(batch)
        touched, whole_items = np.zeros(len(batch), bool), np.zeros(len(batch), bool)
        for column in TEXTS:
            row, item, share = self._long.found(batch.words[column])
            whole, same = self._equal(batch.words[column])
            hit = share >= COVERED
            rows = np.concatenate([row[hit], whole])
            items = np.concatenate([item[hit], same])
            self._held[column] += len(np.unique(rows))
            self._seen |= set(items.tolist())
            touched[row[~hit]] = True
            whole_items[rows] = True
            if len(self._examples) < finding.SHOWN:
                self._examples += [self._example(batch, column, *found) for found in zip(rows, items, strict=True)]
            if len(self._parts) < finding.SHOWN:
                parts = zip(row[~hit], item[~hit], strict=True)
                self._parts += [self._example(batch, column, *found) for found in parts]
        self._touched += int((touched & ~whole_items).sum())

    def _equal(self, texts: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Texts that are one of the short items, and which."""
        keys, items = self._short
        if not len(keys):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        whole = texts.whole()
        at = np.minimum(np.searchsorted(keys, whole), len(keys) - 1)
        rows = np.flatnonzero(keys[at] == whole)
        return rows, items[at[rows]]

    def _example(self, batch: Batch, column: str, row: int, item: int) -> Example:
        text = " ".join(self._items[int(item)].as_py().split())
        return Example(int(batch.positions[row]), column, f"item {item + 1}: {text[:80]}")

    def finish(self) -> list[Finding]:
        """A finding for prompts and one for responses, and one for single n-grams."""
        advice = f"remove these pairs before you report results on {self._name}"
        seen = sum(self._equal_items.get(item, 1) for item in self._seen)
        items = f"; {seen:,} of its {len(self._items):,} items occur"
        found = [
            finding.share(
                f"contaminated {column}: {self._name}",
                GROUP,
                f"{percent(self._held[column], self._n)} of the {column} texts hold an item of {self._name}{items}",
                count=self._held[column],
                n=self._n,
                bounds=HELD,
                examples=[example for example in self._examples if example.column == column],
                advice=advice,
            )
            for column in TEXTS
        ]
        told = (
            f"{percent(self._touched, self._n)} of the pairs share {self._size} consecutive words with {self._name} "
            "without holding half of an item"
        )
        part = finding.share(
            f"n-grams of {self._name}",
            GROUP,
            told,
            count=self._touched,
            n=self._n,
            bounds=TOUCHED,
            examples=self._parts,
            advice="look at the examples: often a common phrase, at times a rewritten question",
        )
        return [*found, part]


class _Grams:
    """Items by their n-grams: which items hold a gram, and how many different grams an item has."""

    def __init__(self, items: Words, size: int) -> None:
        self._size = size
        grams, item = items.grams(size)
        pairs = (
            np.unique(np.stack([grams, item.astype(np.uint64)]), axis=1)
            if len(grams)
            else np.empty((2, 0), np.uint64)
        )
        self._item = pairs[1].astype(np.int64)
        self._keys, self._starts = np.unique(pairs[0], return_index=True)
        self._ends = np.append(self._starts[1:], pairs.shape[1])
        self._sizes = np.bincount(self._item, minlength=len(items.counts))
        self._bits = np.uint64(64 - max(16, len(self._keys).bit_length() + 5))
        self._sieve = np.zeros(1 << (64 - int(self._bits)), bool)
        self._sieve[self._keys >> self._bits] = True

    def found(self, texts: Words) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Text, item and share of the item's grams that the text holds, wherever it holds one. Shapes: (n_hits,)"""
        grams, text = texts.grams(self._size)
        maybe = np.flatnonzero(self._sieve[grams >> self._bits])
        if not len(maybe) or not len(self._keys):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        at = np.minimum(np.searchsorted(self._keys, grams[maybe]), len(self._keys) - 1)
        real = self._keys[at] == grams[maybe]
        seen = np.unique(np.stack([text[maybe[real]], at[real]]), axis=1)
        many = (self._ends - self._starts)[seen[1]]
        first = np.repeat(self._starts[seen[1]] - (np.cumsum(many) - many), many)
        item = self._item[first + np.arange(len(first))]
        both, count = np.unique(np.stack([np.repeat(seen[0], many), item]), axis=1, return_counts=True)
        return both[0], both[1], count / self._sizes[both[1]]


def _short(items: Words, size: int) -> tuple[Hashes, NDArray[np.int64], NDArray[np.int64]]:
    """Hash and number of the items that are shorter than a gram, by hash, and how many are equal to each."""
    short = np.flatnonzero((items.counts < size) & (items.counts > 0))
    keys, at, equal = np.unique(items.whole()[short], return_index=True, return_counts=True)
    return keys, short[at], equal
