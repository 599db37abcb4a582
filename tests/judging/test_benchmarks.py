"""The adapter to lm-evaluation-harness: what is run, and what is read of what it writes."""

import json
from pathlib import Path

import pytest

from rapo.judging import benchmarks as harness
from rapo.relabelling import goals


def write(folder: Path, name: str, results: dict) -> Path:
    file = folder / "model" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"results": results, "config": {}}))
    return file


def everything(accuracy: float) -> dict:
    """Results of all six, with the standard error that the harness puts beside each metric."""
    return {
        each.task: {each.metric: accuracy, each.metric.replace(",", "_stderr,"): 0.01, "alias": each.task}
        for each in harness.BENCHMARKS.values()
    }


def test_every_task_is_run_once_with_its_own_number_of_examples() -> None:
    lines = harness.commands("m", "out")
    asked = {
        task: int(line[line.index("--num_fewshot") + 1])
        for line in lines
        for task in line[line.index("--tasks") + 1].split(",")
    }
    assert asked == {each.task: each.shots for each in harness.BENCHMARKS.values()}
    assert all("--apply_chat_template" in line and "--system_instruction" not in line for line in lines)


def test_a_goal_is_the_system_turn_that_relabelling_writes() -> None:
    (line,) = harness.commands("m", "out", goal=10, benchmarks=["ARC"])
    assert line[line.index("--system_instruction") + 1] == goals.OVERALL.text(10)


def test_accuracies_are_read_in_percent_with_their_interval(tmp_path: Path) -> None:
    write(tmp_path, "results_1.json", everything(0.5))
    found = harness.read(tmp_path)
    assert found["benchmark"].tolist() == list(harness.BENCHMARKS)
    assert found[["estimate", "low", "high"]].iloc[0].round(2).tolist() == [50.0, 48.04, 51.96]


def test_the_newest_result_of_a_benchmark_counts(tmp_path: Path) -> None:
    import os

    old = write(tmp_path, "results_2.json", everything(0.5))
    new = write(tmp_path, "results_1.json", {"arc_challenge": {"acc_norm,none": 0.75}})
    os.utime(old, (1, 1))
    os.utime(new, (2, 2))
    found = harness.read(tmp_path).set_index("benchmark")
    assert found.loc["ARC", "estimate"] == 75.0
    assert found.loc["ARC"].isna().sum() == 2, "no standard error, no interval"
    assert found.loc["BBH", "estimate"] == 50.0


def test_arms_side_by_side_with_their_average(tmp_path: Path) -> None:
    for arm, accuracy in (("UF", 0.5), ("RA", 0.6)):
        write(tmp_path / arm, "results_1.json", everything(accuracy))
    found = harness.compare({arm: tmp_path / arm for arm in ("UF", "RA")}).set_index("arm")
    assert found.columns.tolist() == [*harness.BENCHMARKS, "average"]
    assert found["average"].round(6).to_dict() == {"UF": 50.0, "RA": 60.0}


def test_what_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown benchmark MMLU; use GSM8K"):
        harness.commands("m", "out", benchmarks=["MMLU"])
    with pytest.raises(FileNotFoundError, match="no results_"):
        harness.read(tmp_path)
    file = write(tmp_path, "results_1.json", {"gsm8k": {"exact_match,strict-match": 0.4}})
    with pytest.raises(ValueError, match=r"'leaderboard_gpqa' \(GPQA\)"):
        harness.read(tmp_path)
    assert len(harness.read(tmp_path, benchmarks=["GSM8K"])) == 1
    file.write_text("{")
    with pytest.raises(ValueError, match=r"results_1.json is not what lm_eval writes"):
        harness.read(tmp_path)
