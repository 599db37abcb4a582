"""Intervals against scipy, against arithmetic, and against their nominal coverage on simulated data."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from rapo.stats import intervals, resampling

floats = st.floats(-100, 100)


def bounds(interval: intervals.Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


def test_bootstrap_is_scipys_percentile_bootstrap():
    values = np.random.default_rng(0).gamma(2.0, size=200)
    ours = intervals.bootstrap(values, n_resamples=20_000, seed=1)
    peer = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    width = peer.high - peer.low
    # 2.5 % quantiles of 20,000 draws are known to about 1 % of the width.
    assert_allclose((ours.low, ours.high), peer, atol=0.05 * width)
    assert ours.estimate == values.mean()
    assert ours.n == 200


def test_bootstrap_takes_level_and_seed():
    values = np.random.default_rng(0).normal(size=50)
    wide = intervals.bootstrap(values, seed=3)
    assert wide == intervals.bootstrap(values, seed=3)
    assert wide != intervals.bootstrap(values, seed=4)
    narrow = intervals.bootstrap(values, level=0.5, seed=3)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_clusters_of_one_value_change_nothing():
    values = np.random.default_rng(0).normal(size=30)
    alone = intervals.bootstrap(values, seed=5)
    clustered = intervals.bootstrap(values, clusters=[f"c{i}" for i in range(30)], seed=5)
    assert_allclose(bounds(alone), bounds(clustered), rtol=1e-12)


def test_clusters_stay_together():
    # Four instructions, each judged 25 times alike: 100 values, but only 4 units.
    values, clusters = np.repeat([0.0, 0.0, 1.0, 1.0], 25), np.repeat(list("abcd"), 25)
    together = intervals.bootstrap(values, clusters=clusters)
    # The mean of 4 drawn units is 0 with probability 1/16 > 2.5 %, and 1 likewise.
    assert bounds(together) == (0.5, 0.0, 1.0)
    assert together.n == 4
    assert intervals.bootstrap(values).low > 0.35


def test_unequal_clusters_are_drawn_whole():
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 12, size=60)
    values = rng.normal(size=60) + clusters
    rows = [np.flatnonzero(clusters == label) for label in dict.fromkeys(clusters)]
    # The same draws, each resample's mean taken over the rows themselves.
    drawn = np.concatenate([*resampling.draws(12, n_resamples=2000, seed=1)])
    means = [values[np.concatenate([rows[cluster] for cluster in one])].mean() for one in drawn]
    expected = (values.mean(), *np.quantile(means, [0.025, 0.975]))
    assert_allclose(bounds(intervals.bootstrap(values, clusters=clusters, seed=1)), expected, rtol=1e-12)


def test_bootstrap_totals_leaves_out_undefined_resamples():
    # Unit 0 alone holds the denominator: a resample without it (probability 1/4) is undefined, else the ratio is
    # (unit 0 drawn k times): k / k = 1, whatever else was drawn.
    def ratio(sums):
        with np.errstate(invalid="ignore"):
            return sums[..., 0] / sums[..., 1]

    assert bounds(intervals.bootstrap_totals([[1, 1], [0, 0]], ratio)) == (1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="undefined on the data itself"):
        intervals.bootstrap_totals([[0, 0], [0, 0]], ratio)


def test_crossed_by_hand():
    # Row means 0.5, 0.75, 0.75: variance of their mean 1/144, 2 degrees. Column means 1, 1/3, 1, 1/3: 1/27, 3 degrees.
    # Squared residuals sum to 7/6; over 2 x 3 degrees and 12 cells that is 7/432, which leaves 1/27 - 7/432 = 1/48.
    # Banerjee: 4.3027^2/144 + 3.1824^2/48 = 0.33956. Satterthwaite: 1/36 with 1/(0.25^2/2 + 0.75^2/3) = 4.571 degrees,
    # t = 2.64479: 0.19430. Half-width: sqrt of their mean, 0.51665.
    values = [[1, 0, 1, 0], [1, 0, 1, 1], [1, 1, 1, 0]]
    assert_allclose(bounds(intervals.crossed(values)), (2 / 3, 2 / 3 - 0.51665, 2 / 3 + 0.51665), atol=1e-5)


def test_columns_of_one_cluster_count_as_one():
    values = np.random.default_rng(0).normal(size=(4, 30))
    found = intervals.crossed(np.repeat(values, 3, axis=1), clusters=np.repeat(np.arange(30), 3))
    assert_allclose(bounds(found), bounds(intervals.crossed(values)))
    assert found.n == 30
    uneven = intervals.crossed([[1.0, 2.0, 6.0], [1.0, 2.0, 9.0]], clusters=["a", "a", "b"])
    assert (uneven.estimate, uneven.n) == (3.5, 2)


def test_one_seed_covers_prompts_alone_and_says_so(caplog):
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    assert intervals.crossed([values]) == intervals.t_interval(values)
    assert "covers prompts, not seeds" in caplog.text


@settings(max_examples=30)
@given(st.lists(floats, min_size=2, max_size=30), st.sampled_from([0.8, 0.95, 0.99]))
@example([0.0, 4.7e-130], 0.8)  # the square of the variance is zero
def test_t_interval_is_statsmodels(values, level):
    peer = sm.stats.DescrStatsW(np.asarray(values)).tconfint_mean(alpha=1 - level)
    found = intervals.t_interval(values, level=level)
    assert_allclose((found.low, found.high), peer, rtol=1e-9, atol=1e-9)


@given(st.integers(1, 500), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_statsmodels(n, share, level):
    successes = round(share * n)
    peer = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    found = intervals.wilson(successes, n, level=level)
    assert_allclose((found.low, found.high), peer, rtol=1e-9, atol=1e-12)
    assert found.low <= successes / n <= found.high


def test_scaled_keeps_the_order():
    found = intervals.Interval(0.2, 0.1, 0.4, n=5)
    assert bounds(found.scaled(-100)) == (-20.0, -40.0, -10.0)


def test_values_that_do_not_vary_give_no_width():
    for found in (
        intervals.bootstrap([1.0] * 5),
        intervals.crossed(np.ones((3, 5))),
        intervals.t_interval([1, 1]),
    ):
        assert bounds(found) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: intervals.bootstrap([]), "0 values: an interval needs at least two"),
        (lambda: intervals.bootstrap([1.0]), "1 value: an interval needs at least two"),
        (lambda: intervals.bootstrap([1.0, np.nan]), "1 that are not finite, the first is nan at 1"),
        (lambda: intervals.bootstrap([1.0, 2.0], clusters=["a", "a"]), "1 cluster: "),
        (lambda: intervals.bootstrap([1.0, 2.0], clusters=["a"]), r"shape \(1,\) for 2 values"),
        (lambda: intervals.bootstrap([1.0, 2.0], clusters=["a", None]), "label 1 is missing"),
        (lambda: intervals.bootstrap([1.0, 2.0], level=95), "level is 95"),
        (lambda: intervals.bootstrap([1.0, 2.0], n_resamples=5), "raise n_resamples"),
        (lambda: intervals.bootstrap([[1.0, 2.0]]), "2 dimension"),
        (lambda: intervals.percentile(0.0, np.zeros((30, 2)), n=2), "work along axis=-1"),
        (lambda: intervals.crossed([1.0, 2.0]), "1 dimension"),
        (lambda: intervals.crossed([[1.0], [2.0]]), "1 prompt: "),
        (lambda: intervals.crossed([[1.0, 2.0], [np.inf, 0.0]]), r"the first is inf at \(1, 0\)"),
        (lambda: intervals.t_interval([1.0]), "1 value: "),
        (lambda: intervals.wilson(0, 0), "0 successes of 0"),
        (lambda: intervals.wilson(11, 10), "11 successes of 10"),
        (lambda: intervals.wilson(float("nan"), 10), "nan successes"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_stratified_variance_by_hand():
    # strata of variance 2 (n = 2) and 1 (n = 3): (2/5)^2 * 2/2 + (3/5)^2 * 1/3 = 0.16 + 0.12
    variance, degrees = intervals.mean_variance([0.0, 2.0, 10.0, 11.0, 12.0], strata=list("aabbb"))
    assert_allclose(variance, 0.28)
    assert_allclose(degrees, 0.28**2 / (0.16**2 / 1 + 0.12**2 / 2))


def test_one_stratum_is_students_interval():
    values = np.random.default_rng(0).normal(size=7)
    assert intervals.t_interval(values, strata=["a"] * 7) == intervals.t_interval(values)
    expected = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert_allclose(bounds(intervals.t_interval(values))[1:], expected)


def test_what_differs_between_strata_alone_has_no_width():
    values = np.repeat([0.0, 10.0], 20)[:, None] + np.zeros((40, 30))
    assert_allclose(bounds(intervals.crossed(values, strata=np.repeat(["a", "b"], 20))), 5.0)
    assert intervals.crossed(values).low < 4.0


@pytest.mark.parametrize(
    ("strata", "message"), [(["a", "a", "b"], "stratum 'b' has one value"), (["a", "a"], "2 labels for 3 values")]
)
def test_strata_that_do_not_fit(strata, message):
    with pytest.raises(ValueError, match=message):
        intervals.t_interval([1.0, 2.0, 3.0], strata=strata)
