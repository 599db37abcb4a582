"""Which difficulty belongs to which judgement."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.winrates import simulation
from rapo.winrates import calibration, length_control, rows

HARD = [0.5, -1.0, 2.0, 0.0]
KNOWN = calibration.Calibration(pd.Series(HARD, index=[10, 11, 12, 13]), None, "a file")


def frame(ids: list, model: str = "m") -> pd.DataFrame:
    return pd.DataFrame({"model": model, "instruction": ids, "preference": 1.5})


def codes(table: pd.DataFrame) -> np.ndarray:
    return pd.factorize(table["model"])[0]


def test_by_instruction_ids_are_looked_up() -> None:
    table = frame([13, 10, 12])
    assert rows.places(KNOWN, table, codes(table), "instruction").tolist() == [3, 0, 2]


def test_by_position_the_row_number_counts_whatever_the_id() -> None:
    table = pd.concat([frame([13, 10, 12]), frame([11, 12], "n")])
    assert rows.places(KNOWN, table, codes(table), "position").tolist() == [0, 1, 2, 0, 1]
    with pytest.raises(ValueError, match="a model has 5 rows and a file 4 instructions"):
        rows.places(KNOWN, frame([10, 11, 12, 13, 13]), np.zeros(5, dtype=int), "position")


def test_ids_that_match_nothing_are_an_error_and_no_nan() -> None:
    table = frame([10, 99, 98, 99])
    with pytest.raises(
        ValueError, match=r"2 instructions are not in a file, the first is .*99.*ids are like .*10"
    ):
        rows.places(KNOWN, table, codes(table), "instruction")
    with pytest.raises(ValueError, match="1 instructions are not in a file"):
        rows.places(KNOWN, frame(["some text"]), np.zeros(1, dtype=int), "instruction")


def test_texts_are_numbered_by_the_order_of_the_models_that_have_them_all() -> None:
    texts = ["a", "b", "c", "d"]
    table = pd.concat([frame(texts, "full"), frame(["a", "c", "d"], "lacks b")])
    assert rows.places(KNOWN, table, codes(table), "instruction").tolist() == [0, 1, 2, 3, 0, 2, 3]


def test_numbers_that_are_written_as_texts_are_looked_up_in_any_order() -> None:
    for ids in (["13", "10", "12", "11"], ["0013", "10", "12", "11"]):
        table = frame(ids)
        assert rows.places(KNOWN, table, codes(table), "instruction").tolist() == [3, 0, 2, 1]
    with pytest.raises(ValueError, match=r"1 instructions are not in a file, the first is .*9"):
        rows.places(KNOWN, frame(["13", "10", "9", "11"]), np.zeros(4, dtype=int), "instruction")


def test_texts_that_a_calibration_of_texts_does_not_know_are_of_another_benchmark() -> None:
    table = frame(["a", "b", "c", "d"])
    known = calibration.Calibration(pd.Series(HARD, index=["p", "q", "r", "s"]), None, "a file")
    with pytest.raises(ValueError, match="4 instructions are not in a file"):
        rows.places(known, table, codes(table), "instruction")


def test_texts_whose_order_is_not_agreed_on_are_refused() -> None:
    table = pd.concat([frame(["a", "b", "c", "d"], "one"), frame(["b", "a", "c", "d"], "two")])
    with pytest.raises(ValueError, match="4 instructions are not in a file"):
        rows.places(KNOWN, table, codes(table), "instruction")


def test_texts_give_the_same_rates_as_numbers() -> None:
    made = simulation.judgements(n_models=6, n_instructions=60, seed=0)
    known = calibration.Calibration(made.difficulty, None, "the truth")
    numbers = made.judgements.drop(index=[5, 6, 70])
    texts = numbers.assign(instruction="question " + numbers["instruction"].astype(str))
    one, other = (length_control.length_controlled(given, calibration=known) for given in (numbers, texts))
    pd.testing.assert_frame_equal(one, other)


def test_comparing_matches_needs_a_calibration() -> None:
    with pytest.raises(ValueError, match="nothing to match"):
        length_control.compare_matches(frame([10]).assign(length_model=1, length_baseline=2), calibration=None)
