"""Leaderboards and MT-Bench averages by hand, and style control on data whose truth is known."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from rapo.winrates.bradley_terry import bradley_terry
from rapo.winrates.leaderboard import MT_BENCH_CATEGORIES, leaderboard, mt_bench, style_effects


def battles(*rows):
    return pd.DataFrame(rows, columns=["model_a", "model_b", "outcome"])


def test_scores_and_ratings_by_hand():
    # a beats base 3 of 4, b beats base 1 of 4: log odds +-ln 3, Elo +-400 log10(3) = +-190.85.
    frame = battles(("a", "base", 0.75), ("b", "base", 0.25))
    table = leaderboard(bradley_terry(frame, baseline="base", n_resamples=0))
    assert table["model"].tolist() == ["a", "base", "b"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert_allclose(table["score"], [75, 50, 25], atol=1e-6)
    assert_allclose(table["rating"], [1190.85, 1000, 809.15], atol=0.01)
    assert table["low"].isna().all()
    # Without a baseline: the mean over the others. a against b: odds 9, 90 %; (75 + 90) / 2 = 82.5.
    table = leaderboard(bradley_terry(frame, n_resamples=0))
    assert_allclose(table["score"], [82.5, 50, 17.5], atol=1e-6)


def test_equal_scores_share_a_rank():
    frame = battles(("a", "base", 0.75), ("b", "base", 0.75), ("c", "base", 0.25))
    table = leaderboard(bradley_terry(frame, baseline="base", n_resamples=0))
    assert table[["rank", "model"]].to_numpy().tolist() == [[1, "a"], [1, "b"], [3, "base"], [4, "c"]]


def test_intervals_hold_the_truth_and_the_baseline_has_none():
    wins = [1.0] * 280 + [0.0] * 120
    table = leaderboard(bradley_terry(battles(*(("a", "base", w) for w in wins)), baseline="base"))
    first = table.set_index("model").loc["a"]
    assert first["low"] < 70 < first["high"]
    # Half-width about 1.96 * sqrt(.7 * .3 / 400) = 4.5 points.
    assert first["high"] - first["low"] == pytest.approx(9, rel=0.2)
    assert table.set_index("model").loc["base", ["low", "high"]].tolist() == [50, 50]


def test_analytic_intervals_by_hand():
    # 280 of 400: log odds ln(7 / 3) = 0.8473, standard error sqrt(1 / (400 * .7 * .3) * 400 / 399) = 0.10924, so the
    # limits are 0.8473 -+ 0.2141: 65.32 and 74.30 %. Elo points: 400 / ln 10 = 173.72 a log odds, 147.19 -+ 37.20.
    wins = [1.0] * 280 + [0.0] * 120
    fit = bradley_terry(battles(*(("a", "base", w) for w in wins)), baseline="base", n_resamples=0)
    table = leaderboard(fit, interval="analytic").set_index("model")
    assert_allclose(table.loc["a", ["low", "high"]].astype(float), [65.32, 74.30], atol=0.01)
    assert_allclose(table.loc["a", ["rating_low", "rating_high"]].astype(float), [1109.99, 1184.39], atol=0.02)
    assert table.loc["base", ["low", "high", "rating_low"]].tolist() == [50, 50, 1000]
    # Two models without a baseline are each other's others: the same scores and limits.
    free = bradley_terry(battles(*(("a", "base", w) for w in wins)), n_resamples=0)
    assert_allclose(leaderboard(free, interval="analytic")[["low", "high"]].iloc[0], [65.32, 74.30], atol=0.01)


@pytest.mark.parametrize("baseline", [None, "c"])
def test_analytic_intervals_are_about_the_bootstraps(baseline):
    rng = np.random.default_rng(3)
    a = rng.integers(0, 4, 2000)
    b = (a + rng.integers(1, 4, 2000)) % 4
    frame = pd.DataFrame({"model_a": np.array([*"abcd"])[a], "model_b": np.array([*"abcd"])[b]})
    style = pd.DataFrame({"length": rng.normal(size=2000)})
    shared = rng.normal(size=400)[np.arange(2000) // 5]  # what five battles of an instruction have in common
    frame["outcome"] = (rng.random(2000) < expit(0.4 * (a - b) + shared + style["length"])).astype(float)
    frame["instruction"] = np.arange(2000) // 5
    fit = bradley_terry(frame, style=style, baseline=baseline, n_resamples=400)
    boards = [leaderboard(fit, interval=kind).set_index("model") for kind in ("analytic", "bootstrap")]
    others = [model for model in "abcd" if model != baseline]
    for low, high in (("low", "high"), ("rating_low", "rating_high")):
        widths = [(board[high] - board[low])[others].to_numpy() for board in boards]
        assert_allclose(*widths, rtol=0.15)
    effects = [style_effects(fit, interval=kind).iloc[0] for kind in ("analytic", "bootstrap")]
    assert_allclose(*[effect[["low", "high"]].astype(float) for effect in effects], atol=0.04)


def test_style_control_takes_a_style_advantage_away():
    # Two models of equal strength; the verbose one's answers are longer, and length alone wins: log odds 1 a unit.
    rng = np.random.default_rng(0)
    style = pd.DataFrame({"length": rng.normal(1.0, 1.0, 4000)})
    wins = (rng.random(4000) < expit(style["length"])).astype(float)
    frame = battles(*(("verbose", "base", w) for w in wins))
    plain = leaderboard(bradley_terry(frame, baseline="base", n_resamples=0))
    fit = bradley_terry(frame, style=style, baseline="base", n_resamples=100)
    controlled = leaderboard(fit).set_index("model").loc["verbose"]
    assert plain.set_index("model").loc["verbose", "score"] > 65
    assert controlled["low"] < 50 < controlled["high"]
    effect = style_effects(fit).iloc[0]
    assert effect["feature"] == "length"
    assert effect["low"] < 1 < effect["high"]
    assert effect["win_rate"] == pytest.approx(100 * expit(effect["log_odds"]))


def test_limits_from_too_few_resamples_are_refused():
    frame = battles(*[("a", "b", 1.0), ("a", "b", 0.0)] * 20, ("c", "a", 1.0), ("c", "a", 0.0))
    with pytest.raises(ValueError, match=r"resamples have a finite fit.*say --ridge 1"):
        leaderboard(bradley_terry(frame))
    assert leaderboard(bradley_terry(frame, ridge=0.1))["low"].notna().all()


def test_limits_of_another_kind_or_level_are_refused():
    fit = bradley_terry(battles(*[("a", "b", 1.0), ("a", "b", 0.0)] * 5), n_resamples=0)
    with pytest.raises(ValueError, match="interval is 'normal'; use one of bootstrap, analytic"):
        leaderboard(fit, interval="normal")
    with pytest.raises(ValueError, match=r"level is 95; give a share between 0 and 1"):
        leaderboard(fit, interval="analytic", level=95)


def mt_rows(*rows):
    return pd.DataFrame(rows, columns=["model", "question_id", "turn", "score"])


def test_mt_bench_by_hand(caplog):
    frame = mt_rows(
        *[("m", 81, 1, 9), ("m", 81, 2, 5), ("m", 82, 1, 7), ("m", 82, 2, -1)],
        *[("m", 111, 1, 1), ("m", 111, 2, 2)],
    )
    found = mt_bench(frame).set_index("group")
    # Writing is questions 81..90, math 111..120; (9 + 5 + 7 + 1 + 2) / 5 = 4.8.
    assert found["score"].to_dict() == pytest.approx(
        {"all": 4.8, "turn 1": 17 / 3, "turn 2": 3.5, "math": 1.5, "writing": 7.0}
    )
    assert found.loc["all", "n"] == 5
    assert "1 of 6 verdicts were not readable" in caplog.text
    assert found.loc["all", "low"] < 4.8 < found.loc["all", "high"]
    # One question has no interval.
    assert math.isnan(found.loc["math", "low"])


def test_mt_bench_has_ten_questions_a_category():
    rows = mt_rows(*(("m", question, turn, 5) for question in range(81, 161) for turn in (1, 2)))
    found = mt_bench(rows).set_index("group")
    assert found.loc[list(MT_BENCH_CATEGORIES), "n"].tolist() == [20] * 8
    assert mt_bench(rows.assign(category="own"))["group"].tolist() == ["all", "turn 1", "turn 2", "own"]


def test_ids_of_ones_own_questions_may_be_texts_and_numbers_mixed():
    rows = mt_rows(("m", "a", 1, 4), ("m", "a", 2, "6"), ("m", 7, 1, 8)).assign(category="own")
    found = mt_bench(rows).set_index("group")
    assert found["score"].to_dict() == {"all": 6, "turn 1": 6, "turn 2": 6, "own": 6}
    assert found.loc["all", "low"] < 6 < found.loc["all", "high"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (mt_rows().drop(columns="turn"), r"no column \['turn'\]"),
        (mt_rows(("m", 81, 1, -1)), "no score is left"),
        (mt_rows(("m", 81, 1, 11)), "column score, row 0: 11; scores are from 1 to 10"),
        (mt_rows(("m", 81, 1, 4), ("m", 81, 2, "good")), "column score, row 1: 'good'; scores are from 1 to 10"),
        (mt_rows(("m", 81, 1, np.nan)), "column score, row 0: nan"),
        (mt_rows(("m", 81, 1, -1), ("m", 81, 2, None)), "column score, row 1: nan"),
        # Such rows would be in no group.
        (mt_rows(("m", 81, 1, 4), (None, 81, 1, 4)), "column model, row 1: .* is empty"),
        (mt_rows(("m", 81, 1, 4)).assign(category=None), "column category, row 0: None is empty"),
        (
            mt_rows(("m", 81, 1, 4), ("m", 5, 1, 4)),
            "question_id, row 1: 5 is none of MT-Bench's questions 81..160",
        ),
        (
            mt_rows(("m", "81b", 1, 4)),
            "row 0: '81b' is none of MT-Bench's questions 81..160; give a column category",
        ),
    ],
)
def test_bad_mt_bench_rows_are_named(frame, message):
    with pytest.raises(ValueError, match=message):
        mt_bench(frame)
