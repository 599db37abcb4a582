"""Batches of like length in random order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rapo.training.batches import LengthBatches

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=200)


@given(lengths=LENGTHS, size=st.integers(1, 9), seed=st.integers(0, 99), grouped=st.booleans())
def test_every_row_comes_once(lengths: list[int], size: int, seed: int, grouped: bool) -> None:
    order = LengthBatches(lengths, size, seed=seed, grouped=grouped)
    assert sorted(order) == list(range(len(lengths))) == list(range(len(order)))


@given(lengths=LENGTHS, size=st.integers(1, 9))
def test_the_order_depends_on_seed_and_epoch_alone(lengths: list[int], size: int) -> None:
    one, two = (LengthBatches(lengths, size, seed=5) for _ in range(2))
    one.set_epoch(1)
    list(two)
    two.set_epoch(1)
    assert list(one) == list(two)


def test_epochs_and_seeds_differ() -> None:
    order = LengthBatches(range(100), 4, seed=0)
    first = list(order)
    order.set_epoch(1)
    assert list(order) != first
    assert list(LengthBatches(range(100), 4, seed=1)) != first


def batches(order: LengthBatches) -> np.ndarray:
    return order.lengths[list(order)].reshape(-1, order.batch_size)


def test_batches_hold_like_lengths_and_come_in_no_order_of_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, size=1600)
    grouped = batches(LengthBatches(lengths, 32, seed=0))
    plain = batches(LengthBatches(lengths, 32, seed=0, grouped=False))
    # 16 batches sorted by length: each spans about 6 of 100 lengths; a random batch spans nearly all.
    assert np.ptp(grouped, axis=1).max() < 15
    assert np.ptp(plain, axis=1).min() > 70
    place = np.corrcoef(np.arange(50), grouped.mean(axis=1))[0, 1]
    assert abs(place) < 0.4  # transformers' own sampler: -1


def test_what_does_not_fill_a_batch_is_not_always_the_longest() -> None:
    rest = [list(LengthBatches(range(10), 4, seed=seed))[8:] for seed in range(200)]
    # Each of ten rows is among the last two with probability 1/5: 40 of 200, standard deviation 5.7.
    counts = np.bincount(np.ravel(rest), minlength=10)
    assert counts.min() > 15
    assert counts.max() < 65
