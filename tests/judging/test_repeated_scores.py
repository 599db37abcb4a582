"""How far repeated scores can be relied on, against the published example."""

import numpy as np
import pytest

from rapo.judging import repeated_scores

# Shrout and Fleiss (1979), table 2: six targets, four judges; ICC(2, 1) = .29, ICC(2, 4) = .62.
TARGETS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_published_example() -> None:
    found = repeated_scores.reliability(TARGETS.T)
    assert found is not None
    assert (round(found.one.estimate, 2), round(found.mean.estimate, 2)) == (0.29, 0.62)
    # Mean squares 11.24 (targets), 32.49 (judges), 1.02 (rest), table 3.
    assert found.parts["item"] == pytest.approx((11.24 - 1.02) / 4, abs=0.01)
    assert found.parts["judge"] == pytest.approx((32.49 - 1.02) / 6, abs=0.01)
    assert found.parts["judge x item"] == pytest.approx(1.02, abs=0.01)
    assert found.one.low < 0.29 < found.one.high
    assert found.mean.low < 0.62 < found.mean.high <= 1


@pytest.mark.parametrize(
    "scores",
    [
        [[1, 2, 3], [5, 4, 6], [9, 9, 7], [2, 3, 1]],  # runs whose totals are 17, 18 and 17
        [[1, 2, 3], [3, 2, 2], [2, 2, 1], [1, 3, 2]],  # answers whose totals are 6, 7, 5 and 6
    ],
)
def test_coefficients_are_those_of_the_mean_squares_where_a_variance_is_estimated_below_nought(
    scores: list[list[float]],
) -> None:
    """Shrout and Fleiss (1979), page 423: ICC(2, 1) and ICC(2, k) of the mean squares of a two-way analysis."""
    values = np.array(scores, float)
    n, k = values.shape
    rows, columns, grand = values.mean(axis=1), values.mean(axis=0), values.mean()
    bms, jms = k * ((rows - grand) ** 2).sum() / (n - 1), n * ((columns - grand) ** 2).sum() / (k - 1)
    ems = ((values - rows[:, None] - columns + grand) ** 2).sum() / ((n - 1) * (k - 1))
    assert min(bms, jms) < ems
    found = repeated_scores.reliability(values.T)
    assert found is not None
    assert found.one.estimate == pytest.approx((bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n))
    assert found.mean.estimate == pytest.approx((bms - ems) / (bms + (jms - ems) / n))
    assert found.parts == pytest.approx(
        {"item": max((bms - ems) / k, 0), "judge": max((jms - ems) / n, 0), "judge x item": ems}
    )


def test_answers_without_a_score_in_a_run_are_left_out_and_counted() -> None:
    runs = np.column_stack([TARGETS.T, [np.nan, 1, 1, 1]])
    found = repeated_scores.reliability(runs)
    assert found is not None
    assert (found.n, found.n_left_out, found.n_runs) == (6, 1, 4)
    assert round(found.one.estimate, 2) == 0.29
    np.testing.assert_array_equal(repeated_scores.mean_score(runs)[[0, 6]], [6, 1])
    assert np.isnan(repeated_scores.mean_score([[np.nan], [np.nan]])[0])


def test_the_same_again_is_wholly_reliable_and_what_never_varies_says_nothing() -> None:
    found = repeated_scores.reliability([[1, 5, 9], [1, 5, 9]])
    assert found is not None
    assert (found.one.estimate, found.mean.estimate) == (1, 1)
    found = repeated_scores.reliability([[5, 5, 5], [5, 5, 5]])
    assert found is not None
    assert np.isnan([found.one.estimate, found.mean.low]).all()
    assert repeated_scores.reliability([[1, 2, 3]]) is None
    assert repeated_scores.reliability([[1, np.nan], [1, 2]]) is None
