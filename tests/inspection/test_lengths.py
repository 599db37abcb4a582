"""Length bias: shares, effects and correlations by hand and against scipy."""

import math

import numpy as np
import pytest
from scored_pairs import of_texts

from rapo.inspection import lengths
from rapo.inspection.audit import audit
from rapo.stats.correlation import paired_effect, rank_correlation
from rapo.stats.intervals import wilson


def test_the_share_counts_pairs_whose_lengths_differ() -> None:
    rows = [
        of_texts("p", "long", "a"),
        of_texts("q", "long", "ab"),
        of_texts("r", "a", "lon"),
        of_texts("s", "b", "c"),
    ]
    got = audit(rows).finding("chosen-is-longer, characters")
    assert (got.count, got.n, got.measure) == (2, 3, "share")
    assert got.interval == wilson(2, 3)
    assert got.level == "ok", "three pairs say nothing"


@pytest.mark.parametrize(
    ("longer", "level"), [(500, "ok"), (585, "note"), (640, "warning"), (740, "serious"), (260, "serious")]
)
def test_the_level_follows_the_near_end_of_the_interval(longer: int, level: str) -> None:
    more = np.where(np.arange(1000) < longer, 5.0, -5.0)
    found = lengths.findings(more + 10, np.full(1000, 10.0), np.full(1000, np.nan), np.arange(1000), unit="tokens")
    assert found[0].name == "chosen-is-longer, tokens"
    assert found[0].level == level
    assert bool(found[0].advice) == (level != "ok")


def test_effect_and_correlation_are_those_of_the_margins() -> None:
    draw = np.random.default_rng(0)
    chosen, rejected = draw.integers(1, 50, size=(2, 200)).astype(float)
    margin = (chosen - rejected) / 10 + draw.normal(size=200)
    margin[:5] = 0.0
    margin[5] = np.nan
    share, effect, follows = lengths.findings(chosen, rejected, margin, np.arange(200), unit="characters")
    assert effect.interval == paired_effect(chosen - rejected)
    assert effect.count == 200
    assert follows.interval == rank_correlation(margin[6:], (chosen - rejected)[6:])
    assert (follows.n, follows.level) == (194, "serious")
    assert share.examples == ()


def test_without_margins_there_is_no_correlation() -> None:
    found = lengths.findings(np.ones(9), np.zeros(9), np.full(9, np.nan), np.arange(9), unit="characters")
    assert [one.measure for one in found] == ["share", "Cohen's d of the paired differences"]
    assert found[1].interval is None, "differences without spread"


def test_characters_are_no_bytes() -> None:
    row = of_texts("p", "éé", "abc")
    assert audit([row]).finding("chosen-is-longer, characters").count == 0


def test_the_largest_difference_is_the_example() -> None:
    rows = [of_texts(f"p{i}", "a" * (i + 2), "b") for i in range(40)]
    got = audit(rows).finding("chosen-is-longer, characters")
    assert (got.count, got.n, got.level) == (40, 40, "serious")
    assert [one.row for one in got.examples] == ["40", "39", "38"]
    assert got.examples[0].note == "+40 characters than rejected"


def test_the_picture_holds_every_pair() -> None:
    rows = [of_texts("p", "a" * 7, "b"), of_texts("q", "abc", "abc"), of_texts("r", "a", "b" * 99)]
    (picture,) = (one for one in audit(rows).pictures if one.group == "lengths")
    # (7 + 1) / (1 + 1) = 4, (3 + 1) / (3 + 1) = 1, (1 + 1) / (99 + 1) = 0.02
    counts = dict(zip(picture.labels, picture.series["pairs"], strict=True))
    assert counts == {**dict.fromkeys(counts, 0), "> 4": 1, "same": 1, "< 1/4": 1}
    assert not math.isnan(sum(counts.values()))
