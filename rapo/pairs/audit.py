"""Numbers about a preference data set: scores, margins, lengths, and whether the papers' premises hold in it.

Good rejected answers are what plain preference training unlearns, bad chosen answers are what it learns, and the
best answers are rare (Sec. 3 of arXiv:2410.08067). All functions take a table that `rapo.pairs.check` has seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from rapo.pairs import messages
from rapo.pairs.schema import SIDES, batches, prompt_keys
from rapo.stats.correlation import rank_correlation
from rapo.stats.intervals import Interval, wilson


@dataclass(frozen=True)
class Summary:
    """What a table of scored pairs holds.

    Attributes:
        n: pairs.
        prompts: distinct prompts.
        ties: pairs whose two scores are equal.
        identical: pairs whose two responses are the same text.
        reversed: pairs whose chosen response scores below its rejected one.
        multi_turn: pairs whose prompt holds more than one user turn.
        with_system: pairs whose prompt begins with a system turn.
        score_low, score_high: the extreme scores; NaN for an empty table.
    """

    n: int
    prompts: int
    ties: int
    identical: int
    reversed: int
    multi_turn: int
    with_system: int
    score_low: float
    score_high: float


def summary(table: pa.Table) -> Summary:
    """Count what a checked table holds.

    >>> from rapo.pairs.check import check
    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 9}
    >>> summary(check(pa.Table.from_pylist([row]))).ties
    1
    """
    identical, multi, system, keys = 0, 0, 0, set()
    for batch in batches(table):
        identical += int(messages.same(batch["chosen"], batch["rejected"]).sum())
        parts = messages.turns(batch["prompt"])
        has_system = messages.equal(parts.roles.take(pa.array(parts.starts)), "system")
        users = np.bincount(parts.row_of, weights=messages.equal(parts.roles, "user"), minlength=len(batch))
        multi, system = multi + int((users > 1).sum()), system + int(has_system.sum())
        keys |= set(prompt_keys(batch).to_pylist())
    chosen, rejected = _scores(table)
    both = np.concatenate([chosen, rejected])
    return Summary(
        n=len(table),
        prompts=len(keys),
        ties=int((chosen == rejected).sum()),
        identical=identical,
        reversed=int((chosen < rejected).sum()),
        multi_turn=multi,
        with_system=system,
        score_low=float(both.min()) if len(both) else float("nan"),
        score_high=float(both.max()) if len(both) else float("nan"),
    )


def audit(table: pa.Table, *, good: float = 5.0, bad: float = 5.0, best: float = 10.0) -> pd.DataFrame:
    """Counts and shares of the pairs that the papers' arguments rest on, with Wilson's 95 % intervals.

    Args:
        table: scored pairs.
        good: a rejected response is good from this score on (the paper's figure on unlearning takes 5 of 10).
        bad: a chosen response is bad up to this score.
        best: a response is optimal from this score on.

    Returns:
        One row a quantity: ``quantity``, ``count``, ``n`` (pairs; responses for the optimum), ``share``, ``low``,
        ``high``. An empty table has shares of NaN.

    Raises:
        KeyError: a column is missing; `rapo.check_pairs` says what a table needs.

    >>> from rapo.pairs.check import check
    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 6}
    >>> audit(check(pa.Table.from_pylist([row]))).set_index("quantity")["count"]["good rejected"]
    np.int64(1)
    """
    chosen, rejected = _scores(table)
    length_chosen, length_rejected = lengths(table)
    both = np.concatenate([chosen, rejected])
    found = {
        "ties": chosen == rejected,
        "good rejected": rejected >= good,
        "bad chosen": chosen <= bad,
        "optimal responses": both >= best,
        "chosen is longer": length_chosen > length_rejected,
        "identical responses": np.concatenate([messages.same(b["chosen"], b["rejected"]) for b in batches(table)]),
    }
    return pd.DataFrame([_share(quantity, mask) for quantity, mask in found.items()])


def score_histogram(table: pa.Table, *, edges: Sequence[float] | None = None) -> pd.DataFrame:
    """How many chosen and rejected responses have which score.

    Args:
        table: scored pairs.
        edges: of the bins; by default one bin a whole score, or about 20 equal ones where scores have fractions.

    Returns:
        ``response`` ("chosen" or "rejected"), ``low``, ``high`` (of the bin), ``count``, ``share`` (of that side).
    """
    scores = dict(zip(SIDES, _scores(table), strict=True))
    cuts = round_edges(np.concatenate(list(scores.values()))) if edges is None else np.asarray(edges, float)
    return pd.concat([_histogram(values, cuts).assign(response=side) for side, values in scores.items()])[
        ["response", "low", "high", "count", "share"]
    ].reset_index(drop=True)


def margin_histogram(table: pa.Table, *, edges: Sequence[float] | None = None) -> pd.DataFrame:
    """How many pairs have which margin, score_chosen - score_rejected; ties are a bin of their own.

    Returns:
        ``low``, ``high`` (of the bin; 0 and 0 for the ties, which come first), ``count``, ``share`` (of all
        pairs), ``tie``.
    """
    chosen, rejected = _scores(table)
    margins = chosen - rejected
    told = margins[margins != 0]
    cuts = round_edges(np.append(told, 0.0)) if edges is None else np.asarray(edges, float)
    ties = len(margins) - len(told)
    first = pd.DataFrame({"low": [0.0], "high": [0.0], "count": [ties], "tie": [True]})
    binned = pd.concat([first, _histogram(told, cuts).assign(tie=False)], ignore_index=True)
    return binned.assign(share=binned["count"] / max(len(margins), 1))[["low", "high", "count", "share", "tie"]]


def length_correlation(table: pa.Table, *, level: float = 0.95) -> Interval:
    """Spearman's correlation between the margin of the scores and the margin of the lengths (in characters).

    Above zero, the scores favour longer responses (`rapo.stats.correlation.rank_correlation`). Ties of the scores are
    left out: their margin has no direction.

    Returns:
        NaN throughout for fewer than 4 pairs, or where scores or lengths do not vary.
    """
    chosen, rejected = _scores(table)
    longer = np.subtract(*lengths(table))
    told = chosen != rejected
    x, y = (chosen - rejected)[told], longer[told]
    return rank_correlation(x, y, level=level)


def instructive(table: pa.Table) -> str:
    """Id of the pair whose rejected response scores highest among those that are no tie: the one to look at.

    Raises:
        ValueError: every pair is a tie.
    """
    chosen, rejected = _scores(table)
    told = np.flatnonzero(chosen != rejected)
    if not len(told):
        raise ValueError("every pair is a tie: no goal can tell its responses apart")
    return str(table["pair_id"][int(told[np.argmax(rejected[told])])].as_py())


def _scores(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Scores of both sides. Shapes: (n_pairs,)"""
    return table["score_chosen"].to_numpy(), table["score_rejected"].to_numpy()


