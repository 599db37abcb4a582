"""Results: stored whole, and kept."""

import functools
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from rapo import paths
from rapo.runs import store

FRAME = pd.DataFrame({"arm": ["UF", "RA"], "seed": [0, 1], "gold": [0.25, None]})


def test_store_and_kept(rapo_root: Path) -> None:
    file = store.store(FRAME, "central", scale="smoke", config={"beta": 0.1})
    assert file == rapo_root / "build" / "smoke" / "results" / "central.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(file), FRAME)
    about = json.loads(pq.read_schema(file).metadata[b"rapo"])
    assert (about["name"], about["scale"], about["config"]) == ("central", "smoke", {"beta": 0.1})
    assert "python" in about["provenance"]
    assert [entry.name for entry in file.parent.iterdir()] == ["central.parquet"]
    paths.results().mkdir(parents=True)
    file.replace(paths.results() / "central.parquet")
    pd.testing.assert_frame_equal(store.kept("central"), FRAME)


def test_measured_now_or_as_kept(rapo_root: Path) -> None:
    work = functools.partial(FRAME.head, n=1)
    found = store.fresh_or_kept(work, "arms", scale="small", measure=True)
    assert len(found) == 1
    file = paths.build("small") / "results" / "arms.parquet"
    assert json.loads(pq.read_schema(file).metadata[b"rapo"])["config"] == {"n": 1}
    with pytest.raises(FileNotFoundError, match="no kept results"):
        store.fresh_or_kept(work, "arms", scale="small", measure=False)
    paths.results().mkdir(parents=True)
    store.store(FRAME, "arms", scale="small").replace(paths.results() / "arms.parquet")
    pd.testing.assert_frame_equal(store.fresh_or_kept(work, "arms", scale="small", measure=False), FRAME)


def test_missing_results_name_the_command(rapo_root: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"central.parquet; measure them with `rapo reproduce --scale small`"
    ):
        store.kept("central")
    (rapo_root / "notebooks").mkdir()
    cell = {"cell_type": "code", "source": ['study.store(frame, "central", scale=scale)']}
    (rapo_root / "notebooks" / "arms.ipynb").write_text(json.dumps({"cells": [cell]}))
    with pytest.raises(FileNotFoundError, match=r"`rapo reproduce arms --scale small`"):
        store.kept("central")
