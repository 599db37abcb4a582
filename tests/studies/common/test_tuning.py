"""The tuning rule: the highest gold of each arm's settings, the first of equals."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from rapo.runs.run import Result, Run
from rapo.studies.common import arms, tuning


def told(runs: Sequence[Run], **_: object) -> list[Result]:
    """What runs would tell that have their metrics in the config."""
    return [Result(run.key, "", Path(), {}, dict(run.config), 1.0, False) for run in runs]


@pytest.fixture(autouse=True)
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "run_all", told)


def cell(arm: str, gold: list[float], place: int) -> tuple[dict[str, str], Run, int]:
    return (
        {"arm": arm},
        Run(
            "rapo.studies.common.micro_runs:evaluate",
            {"gold": gold, "unparseable": [100 - 10 * each for each in gold]},
        ),
        place,
    )


CELLS = [
    cell("UF", [3.0, 9.0], 0),
    cell("UF", [4.0, 1.0], 0),
    cell("RA", [9.0, 5.0], 1),
    cell("RA", [1.0, 5.0], 1),
]


def test_each_arm_takes_its_best_setting_under_its_own_goal() -> None:
    found = tuning.tune(CELLS, name="tuning", jobs=1, by=["arm"])
    assert found["gold"].tolist() == [3.0, 4.0, 5.0, 5.0]
    assert found["best"].tolist() == [False, True, True, False]


def test_settings_of_one_arm_need_no_name_and_tell_more() -> None:
    found = tuning.tune(CELLS[:2], name="tuning", jobs=1, tell=["gold", "unparseable"])
    assert found["best"].tolist() == [False, True]
    assert found["unparseable"].tolist() == [70.0, 60.0]


def test_answers_are_found_by_their_goal() -> None:
    table = pd.DataFrame({"goal": [float("nan"), 10.0, 4.0], "text": ["a", "b", "c"]})
    assert arms.under(table, None)["text"].tolist() == ["a"]
    assert arms.under(table, 10)["text"].tolist() == ["b"]
    assert arms.named(table, {None: "UF", 10: "UF, g=10"}) == ["UF", "UF, g=10", ""]
