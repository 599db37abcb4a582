"""What is almost the same: prompts, responses to different prompts, the two responses of a pair; copied prompts."""

import numpy as np
from numpy.typing import NDArray

from rapo.inspection import finding, minhash
from rapo.inspection.batch import Batch, Column, Keys, Lens, firsts
from rapo.inspection.finding import Example, Finding, percent
from rapo.inspection.minhash import Index
from rapo.inspection.words import Hashes, Words
from rapo.pairs.schema import SIDES

GROUP = "duplicates"
THRESHOLD = 0.8  # Jaccard's similarity of the sets of three consecutive words
PROMPTS = (0.01, 0.05, 0.2)
RESPONSES = (0.01, 0.05, 0.2)
WITHIN = (0.01, 0.05, 0.2)
COPIED = (0.01, 0.05, 0.2)
COPY_WORDS = 5  # a shorter prompt is not looked for in responses
Edges = tuple[NDArray[np.int64], NDArray[np.int64]]


class Near(Lens):
    """Near-duplicates by MinHash; texts are kept as 128 bytes each, in temporary files.

    Args:
        keys: of the same data, filled by whoever reads them.
        prompts, responses: open and empty.
        threshold: similarity from which on two texts are near-duplicates.
        source: how the data are named on the command line.
    """

    def __init__(
        self, keys: Keys, prompts: Index, responses: Index, *, threshold: float = THRESHOLD, source: str = "IN"
    ) -> None:
        self._keys, self._threshold, self._source = keys, threshold, source
        self._prompts, self._responses = prompts, responses
        self._rows, self._sides = Column(np.int64), Column(np.int8)
        self._n = self._within = 0
        self._alike: list[Example] = []
        self._copied = dict.fromkeys(SIDES, 0)
        self._either = 0
        self._copies: list[Example] = []

    def update(self, batch: Batch) -> None:
        """Sketch the texts of a batch; compare the responses of each pair, and each with its prompt."""
        self._n += len(batch)
        self._prompts.add(batch.words["prompt"])
        held = {side: self._responses.add(batch.words[side]) for side in SIDES}
        for number in range(len(SIDES)):
            self._rows.add(batch.positions)
            self._sides.add(np.full(len(batch), number))
        same = batch.hashes["chosen"] == batch.hashes["rejected"]
        alike = minhash.similarity(held["chosen"], held["rejected"])
        rows = np.flatnonzero((alike >= self._threshold) & ~same)
        self._within += len(rows)
        notes = [f"similarity {alike[row]:.2f}" for row in rows[: finding.SHOWN]]
        self._alike += [
            Example(int(batch.positions[row]), "chosen", note) for row, note in zip(rows, notes, strict=False)
        ]
        self._copy(batch)

    def _copy(self, batch: Batch) -> None:
        asked = last_turn(batch)
        hits = {side: holds(batch.words[side], asked) for side in SIDES}
        self._either += int(np.logical_or(*hits.values()).sum())
        for side, hit in hits.items():
            self._copied[side] += int(hit.sum())
            self._copies += finding.at(batch.positions[hit], side, "holds its prompt")

    def finish(self) -> list[Finding]:
        """Prompts, then responses, then within pairs."""
        return [self._near_prompts(), self._near_responses(), self._near_pairs(), self._copied_prompts()]

    def _near_prompts(self) -> Finding:
        keys = self._keys.all("prompt")
        left, right, label = prompt_groups(self._prompts, keys, self._threshold)
        first = firsts(keys)
        n = int((first == np.arange(len(first))).sum())
        count = n - int((label == np.arange(len(label))).sum())
        return finding.share(
            "near-duplicate-prompts",
            GROUP,
            f"of {n:,} different prompts, {percent(count, n)} nearly repeat another (similarity {self._threshold:g} or "
            "more)",
            count=count,
            n=n,
            unit="prompts",
            bounds=PROMPTS,
            examples=_edge_examples(left, right, np.arange(len(keys)), None),
            advice="keep one of each group, or keep a group in one split: else a test split holds training prompts; "
            f"rapo select {self._source} --drop-duplicates near --out OUT",
        )

    def _near_responses(self) -> Finding:
        rows, sides = self._rows.all(), self._sides.all()
        keys = np.stack([self._keys.all(side) for side in SIDES])[sides, rows]
        asked = firsts(self._keys.all("prompt"))[rows] if len(rows) else rows
        first = firsts(keys)
        left, right = _edges(self._responses, keys, self._threshold)
        label = minhash.groups(len(keys), *_with_equal(left, right, first))
        several = np.zeros(len(keys), bool)  # groups that hold different prompts and different texts
        several[label[asked != asked[label]]] = True
        differ = np.zeros(len(keys), bool)
        differ[label[keys != keys[label]]] = True
        count = int((several & differ)[label].sum())
        other = asked[left] != asked[right]
        return finding.share(
            "near-duplicate-responses",
            GROUP,
            f"{percent(count, len(keys))} of the responses nearly repeat one to another prompt (similarity "
            f"{self._threshold:g} or more)",
            count=count,
            n=len(keys),
            unit="responses",
            bounds=RESPONSES,
            examples=_edge_examples(left[other], right[other], rows, sides),
            advice="look at them: refusals, set pieces and copies teach little; keep one of each group",
        )

    def _near_pairs(self) -> Finding:
        return finding.share(
            "near-identical-responses",
            GROUP,
            f"in {percent(self._within, self._n)} of the pairs chosen and rejected are nearly the same text "
            f"(similarity {self._threshold:g} or more)",
            count=self._within,
            n=self._n,
            bounds=WITHIN,
            examples=self._alike,
            advice="such pairs lower the likelihood of both: add an SFT term, trl dpo ... --loss_type sigmoid sft, or "
            f"leave them out: rapo select {self._source} --drop-duplicates near --out OUT",
        )

    def _copied_prompts(self) -> Finding:
        return finding.share(
            "prompt-copied",
            GROUP,
            f"the prompt's last turn stands, word for word, in {percent(self._copied['chosen'], self._n)} of the "
            f"chosen and {percent(self._copied['rejected'], self._n)} of the rejected responses",
            count=self._either,
            n=self._n,
            bounds=COPIED,
            examples=sorted(self._copies, key=lambda example: example.position),
            advice="cut the copy off the response, where it is no part of the answer",
        )


