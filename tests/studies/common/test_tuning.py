"""The tuning rule: the highest gold of each arm's settings, the first of equals."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rapo import paths
from rapo.runs.run import Result, Run
from rapo.studies.common import arms, tuning


def told(runs: Sequence[Run], **_: object) -> list[Result]:
    """What runs would tell that have their metrics in the config."""
    return [Result(run.key, "", Path(), {}, dict(run.config), 1.0, False) for run in runs]


@pytest.fixture(autouse=True)
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "run_all", told)


def _run(gold: list[float], unparseable: list[float]) -> Run:
    return Run("rapo.studies.common.micro_runs:evaluate", {"gold": gold, "unparseable": unparseable})


def cell(arm: str, rate: float, gold: list[float], place: int) -> tuple[dict[str, Any], Run, int]:
    return {"arm": arm, "learning_rate": rate}, _run(gold, [0.0, 0.0]), place


CELLS = [
    cell("UF", 1e-4, [3.0, 9.0], 0),
    cell("UF", 2e-4, [4.0, 1.0], 0),
    cell("RA", 1e-4, [9.0, 5.0], 1),
    cell("RA", 2e-4, [1.0, 5.0], 1),
]


def test_each_arm_takes_its_best_setting_under_its_own_goal() -> None:
    found = tuning.tune(CELLS, name="tuning", jobs=1, by=["arm"])
    assert found["gold"].tolist() == [3.0, 4.0, 5.0, 5.0]
    assert found["best"].tolist() == [False, True, True, False]
    assert found["edge"].tolist() == [False, True, True, False]


def test_a_setting_is_chosen_over_bases() -> None:
    # Means over the two bases: 5, 6, 4. The second base alone would choose the first setting.
    golds = {1e-4: (3.0, 7.0), 2e-4: (8.0, 4.0), 4e-4: (4.0, 4.0)}
    cells = [
        ({"base": base, "learning_rate": rate}, _run([gold], [0.0]), 0)
        for rate, several in golds.items()
        for base, gold in enumerate(several)
    ]
    found = tuning.tune(cells, name="tuning", jobs=1, over=["base"])
    assert found[found["best"]]["learning_rate"].tolist() == [2e-4, 2e-4]
    assert not found["edge"].any()


@pytest.mark.parametrize(("broken", "taken"), [([0.0, 6.0], 1e-4), ([0.0, 5.0], 2e-4), ([7.0, 99.0], 2e-4)])
def test_a_setting_that_breaks_the_form_on_some_base_is_not_chosen_while_another_is_left(
    broken: list[float], taken: float
) -> None:
    cells = [
        ({"base": base, "learning_rate": rate}, _run([gold], [share if base else 0.0]), 0)
        for rate, gold, share in zip([1e-4, 2e-4], [5.0, 6.0], broken, strict=True)
        for base in (0, 1)
    ]
    found = tuning.tune(cells, name="tuning", jobs=1, over=["base"])
    assert set(found[found["best"]]["learning_rate"]) == {taken}


def keep(frame: pd.DataFrame) -> None:
    """Put a tuning table among the kept results, as `rapo keep` does."""
    file = paths.results() / "a_study_tuning.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(file)
    entry = {file.name: {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}}
    (file.parent / "manifest.json").write_text(json.dumps(entry))


def test_what_tuning_measured_for_the_kept_results_stands(
    rapo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tuning.tune(CELLS, name="tuning", jobs=1, by=["arm"])
    keep(first)
    asked: list[str] = []

    def noted(runs: Sequence[Run], **_: object) -> list[Result]:
        asked.extend(run.key for run in runs)
        return told(runs)

    monkeypatch.setattr(tuning, "run_all", noted)
    pd.testing.assert_frame_equal(tuning.tune(CELLS, name="tuning", jobs=1, by=["arm"]), first)
    assert asked == []
    # another setting, and a run that is kept under another of its conditions alone, have to be measured
    other, turned = cell("RA", 4e-4, [1.0, 7.0], 1), (*CELLS[3][:2], 0)
    found = tuning.tune([*CELLS[:3], turned, other], name="tuning", jobs=1, by=["arm"])
    assert asked == [CELLS[3][1].key, other[1].key]
    assert found["gold"].tolist() == [3.0, 4.0, 5.0, 1.0, 7.0]
    asked.clear()
    monkeypatch.setenv("RAPO_TUNE", "1")
    tuning.tune(CELLS, name="tuning", jobs=1, by=["arm"])
    assert asked == [run.key for _, run, _ in CELLS]


def test_a_damaged_kept_table_is_told(rapo_root: Path) -> None:
    keep(tuning.tune(CELLS, name="tuning", jobs=1, by=["arm"]))
    file = paths.results() / "a_study_tuning.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"a_study_tuning\.parquet is damaged"):
        tuning.tune(CELLS, name="tuning", jobs=1, by=["arm"])


def test_answers_are_found_by_their_goal() -> None:
    table = pd.DataFrame({"goal": [float("nan"), 10.0, 4.0], "text": ["a", "b", "c"]})
    assert arms.under(table, None)["text"].tolist() == ["a"]
    assert arms.under(table, 10)["text"].tolist() == ["b"]
    assert arms.named(table, {None: "UF", 10: "UF, g=10"}) == ["UF", "UF, g=10", ""]
