"""Results: stored whole, kept, compared by intervals."""

import functools
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo import paths
from rapo.runs import store as kept

FRAME = pd.DataFrame({"arm": ["UF", "RA"], "seed": [0, 1], "gold": [0.25, None]})


def test_store_and_kept(rapo_root: Path) -> None:
    file = kept.store(FRAME, "central", scale="smoke", config={"beta": 0.1})
    assert file == rapo_root / "build" / "smoke" / "results" / "central.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(file), FRAME)
    about = json.loads(pq.read_schema(file).metadata[b"rapo"])
    assert (about["name"], about["scale"], about["config"]) == ("central", "smoke", {"beta": 0.1})
    assert "python" in about["provenance"]
    assert [entry.name for entry in file.parent.iterdir()] == ["central.parquet"]
    paths.results().mkdir(parents=True)
    file.replace(paths.results() / "central.parquet")
    pd.testing.assert_frame_equal(kept.kept("central"), FRAME)


def test_measured_now_or_as_kept(rapo_root: Path) -> None:
    work = functools.partial(FRAME.head, n=1)
    found = kept.measured(work, "arms", scale="small", measure=True)
    assert len(found) == 1
    file = paths.build("small") / "results" / "arms.parquet"
    assert json.loads(pq.read_schema(file).metadata[b"rapo"])["config"] == {"n": 1}
    with pytest.raises(FileNotFoundError, match="no kept results"):
        kept.measured(work, "arms", scale="small", measure=False)
    paths.results().mkdir(parents=True)
    kept.store(FRAME, "arms", scale="small").replace(paths.results() / "arms.parquet")
    pd.testing.assert_frame_equal(kept.measured(work, "arms", scale="small", measure=False), FRAME)


def test_missing_results_name_the_command(rapo_root: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"central.parquet; measure them with `rapo reproduce --scale small`"
    ):
        kept.kept("central")
    (rapo_root / "notebooks").mkdir()
    cell = {"cell_type": "code", "source": ['study.store(frame, "central", scale=scale)']}
    (rapo_root / "notebooks" / "arms.ipynb").write_text(json.dumps({"cells": [cell]}))
    with pytest.raises(FileNotFoundError, match=r"`rapo reproduce arms --scale small`"):
        kept.kept("central")


def claim(estimate: float, low: float, high: float) -> dict[str, Any]:
    return {"id": "X", "estimate": estimate, "low": low, "high": high, "unit": "points", "verdict": "holds"}


def test_differences_beyond_the_intervals() -> None:
    old = claim(10.0, 7.0, 14.0)  # 3 below, 4 above
    # Above: 16 - 10 = 6; the sides that face each other are 3 (new, below) and 4 (kept, above): 6 - 5 = 1 > 0.
    (found,) = kept.compare_claims([claim(16.0, 13.0, 30.0)], [old])
    assert (found["difference"], found["low"]) == (6.0, pytest.approx(1.0))
    assert found["high"] == pytest.approx(6 + math.hypot(14, 3))
    # 15 - 10 = 5 = the joint half-width: zero is the bound and lies inside.
    assert kept.compare_claims([claim(15.0, 12.0, 16.0)], [old]) == []
    # Below: 5 - 10 = -5; facing sides are 1 (new, above) and 3 (kept, below): -5 + sqrt(10) < 0.
    (found,) = kept.compare_claims([claim(5.0, 4.0, 6.0)], [old])
    assert found["high"] == pytest.approx(-5 + math.sqrt(10))
    assert (found["new"], found["kept"], found["kept_verdict"]) == (5.0, 10.0, "holds")


def test_exact_results_may_differ_by_rounding_only() -> None:
    assert kept.compare_claims([claim(0.1 + 0.2, 0.1 + 0.2, 0.1 + 0.2)], [claim(0.3, 0.3, 0.3)]) == []
    assert len(kept.compare_claims([claim(0.3001, 0.3001, 0.3001)], [claim(0.3, 0.3, 0.3)])) == 1


def test_claims_of_one_side_only_are_not_compared() -> None:
    assert kept.compare_claims([claim(1.0, 1.0, 1.0)], []) == []
    assert kept.compare_claims([], [claim(1.0, 1.0, 1.0)]) == []


values = st.floats(-100, 100)
halves = st.floats(0, 50)


@given(values, halves, halves, values, halves, halves)
def test_comparison_is_symmetric(a: float, b: float, c: float, d: float, e: float, f: float) -> None:
    one, two = claim(a, a - b, a + c), claim(d, d - e, d + f)
    there, back = kept.compare_claims([one], [two]), kept.compare_claims([two], [one])
    assert len(there) == len(back)
    if there:
        assert there[0]["difference"] == -back[0]["difference"]
        assert there[0]["low"] == pytest.approx(-back[0]["high"])
