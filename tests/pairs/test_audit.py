import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scored_pairs import pair, turn

from rapo.pairs import audit, schema, sources
from rapo.pairs.check import check


def table(*scores: tuple[float, float], texts: list[tuple[str, str]] | None = None) -> pa.Table:
    texts = texts or [(f"a{i}", f"b{i}") for i in range(len(scores))]
    rows = [
        {"prompt": "q", "chosen": a, "rejected": b, "score_chosen": float(c), "score_rejected": float(r)}
        for (c, r), (a, b) in zip(scores, texts, strict=True)
    ]
    return check(pa.Table.from_pylist(rows), reversed_pairs="keep")


FIVE = [
    pair(),  # plain
    pair(score_rejected=9.0),  # a tie, same prompt
    pair(rejected=[turn("assistant", "4")]),  # identical responses
    pair(prompt=[turn("system", "s"), turn("user", "a"), turn("assistant", "b"), turn("user", "c")]),
    pair(score_chosen=1.0),  # reversed
]


@given(st.permutations(FIVE))
def test_summary_counts_by_hand_in_any_order(rows: list[dict[str, Any]]):
    got = audit.summary(check(pa.Table.from_pylist(rows), reversed_pairs="keep"))
    assert got == audit.Summary(5, 2, 1, 1, 1, 1, 1, 1.0, 9.0)


def test_the_summary_of_nothing_has_no_scores():
    got = audit.summary(table((9, 6)).slice(0, 0))
    assert (got.n, got.prompts) == (0, 0)
    assert math.isnan(got.score_low)


def test_premises_by_hand():
    data = table(
        (9, 6), (5, 2), (10, 10), (4, 1), texts=[("long", "s"), ("s", "long"), ("same", "same"), ("ab", "cd")]
    )
    got = audit.shares(data).set_index("quantity")
    assert got["count"].to_dict() == {
        "ties": 1,  # 10 = 10
        "good rejected": 2,  # 6 and 10 are at least 5
        "bad chosen": 2,  # 5 and 4 are at most 5
        "optimal responses": 2,  # both 10s
        "chosen is longer": 1,
        "identical responses": 1,
    }
    assert got["n"].to_list() == [4, 4, 4, 8, 4, 4]
    assert got.loc["good rejected", "share"] == 0.5
    # Wilson at 2 of 4, z = 1.96: centre 0.5, half-width sqrt(0.25/4 + 3.8415/64) * 1.96 / (1 + 3.8415/4) = 0.3500
    assert got.loc["good rejected", "low"] == pytest.approx(0.5 - 0.3500, abs=5e-4)


def test_thresholds_are_inclusive_and_can_be_chosen():
    got = audit.shares(table((7, 3), (8, 4)), good=4, bad=7, best=8).set_index("quantity")["count"]
    assert (got["good rejected"], got["bad chosen"], got["optimal responses"]) == (1, 1, 1)


def test_an_empty_table_has_no_shares():
    got = audit.shares(table((9, 6)).slice(0, 0))
    assert got["count"].sum() == 0
    assert got["share"].isna().all()
    assert audit.score_histogram(table((9, 6)).slice(0, 0))["count"].sum() == 0
    assert audit.margin_histogram(table((9, 6)).slice(0, 0))["count"].sum() == 0


def test_whole_scores_get_a_bin_each():
    got = audit.score_histogram(table((3, 1), (3, 2)))
    chosen = got[got["response"] == "chosen"]
    assert chosen["low"].to_list() == [0.5, 1.5, 2.5]
    assert chosen["count"].to_list() == [0, 0, 2]
    assert chosen["share"].to_list() == [0, 0, 1]
    assert got[got["response"] == "rejected"]["count"].to_list() == [1, 1, 0]


