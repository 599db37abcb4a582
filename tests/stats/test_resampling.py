"""Units drawn with replacement, against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from rapo.stats import resampling


def test_draws_come_in_blocks_of_bounded_memory(monkeypatch):
    whole = np.concatenate([*resampling.draws(50, n_resamples=25, seed=0)])
    monkeypatch.setattr(resampling, "_DRAWS_AT_ONCE", 500)
    blocks = [*resampling.draws(50, n_resamples=25, seed=0)]
    assert [block.shape for block in blocks] == [(10, 50), (10, 50), (5, 50)]
    assert_array_equal(np.concatenate(blocks), whole)


def test_resampled_totals_add_up_what_was_drawn():
    totals = np.random.default_rng(0).normal(size=(6, 3))
    drawn = np.concatenate([*resampling.draws(6, n_resamples=40, seed=7)])
    expected = np.array([sum(totals[unit] for unit in one) for one in drawn])
    assert_allclose(resampling.resampled_totals(totals, n_resamples=40, seed=7), expected, atol=1e-12)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-5, 5)), min_size=1))
def test_cluster_totals_are_sums_by_label(rows):
    labels = [label for label, _ in rows]
    found = resampling.cluster_totals([[value] for _, value in rows], labels)
    order = [*dict.fromkeys(labels)]
    assert_array_equal(found[:, 0], [sum(v for other, v in rows if other == label) for label in order])


def test_cluster_codes_take_any_label():
    codes, n = resampling.cluster_codes(["a", "b", "a"], 3)
    assert (codes.tolist(), n) == ([0, 1, 0], 2)
    with pytest.raises(ValueError, match="label 2 is missing"):
        resampling.cluster_codes([1.0, 2.0, np.nan], 3)


@pytest.mark.parametrize(
    ("totals", "message"),
    [
        ([[1.0, 2.0]], "1 unit: an interval needs at least two"),
        ([1.0, 2.0], "1 dimension"),
        ([[1.0], [np.nan]], r"not finite, the first is nan at \(1, 0\)"),
    ],
)
def test_bad_totals_are_named(totals, message):
    with pytest.raises(ValueError, match=message):
        resampling.resampled_totals(totals)
