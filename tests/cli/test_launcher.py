"""Commands as jobs: submitit's local executor in the place of SLURM."""

import json
import os
import sys
from pathlib import Path

import pytest

from rapo.cli import main as cli

LOCAL = ("--launcher", "submitit", "--launcher-set", "cluster=local")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    rows = [
        {"prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": 9, "score_rejected": place}
        for place in (1, 2)
    ]
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_a_command_runs_in_a_job_and_tells_what_it_told(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed (the dev extra)")
    assert cli.main(["relabel", "pairs.jsonl", *LOCAL, "--out", "goals.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert "4 rows from 2 pairs" in out
    assert "submitted; its logs:" in err
    assert "launcher" not in Path("goals.jsonl.json").read_text()
    # Where the command fails, its error and status are the job's.
    assert cli.main(["relabel", "pairs.jsonl", "--out", "goals.jsonl", *LOCAL]) == 2
    assert "goals.jsonl exists" in capsys.readouterr().err
    assert cli.main(["relabel", "pairs.jsonl", "--out", "x.jsonl", *LOCAL, "--launcher-set", "partitions=a"]) == 2
    assert "--launcher-set:" in capsys.readouterr().err


def test_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["relabel", "pairs.jsonl", "--out", "x.jsonl", "--launcher-set", "mem_gb=2"]) == 2
    assert "belongs to --launcher submitit" in capsys.readouterr().err
    assert not Path("x.jsonl").exists()
