"""Encodings of preferences: read as told, or refused."""

import numpy as np
import pytest

from rapo.judging.encodings import ENCODINGS, decode


@pytest.mark.parametrize(
    ("encoding", "written", "read"),
    [
        ("1..2", [1, 1.25, 2], [1.0, 1.25, 2.0]),
        ("1/2", [1, 2, 1.5], [1.0, 2.0, 1.5]),
        ("alpaca_eval", [0, 1, 1.9999, 2], [1.5, 1.0, 1.9999, 2.0]),
        ("0..1", [0, 0.25, 1], [1.0, 1.25, 2.0]),
        ("0/1", [0, 1, 0.5], [1.0, 2.0, 1.5]),
        ("0/1", ["0", "1"], [1.0, 2.0]),
        ("A/B/tie", ["A", "b", " tie", "Draw"], [1.0, 2.0, 1.5, 1.5]),
    ],
)
def test_it_reads_what_the_encoding_says(encoding, written, read) -> None:
    assert decode(written, encoding).tolist() == read


@pytest.mark.parametrize(
    ("encoding", "written", "seen"),
    [
        ("1..2", [1, 0, 2], "0"),
        ("1..2", [1, 2.5], "2.5"),
        ("1..2", [1, float("inf")], "inf"),
        ("1/2", [1, 1.3], "1.3"),
        ("0/1", [0, 1, 2], "2"),
        ("0..1", [0.5, 1.2], "1.2"),
        ("A/B/tie", ["A", "C"], "C"),
        ("0/1", ["win", "1"], "win"),
    ],
)
def test_what_does_not_belong_is_refused_with_the_value_and_the_choices(encoding, written, seen) -> None:
    with pytest.raises(ValueError, match="is not in the encoding") as error:
        decode(written, encoding)
    assert seen in str(error.value)
    assert all(name in str(error.value) for name in ENCODINGS)


def test_zeros_and_ones_alone_are_not_taken_for_draws_and_losses() -> None:
    with pytest.raises(ValueError, match="0"):
        decode([0, 1, 1, 0], "alpaca_eval")


def test_missing_preferences_stay_missing() -> None:
    assert np.isnan(decode([1, None, 2], "1..2")).tolist() == [False, True, False]
    assert np.isnan(decode(["A", None], "A/B/tie")).tolist() == [False, True]


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'2/1'.*A/B/tie"):
        decode([1], "2/1")
