"""Reliability by hand, by brute force, and on made-up judges whose parts are known."""

import itertools

import numpy as np
import pandas as pd
import pytest

from rapo.judging.reliability import krippendorff, mean_of, preferences, reliability, variance_parts


def run(forward, backward, **columns):
    frame = pd.DataFrame({"forward": forward, "backward": backward})
    return frame.assign(**{"model": "m", "instruction": range(len(frame)), **columns})


def test_one_run_tells_flips_and_wins():
    # Wins of 1, 1/2, 0, 3/4 in the mean of both orders; the second pair turns with the order.
    found = reliability([run([2, 2, 1, 1.9], [2, 1, 1, 1.6])])
    assert (found.n, found.n_left_out, found.n_runs) == (4, 0, 1)
    assert found.flips.estimate == 0.25
    assert found.win_rate.estimate == pytest.approx((1 + 0.5 + 0 + 0.75) / 4)
    assert found.win_rate == found.given_judge
    assert (found.alike, found.alpha) == (None, None)
    assert set(found.parts) == {"item", "order", "item x order"}


def test_runs_are_matched_and_pairs_without_a_verdict_left_out():
    one = run([2, 2, 1, 2, np.nan], [2, 1, 1, 2, 1])
    other = run([2, 2, 2, 1, 1], [2, 1, 2, 1, 1]).iloc[::-1]
    found = reliability([one, other])
    assert (found.n, found.n_left_out, found.n_runs) == (4, 1, 2)
    # One of four pairs turns, in both runs; 2 of 4 have the same verdict again (a win, a draw).
    assert (found.flips.estimate, found.alike.estimate) == (0.25, 0.5)
    # Wins 1, 1/2, 0, 1 and 1, 1/2, 1, 0.
    assert found.win_rate.estimate == pytest.approx(5 / 8)


def test_a_judge_that_varies_makes_the_interval_wider():
    rng = np.random.default_rng(0)
    truth = rng.random(200)

    def made(lean):
        return run(*(np.clip(1 + (rng.random(200) < truth + lean), 1, 2) for _ in range(2)))

    noisy = reliability([made(lean) for lean in (-0.2, 0.0, 0.2)])
    assert noisy.win_rate.estimate == pytest.approx(noisy.given_judge.estimate)
    assert noisy.win_rate.high - noisy.win_rate.low > 2 * (noisy.given_judge.high - noisy.given_judge.low)
    assert noisy.parts["judge"] > 0.01
    same = made(0.0)
    steady = reliability([same, same, same])
    # Nothing varies between runs: the two intervals are those of instructions, one by t and one by the bootstrap.
    assert steady.win_rate.low == pytest.approx(steady.given_judge.low, abs=0.01)
    assert (steady.alike.estimate, steady.alpha.estimate, steady.parts["judge"]) == (1, 1, 0)


def test_a_model_that_wins_every_pair_is_not_sure_to_win_the_next():
    won = run([2.0] * 4, [2.0] * 4)
    for runs in ([won], [won, won]):
        found = reliability(runs)
        for share in (found.win_rate, found.given_judge):
            # Wilson: 4 / (4 + 1.96^2)
            assert (share.low, share.high) == (pytest.approx(0.510109, abs=1e-5), 1.0)


@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_one_less_observed_over_expected(seed):
    rng = np.random.default_rng(seed)
    data = rng.integers(-1, 2, size=(7, 3))
    within = [abs(a - b) / 2 for row in data for a, b in itertools.permutations(row, 2)]
    anyhow = [abs(a - b) / 2 for a, b in itertools.permutations(data.ravel(), 2)]
    assert krippendorff(data).estimate == pytest.approx(1 - np.mean(within) / np.mean(anyhow))


def test_alpha_has_no_value_where_all_say_the_same():
    found = krippendorff(np.ones((5, 2)))
    assert np.isnan([found.estimate, found.low, found.high]).all()


def test_parts_that_were_put_in_come_out():
    rng = np.random.default_rng(1)
    n_judges, n_items = 60, 80
    item, judge = rng.normal(0, 2, (1, n_items, 1)), rng.normal(0, 1, (n_judges, 1, 1))
    both = rng.normal(0, 1.5, (n_judges, n_items, 1))
    rest = rng.normal(0, 0.5, (n_judges, n_items, 2))
    order = np.array([0.0, 2.0])
    found = variance_parts(item + judge + both + order + rest)
    assert found["item"] == pytest.approx(item.var(), rel=0.1)
    assert found["judge"] == pytest.approx(judge.var(), rel=0.1)
    assert found["judge x item"] == pytest.approx(2.25, rel=0.1)
    # Two orders that are 2 apart: (1 + 1) / (2 - 1).
    assert found["order"] == pytest.approx(2, rel=0.05)
    assert found["judge x item x order"] == pytest.approx(0.25, rel=0.1)
    assert found["item x order"] < 0.02


def test_a_product_of_signs_is_all_interaction():
    sign = np.array([-1.0, 1.0])
    found = variance_parts(np.stack([sign[:, None] * sign] * 2))
    # Two judges say the same: eight squares of 1 with one degree of freedom, over two judges.
    assert found.pop("item x order") == 4
    assert set(found.values()) == {0}


def test_what_items_and_orders_do_together_is_not_counted_for_items():
    sign = np.array([-1.0, 1.0])
    found = variance_parts(np.stack([2 * sign[:, None] + sign[:, None] * sign] * 2))
    # Items: eight squares of 2 with one degree of freedom, 32, less 2 x 4 of what they do with orders, over 4 values.
    assert (found["item"], found["item x order"]) == (6, 4)


def test_the_mean_of_runs_is_of_their_clear_verdicts():
    runs = [run([2, 2, np.nan], [2, 1, 1]), run([2, np.nan, 1], [1, 1, np.nan])]
    made = mean_of([one.assign(preference=(one["forward"] + one["backward"]) / 2) for one in runs])
    np.testing.assert_array_equal(made["preference"], [1.75, 1.5, np.nan])
    np.testing.assert_array_equal(made["forward"], [2, 2, np.nan])
    np.testing.assert_array_equal(made["backward"], [1.5, 1, np.nan])
    np.testing.assert_array_equal(made["backward_2"], [1, 1, np.nan])


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "there is no run"),
        ([run([1, 2], [1, 2]), run([1, 2, 2], [1, 2, 2])], "run 2 judges other pairs"),
        ([run([1, 2], [1, 2], instruction=[1, 1])], "more than once"),
        ([run([1, np.nan], [1, 2])], "fewer than two instructions"),
    ],
)
def test_what_cannot_be_told_is_refused(runs, message):
    with pytest.raises(ValueError, match=message):
        reliability(runs)


def test_runs_preferences_are_found_for_the_rows_of_a_table():
    one, other = run([2, 1, 1.5], [2, 1, 1.5]), run([1, np.nan, 2], [1, 1, 2])
    runs = [each.assign(preference=(each["forward"] + each["backward"]) / 2) for each in (one, other)]
    rows = pd.DataFrame({"model": "m", "instruction": ["2", "0", "1"]})
    np.testing.assert_array_equal(preferences(runs, rows), [[1.5, 2, 1], [2, 1, np.nan]])
