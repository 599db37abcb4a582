"""What occurs twice and what contradicts itself, exactly: pairs, prompts, responses, orders, scores."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from rapo.inspection import finding
from rapo.inspection.batch import Batch, Column, Keys, Lens, firsts, together
from rapo.inspection.finding import ANY, NEVER, Example, Finding, percent
from rapo.inspection.words import Hashes
from rapo.pairs.schema import SIDES

DUPLICATES, CONTRADICTIONS = "duplicates", "contradictions"
IDENTICAL = (NEVER, ANY, 0.01)
REPEATED_PAIRS = (ANY, 0.01, 0.1)
REPEATED_PROMPTS = (0.01, NEVER, NEVER)
CANNED = (0.005, 0.02, 0.1)
BOTH_ORDERS = (NEVER, ANY, 0.01)
CYCLES = (ANY, 0.005, 0.02)
SCORES_DIFFER = (ANY, 0.05, 0.2)


class Repeats(Lens):
    """Exact repetitions and contradictions, from one number a text.

    Args:
        keys: of the same data, filled by whoever reads them.
        source: how the data are named on the command line.
    """

    def __init__(self, keys: Keys, *, source: str = "IN") -> None:
        self._keys, self._source = keys, source
        self._scores = {side: Column() for side in SIDES}

    def update(self, batch: Batch) -> None:
        """Keep the scores."""
        for side in SIDES:
            self._scores[side].add(batch.scores[side])

    def finish(self) -> list[Finding]:
        """Findings about duplicates, then about contradictions."""
        return [*self._duplicates(), *self._contradictions()]

    def _duplicates(self) -> list[Finding]:
        prompt, chosen, rejected = (self._keys.all(column) for column in ("prompt", *SIDES))
        n, drop = len(prompt), f"rapo select {self._source} --drop-duplicates exact --out OUT"
        same = np.flatnonzero(chosen == rejected)
        pairs, prompts = firsts(self._keys.pairs()), firsts(prompt)
        again, asked = (np.flatnonzero(first != np.arange(n)) for first in (pairs, prompts))
        return [
            finding.share(
                "identical-responses",
                DUPLICATES,
                f"chosen and rejected are the same text in {percent(len(same), n)} of the pairs",
                count=len(same),
                n=n,
                bounds=IDENTICAL,
                examples=finding.at(same, "chosen", "chosen and rejected are the same"),
                advice=f"remove these pairs: they teach nothing; {drop}",
            ),
            finding.share(
                "duplicate-pairs",
                DUPLICATES,
                f"{percent(len(again), n)} of the pairs repeat an earlier one: prompt, chosen and rejected",
                count=len(again),
                n=n,
                bounds=REPEATED_PAIRS,
                examples=_others(again, pairs, "prompt", "the same pair as"),
                advice=f"keep the first of each: repeated pairs weigh more, and leak into a test split; {drop}",
            ),
            finding.share(
                "repeated-prompts",
                DUPLICATES,
                f"{percent(len(asked), n)} of the pairs have a prompt that stands in an earlier row",
                count=len(asked),
                n=n,
                bounds=REPEATED_PROMPTS,
                examples=_others(asked, prompts, "prompt", "the same prompt as"),
                advice="split by prompt, not by row: rapo.pairs.sources.hold_out does",
            ),
            self._canned(prompt),
        ]

    def _canned(self, prompt: Hashes) -> Finding:
        """Responses that are given to several prompts."""
        n = len(prompt)
        response = np.concatenate([self._keys.all(side) for side in SIDES])
        asked = np.tile(firsts(prompt), 2)
        first = firsts(response)
        several = np.zeros(len(first), bool)
        several[first[asked != asked[first]]] = True
        hit = np.flatnonzero(several[first])
        later = hit[asked[hit] != asked[first[hit]]]
        later = later[np.argsort(later % n, kind="stable")] if n else later
        examples = [
            Example(
                int(at % n), SIDES[int(at // n)], "the same response, to another prompt, as", int(first[at] % n)
            )
            for at in later[: finding.SHOWN]
        ]
        return finding.share(
            "same-response-to-other-prompts",
            DUPLICATES,
            f"{percent(len(hit), 2 * n)} of the responses are given, word for word, to more than one prompt",
            count=len(hit),
            n=2 * n,
            unit="responses",
            bounds=CANNED,
            examples=examples,
            advice="look whether they are refusals or other set pieces; where they are chosen, drop them",
        )

    def _contradictions(self) -> list[Finding]:
        prompt, chosen, rejected = (self._keys.all(column) for column in ("prompt", *SIDES))
        nodes, number = np.unique(
            np.concatenate([together(prompt, chosen), together(prompt, rejected)]), return_inverse=True
        )
        better, worse = np.split(number, 2)
        both, partner = _both_orders(better, worse, len(nodes))
        return [
            finding.share(
                "both-orders",
                CONTRADICTIONS,
                f"{percent(len(both), len(prompt))} of the pairs stand there in both orders: the same prompt and "
                "responses, chosen and rejected exchanged",
                count=len(both),
                n=len(prompt),
                bounds=BOTH_ORDERS,
                examples=_others(both, partner, "prompt", "the other way round in"),
                advice="keep the order that more judges agree on, or drop both; relabelling swaps on purpose: audit "
                "the pairs, not the relabelled rows",
            ),
            _cycles(better, worse, len(nodes), both),
            self._score_differs(number, len(prompt)),
        ]

    def _score_differs(self, number: NDArray[np.int64], n: int) -> Finding:
        """The same response to the same prompt with another score."""
        scores = np.concatenate([self._scores[side].all() for side in SIDES])
        known = np.flatnonzero(np.isfinite(scores))
        order = known[np.argsort(number[known], kind="stable")]
        starts = np.flatnonzero(np.diff(number[order], prepend=-1))
        sizes = np.diff(np.append(starts, len(order)))
        if len(starts):
            spread = np.maximum.reduceat(scores[order], starts) - np.minimum.reduceat(scores[order], starts)
        else:
            spread = np.empty(0)
        several = int((sizes > 1).sum())
        differ = starts[spread > 0]
        examples = [
            Example(int(order[at] % n), SIDES[int(order[at] // n)], "scored otherwise in", int(order[at + 1] % n))
            for at in differ[: finding.SHOWN]
        ]
        return finding.share(
            "scores-differ",
            CONTRADICTIONS,
            f"of {several:,} responses that occur more than once, {percent(len(differ), several)} have different "
            "scores",
            count=len(differ),
            n=several,
            unit="repeated responses",
            bounds=SCORES_DIFFER,
            examples=examples,
            advice="average the scores of each response before pairing: rapo pairs, from candidates",
        )


def _both_orders(
    better: NDArray[np.int64], worse: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows whose reverse is there, and for every row one that is its reverse (-1 for none). Shapes: (k,), (n_pairs,)"""
    there, back = better * n + worse, worse * n + better
    order = np.argsort(there, kind="stable")
    at = np.minimum(np.searchsorted(there, back, sorter=order), max(len(there) - 1, 0))
    partner = np.full(len(there), -1)
    if len(there):
        found = (there[order[at]] == back) & (better != worse)
        partner[found] = order[at][found]
    return np.flatnonzero(partner >= 0), partner


def _cycles(better: NDArray[np.int64], worse: NDArray[np.int64], n: int, both: NDArray[np.int64]) -> Finding:
    """Preferences that go round in a circle of three or more: pairs within a strong component."""
    graph = csr_array((np.ones(len(better), np.int8), (better, worse)), shape=(n, n))
    _, label = connected_components(graph, directed=True, connection="strong")
    circle = (label[better] == label[worse]) & (better != worse) if n else np.zeros(0, bool)
    circle[both] = False
    rows = np.flatnonzero(circle)
    return finding.share(
        "preference-cycles",
        CONTRADICTIONS,
        f"{percent(len(rows), len(better))} of the pairs lie on a circle: a over b, b over c, c over a",
        count=len(rows),
        n=len(better),
        bounds=CYCLES,
        examples=finding.at(rows, "prompt", "on a circle of preferences"),
        advice="drop the pair with the smallest margin of each circle",
    )


def _others(rows: NDArray[np.int64], partner: NDArray[np.int64], column: str, note: str) -> list[Example]:
    return [Example(int(row), column, note, int(partner[row])) for row in rows[: finding.SHOWN]]
