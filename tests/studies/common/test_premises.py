"""Premises are words that figures decide."""

import pandas as pd
import pytest

from rapo.studies.common.premises import selection_premises, tuned


@pytest.mark.parametrize(
    ("right", "steps", "edge", "expected"),
    [(72, 200, False, ("met", "met", "met")), (85, 100, True, ("in part", "in part", "in part")),
     (50, 20, False, ("not met", "not met", "met"))],
)  # fmt: skip
def test_words_by_hand(right: float, steps: float, edge: bool, expected: tuple[str, str, str]) -> None:
    tuning = pd.DataFrame({"best": [True, False], "edge": [edge, not edge]})
    found = selection_premises(right=right, steps=steps, tuning=tuning)
    assert (found["agreed"], found["long_enough"], found["tuned"]) == expected


def test_a_setting_on_the_edge_of_its_grid_is_told() -> None:
    table = pd.DataFrame({"best": [True, False, True], "edge": [False, False, False]})
    assert tuned(table) == "met"
    assert tuned(table.assign(edge=[True, False, False])) == "in part"
    assert tuned(table.drop(columns="edge")) == ""
