"""The one check of numbers that a caller gives."""

import numpy as np
import pytest

from rapo.stats.arrays import finite


def test_numbers_come_back_as_an_array():
    assert finite([1, 2], "scores", length=2, low=1, high=2).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, np.inf], {}, "scores hold 1 that are not finite, the first is inf at 1; leave them out first"),
        ([[1.0], [np.nan]], {"dimensions": 2}, r"the first is nan at \(1, 0\)"),
        ([0.5, 2.5, np.nan], {"low": 1, "high": 2}, "hold 3 that are not from 1 to 2, the first is 0.5 at 0"),
        ([0.0, -1.0], {"low": 0, "remedy": "count again"}, "not from 0 to inf, the first is -1 at 1; count again"),
        ([np.inf], {"low": 0}, "the first is inf at 0"),
        ([[1.0]], {}, r"scores have 2 dimension\(s\), shape \(1, 1\); need 1"),
        ([1.0], {"length": 2}, r"scores have shape \(1,\) where 2 rows are"),
    ],
)
def test_what_is_no_such_number_is_named(values, options, message):
    with pytest.raises(ValueError, match=message):
        finite(values, "scores", **options)
