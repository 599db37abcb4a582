"""Scales of goals: monotone, expressible, and on 1-10 the judge's own."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo import config
from rapo.relabelling.goals import COMPACT
from rapo.studies.goals_and_scales.scales import SCALES, GoalScale, rescored
from rapo.world import data, lexicon, prompts
from rapo.world.reward import whole

RAW = st.lists(st.floats(-5, 16), min_size=2, max_size=30)
per_scale = pytest.mark.parametrize("scale", SCALES.values(), ids=lambda scale: scale.name)


@per_scale
@given(raw=RAW)
def test_scores_are_whole_on_the_scale_and_monotone(scale: GoalScale, raw: list[float]) -> None:
    scores = scale.scores(sorted(raw))
    assert (np.diff(scores) >= 0).all()
    assert (scores == np.rint(scores)).all()
    assert scale.low <= scores.min() <= scores.max() <= scale.high


def test_one_to_ten_is_what_the_judge_says() -> None:
    questions = prompts.draw(40, split="train", seed=1)
    texts = ["fig , kiwi , apple ."] * 40
    judge = data.World(noise=2.0).judge(seed=3)
    raw = judge.raw(questions, texts, range(40))
    assert SCALES["1-10"].scores(raw).tolist() == whole(raw).tolist()


def test_ends_of_the_raw_scale_are_ends_of_every_range() -> None:
    for name in ("1-5", "1-10", "1-100"):
        assert SCALES[name].scores([1.0, 10.0]).tolist() == [SCALES[name].low, SCALES[name].high]
    # 1 + (7 - 1) * 4 / 9 = 3.67; 1 + (7 - 1) * 11 = 67
    assert SCALES["1-5"].scores([7.0]).tolist() == [4.0]
    assert SCALES["1-100"].scores([7.0]).tolist() == [67.0]


def test_standardised_scores_do_not_change_with_range_or_place() -> None:
    raw = np.array([1.0, 2.5, 3.0, 6.0, 9.0])
    assert SCALES["standardised"].scores(raw).tolist() == SCALES["standardised"].scores(100 * raw - 7).tolist()
    assert SCALES["standardised"].scores([4.0, 4.0]).tolist() == [6.0, 6.0]  # no spread: 5.5, rounded to even


@per_scale
def test_every_goal_that_is_asked_is_made_of_words_that_the_tokenizer_has(scale: GoalScale) -> None:
    known = set(lexicon.vocabulary())
    outside = config.recipe("goals_and_scales", "small")["outside"].get(scale.name, [])
    goals = [*np.arange(scale.low, scale.high + 1), *outside]
    assert goals
    assert not {word for goal in goals for word in scale.wish(goal).split()} - known


def test_goals_at_shares_and_back() -> None:
    # 1 + 0.25 * 9 = 3.25; 1 + 0.5 * 4 = 3; 1 + 0.75 * 99 = 75.25
    assert (SCALES["1-10"].at(0.25), SCALES["1-5"].at(0.5), SCALES["1-100"].at(0.75)) == (3, 3, 75)
    assert SCALES["1-5"].share(3) == 0.5
    assert SCALES["1-10"].share(12) > 1


def test_only_the_usual_scale_goes_without_its_name() -> None:
    assert SCALES["1-10"].wish(7) == SCALES["standardised"].wish(7) == COMPACT.text(7)
    assert len({SCALES[name].wish(4) for name in ("1-5", "1-10", "1-100")}) == 3, "4 of 5 is not 4 of 100"


@pytest.mark.parametrize(
    ("scale", "corpus", "known"),
    [
        ("1-10", {}, "met"),
        ("standardised", {}, "in part"),
        ("1-5", {"scales": {"100": 0.2}}, "in part"),
        ("1-5", {"scales": {"5": 0.2}}, "met"),
        ("1-5", {"scales": {"5": 0.0}, "drill": 0}, "not met"),
        ("1-10", {"scored": 0, "drill": 0}, "not met"),
    ],
)
def test_a_scale_is_known_where_the_corpus_shows_it(scale: str, corpus: dict, known: str) -> None:
    assert SCALES[scale].known(corpus) == known


def test_rescoring_changes_scores_and_nothing_else() -> None:
    table = pa.table(
        {
            "score_chosen": [8.0, 3.0], "note": ["a", "b"], "score_rejected": [7.0, 2.0],
            "raw_score_chosen": [8.4, 3.1], "raw_score_rejected": [6.9, 1.8],
        }
    )  # fmt: skip
    new = rescored(table, SCALES["1-5"])
    # 1 + 7.4 * 4/9 = 4.29, 1.93; 3.62, 1.36
    assert new["score_chosen"].to_pylist() == [4, 2]
    assert new["score_rejected"].to_pylist() == [4, 1]
    assert new.column_names == table.column_names
    assert table["score_chosen"].to_pylist() == [8.0, 3.0]
