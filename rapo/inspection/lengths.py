"""Length bias: does the chosen response tend to be the longer one, and do scores follow length?"""

import numpy as np
from numpy.typing import NDArray

from rapo.inspection import finding
from rapo.inspection.batch import Batch, Column
from rapo.inspection.finding import Example, Finding, Picture, percent
from rapo.pairs.schema import SIDES
from rapo.stats.correlation import paired_effect, rank_correlation
from rapo.stats.intervals import Interval, wilson

GROUP = "lengths"
SHARE = (0.05, 0.1, 0.2)  # from a half
EFFECT = (0.1, 0.3, 0.6)  # Cohen's d of paired differences
RANK = (0.1, 0.3, 0.5)  # Spearman's rho
_ADVICE = (
    "compare models with rapo winrate ... --length-controlled; in training, trl dpo ... --ld_alpha 0.5 or SimPO"
)


class Lengths:
    """Lengths of both responses in characters, and the margin of their scores where there is one."""

    def __init__(self) -> None:
        self._sides = {side: Column(np.int32) for side in SIDES}
        self._margin = Column()

    def update(self, batch: Batch) -> None:
        """Keep lengths and margins."""
        for side in SIDES:
            self._sides[side].add(batch.characters[side])
        self._margin.add(batch.margin)

    def finish(self) -> list[Finding]:
        """Share of longer chosen responses, effect size, and correlation with the scores."""
        chosen, rejected = (self._sides[side].all().astype(float) for side in SIDES)
        return findings(chosen, rejected, self._margin.all(), np.arange(len(chosen)), unit="characters")

    def pictures(self) -> list[Picture]:
        """How much longer the chosen response is."""
        chosen, rejected = (self._sides[side].all() for side in SIDES)
        if not len(chosen):
            return []
        edges = np.array([0, 0.25, 0.5, 0.8, 0.95, 1.05, 1.25, 2, 4, np.inf])
        labels = ("< 1/4", "1/4", "1/2", "0.8", "same", "1.05", "1.25", "2", "> 4")
        counts, _ = np.histogram((chosen + 1.0) / (rejected + 1.0), edges)
        title = "Length of the chosen response over that of the rejected one (from, in characters)"
        return [Picture(GROUP, title, "ratio", labels, {"pairs": tuple(map(int, counts))})]


def findings(
    chosen: NDArray[np.float64],
    rejected: NDArray[np.float64],
    margin: NDArray[np.float64],
    rows: NDArray[np.int64],
    *,
    unit: str,
) -> list[Finding]:
    """Findings about lengths in any unit.

    Args:
        chosen, rejected: lengths. Shape: (n_pairs,)
        margin: of the scores, NaN where there are none. Shape: (n_pairs,)
        rows: positions of the pairs in the data. Shape: (n_pairs,)
        unit: what lengths are counted in: "characters" or "tokens".
    """
    more = chosen - rejected
    found = [_longer(more, rows, unit), _effect(chosen, rejected, rows, unit)]
    told = np.isfinite(margin) & (margin != 0)
    return [*found, _correlation(margin[told], more[told], unit)] if told.any() else found


def _longer(more: NDArray[np.float64], rows: NDArray[np.int64], unit: str) -> Finding:
    differ = more != 0
    count, n = int((more > 0).sum()), int(differ.sum())
    order = np.argsort(-more, kind="stable")[: finding.SHOWN]
    return finding.statistic(
        f"chosen-is-longer, {unit}",
        GROUP,
        f"the chosen response is the longer one in {percent(count, n)} of the pairs whose lengths differ ({unit})",
        measure="share",
        interval=wilson(count, n) if n else Interval(np.nan, np.nan, np.nan, 0),
        count=count,
        bounds=SHARE,
        zero=0.5,
        examples=[Example(int(rows[i]), "chosen", f"{more[i]:+,.0f} {unit} than rejected") for i in order],
        advice=_ADVICE,
    )


def _effect(
    chosen: NDArray[np.float64], rejected: NDArray[np.float64], rows: NDArray[np.int64], unit: str
) -> Finding:
    interval = paired_effect(chosen - rejected)
    means = [float(side.mean()) if len(side) else 0.0 for side in (chosen, rejected)]
    gap = f" ({means[0] / means[1] - 1:+.0%})" if means[1] else ""
    return finding.statistic(
        f"length-effect, {unit}",
        GROUP,
        f"chosen responses have {means[0]:,.0f} {unit} on average, rejected ones {means[1]:,.0f}{gap}",
        measure="Cohen's d of the paired differences",
        interval=interval,
        count=len(chosen),
        bounds=EFFECT,
        advice=_ADVICE,
    )


def _correlation(margin: NDArray[np.float64], more: NDArray[np.float64], unit: str) -> Finding:
    interval = rank_correlation(margin, more)
    return finding.statistic(
        f"score-follows-length, {unit}",
        GROUP,
        f"margin of the scores and of the lengths in {unit}: a correlation of {interval.estimate:.2f}, ties left out",
        measure="Spearman's rho",
        interval=interval,
        count=len(margin),
        bounds=RANK,
        advice=_ADVICE,
    )
