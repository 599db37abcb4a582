"""Picking pairs by their scores."""

import pyarrow as pa
import pytest

from rapo.studies.common.micro_pairs import pairs
from rapo.studies.when_it_helps import runs
from rapo.world import data

TABLE = pa.table({"score_chosen": [9.0, 4.0, 5.0, 8.0], "score_rejected": [6.0, 2.0, 1.0, 5.0]})


@pytest.mark.parametrize(
    ("pick", "kept"),
    [
        ({"rejected": "good"}, [6.0, 5.0]),
        ({"rejected": "bad"}, [2.0, 1.0]),
        ({"chosen": "bad"}, [2.0, 1.0]),
        ({"chosen": "good", "rejected": "bad"}, [1.0]),
    ],
)
def test_only_pairs_of_that_kind_stay(pick: dict[str, str], kept: list[float]) -> None:
    found = runs.picked(TABLE, pick, len(kept), good=5.0, bad=5.0)
    assert found["score_rejected"].to_pylist() == kept


def test_more_pairs_are_drawn_until_enough_are_of_that_kind() -> None:
    config = {"world": {"regime": "many-sided"}, "pairs": 40, "good": 5.0, "bad": 5.0, "seed": 3}
    rare = runs.pairs_of({**config, "pick": {"chosen": "bad"}})
    assert len(rare) == len(runs.pairs_of({**config, "pick": {}}))
    assert max(rare["score_chosen"].to_pylist()) <= 5.0
    with pytest.raises(ValueError, match=r"only 0 pairs have \{'chosen': 'bad'\}, \d+ are wanted; want fewer"):
        runs.pairs_of({**config, "pick": {"chosen": "bad"}, "bad": 0.0})


def test_description_counts_what_it_says(tmp_path) -> None:
    config = {"world": {}, "pairs": 60, "pick": {"rejected": "good"}, "good": 5.0, "bad": 5.0, "seed": 3}
    told = runs.describe(config, tmp_path, {})
    assert told["good_rejected"] == 1.0
    assert told["pairs"] == len(pairs(data.make_world({}), 60, seed=3))
    plain = runs.describe({**config, "pick": {}}, tmp_path, {})
    table = pairs(data.make_world({}), 60, seed=3)
    assert plain["good_rejected"] == sum(s >= 5 for s in table["score_rejected"].to_pylist()) / len(table)