def test_margins_tell_ties_apart():
    got = audit.margin_histogram(table((3, 1), (3, 3), (2, 1), (2, 2)))
    assert got[["low", "high", "count", "tie"]].to_numpy().tolist() == [
        [0.0, 0.0, 2, True],
        [-0.5, 0.5, 0, False],
        [0.5, 1.5, 1, False],
        [1.5, 2.5, 1, False],
    ]
    assert got["share"].sum() == 1


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=30),
    st.sampled_from([0, 1, 6]),
)
def test_histograms_hold_every_pair_once(scores: list[Any], digits: int):
    data = table(*[(round(c, digits), round(r, digits)) for c, r in scores])
    margins, both = audit.margin_histogram(data), audit.score_histogram(data)
    assert margins["count"].sum() == len(scores)
    assert both.groupby("response")["count"].sum().to_dict() == {"chosen": len(scores), "rejected": len(scores)}
    assert len(margins) <= 60


def test_swapping_the_sides_changes_no_length_correlation():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(30, 2))
    texts = [("x" * a, "x" * b) for a, b in rng.integers(1, 90, (30, 2)).tolist()]
    one = audit.length_correlation(table(*map(tuple, scores), texts=texts))
    other = audit.length_correlation(table(*map(tuple, scores[:, ::-1]), texts=[text[::-1] for text in texts]))
    assert one == other
    # by scipy on differences seen from both sides
    x, y = scores[:, 0] - scores[:, 1], np.array([len(a) - len(b) for a, b in texts])
    assert one.estimate == pytest.approx(stats.spearmanr(np.r_[x, -x], np.r_[y, -y]).statistic)
    assert one.low < one.estimate < one.high
    assert one.n == 30


def test_length_correlation_at_its_ends():
    texts = [("x" * (i + 2), "x") for i in range(9)]
    assert audit.length_correlation(table(*[(i + 1, 0) for i in range(9)], texts=texts)).estimate == pytest.approx(
        1
    )
    for few in (table((2, 1), (3, 1)), table(*[(2, 2)] * 9), table(*[(2, 1)] * 9, texts=[("a", "b")] * 9)):
        assert math.isnan(audit.length_correlation(few).estimate)


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_the_interval_covers_the_truth(slope: float):
    """200 data sets of 60 pairs, the truth from 200,000: 10 misses expected, 19 are three deviations more."""
    rng = np.random.default_rng(1)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        lengths = rng.normal(size=n)
        return slope * lengths + rng.normal(size=n), lengths

    x, y = draw(200_000)
    truth = stats.spearmanr(x, y).statistic
    misses = 0
    for _ in range(200):
        margins, lengths = draw(60)
        both = [(f"{'x' * round(2000 + 400 * length)}", "x" * 2000) for length in lengths]
        got = audit.length_correlation(table(*[(margin, 0.0) for margin in margins], texts=both))
        misses += not got.low <= truth <= got.high
    assert misses <= 19


def test_the_instructive_pair_has_the_best_rejected_response_and_is_no_tie():
    assert audit.instructive(schema.with_ids(table((9, 6), (8, 8), (9, 7)))) == "row-3"
    with pytest.raises(ValueError, match="every pair is a tie"):
        audit.instructive(schema.with_ids(table((8, 8))))


def test_real_judgements_are_skewed_and_full_of_ties(shared_data: Path):
    made = sources.read_pairs(shared_data / "alpaca_eval" / "ultrafeedback_shaped.jsonl.gz")
    got = audit.shares(made).set_index("quantity")
    frame = pd.DataFrame({"c": made["score_chosen"].to_numpy(), "r": made["score_rejected"].to_numpy()})
    assert got.loc["ties", "count"] == (frame["c"] == frame["r"]).sum() > 150
    assert got.loc["good rejected", "count"] == (frame["r"] >= 5).sum()
    assert audit.length_correlation(made).low > 0, "the judge is known to favour long answers"


def test_numbers_of_batches_are_those_of_the_whole() -> None:
    whole = table(*[(9.0, float(i % 10)) for i in range(23)])
    held = audit.numbers(whole.slice(start, 5) for start in range(0, 23, 5))
    assert audit.summary(held) == audit.summary(whole)
    assert audit.length_correlation(held) == audit.length_correlation(whole)
    pd.testing.assert_frame_equal(audit.shares(held), audit.shares(whole))