def lengths(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Characters of the chosen and of the rejected responses. Shapes: (n_pairs,)"""
    pieces = list(batches(table))
    chosen, rejected = (np.concatenate([messages.characters(piece[side]) for piece in pieces]) for side in SIDES)
    return chosen, rejected


def _share(quantity: str, mask: np.ndarray) -> dict[str, object]:
    count, n = int(mask.sum()), len(mask)
    interval = wilson(count, n) if n else Interval(np.nan, np.nan, np.nan, 0)
    share = {"share": interval.estimate, "low": interval.low, "high": interval.high}
    return {"quantity": quantity, "count": count, "n": n, **share}


def round_edges(values: np.ndarray) -> np.ndarray:
    """Edges of bins whose centres are multiples of a round step, so that zero is a centre.

    The step is 1 where values are whole and span 20 at most; else it makes 10 to 25 bins.
    """
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    whole = high - low <= 20 and (values == np.round(values)).all()
    step = 1.0 if whole or low == high else _round_up((high - low) / 20)
    return (np.arange(np.floor(low / step + 0.5), np.floor(high / step + 0.5) + 2) - 0.5) * step


def _round_up(step: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(digit * power for digit in (1, 2, 2.5, 5, 10) if digit * power >= step * (1 - 1e-9)))


def _histogram(values: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
    counts, _ = np.histogram(values, edges)
    share = counts / max(len(values), 1)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "count": counts, "share": share})
