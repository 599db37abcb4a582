"""Battles from files of other projects, and the conditions under which strengths exist."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapo.winrates import battles


def table(*rows):
    return pd.DataFrame(rows, columns=["model_a", "model_b", "outcome"])


def test_judgements_become_battles():
    judged = pd.DataFrame(
        {"model": ["x", "y"], "instruction": [3, 3], "preference": [1.25, 2.0], "baseline": ["gpt", "gpt"]}
    )
    found = battles.from_judgements(judged)
    assert found.to_numpy().tolist() == [["x", "gpt", 0.25, 3], ["y", "gpt", 1.0, 3]]
    named = battles.from_judgements(judged.drop(columns="baseline"), baseline="b")
    assert named["model_b"].tolist() == ["b", "b"]
    with pytest.raises(ValueError, match="no column baseline; name it"):
        battles.from_judgements(judged.drop(columns="baseline"))


def test_arena_hard_records(caplog):
    # Game 1 shows the baseline as A, game 2 the model as A: "A>>B" is a clear loss, then "B>A" a plain loss.
    records = [
        {"uid": "q1", "model": "m", "games": [{"score": "A>>B"}, {"score": "B>A"}]},
        {"uid": "q2", "model": "m", "games": [{"score": "B>A"}, {"score": "A=B"}]},
        {"uid": "q3", "model": "m", "games": [{"score": None}, {"score": "A=B"}]},
        {"uid": "q4", "model": "m", "games": [None, {"score": "A=B"}]},
        {"uid": "q5", "model": "m", "games": None},
    ]
    found = battles.from_arena_hard(records, baseline="base")
    assert found[["outcome", "weight", "instruction", "order"]].to_numpy().tolist() == [
        [0.0, 3.0, "q1", 0],
        [0.0, 1.0, "q1", 1],
        [1.0, 1.0, "q2", 0],
        [0.5, 1.0, "q2", 1],
    ]
    assert "3 records lack a verdict" in caplog.text
    with pytest.raises(ValueError, match="verdict 'A is better' on 'q1' is none of"):
        battles.from_arena_hard(
            [{"uid": "q1", "model": "m", "games": [{"score": "A is better"}] * 2}], baseline="b"
        )
    with pytest.raises(ValueError, match="'q1' names no baseline; say --opponent"):
        battles.from_arena_hard(records)
    own = battles.from_arena_hard([{**record, "baseline": "its own"} for record in records], baseline="base")
    assert set(own["model_b"]) == {"its own"}
    # A table has NaN where only other records name one.
    some = battles.from_arena_hard(
        [{**records[0], "baseline": "x"}, {**records[1], "baseline": np.nan}], baseline="b"
    )
    assert some["model_b"].tolist() == ["x", "x", "b", "b"]
    with pytest.raises(ValueError, match="no record holds two verdicts"):
        battles.from_arena_hard(records[2:], baseline="base")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_strong_groups_are_reachability_both_ways(seed):
    rng = np.random.default_rng(seed)
    n, fights = 4, rng.integers(2, 8)
    a = rng.integers(0, n, fights)
    b = (a + rng.integers(1, n, fights)) % n
    outcome = rng.choice([0.0, 0.5, 1.0], fights)
    data = battles.Battles(tuple("wxyz"), a, b, outcome, np.ones(fights), np.empty((fights, 0)))
    takes = np.eye(n)
    for one, other, result in zip(a, b, outcome, strict=True):
        takes[one, other] += result > 0
        takes[other, one] += result < 1
    reach = np.linalg.matrix_power(takes, n) > 0
    found, codes = battles.groups(data, data.weight, strong=True)
    assert np.array_equal(codes[:, None] == codes[None, :], reach & reach.T)
    assert found == len(set(codes.tolist()))


def test_separation_is_found_exactly():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, 40), rng.integers(2, 4, 40)
    style = rng.normal(size=(40, 1))
    overlapping = battles.Battles(tuple("wxyz"), a, b, rng.choice([0.0, 0.5, 1.0], 40), np.ones(40), style)
    assert not battles.is_separated(overlapping)
    # The feature's sign is the outcome; a tie would need the feature to be 0.
    decided = battles.Battles(tuple("wxyz"), a, b, (style[:, 0] > 0).astype(float), np.ones(40), style)
    assert battles.is_separated(decided)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"model_a": ["x"]}), r"no column \['model_b', 'outcome'\]"),
        (table(), "empty"),
        (table(("x", None, 1.0)), "name is missing"),
        (table(("x", "y", 1.0), ("y", "y", 1.0)), "battle 1 sets 'y' against itself"),
        (table(("x", "y", 1.0), ("y", "x", 2.0)), "column outcome, row 1: 2.0 is not a number from 0 to 1"),
        (table(("x", "y", np.nan)), "column outcome, row 0: nan"),
        (table(("x", "y", "model_a")), "column outcome, row 0: 'model_a' is not a number from 0 to 1"),
        (table(("x", "y", 0.5)).assign(weight=-1.0), "column weight, row 0: -1.0"),
        (table(("x", "y", 0.5)).assign(weight=0.0), "every battle has weight 0"),
    ],
)
def test_bad_tables_are_named(frame, message):
    with pytest.raises(ValueError, match=message):
        battles.read(frame, None)
