"""Counts of a preference data set: scores, margins, lengths, and whether the papers' premises hold in it.

Good rejected answers are what plain preference training unlearns, bad chosen answers are what it learns, and the
best answers are rare (Sec. 3 of arXiv:2410.08067). All functions take a table that `rapo.pairs.check` has seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

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


@dataclass(frozen=True)
class Numbers:
    """What is counted of every pair, 35 bytes each, so that the pairs themselves need not be held.

    Attributes:
        score_chosen, score_rejected: Shape: (n_pairs,)
        length_chosen, length_rejected: characters. Shape: (n_pairs,)
        identical, multi_turn, with_system: see `Summary`. Shape: (n_pairs,) of bool.
        prompt: a hash of what names the prompt. Shape: (n_pairs,)
    """

    score_chosen: np.ndarray
    score_rejected: np.ndarray
    length_chosen: np.ndarray
    length_rejected: np.ndarray
    identical: np.ndarray
    multi_turn: np.ndarray
    with_system: np.ndarray
    prompt: np.ndarray


def numbers(tables: Iterable[pa.Table]) -> Numbers:
    """What is counted of checked pairs that come in batches; every function here takes it in place of a table."""
    columns: list[list[np.ndarray]] = [[] for _ in fields(Numbers)]
    for table in tables:
        for batch in batches(table):
            for column, part in zip(columns, _numbers(batch), strict=True):
                column.append(part)
    return Numbers(*(np.concatenate(columns.pop(0)) for _ in fields(Numbers)))  # each list goes when it is whole


def _numbers(batch: pa.RecordBatch) -> list[np.ndarray]:
    """The attributes of `Numbers` for one batch, in their order."""
    parts = messages.turns(batch["prompt"])
    system = np.zeros(len(batch), bool)
    some = parts.lengths > 0
    system[some] = messages.equal(parts.roles.take(pa.array(parts.starts[some])), "system")
    users = np.bincount(parts.row_of, weights=messages.equal(parts.roles, "user"), minlength=len(batch))
    return [
        *(batch[f"score_{side}"].to_numpy(zero_copy_only=False) for side in SIDES),
        *(messages.characters(batch[side]).astype(np.int32) for side in SIDES),
        messages.same(batch["chosen"], batch["rejected"]),
        users > 1,
        system,
        np.fromiter(map(hash, prompt_keys(batch).to_pylist()), np.int64, len(batch)),
    ]


def _of(table: pa.Table | Numbers) -> Numbers:
    return table if isinstance(table, Numbers) else numbers([table])


def summary(table: pa.Table | Numbers) -> Summary:
    """Count what a checked table holds.

    >>> from rapo.pairs.check import check
    >>> row = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 9}
    >>> summary(check(pa.Table.from_pylist([row]))).ties
    1
    """
    held = _of(table)
    scores = (held.score_chosen, held.score_rejected)
    return Summary(
        n=len(held.prompt),
        prompts=len(np.unique(held.prompt)),
        ties=int((held.score_chosen == held.score_rejected).sum()),
        identical=int(held.identical.sum()),
        reversed=int((held.score_chosen < held.score_rejected).sum()),
        multi_turn=int(held.multi_turn.sum()),
        with_system=int(held.with_system.sum()),
        score_low=min((float(one.min()) for one in scores if len(one)), default=float("nan")),
        score_high=max((float(one.max()) for one in scores if len(one)), default=float("nan")),
    )


def shares(table: pa.Table | Numbers, *, good: float = 5.0, bad: float = 5.0, best: float = 10.0) -> pd.DataFrame:
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
    >>> shares(check(pa.Table.from_pylist([row]))).set_index("quantity")["count"]["good rejected"]
    np.int64(1)
    """
    held = _of(table)
    chosen, rejected = held.score_chosen, held.score_rejected
    found = {
        "ties": chosen == rejected,
        "good rejected": rejected >= good,
        "bad chosen": chosen <= bad,
        "optimal responses": np.concatenate([chosen >= best, rejected >= best]),
        "chosen is longer": held.length_chosen > held.length_rejected,
        "identical responses": held.identical,
    }
    return pd.DataFrame([_share(quantity, mask) for quantity, mask in found.items()])


def score_histogram(table: pa.Table) -> pd.DataFrame:
    """How many chosen and rejected responses have which score, in bins of `round_edges`.

    Returns:
        ``response`` ("chosen" or "rejected"), ``low``, ``high`` (of the bin), ``count``, ``share`` (of that side).
    """
    scores = dict(zip(SIDES, _scores(table), strict=True))
    cuts = round_edges(np.concatenate(list(scores.values())))
    return pd.concat([_histogram(values, cuts).assign(response=side) for side, values in scores.items()])[
        ["response", "low", "high", "count", "share"]
    ].reset_index(drop=True)


def margin_histogram(table: pa.Table) -> pd.DataFrame:
    """How many pairs have which margin, score_chosen - score_rejected; ties are a bin of their own.

    Returns:
        ``low``, ``high`` (of the bin; 0 and 0 for the ties, which come first), ``count``, ``share`` (of all
        pairs), ``tie``.
    """
    chosen, rejected = _scores(table)
    margins = chosen - rejected
    told = margins[margins != 0]
    ties = len(margins) - len(told)
    first = pd.DataFrame({"low": [0.0], "high": [0.0], "count": [ties], "tie": [True]})
    binned = pd.concat(
        [first, _histogram(told, round_edges(np.append(told, 0.0))).assign(tie=False)], ignore_index=True
    )
    return binned.assign(share=binned["count"] / max(len(margins), 1))[["low", "high", "count", "share", "tie"]]


def length_correlation(table: pa.Table | Numbers) -> Interval:
    """Spearman's correlation between the margin of the scores and the margin of the lengths (in characters).

    Above zero, the scores favour longer responses (`rapo.stats.correlation.rank_correlation`). Ties of the scores are
    left out: their margin has no direction.

    Returns:
        NaN throughout for fewer than 4 pairs, or where scores or lengths do not vary.
    """
    held = _of(table)
    margin = held.score_chosen - held.score_rejected
    longer = np.subtract(held.length_chosen, held.length_rejected)
    told = margin != 0
    return rank_correlation(margin[told], longer[told])


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
