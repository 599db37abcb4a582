"""Margins by hand and against the official formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rapo.selection import margins

FINITE = st.floats(-1e6, 1e6)
PAIRS = st.integers(1, 30).flatmap(lambda n: st.tuples(*[arrays(float, n, elements=FINITE)] * 4))


@given(PAIRS)
def test_swapping_the_responses_flips_signed_margins_and_keeps_absolute_ones(columns: tuple) -> None:
    a, b, ref_a, ref_b = columns
    assert np.array_equal(margins.explicit_margin(a, b), -margins.explicit_margin(b, a))
    there = margins.implicit_margin_dpo(a, b, ref_a, ref_b, beta=0.3)
    back = margins.implicit_margin_dpo(b, a, ref_b, ref_a, beta=0.3)
    assert np.allclose(there, -back, atol=1e-6)
    assert np.array_equal(margins.explicit_margin(a, b, kind="absolute"), np.abs(a - b))


def test_implicit_margins_by_hand() -> None:
    # 0.1 * ((-10 - -11) - (-12 - -11.5)) = 0.1 * (1 + 0.5)
    found = margins.implicit_margin_dpo([-10.0], [-12.0], [-11.0], [-11.5], beta=0.1)
    assert found == pytest.approx([0.15])
    # 2 * (-10 / 5 - -12 / 3) = 2 * (-2 + 4)
    assert margins.implicit_margin_simpo([-10.0], [-12.0], [5], [3], beta=2.0) == pytest.approx([4.0])


def test_alignment_potential_equals_the_official_formula_on_random_data() -> None:
    rng = np.random.default_rng(0)
    score, logp = rng.normal(size=500), rng.normal(size=500)
    reward, policy = np.abs(score), np.abs(logp)
    for weight in (1.0, 2.5):  # rm-logp and rm-xlogp: z(M_r) - w z(M_pi)
        official = (reward - reward.mean()) / reward.std() - weight * (policy - policy.mean()) / policy.std()
        assert margins.alignment_potential(score, logp, weight=weight) == pytest.approx(official, abs=1e-12)


def test_a_signed_implicit_margin_rewards_pairs_that_the_policy_ranks_wrongly() -> None:
    found = margins.alignment_potential([2.0, 2.0], [1.0, -1.0], standardise=False, signed_implicit=True)
    assert found.tolist() == [1.0, 3.0]


def test_official_code_divides_by_a_zero_standard_deviation() -> None:
    """A fault of metric_selection.py: equal margins make NaN. Here they make 0, so the other margin decides."""
    found = margins.alignment_potential([3.0, 3.0, 3.0], [0.0, 1.0, 2.0])
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize("values", [[np.nan, 1.0], [1.0, np.inf]])
def test_missing_values_are_named(values: list[float]) -> None:
    place = int(np.flatnonzero(~np.isfinite(values))[0])
    with pytest.raises(ValueError, match=f"score_chosen hold 1 .* the first is (nan|inf) at {place}"):
        margins.explicit_margin(values, [0.0, 0.0])


def test_lengths_must_agree() -> None:
    with pytest.raises(
        ValueError, match=r"score_rejected have shape .* where 1 rows are; give one value for each"
    ):
        margins.explicit_margin([1.0], [1.0, 2.0])


def test_empty_responses_have_no_simpo_margin() -> None:
    with pytest.raises(ValueError, match="rejected_tokens of row 2 is 0"):
        margins.implicit_margin_simpo([-1.0, -1.0], [-1.0, -1.0], [1, 1], [1, 0])


@pytest.mark.parametrize("call", [{"beta": 0.0}, {"beta": float("nan")}, {"beta": -1.0}])
def test_beta_is_positive(call: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="beta is"):
        margins.implicit_margin_dpo([0.0], [0.0], [0.0], [0.0], **call)


def test_nothing_in_nothing_out() -> None:
    assert margins.alignment_potential([], []).shape == (0,)
    assert margins.zscore([]).shape == (0,)


def test_spread_of_candidates_needs_two() -> None:
    with pytest.raises(ValueError, match="row 2 has 1 candidate"):
        margins.candidate_spread([[1.0, 2.0], [1.0]])
