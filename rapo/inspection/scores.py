"""Scores: their range and shape, ties, and columns of scores that contradict each other."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rapo.inspection import finding
from rapo.inspection.batch import Batch, Column
from rapo.inspection.finding import ANY, NEVER, Finding, Picture, at, percent
from rapo.inspection.premises import Thresholds, premises, scale
from rapo.pairs import audit
from rapo.pairs.columns import is_number
from rapo.pairs.schema import SCORES, SIDES, partner

GROUP = "scores"
TIES = (ANY, 0.1, 0.3)
REVERSED = (NEVER, ANY, 0.01)
NEAR = (0.2, 0.5, NEVER)
PILED = (0.3, 0.5, 0.75)
DISAGREE = (0.05, 0.15, 0.3)
FEW_VALUES = {1: "serious", 2: "warning", 3: "note"}
_WORDS = ("score", "rating", "reward")


@dataclass
class _Other:
    """A second pair of score columns: how often it told the responses apart, and the rows where it disagreed."""

    n: int
    against: int
    rows: list[int]


class Scores:
    """Everything that is read off the two scores of a pair.

    Args:
        thresholds: from which score on a rejected response is good, and so on; what is None follows the scale.
        source: how the data are called on the command line.
    """

    def __init__(self, *, thresholds: Thresholds, source: str) -> None:
        self._columns = {side: Column() for side in SIDES}
        self._others: dict[str, _Other] = {}
        self._thresholds, self._source = thresholds, source
        self._scored = True

    def update(self, batch: Batch) -> None:
        """Keep the scores, and count where other columns of scores disagree with them."""
        self._scored &= batch.scored
        if not batch.scored:
            return
        for side in SIDES:
            self._columns[side].add(batch.scores[side])
        margin = batch.margin
        for name, other in _other_margins(batch).items():
            seen = self._others.setdefault(name, _Other(0, 0, []))
            told = np.isfinite(other) & np.isfinite(margin) & (other != 0) & (margin != 0)
            against = np.flatnonzero(told & (np.sign(other) != np.sign(margin)))
            seen.n += int(told.sum())
            seen.against += len(against)
            seen.rows += (batch.start + against[: finding.SHOWN]).tolist()

    def finish(self) -> list[Finding]:
        """Findings about the scores, then about the papers' premises."""
        if not self._scored:
            told = "the pairs have no scores, so nothing that needs them was looked at"
            advice = f"rapo audit {self._source} --column score_chosen=NAME --column score_rejected=NAME"
            return [Finding("no-scores", GROUP, "note", told, 0, 0, advice=advice)]
        chosen, rejected, rows = self.known()
        found = [
            _range(chosen, rejected, self._source),
            _reversed(chosen, rejected, rows, self._source),
            _ties(chosen, rejected, rows, self._source),
            _near_ties(chosen, rejected, rows),
            _piled_up(chosen, rejected, rows),
            *(_against(name, other) for name, other in self._others.items()),
        ]
        return [*found, *premises(chosen, rejected, rows, thresholds=self._thresholds, source=self._source)]

    def known(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Scores of the pairs that have both, and the positions of these pairs. Shapes: (n,)"""
        chosen, rejected = (self._columns[side].all() for side in SIDES)
        rows = np.flatnonzero(np.isfinite(chosen) & np.isfinite(rejected))
        return chosen[rows], rejected[rows], rows

    def pictures(self) -> list[Picture]:
        """Histograms of scores and of margins."""
        chosen, rejected, _ = self.known() if self._scored else (np.empty(0),) * 3
        if not len(chosen):
            return []
        scores, margins = _histogram(chosen=chosen, rejected=rejected), _histogram(pairs=chosen - rejected)
        return [
            Picture(GROUP, "Scores of chosen and rejected responses", "score", *scores),
            Picture(GROUP, "Margins: chosen less rejected", "score points", *margins),
        ]


def _histogram(**values: NDArray[np.float64]) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """The middles of bins that suit all series, and each series' counts."""
    edges = audit.round_edges(np.concatenate(list(values.values())))
    labels = tuple(f"{middle:.3g}" for middle in (edges[:-1] + edges[1:]) / 2 + 0.0)
    return labels, {name: tuple(map(int, np.histogram(held, edges)[0])) for name, held in values.items()}


def _other_margins(batch: Batch) -> dict[str, NDArray[np.float64]]:
    """Margins by further columns of scores: the mean of the attributes, and pairs of columns whose name says so."""
    found = {}
    names = batch.table.schema.names
    if {"attributes_chosen", "attributes_rejected"} <= set(names):
        means = [_mean(batch.table[f"attributes_{side}"]) for side in SIDES]
        found["the mean of the attributes"] = means[0] - means[1]
    for name in names:
        other = partner(name)
        is_score = any(word in name.lower() for word in _WORDS) and name not in SCORES
        if not is_score or "rejected" in name or other == name or other not in names:
            continue
        if all(is_number(batch.table.schema.field(column).type) for column in (name, other)):
            found[name] = batch.number(name) - batch.number(other)
    return found


def _mean(attributes: pa.StructArray) -> NDArray[np.float64]:
    fields = [
        pc.fill_null(pc.struct_field(attributes, field.name), np.nan).to_numpy(zero_copy_only=False)
        for field in attributes.type
    ]
    return np.mean(fields, axis=0)


def _range(chosen: NDArray[np.float64], rejected: NDArray[np.float64], source: str) -> Finding:
    both = np.concatenate([chosen, rejected])
    values = np.unique(both)
    told_scale = scale(values)
    level = FEW_VALUES.get(len(values), "ok") if len(values) else "note"
    if level == "ok" and len(values) and told_scale != (1.0, 10.0):
        level = "note"
    if not len(values):
        return Finding("score-range", GROUP, level, "no pair has two scores", 0, 0, "distinct values")
    low, high = told_scale if told_scale else (values[0], values[-1])
    said = f"; a scale of {low:g} to {high:g}" if told_scale else "; no scale that is in use, as of a reward model"
    told = f"scores go from {values[0]:g} to {values[-1]:g} in {len(values):,} distinct values{said}"
    ends = f"{low:g} {high:g}" if low < high else "LOW HIGH"  # one value says nothing of its scale
    advice = f"rapo relabel {source} --scale {ends} --out goals.jsonl" if level != "ok" else ""
    return Finding("score-range", GROUP, level, told, len(values), len(both), "distinct values", advice=advice)


def _reversed(
    chosen: NDArray[np.float64], rejected: NDArray[np.float64], rows: NDArray[np.int64], source: str
) -> Finding:
    wrong = np.flatnonzero(chosen < rejected)
    return finding.share(
        "reversed",
        GROUP,
        f"the chosen response scores below the rejected one in {percent(len(wrong), len(rows))} of the pairs",
        count=len(wrong),
        n=len(rows),
        bounds=REVERSED,
        examples=[_scored(i, chosen, rejected, rows) for i in wrong[: finding.SHOWN]],
        advice=f"rapo relabel {source} --reversed-pairs swap --out goals.jsonl (or drop)",
    )


def _ties(
    chosen: NDArray[np.float64], rejected: NDArray[np.float64], rows: NDArray[np.int64], source: str
) -> Finding:
    tied = np.flatnonzero(chosen == rejected)
    others = len(rows) - len(tied)
    told = f"rapo select {source} --metric explicit-margin -k {others} --out told.parquet"
    return finding.share(
        "ties",
        GROUP,
        f"both responses have the same score in {percent(len(tied), len(rows))} of the pairs: chance says which is "
        "chosen",
        count=len(tied),
        n=len(rows),
        bounds=TIES,
        examples=[_scored(i, chosen, rejected, rows) for i in tied[: finding.SHOWN]],
        advice=told if others else "score the responses again with a judge that tells them apart",
    )


def _near_ties(chosen: NDArray[np.float64], rejected: NDArray[np.float64], rows: NDArray[np.int64]) -> Finding:
    margin = np.abs(chosen - rejected)
    both = np.concatenate([chosen, rejected])
    wide = 0.05 * (both.max() - both.min()) if len(both) else 0.0
    near = np.flatnonzero((margin > 0) & (margin <= wide))
    return finding.share(
        "near-ties",
        GROUP,
        f"the margin is {wide:.3g} points or less (5 % of the range), but no tie, in {percent(len(near), len(rows))}",
        count=len(near),
        n=len(rows),
        bounds=NEAR,
        examples=[_scored(i, chosen, rejected, rows) for i in near[: finding.SHOWN]],
        advice="train with label smoothing: trl dpo ... --label_smoothing 0.1",
    )


def _piled_up(chosen: NDArray[np.float64], rejected: NDArray[np.float64], rows: NDArray[np.int64]) -> Finding:
    both = np.concatenate([chosen, rejected])
    values, counts = np.unique(both, return_counts=True)
    most = int(np.argmax(counts)) if len(counts) else 0
    value, count = (values[most], int(counts[most])) if len(counts) else (np.nan, 0)
    holds = np.flatnonzero((chosen == value) | (rejected == value))
    return finding.share(
        "piled-up",
        GROUP,
        f"the score {value:g} alone stands for {percent(count, len(both))} of the responses",
        count=count,
        n=len(both),
        unit="responses",
        bounds=PILED,
        examples=[_scored(i, chosen, rejected, rows) for i in holds[: finding.SHOWN]],
        advice="score the responses again with a judge that tells them apart, or use goals by quantile",
    )


def _against(name: str, other: _Other) -> Finding:
    return finding.share(
        f"disagrees: {name}",
        GROUP,
        f"{name} prefers the other response in {percent(other.against, other.n)} of the pairs that both tell apart",
        count=other.against,
        n=other.n,
        bounds=DISAGREE,
        examples=at(other.rows, "prompt", f"{name} and the scores disagree"),
        advice="decide which of the two is right and drop the pairs where they disagree, or average them",
    )


def _scored(
    i: np.int64, chosen: NDArray[np.float64], rejected: NDArray[np.float64], rows: NDArray[np.int64]
) -> finding.Example:
    return finding.Example(int(rows[i]), "prompt", f"chosen {chosen[i]:g}, rejected {rejected[i]:g}")
