"""What a policy thinks of the pairs, from the log-probabilities that `rapo score` adds.

Alignment potential beats the explicit margin where the error of the scores leans against the policy's own likelihood:
where they overrate what the policy finds unlikely (`notebooks/alignment_potential.ipynb`).
"""

import numpy as np
from numpy.typing import NDArray

from rapo.inspection import finding
from rapo.inspection.batch import Batch, Column
from rapo.inspection.finding import NEVER, Example, Finding, Picture, percent
from rapo.pairs.schema import SCORES
from rapo.selection import margins
from rapo.selection.select import LOGPROBS, REFERENCE, TOKENS
from rapo.stats.correlation import rank_correlation

GROUP = "policy"
DISAGREES = (0.3, 0.45, NEVER)
LEARNT = (0.5, 0.75, NEVER)
LEAN = 0.1
QUADRANTS = ("large, learnt", "large, open", "small, agrees", "small, doubts")  # explicit margin, the policy


class Policy:
    """Explicit against implicit margins.

    Args:
        source: how the data are called on the command line.
    """

    def __init__(self, *, source: str) -> None:
        self._source = source
        self._explicit, self._implicit, self._mean, self._length = (Column() for _ in range(4))
        self._rows = Column(np.int64)
        self._kind = ""

    def update(self, batch: Batch) -> None:
        """Keep margins of rows that have scores and log-probabilities."""
        names = set(batch.table.schema.names)
        if not batch.scored or not {*LOGPROBS, *TOKENS} <= names:
            return
        self._kind = "DPO" if set(REFERENCE) <= names else "SimPO"
        columns = [*SCORES, *LOGPROBS, *TOKENS, *(REFERENCE if self._kind == "DPO" else ())]
        values = np.stack([batch.number(name) for name in columns])
        known = np.flatnonzero(np.isfinite(values).all(axis=0) & (values[4:6] >= 1).all(axis=0))
        scores, sums, tokens, reference = (
            values[:2, known],
            values[2:4, known],
            values[4:6, known],
            values[6:, known],
        )
        mean = margins.implicit_margin_simpo(*sums, *tokens)
        self._mean.add(mean)
        self._implicit.add(margins.implicit_margin_dpo(*sums, *reference, beta=1.0) if len(reference) else mean)
        self._explicit.add(margins.explicit_margin(*scores))
        self._length.add(tokens[0] - tokens[1])
        self._rows.add(batch.positions[known])

    def finish(self) -> list[Finding]:
        """Nothing where there are no log-probabilities."""
        explicit, implicit, rows = self._explicit.all(), self._implicit.all(), self._rows.all()
        if not len(rows):
            return []
        return [self._disagrees(explicit, implicit, rows), self._potential(explicit, implicit, rows), self._lean()]

    def pictures(self) -> list[Picture]:
        """The quadrants."""
        explicit, implicit = self._explicit.all(), self._implicit.all()
        if not len(explicit):
            return []
        counts = tuple(int((quadrants(explicit, implicit) == which).sum()) for which in range(4))
        return [
            Picture(
                GROUP, "Margin of the scores, and what the policy makes of it", "", QUADRANTS, {"pairs": counts}
            )
        ]

    def _disagrees(
        self, explicit: NDArray[np.float64], implicit: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> Finding:
        told = explicit != 0
        against = np.flatnonzero(told & (np.sign(implicit) == -np.sign(explicit)))
        order = against[np.argsort(-np.abs(implicit[against]), kind="stable")]
        return finding.share(
            "policy-disagrees",
            GROUP,
            f"the policy's implicit reward ({self._kind}) prefers the response that scores lower in "
            f"{percent(len(against), int(told.sum()))} of the pairs that are no tie",
            count=len(against),
            n=int(told.sum()),
            bounds=DISAGREES,
            examples=_examples(order, explicit, implicit, rows),
            advice="read the examples: pairs that a good policy ranks the other way round are often labelled wrongly",
        )

    def _potential(
        self, explicit: NDArray[np.float64], implicit: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> Finding:
        where = quadrants(explicit, implicit)
        learnt = np.flatnonzero(where != 1)
        counts = {name: int((where == which).sum()) for which, name in enumerate(QUADRANTS)}
        return finding.share(
            "little-left-to-learn",
            GROUP,
            f"{percent(counts[QUADRANTS[1]], len(rows))} of the pairs have an explicit margin above the median that "
            "the policy has not learnt yet; the rest have little left to learn, or a small margin",
            count=len(learnt),
            n=len(rows),
            bounds=LEARNT,
            examples=_examples(learnt, explicit, implicit, rows),
            advice=f"rapo select {self._source} --metric alignment-potential --fraction 0.4 --out best.parquet",
            data={"quadrants": counts},
        )

    def _lean(self) -> Finding:
        explicit, told = self._explicit.all(), self._explicit.all() != 0
        longer = self._length.all()[told]
        lean = rank_correlation(explicit[told], self._mean.all()[told], given=longer if longer.any() else None)
        if lean.high < 0:
            level, said = "warning", "the scores lean against what the policy finds likely"
        elif lean.low > LEAN:
            level, said = "ok", "the scores go along with what the policy finds likely"
        else:
            level, said = "note", "the scores hardly go along with what the policy finds likely"
        metric = "explicit-margin" if level == "ok" else "alignment-potential"
        advice = f"rapo select {self._source} --metric {metric} --fraction 0.4 --out best.parquet"
        return Finding(
            "scores-and-likelihood",
            GROUP,
            "note" if np.isnan(lean.estimate) else level,
            f"{said}: margin of the scores and of the mean log-probability, lengths held equal ({lean.estimate:.2f}); "
            "error and quality cannot be told apart here",
            int(told.sum()),
            lean.n,
            measure="partial Spearman's rho",
            interval=None if np.isnan(lean.estimate) else lean,
            examples=tuple(_examples(np.flatnonzero(told), explicit, self._mean.all(), self._rows.all())),
            advice=advice,
        )


def quadrants(explicit: NDArray[np.float64], implicit: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which of `QUADRANTS` each pair is in; a pair is turned so that its explicit margin is not negative.

    Large is above the median of the explicit margins; learnt is an implicit margin of at least its own median size.

    >>> quadrants(np.array([4.0, 4.0, 1.0, 1.0]), np.array([3.0, 0.1, 2.0, -1.0])).tolist()
    [0, 1, 2, 3]
    """
    size, agrees = np.abs(explicit), implicit * np.where(explicit < 0, -1, 1)
    large = size > np.median(size)
    learnt = agrees >= np.median(np.abs(implicit))
    return np.where(large, np.where(learnt, 0, 1), np.where(agrees >= 0, 2, 3))


def _examples(
    places: NDArray[np.int64], explicit: NDArray[np.float64], other: NDArray[np.float64], rows: NDArray[np.int64]
) -> list[Example]:
    return [
        Example(int(rows[i]), "chosen", f"score margin {explicit[i]:g}, the policy's {other[i]:.2g}")
        for i in places[: finding.SHOWN]
    ]
