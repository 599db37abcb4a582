"""Win rates: by hand, as properties, and against the published leaderboard."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.judging import judgements
from rapo.winrates import plain

preferences = st.lists(st.one_of(st.sampled_from([1.0, 1.5, 2.0]), st.floats(1, 2)), min_size=2, max_size=60)


def frame(model: str, values: list[float], lengths: list[int]) -> pd.DataFrame:
    ids = np.arange(len(values))
    return pd.DataFrame({"model": model, "instruction": ids, "preference": values, "length_model": lengths})


def test_by_hand() -> None:
    rate = plain.win_rate([1.0, 2.0, 1.5, 1.9, 1.2])
    # scores 0, 1, .5, .9, .2: mean 2.6 / 5 = .52
    assert rate.win_rate == pytest.approx(52.0, abs=1e-12)
    # squares of deviations .2704 + .2304 + .0004 + .1444 + .1024 = .748; sqrt(.748 / 4 / 5) = .193391
    assert rate.standard_error == pytest.approx(19.3390796, abs=1e-6)
    assert (rate.n_wins, rate.n_wins_base, rate.n_draws, rate.n_total) == (2, 2, 1, 5)
    # (2 wins + half a draw) of 5
    assert rate.discrete_win_rate == 50.0
    assert rate.low < 52 < rate.high


def test_leaderboard_by_hand() -> None:
    table = plain.win_rates(pd.concat([frame("weak", [1.0, 1.5], [3, 4]), frame("strong", [2.0], [9])]))
    assert table["model"].tolist() == ["strong", "weak"]
    assert table["win_rate"].tolist() == [100.0, 25.0]
    # One judgement has no standard error; (.25^2 + .25^2) / 1 / 2 = .0625, root .25
    assert math.isnan(table["standard_error"][0])
    assert table["standard_error"][1] == 25.0
    # Two instructions: 9 characters / 2 = 4 (cut off), 7 / 2 = 3
    assert table["avg_length"].tolist() == [4, 3]
    assert plain.win_rates(frame("m", [1.0], [9]), n_instructions=4)["avg_length"].tolist() == [2]


def test_an_instruction_that_is_judged_several_times_has_one_length() -> None:
    rows = pd.concat([frame("m", [1.0, 2.0], [100, 200])] * 3 + [frame("n", [1.5, 1.5], [7, 7])])
    # (100 + 200) / 2 instructions, not three times as much
    assert plain.win_rates(rows)["avg_length"].tolist() == [150, 7]
    # Answers of two models under one name: (100 + 300) / 2 and 200, over 2 instructions
    merged = pd.concat([frame("m", [1.0, 2.0], [100, 200]), frame("m", [1.0, 2.0], [300, 200])])
    assert plain.win_rates(merged)["avg_length"].tolist() == [200]


def test_ties_in_rank_are_broken_by_name() -> None:
    rows = pd.concat([frame(name, [1.5, 1.5], [1, 1]) for name in ("b", "a", "c")])
    assert plain.win_rates(rows)["model"].tolist() == ["a", "b", "c"]


@given(preferences)
def test_swapping_the_sides_mirrors_the_rate(values) -> None:
    one, other = plain.win_rate(values, n_resamples=20), plain.win_rate(3 - np.array(values), n_resamples=20)
    assert one.win_rate + other.win_rate == pytest.approx(100, abs=1e-9)
    assert one.standard_error == pytest.approx(other.standard_error, abs=1e-9)
    assert one.n_wins + one.n_wins_base + one.n_draws == one.n_total == len(values)


@given(preferences, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(values, random) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)
    one, other = (
        plain.win_rates(frame("m", values, [1] * len(values))),
        plain.win_rates(frame("m", shuffled, [1] * len(values))),
    )
    pd.testing.assert_frame_equal(one, other)


def test_clusters_widen_the_interval_of_judgements_that_repeat() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(1.0 + (rng.random(60) < 0.4), 5)
    alone = plain.win_rate(values)
    together = plain.win_rate(values, clusters=np.repeat(np.arange(60), 5))
    # Five copies of each judgement: the width that counts them once is sqrt(5) = 2.24 times the other's.
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(5**0.5, rel=0.12)
    assert (alone.n_clusters, together.n_clusters) == (300, 60)


def test_who_wins_or_loses_throughout_is_not_sure_to_do_so() -> None:
    # Wilson's limit of 4 wins of 4: 4 / (4 + 1.96^2) = 51.01 %; two instructions: 2 / (2 + 1.96^2) = 34.24 %
    won = plain.win_rate([2.0] * 4)
    assert (won.low, won.high) == (pytest.approx(51.0109, abs=1e-3), 100.0)
    lost = plain.win_rates(pd.concat([frame("m", [1.0, 1.0], [1, 1])] * 3), interval=True).iloc[0]
    assert (lost["low"], lost["high"]) == (0.0, pytest.approx(100 - 34.2380, abs=1e-3))


def test_one_cluster_has_no_interval() -> None:
    rate = plain.win_rate([1.0, 2.0], clusters=["a", "a"])
    assert math.isnan(rate.low)
    assert math.isnan(rate.high)


def test_the_same_seed_gives_the_same_interval_and_the_table_agrees() -> None:
    values = [1.0, 2.0, 1.5, 1.7, 2.0, 1.0]
    one, again = plain.win_rate(values, seed=3), plain.win_rate(values, seed=3)
    assert one == again
    row = plain.win_rates(frame("m", values, [1] * 6), interval=True, seed=3).iloc[0]
    assert (row["low"], row["high"]) == (one.low, one.high)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [0.0, 1.0], [1.0, 2.1]])
def test_what_is_no_preference_is_refused(values) -> None:
    with pytest.raises(ValueError, match="preference"):
        plain.win_rate(values)


def test_every_published_figure_to_1e_9(shared_data) -> None:
    folder = shared_data / "alpaca_eval"
    ours = plain.win_rates(judgements.read(folder / "annotations.parquet")).set_index("model")
    published = pd.read_csv(folder / "published.csv", index_col=0)
    assert len(published) == 23
    for column in plain.COLUMNS:
        both = ours.loc[published.index, column]
        np.testing.assert_allclose(both, published[column], rtol=0, atol=1e-9, err_msg=column)
