"""Style counts and differences by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from rapo.winrates.style_control import style_counts, style_differences

ANSWER = """# One
### Two
not # a header
1. first
 - second
* third
**bold** and __bold__ and *not*
```
# code
- code **code**
```"""


def counts(*rows):
    return pd.DataFrame(rows, columns=["length", "headers", "lists", "bold"], dtype=float)


def test_counts_leave_code_out():
    found = style_counts([ANSWER, ""])
    assert found.to_numpy().tolist() == [[len(ANSWER), 2, 3, 2], [0, 0, 0, 0]]
    assert style_counts([ANSWER], lengths=[40])["length"].tolist() == [40.0]
    with pytest.raises(ValueError, match=r"shape \(2,\) for 1 answers"):
        style_counts([ANSWER], lengths=[40, 41])


def test_differences_by_hand():
    a, b = counts([30, 3, 0, 0], [10, 0, 0, 0], [0, 0, 0, 0]), counts([10, 0, 1, 0], [10, 0, 0, 0], [0, 0, 0, 5])
    # Length: 20/40, 0, and 0 of two empty answers. Headers: (0.1 - 0) / (0.1 + 0 + 1), 0, 0.
    # Each over its standard deviation (ddof 1): of (x, 0, 0) it is x / sqrt(3).
    found = style_differences(a, b, features=("length", "headers"))
    assert_allclose(found.to_numpy(), [[3**0.5, 3**0.5], [0, 0], [0, 0]], atol=1e-12)
    centred = style_differences(a, b, features=("length",), centre=True)
    assert_allclose(centred["length"], np.array([2, -1, -1]) / 3**0.5, atol=1e-12)


def test_swapping_flips_every_feature():
    rng = np.random.default_rng(0)
    a, b = (counts(*(1 + rng.integers(0, 50, size=(20, 4)))) for _ in range(2))
    assert_allclose(style_differences(a, b), -style_differences(b, a), atol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "features", "message"),
    [
        (counts([1, 0, 0, 0]), counts(), ("length",), "1 answers against 0"),
        (counts([1, 0, 0, 0]), counts([1, 0, 0, 0]), ("tone",), "'tone' is unknown; use some of length, headers"),
        (
            counts([1, 0, 0, 0]),
            counts([1, 0, 0, 0]),
            ("bold",),
            "'bold' differs alike in every battle; leave it out",
        ),
    ],
)
def test_bad_input_is_named(a, b, features, message):
    with pytest.raises(ValueError, match=message):
        style_differences(a, b, features=features)


def test_negative_counts_are_named():
    a, b = counts([1, 0, 0, 0], [1, -1, 0, 0]), counts([1, 0, 0, 0], [2, 0, 0, 0])
    with pytest.raises(ValueError, match=r"row 1: headers is -1.0 at length 1.0"):
        style_differences(a, b, features=("headers",))
