"""How studies make claims: fields, sizes in words, and claims that the data do not define."""

import logging

import numpy as np
import pandas as pd
import pytest

from rapo.stats.intervals import Interval
from rapo.studies.common.claims import claim, defined, drawn, size

FOUND = Interval(0.5, 0.2, 0.8, n=9, level=0.9)


def test_fields_are_those_given_and_the_id_is_a_slug() -> None:
    made = claim(
        "RA-F3/g=10, both", "RA keeps more", "change", FOUND, n="3 seeds", direction="less", threshold=1.0
    )
    assert (made.id, made.estimate, made.low, made.high, made.level) == ("RA-F3/g10-both", 0.5, 0.2, 0.8, 0.9)
    assert (made.verdict, made.paper, made.unit, made.note) == ("holds", "no control", "of 10", "")
    assert drawn([made], "a", "b")[0].figures == ("a", "b")


def test_what_does_not_vary_is_said() -> None:
    assert claim("AP-J", "s", "t", Interval(0.0, 0.0, 0.0, n=2), n="").note == "Nothing varies in these data."


def test_sizes_count_units() -> None:
    frame = pd.DataFrame({"architecture": "llama", "seed": [1, 2], "prompt": ["a", "a"]})
    assert size(frame, ("architecture", "seed", "prompt")) == "1 architecture x 2 seeds x 1 prompt"


def test_claims_without_a_value_are_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    bare = claim("AP-F3", "s", "agreement", Interval(np.nan, np.nan, np.nan, n=0), n="")
    with caplog.at_level(logging.WARNING):
        assert [made.id for made in defined([bare, claim("AP-F2", "s", "t", FOUND, n="")])] == ["AP-F2"]
    assert "claim AP-F3 is left out: agreement" in caplog.text