def prompt_groups(
    index: Index, keys: Hashes, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Near-duplicates among prompts: pairs of rows (earlier, later), and for every row the first one of its group.

    Args:
        index: of all prompts.
        keys: a number a prompt that only equal texts share. Shape: (n_pairs,)
        threshold: similarity from which on two prompts are near-duplicates.
    """
    left, right = _edges(index, keys, threshold)
    return left, right, minhash.groups(len(keys), *_with_equal(left, right, firsts(keys)))


def _edges(index: Index, keys: Hashes, threshold: float) -> Edges:
    """Pairs of different texts that are alike, each once, by the later one."""
    found = [np.empty((2, 0), np.int64)]
    for left, right in index.alike(threshold=threshold):
        differ = keys[left] != keys[right]  # equal texts are alike in every band
        found.append(np.stack([left[differ], right[differ]]))
    edges = np.sort(np.concatenate(found, axis=1), axis=0)
    edges = np.unique(edges[::-1], axis=1)[::-1]
    return edges[0], edges[1]


def last_turn(batch: Batch) -> Words:
    """Words of each prompt's last turn, none for a prompt without turns. Shape: (n_pairs,)"""
    found = batch.turn_words["prompt"]
    lengths = batch.turns["prompt"].lengths
    ends = np.cumsum(lengths)
    counts = np.where(lengths > 0, found.counts[np.maximum(ends - 1, 0)] if len(found.counts) else 0, 0)
    starts = np.append(0, np.cumsum(counts))
    at = np.arange(starts[-1]) + np.repeat(found.starts[ends] - counts - starts[:-1], counts)
    return Words(found.hashes[at], starts)


def holds(responses: Words, asked: Words) -> NDArray[np.bool_]:
    """Responses that hold all words of their prompt one after the other, if it has enough of them. Shape: (n,)"""
    found = np.zeros(len(asked.counts), bool)
    size = np.repeat(asked.counts, responses.counts)
    row = np.repeat(np.arange(len(asked.counts)), responses.counts)
    long = asked.counts >= COPY_WORDS
    if not long.any():
        return found
    head = np.zeros(len(long), np.uint64)
    head[long] = asked.hashes[asked.starts[:-1][long]]
    fits = np.arange(len(row)) + size <= responses.starts[1:][row]
    at = np.flatnonzero((responses.hashes == head[row]) & fits & long[row])
    equal = responses.windows(at, size[at]) == asked.whole()[row[at]]
    found[row[at][equal]] = True
    return found


def _with_equal(left: NDArray[np.int64], right: NDArray[np.int64], first: NDArray[np.int64]) -> Edges:
    """The edges, and one from every text to the first that equals it."""
    return np.concatenate([left, first]), np.concatenate([right, np.arange(len(first))])


def _edge_examples(
    left: NDArray[np.int64], right: NDArray[np.int64], rows: NDArray[np.int64], sides: NDArray[np.int8] | None
) -> list[Example]:
    """The first edges, by the later text, one a text."""
    _, one = np.unique(right, return_index=True)
    column = (lambda at: "prompt") if sides is None else (lambda at: SIDES[int(sides[at])])
    return [
        Example(int(rows[right[i]]), column(right[i]), "nearly the same as", int(rows[left[i]]))
        for i in one[: finding.SHOWN]
    ]
