"""Votes from graded preferences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from rapo.judging import votes

graded = arrays(float, st.integers(1, 20), elements=st.floats(-5, 5))


@given(graded, st.floats(0, 1))
def test_swapping_the_responses_flips_the_votes(margins, tie):
    assert_array_equal(votes.of(-margins, tie=tie), -votes.of(margins, tie=tie))


def test_a_tie_reaches_as_far_as_it_is_told_to():
    # Distances from 1.5: 0.5, 0.1, 0, 0.1, 0.25.
    preferences = [1.0, 1.4, 1.5, 1.6, 1.75]
    assert votes.of(preferences, middle=1.5).tolist() == [-1, -1, 0, 1, 1]
    assert votes.of(preferences, middle=1.5, tie=0.25).tolist() == [-1, 0, 0, 0, 0]
    # 0.8 - 0.5 is 0.30000000000000004.
    assert votes.of([0.2, 0.8], middle=0.5, tie=0.3).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: votes.of([1.0, np.nan]), "preferences hold 1 .* first is nan at 1; leave unjudged pairs out"),
        (lambda: votes.of([1.0], tie=-1), "tie is -1"),
        (lambda: votes.of([1.0], tie=float("nan")), "tie is nan"),
        (lambda: votes.both([1, 2], [1, 1]), "first vote 1 is .*2.*votes.of"),
        (lambda: votes.both([1, 1], [1, np.nan], names=("a", "b")), "b vote 1 is .*nan"),
        (lambda: votes.both([], []), r"shape \(0,\)"),
        (lambda: votes.both([1], [1, 1], names=("a", "b")), "1 a and 2 b votes; match the pairs"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
