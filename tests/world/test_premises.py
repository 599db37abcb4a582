import numpy as np
import pyarrow as pa
import pytest

from rapo.world import data
from rapo.world import premises as looked
from rapo.world.premises import measured, premises, scores_shape


def test_the_default_world_keeps_the_papers_premises() -> None:
    table = premises(data.World(), 1500, seed=11)
    assert table["holds"].all(), table.to_string()


def test_shape_of_scores() -> None:
    pairs = pa.table({"score_chosen": [8.0, 6.0, 5.0, 9.0], "score_rejected": [5.0, 6.0, 3.0, 4.0]})
    found = scores_shape(pairs)
    assert found[looked.CHOSEN].estimate == 7.0  # 28 / 4
    assert found[looked.REJECTED].estimate == 4.5  # 18 / 4
    assert found[looked.TIES].estimate == 25.0
    assert found[looked.GOOD_REJECTED].estimate == 50.0  # 5 and 6


def test_figures_of_a_world_follow_its_settings() -> None:
    exact, chosen = measured(data.make_world({"noise": 0.0}), 150, seed=1)
    noisy, _ = measured(data.make_world({"noise": 2.0}), 150, seed=1)
    # Scores are rounded to whole numbers: an error of at most a half, sqrt(1/12) = .29 where they are spread evenly.
    assert exact[looked.NOISE].high < 0.5
    assert 1.2 < noisy[looked.NOISE].estimate < 2.2  # scores end at 1 and 10
    assert exact[looked.RIGHT].estimate > 95 > noisy[looked.RIGHT].estimate
    assert exact[looked.BY_LENGTH].estimate == pytest.approx(noisy[looked.BY_LENGTH].estimate), "gold has no noise"
    assert chosen.min() >= 1
    assert np.isfinite([one.estimate for one in exact.values()]).all()


def test_length_and_gold_correlate_as_by_numpy() -> None:
    world = data.make_world({})
    table = data.candidates(world, 40, seed=3)
    answers = [answer for row in table["completions"].to_pylist() for answer in row]
    gold = [answer["gold_score"] for answer in answers]
    words = [len(answer["response"].split()) for answer in answers]
    found = measured(world, 40, seed=3)[0][looked.BY_LENGTH]
    assert found.estimate == pytest.approx(np.corrcoef(words, gold)[0, 1])
    assert found.low < found.estimate < found.high
