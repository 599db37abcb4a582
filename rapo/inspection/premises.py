"""The papers' premises in scores: good rejected answers, bad chosen answers, rare best ones.

Plain preference training unlearns good rejected answers and learns bad chosen ones; the best are rare (Sec. 3 of
arXiv:2410.08067).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rapo.inspection import finding
from rapo.inspection.finding import NEVER, Finding, percent

GROUP = "premises"
GOOD_REJECTED = (0.1, 0.3, NEVER)
BAD_CHOSEN = (0.05, 0.2, 0.5)
RARE = 0.05
SCALES = ((0.0, 1.0), (0.0, 4.0), (1.0, 5.0), (0.0, 5.0), (1.0, 7.0), (1.0, 10.0), (0.0, 10.0), (0.0, 100.0))


@dataclass(frozen=True)
class Thresholds:
    """From which score on a rejected response is good, up to which a chosen one is bad, from which one is best.

    None: the middle of the scale (of 1 to 10: 5), and its top; without a known scale the median and the 99th
    percentile.
    """

    good: float | None = None
    bad: float | None = None
    best: float | None = None


def scale(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """The narrowest scale in use that holds all scores and that they span by half; None if there is none.

    >>> scale(np.array([1.0, 4.0, 5.0])), scale(np.array([-3.0, 2.5]))
    ((1.0, 5.0), None)
    """
    if not len(values):
        return None
    low, high = float(np.min(values)), float(np.max(values))
    for bottom, top in SCALES:
        if bottom <= low and high <= top and high - low >= 0.5 * (top - bottom):
            return bottom, top
    return None


def settled(thresholds: Thresholds, scores: NDArray[np.float64]) -> tuple[float, float, float]:
    """Good, bad and best as numbers."""
    known = scale(scores)
    if known:
        middle = 5.0 if known[1] == 10 else sum(known) / 2
        defaults = (middle, middle, known[1])
    else:
        median, top = np.quantile(scores, [0.5, 0.99]) if len(scores) else (np.nan, np.nan)
        defaults = (float(median), float(median), float(top))
    given = (thresholds.good, thresholds.bad, thresholds.best)
    good, bad, best = (value if asked is None else asked for asked, value in zip(given, defaults, strict=True))
    return good, bad, best


def premises(
    chosen: NDArray[np.float64],
    rejected: NDArray[np.float64],
    rows: NDArray[np.int64],
    *,
    thresholds: Thresholds,
    source: str,
) -> list[Finding]:
    """Findings about the premises.

    Args:
        chosen, rejected: scores. Shape: (n_pairs,)
        rows: positions of the pairs in the data. Shape: (n_pairs,)
        thresholds: what is good, bad and best.
        source: how the data are called on the command line.
    """
    both = np.concatenate([chosen, rejected])
    good, bad, best = settled(thresholds, both)
    good_rejected, bad_chosen = np.flatnonzero(rejected >= good), np.flatnonzero(chosen <= bad)
    return [
        finding.share(
            "good-rejected",
            GROUP,
            f"{percent(len(good_rejected), len(rows))} of the rejected responses score {good:g} or more: plain "
            "preference training unlearns them",
            count=len(good_rejected),
            n=len(rows),
            bounds=GOOD_REJECTED,
            examples=_examples(good_rejected, "rejected", rejected, rows),
            advice=f"rapo relabel {source} --out goals.jsonl",
        ),
        finding.share(
            "bad-chosen",
            GROUP,
            f"{percent(len(bad_chosen), len(rows))} of the chosen responses score {bad:g} or less: plain "
            "preference training learns them blindly",
            count=len(bad_chosen),
            n=len(rows),
            bounds=BAD_CHOSEN,
            examples=_examples(bad_chosen, "chosen", chosen, rows),
            advice=f"rapo relabel {source} --out goals.jsonl (where nearly all are bad: better responses first)",
        ),
        _best(chosen, rejected, rows, best, source),
    ]


def _best(
    chosen: NDArray[np.float64], rejected: NDArray[np.float64], rows: NDArray[np.int64], best: float, source: str
) -> Finding:
    both = np.concatenate([chosen, rejected])
    count, n = int((both >= best).sum()), len(both)
    level = "ok" if not n or count >= RARE * n else "note" if count else "warning"
    if count:
        told = f"{percent(count, n)} of the responses score {best:g} or more, the best there is"
        advice = f"rapo relabel {source} --out goals.jsonl, then ask the trained model for {best:g}"
    else:
        told = f"no response scores {best:g} or more: a goal of {best:g} asks for what the data never show"
        advice = f"ask the trained model for {both.max():g}, the best score that the data hold" if n else ""
    shares = finding.share(
        "best-responses",
        GROUP,
        told,
        count=count,
        n=n,
        unit="responses",
        bounds=(NEVER, NEVER, NEVER),
        examples=_examples(np.flatnonzero(chosen >= best), "chosen", chosen, rows),
    )
    return replace(shares, level=level, advice=advice if level != "ok" else "")


def _examples(
    places: NDArray[np.int64], side: str, scores: NDArray[np.float64], rows: NDArray[np.int64]
) -> list[finding.Example]:
    return [finding.Example(int(rows[i]), side, f"score {scores[i]:g}") for i in places[: finding.SHOWN]]
