"""What a notebook shows: measured and stored, or as kept."""

import json
from pathlib import Path

import pandas as pd
import pytest

from rapo import paths
from rapo.reproduction.keep import listing
from rapo.runs import store
from rapo.studies.common.results import measure_or_read


def test_a_frame_that_kept_results_lack_is_empty_if_it_came_later(rapo_root: Path) -> None:
    file = store.store(pd.DataFrame({"y": [1.0]}), "x_old", scale="small")
    paths.results().mkdir(parents=True)
    (paths.results() / file.name).write_bytes(file.read_bytes())
    paths.write_text(paths.results() / "manifest.json", json.dumps(listing()))

    def read(later: list[str]) -> dict[str, pd.DataFrame]:
        names = ["old", "new"]
        return measure_or_read("x", names, lambda *_, **__: {}, scale="small", measure=False, jobs=1, later=later)

    found = read(["new"])
    assert found["old"]["y"].tolist() == [1.0]
    assert found["new"].empty
    with pytest.raises(FileNotFoundError, match="x_new"):
        read([])
