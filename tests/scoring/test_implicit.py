"""Implicit rewards as columns."""

import pyarrow as pa
import pytest

from rapo.scoring.implicit import with_implicit_rewards

SCORED = pa.table(
    {
        "chosen_logprob_sum": [-10.0, None],
        "rejected_logprob_sum": [-12.0, -3.0],
        "ref_chosen_logprob_sum": [-11.0, -5.0],
        "ref_rejected_logprob_sum": [-11.5, -4.0],
    }
)


def test_rewards_are_beta_times_the_log_ratio_and_null_where_a_sum_is() -> None:
    made = with_implicit_rewards(SCORED, beta=0.1)
    # 0.1 * (-10 + 11) = 0.1; 0.1 * (-12 + 11.5) = -0.05; 0.1 * (-3 + 4) = 0.1
    assert made["implicit_chosen"].to_pylist() == [pytest.approx(0.1), None]
    assert made["implicit_rejected"].to_pylist() == [pytest.approx(-0.05), pytest.approx(0.1)]


def test_columns_of_these_names_are_replaced() -> None:
    twice = with_implicit_rewards(with_implicit_rewards(SCORED, beta=9.0))
    assert twice == with_implicit_rewards(SCORED)


def test_without_a_reference_there_is_no_reward() -> None:
    alone = SCORED.select(["chosen_logprob_sum", "rejected_logprob_sum"])
    assert with_implicit_rewards(alone) is alone


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan")])
def test_beta_is_positive(beta: float) -> None:
    with pytest.raises(ValueError, match="use a positive number"):
        with_implicit_rewards(SCORED, beta=beta)
