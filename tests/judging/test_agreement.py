"""Agreement and kappa against arithmetic, scikit-learn, statsmodels, and a real second judge."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from rapo.judging import votes
from rapo.judging.agreement import agreement, by_margin, by_share, rise

pairs_of_votes = st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.sampled_from([-1, 0, 1])), min_size=2)


def noisy(n, *, accuracy=0.8, seed=0):
    """A first annotator's votes and a second's that agrees with probability ``accuracy``."""
    rng = np.random.default_rng(seed)
    first = rng.choice([-1, 1], size=n)
    return first, np.where(rng.random(n) < accuracy, first, -first)


def test_agreement_and_kappa_by_hand():
    # 20 pairs: both +1 on 8, both -1 on 5, (+1, -1) on 4, (-1, +1) on 3. Agreement 13/20 = 0.65.
    # First says +1 on 12/20, second on 11/20: chance 0.6 * 0.55 + 0.4 * 0.45 = 0.51; kappa 0.14 / 0.49 = 2/7.
    first = [1] * 8 + [-1] * 5 + [1] * 4 + [-1] * 3
    second = [1] * 8 + [-1] * 5 + [-1] * 4 + [1] * 3
    found = agreement(first, second)
    assert (found.n, found.n_agree, found.n_disagree, found.n_ties) == (20, 13, 7, 0)
    assert found.agreement.estimate == 0.65
    assert found.kappa.estimate == pytest.approx(2 / 7)


def test_rules_for_ties_by_hand():
    # Same (1, 1), tie against a decision twice, tie against a tie, opposite (1, -1).
    first, second = [1, 1, 0, 0, 1], [1, 0, -1, 0, -1]
    half, whole, drop = (agreement(first, second, ties=rule) for rule in ("half", "class", "drop"))
    # Half: (1 + 0.5 + 0.5 + 1 + 0) / 5; class: 2 of 5; dropped: 1 of 2.
    assert [found.agreement.estimate for found in (half, whole, drop)] == [0.6, 0.4, 0.5]
    assert (half.n, half.n_agree, half.n_disagree, half.n_ties) == (5, 2, 1, 2)
    assert (drop.n, drop.n_agree, drop.n_disagree, drop.n_ties) == (2, 1, 1, 0)


@settings(max_examples=60)
@given(pairs_of_votes, st.sampled_from(["half", "class"]))
def test_kappa_is_scikit_learns(rows, rule):
    first, second = np.array(rows).T
    ours = agreement(first, second, ties=rule, n_resamples=100).kappa.estimate
    if len({*first, *second}) == 1:
        assert math.isnan(ours)
    else:
        weights = "linear" if rule == "half" else None
        assert_allclose(ours, cohen_kappa_score(first, second, labels=[-1, 0, 1], weights=weights), atol=1e-12)


def test_kappas_interval_is_close_to_the_large_sample_one():
    first, second = noisy(2000)
    ours = agreement(first, second).kappa
    peer = cohens_kappa(pd.crosstab(first, second).to_numpy())
    assert ours.estimate == pytest.approx(peer.kappa)
    assert_allclose((ours.low, ours.high), (peer.kappa_low, peer.kappa_upp), atol=0.006)


@given(pairs_of_votes)
def test_annotators_and_responses_may_be_swapped(rows):
    first, second = np.array(rows).T
    for rule in ("half", "class"):
        straight = agreement(first, second, ties=rule, n_resamples=100)
        for other in (
            agreement(second, first, ties=rule, n_resamples=100),
            agreement(-first, -second, ties=rule, n_resamples=100),
        ):
            assert other.agreement.estimate == pytest.approx(straight.agreement.estimate)
            assert other.kappa.estimate == pytest.approx(straight.kappa.estimate, nan_ok=True)


def test_one_answer_throughout_has_no_kappa_and_wilsons_interval():
    found = agreement([1] * 10, [1] * 10)
    # Wilson at 10 of 10: low = 10 / (10 + 1.95996^2) = 0.7225.
    assert (found.agreement.estimate, round(found.agreement.low, 4), found.agreement.high) == (1.0, 0.7225, 1.0)
    assert math.isnan(found.kappa.estimate)
    assert math.isnan(found.kappa.low)


def test_clusters_widen_the_interval():
    first, second = noisy(60)
    alone = agreement(first, second).agreement
    # Each pair ten times over, with one label: the same information, so the same width, not sqrt(10) less.
    ten = agreement(first.repeat(10), second.repeat(10), clusters=np.arange(60).repeat(10)).agreement
    assert ten.n == 60
    assert ten.high - ten.low == pytest.approx(alone.high - alone.low, rel=0.1)
    # Labels of one pair each draw the same distribution as no labels.
    single = agreement(first, second, clusters=np.arange(60)).agreement
    assert_allclose((single.low, single.high), (alone.low, alone.high), atol=0.02)


def test_one_cluster_has_no_limits():
    found = agreement([1, -1], [1, 1], clusters=["a", "a"])
    assert found.agreement.estimate == 0.5
    assert math.isnan(found.agreement.low)
    assert math.isnan(found.kappa.high)


def test_bins_by_hand():
    # Edges 0, 1, 2: margins 0 and 0.9 below 1; -1 and 2 in the last bin, which holds its high edge.
    table = by_margin([1, 1, -1, 1], [1, -1, -1, 1], [0.0, 0.9, -1.0, 2.0], bins=[0, 1, 2])
    assert table[["low", "high", "margin", "n", "n_agree", "agreement"]].to_numpy().tolist() == [
        [0, 1, 0.45, 2, 1, 0.5],
        [1, 2, 1.5, 2, 2, 1.0],
    ]


def test_margins_that_are_an_edge_in_decimals_are_in_the_bin_above_it():
    # 1.7 - 1.5 is 0.19999999999999996, 1.9 - 1.5 is 0.3999999999999999, and 3 * 0.1 is 0.30000000000000004.
    margins = np.array([1.6, 1.7, 1.8, 1.9, 2.0]) - 1.5
    for edges in ([0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.1 * np.arange(6)):
        table = by_margin([1] * 5, [1] * 5, margins, bins=edges, n_resamples=100)
        assert table[["low", "n"]].to_numpy().tolist() == [[0.1, 1], [0.2, 1], [0.3, 1], [0.4, 2]]
    # Equal margins stay together, on whichever side of a draw: two bins of three pairs, edges 0.1, 0.2, 0.3.
    margins = np.array([1.4, 1.6, 1.7, 1.3, 1.8, 1.2]) - 1.5
    assert by_margin([1] * 6, [1] * 6, margins, bins=2, n_resamples=100)["n"].tolist() == [2, 4]
    # And a rise compares those above the median margin, 0.2, with the others: 1 of 1 and 1 of 2.
    assert rise([1, 1, 1], [1, -1, 1], np.array([1.7, 1.3, 1.8]) - 1.5).estimate == 0.5


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=2, max_size=40), st.integers(1, 6))
def test_bins_hold_each_pair_once(margins, bins):
    first, second = noisy(len(margins))
    table = by_margin(first, second, margins, bins=bins, n_resamples=100)
    whole = agreement(first, second, n_resamples=100)
    assert table["n"].sum() == len(margins)
    assert table["n_agree"].sum() == whole.n_agree
    assert len(table) <= bins


def test_equal_counts_in_bins_without_equal_margins():
    first, second = noisy(100)
    assert by_margin(first, second, np.arange(100.0), bins=5, n_resamples=100)["n"].tolist() == [20] * 5


def test_bins_leave_dropped_ties_out_before_edges_are_set():
    # Margins of decided pairs are 1..4; the tie's 100 must not stretch the bins.
    table = by_margin([1, 1, 1, 1, 0], [1, 1, 1, -1, 1], [1, 2, 3, 4, 100], bins=2, ties="drop", n_resamples=100)
    assert (table["low"].iloc[0], table["high"].iloc[-1], table["n"].tolist()) == (1, 4, [2, 2])


def test_by_share_by_hand():
    # The metric ranks the agreed pairs first: 2 of 2 at one half, 2 of 4 in all.
    found = by_share([1, 1, 1, 1], [-1, 1, -1, 1], {"m": [0, 3, 1, 2]}, shares=(0.5, 1.0), n_resamples=100)
    assert found[["metric", "share", "n", "agreement"]].to_numpy().tolist() == [
        ["m", 0.5, 2, 1.0],
        ["m", 1.0, 4, 0.5],
    ]
    with pytest.raises(ValueError, match=r"a share of 0.1 of 4 pairs keeps none"):
        by_share([1] * 4, [1] * 4, {"m": [1, 2, 3, 4]}, shares=(0.1,))


def test_rise_by_hand():
    # Median margin 2.5; above it 2 of 2 agree, below 1 of 2: 0.5. A tie below then makes it 1 - 0.75.
    assert rise([1, 1, 1, 1], [1, -1, 1, 1], [1, 2, 3, 4]).estimate == 0.5
    assert rise([1, 1, 1, 1], [1, 0, 1, 1], [1, 2, 3, 4]).estimate == 0.25
    assert rise([1, 1, 1, 1], [1, 0, 1, 1], [1, 2, 3, 4], ties="drop").estimate == 0.0
    # Most margins are the largest: those against the rest.
    assert rise([1, 1, 1, 1], [-1, 1, 1, 1], [1, 4, 4, 4]).estimate == 1.0


def test_rise_covers_a_known_difference():
    inside = 0
    for seed in range(200):
        low, high = noisy(200, accuracy=0.7, seed=seed), noisy(200, accuracy=0.9, seed=1000 + seed)
        found = rise(*np.hstack([low, high]), np.repeat([1, 2], 200), n_resamples=300, clusters=np.arange(400))
        inside += found.low <= 0.2 <= found.high
    # Nominal 190 of 200, standard error 3.1.
    assert inside >= 182


def test_second_judge(shared_data):
    judged = pd.read_parquet(shared_data / "alpaca_eval" / "second_judge.parquet")
    first = votes.of(judged["weighted_preference"], middle=1.5)
    second = votes.of(judged["preference"], middle=1.5)
    margins = judged["weighted_preference"] - 1.5
    cluster = judged["instruction_index"]
    whole = agreement(first, second, clusters=cluster)
    # Counted by hand, without any of our code.
    same = (((judged.preference > 1.5) & (judged.weighted_preference > 1.5)) | (
        (judged.preference < 1.5) & (judged.weighted_preference < 1.5)
    )).sum()  # fmt: skip
    ties = (judged.preference == 1.5) ^ (judged.weighted_preference == 1.5)
    both = ((judged.preference == 1.5) & (judged.weighted_preference == 1.5)).sum()
    assert (whole.n, whole.n_agree, whole.n_ties) == (1866, same + both, ties.sum())
    assert whole.agreement.estimate == pytest.approx((same + both + ties.sum() / 2) / 1866)
    assert whole.agreement.low < whole.agreement.estimate < whole.agreement.high
    assert whole.agreement.n == cluster.nunique()
    table = by_margin(first, second, margins, bins=[0, 0.1, 0.2, 0.3, 0.4, 0.49, 0.5], clusters=cluster)
    assert table["n"].tolist() == [30, 38, 37, 56, 209, 1496]
    assert table["n_agree"].tolist()[1:] == [22, 23, 38, 170, 1472]
    # 22/38, 23/37, 38/56, 170/209, 1472/1496: agreement rises with the first judge's margin.
    assert table["agreement"].iloc[1:].is_monotonic_increasing
    assert rise(first, second, margins, clusters=cluster).low > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: agreement([1, 1], [1]), "2 first and 1 second votes; match the pairs"),
        (lambda: agreement([1, 2], [1, 1]), "first vote 1 is"),
        (lambda: agreement([], []), "at least one"),
        (lambda: agreement([0, 1], [1, 0], ties="drop"), "none is left"),
        (lambda: agreement([1], [1], ties="ignore"), "ties is 'ignore'; use one of half, class, drop"),
        (lambda: agreement([1, 1], [1, 1], clusters=["a"]), "one label per value"),
        (
            lambda: by_margin([1, 1], [1, 1], [1.0, np.nan]),
            "margins hold 1 that are not finite, the first is nan at 1",
        ),
        (
            lambda: by_margin([1, 1], [1, 1], [1, 5], bins=[0, 2]),
            "not from 0 to 2, the first is 5 at 1; widen",
        ),
        (lambda: by_margin([1, 1], [1, 1], [1, 5], bins=[2, 0]), "at least two, rising"),
        (lambda: by_margin([1, 1], [1, 1], [1, 5], bins=0), "bins is 0"),
        (lambda: rise([1, 1], [1, 1], [3, 3]), "every margin is 3"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rows_have_the_same_names_as_bins():
    assert set(agreement([1, -1], [1, 1]).as_row()) < set(by_margin([1, -1], [1, 1], [1, 2]).columns)
