"""`rapo pairs` of a model's own answers: scored by a reward model, the best against the worst or at a quantile."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rapo.cli import main as cli
from rapo.models import rewards

ROWS = [
    {"prompt_id": f"p{row}", "prompt": [{"role": "user", "content": f"q{row}"}], "goal": 10.0,
     "completions": [{"response": "x" * length, "number": i + 1} for i, length in enumerate((3, 9, 1, 5))]}
    for row in range(3)
]  # fmt: skip


class Longer:
    """A reward model that likes long answers."""

    tokenizer = type("Tokenizer", (), {"chat_template": "some"})()

    def __call__(self, talks: list[list[dict[str, Any]]], **_: Any) -> np.ndarray:
        return np.array([float(len(talk[-1]["content"])) for talk in talks])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rewards, "load", lambda name, **_: Longer())
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def pairs(*words: str) -> list[tuple[float, float]]:
    assert cli.main(["pairs", "answers.jsonl", "--out", "pairs.jsonl", "--overwrite", *words]) == 0
    found = [json.loads(line) for line in Path("pairs.jsonl").read_text().splitlines()]
    assert {row["prompt_id"] for row in found} == {"p0", "p1", "p2"}
    assert all(len(row["chosen"][0]["content"]) == row["score_chosen"] for row in found)
    (two,) = {(row["score_chosen"], row["score_rejected"]) for row in found}
    return two


def test_the_best_against_the_worst_or_at_a_quantile() -> None:
    assert pairs("--reward-model", "rm", "--rule", "worst") == (9.0, 1.0)
    assert pairs("--reward-model", "rm", "--quantile", "0") == (9.0, 1.0)
    assert pairs("--reward-model", "rm", "--quantile", "0.5") == (9.0, 3.0)
    assert pairs("--reward-model", "rm", "--quantile", "1", "--score", "reward") == (9.0, 5.0)


def test_candidates_with_scores_of_their_own_take_a_quantile_too() -> None:
    for row in ROWS:
        for one in row["completions"]:
            one["judge"] = -float(len(one["response"]))
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert cli.main(["pairs", "answers.jsonl", "--out", "p.jsonl", "--score", "judge", "--quantile", "0.5"]) == 0
    row = json.loads(Path("p.jsonl").read_text().splitlines()[0])
    assert (row["score_chosen"], row["score_rejected"]) == (-1.0, -5.0)
    for row in ROWS:
        for one in row["completions"]:
            del one["judge"]


def test_prompts_under_another_name() -> None:
    rows = [{("ask" if key == "prompt" else key): value for key, value in row.items()} for row in ROWS]
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert pairs("--reward-model", "rm", "--rule", "worst", "--column", "prompt=ask") == (9.0, 1.0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--reward-model", "rm", "--score", "number"], "have a field number already"),
        (["--quantile", "0.5"], "completions have no field overall_score"),
        (["--reward-model", "rm", "--quantile", "2"], "--quantile 2: give a number from 0"),
        (["--reward-model", "rm", "--batch-size", "0"], "--batch-size is 0"),
    ],
)
def test_what_is_refused(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pairs", "answers.jsonl", "--out", "pairs.jsonl", *words]) == 2
    assert told in capsys.readouterr().err
    assert not Path("pairs.jsonl").exists()
