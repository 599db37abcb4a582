"""Judgements of two annotators side by side."""

import pandas as pd
import pytest

from rapo.judging.matching import match, side_by_side


def judged(*rows, **columns):
    return pd.DataFrame(rows, columns=["model", "instruction", "preference"]).assign(**columns)


ONE = judged(("m", 1, 1.2), ("m", 2, 2.0), ("k", 1, 1.5))
TWO = judged(("k", 1, 1.0), ("m", 2, 1.9), ("m", 7, 1.1))


def test_pairs_are_matched_by_model_and_instruction_not_by_row():
    found = match(ONE, TWO)
    assert found.to_numpy().tolist() == [["m", 2, 2.0, 1.9], ["k", 1, 1.5, 1.0]]
    swapped = match(TWO, ONE).rename(columns={"first": "second", "second": "first"})
    assert sorted(swapped[found.columns].to_numpy().tolist()) == sorted(found.to_numpy().tolist())


def test_ids_of_another_type_are_the_same_ids():
    assert match(ONE, TWO.astype({"instruction": str}))["first"].tolist() == [2.0, 1.5]


def test_lengths_come_from_whichever_table_has_them():
    with_lengths = TWO.assign(length_model=[5, 6, 7], length_baseline=[1, 2, 3])
    assert match(ONE, with_lengths)["length_model"].tolist() == [6, 5]
    assert match(with_lengths, ONE)["length_baseline"].tolist() == [1, 2]


def test_one_side_may_repeat_a_pair():
    twice = pd.concat([TWO, judged(("k", 1, 2.0))])
    assert match(ONE, twice)[["first", "second"]].to_numpy().tolist() == [[2.0, 1.9], [1.5, 1.0], [1.5, 2.0]]
    with pytest.raises(ValueError, match=r"a and b both judge a pair more than once \(model 'k', instruction 1"):
        match(pd.concat([ONE, ONE[2:]]), twice, names=("a", "b"))


def test_what_cannot_be_matched_is_told():
    with pytest.raises(
        ValueError, match=r"no \(model, instruction\) is in both a, which begins with \(m, 1\), and b"
    ):
        match(ONE, TWO.assign(model="z"), names=("a", "b"))
    with pytest.raises(ValueError, match="baselines differ: 'x' in first, 'y' in second"):
        match(ONE.assign(baseline="x"), TWO.assign(baseline="y"))
    assert len(match(ONE.assign(baseline="x"), TWO.assign(baseline="x"))) == 2


def test_two_columns_of_one_table():
    frame = judged(("m", 1, 2.0), ("m", 1, None), ("m", 2, 1.0), graded=[1.7, 1.6, 1.4], judge=["x", "y", "x"])
    options = {"first": "graded", "second": "preference", "encoding": "1..2"}
    found = side_by_side(frame, **options, missing="drop")
    assert found[["model", "instruction", "first", "second"]].to_numpy().tolist() == [
        ["m", 1, 1.7, 2.0],
        ["m", 2, 1.4, 1.0],
    ]
    with pytest.raises(ValueError, match="1 judgements have no preference"):
        side_by_side(frame, **options)
    with pytest.raises(ValueError, match="t has no column 'other'"):
        side_by_side(frame, first="other", second="preference", name="t")


def test_a_baseline_stays_beside_its_judgements_when_rows_are_left_out():
    frame = pd.DataFrame(
        {"model": "m", "instruction": [1, 2, 3], "baseline": "b", "one": [1.0, None, 2.0], "other": 1.5}
    )
    found = side_by_side(frame, first="one", second="other", encoding="1..2", missing="drop")
    assert found["instruction"].tolist() == [1, 3]


def test_real_second_judge(shared_data):
    from rapo.judging import judgements

    folder = shared_data / "alpaca_eval"
    raw = judgements.load(folder / "second_judge.parquet")
    inside = side_by_side(raw, first="weighted_preference", second="preference")
    assert len(inside) == 1866
    assert (inside["first"] == raw["weighted_preference"]).all()
    # The same first judge, matched from its own file: its preferences are those kept beside the second's.
    first = judgements.read(folder / "annotations.parquet")
    second = judgements.table(raw, by=("model",), duplicates="keep")
    across = match(first, second)
    joined = across.merge(inside, on=["model", "instruction", "second"], suffixes=("", "_kept"))
    assert len(across) == 805
    assert (joined["first"] - joined["first_kept"]).abs().max() < 1e-6


def test_ids_that_stand_for_other_answers_are_refused() -> None:
    first = pd.DataFrame(
        {
            "model": "m",
            "instruction": [0, 1, 2],
            "preference": 1.5,
            "length_model": [10, 20, 30],
            "length_baseline": 5,
        }
    )
    shuffled = first.assign(instruction=[2, 1, 0])
    with pytest.raises(
        ValueError, match=r"one and other hold other answers .*: length_model differs in 2 of 3 pairs"
    ):
        match(first, shuffled, names=("one", "other"))
    assert len(match(first, first.iloc[::-1])) == 3
    assert len(match(first, shuffled.drop(columns=["length_model", "length_baseline"]))) == 3
