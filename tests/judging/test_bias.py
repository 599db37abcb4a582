"""Position and length bias, by hand and on simulated judges whose biases are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.judging.bias import length_bias, position_bias, sways

vote_lists = st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.sampled_from([-1, 0, 1])), min_size=2, max_size=50)


def test_position_by_hand():
    # Forward/backward: same, same, first twice, second, tie then win (neither consistent nor for a place).
    found = position_bias([1, -1, 1, 1, -1, 0], [1, -1, -1, -1, 1, 1])
    assert found.consistent.estimate == pytest.approx(2 / 6)
    assert found.first.estimate == pytest.approx(2 / 6)
    assert found.second.estimate == pytest.approx(1 / 6)
    # (forward - backward) / 2: 0, 0, 1, 1, -1, -0.5 sum to 0.5.
    assert found.bias.estimate == pytest.approx(0.5 / 6)


@given(vote_lists)
def test_naming_the_other_response_changes_no_position_bias(rows):
    forward, backward = np.array(rows).T
    # The other response is shown first in the order called backward: the two orders change places.
    straight, mirrored = position_bias(forward, backward), position_bias(-backward, -forward)
    assert mirrored.bias.estimate == pytest.approx(straight.bias.estimate)
    assert mirrored.first.estimate == pytest.approx(straight.first.estimate)


def test_a_known_position_bias_is_found():
    rng = np.random.default_rng(0)
    quality = rng.normal(size=4000)
    forward = np.sign(quality + 0.5 + rng.normal(size=4000)).astype(int)
    backward = np.sign(quality - 0.5 + rng.normal(size=4000)).astype(int)
    # P(first | quality ~ N(0, 1), noise N(0, 1)) = Phi(0.5 / sqrt 2) = 0.6382 in either order: bias 0.2763.
    found = position_bias(forward, backward).bias
    assert found.low < 0.2763 < found.high
    assert found.high - found.low < 0.05


def test_length_by_hand():
    # Lengths differ on four pairs; votes for the longer: yes, no, tie, yes. The fifth is left out.
    found = length_bias([1, 1, 0, -1, 1], [5, 1, 5, 1, 3], [1, 5, 1, 5, 3])
    assert (found.n, found.longer.estimate) == (4, (1 + 0 + 0.5 + 1) / 4)
    assert found.reference is None
    # The truth likes the longer on the first alone: 1/4, so the judge's excess is 0.625 - 0.25.
    found = length_bias([1, 1, 0, -1, 1], [5, 1, 5, 1, 3], [1, 5, 1, 5, 3], reference=[1, 1, -1, 1, 1])
    assert found.reference.estimate == 0.25
    assert found.excess.estimate == 0.375


def test_a_judge_that_is_the_truth_has_no_excess():
    rng = np.random.default_rng(0)
    truth, lengths = rng.choice([-1, 1], 300), rng.integers(1, 50, size=(2, 300))
    found = length_bias(truth, *lengths, reference=truth, clusters=np.arange(300) // 2)
    assert (found.excess.estimate, found.excess.low, found.excess.high) == (0, 0, 0)


def test_always_the_longer_has_wilsons_interval():
    found = length_bias([1] * 10, range(2, 12), [1] * 10)
    assert (found.longer.estimate, round(found.longer.low, 4), found.longer.high) == (1.0, 0.7225, 1.0)


def test_sways_by_hand():
    pairs = pd.DataFrame(
        {
            "instruction": [0, 1, 2, 3],
            "first": [1.9, 1.1, 1.6, 1.5],
            "second": [2.0, 2.0, 1.5, 1.0],
            "length_model": [9, 9, 9, 1],
            "length_baseline": [1, 1, 1, 9],
            "forward": [2, 2, 2, 1],
            "backward": [2, 2, 1, 1],
        }
    )
    found = sways(pairs)
    # First: longer, shorter, longer, tie: 2.5 / 4. Second: longer twice, tie, longer: 3.5 / 4.
    # One pair of four goes to the first place in both orders, the rest to one answer: (1 + 1/4) / 2.
    assert found[["annotator", "votes for", "share"]].to_numpy().tolist() == [
        ["first", "the longer answer", 0.625],
        ["second", "the longer answer", 0.875],
        ["second", "the first shown", 0.625],
    ]
    assert len(sways(pairs.drop(columns=["length_model", "forward"]))) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: position_bias([1], [1, 1]), "1 forward and 2 backward"),
        (lambda: position_bias([1, 3], [1, 1]), "forward vote 1 is"),
        (lambda: length_bias([1, 1], [2, 2], [2, 2]), "no pair has responses of different lengths"),
        (
            lambda: length_bias([1, 1], [2, np.nan], [2, 2]),
            "lengths hold 1 that are not finite, the first is nan at 1",
        ),
        (lambda: length_bias([1, 1], [2, 3], [1, 2], reference=[1]), "2 judged and 1 reference votes"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
