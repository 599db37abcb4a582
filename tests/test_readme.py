"""README.md names only what is there, and shows what is printed and measured."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from rapo.cli import main
from rapo.judging import judgements
from rapo.winrates import length_control

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What stands as code: in blocks and in backticks.
CODE = "\n".join(re.findall(r"```\w*\n(.*?)```", README, flags=re.DOTALL) + re.findall(r"`([^`\n]+)`", README))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"^rapo ([a-z]+)", CODE, flags=re.MULTILINE))))
def test_the_command_exists(name: str) -> None:
    assert name in main.commands()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^make ([a-z]+)", CODE, flags=re.MULTILINE))))
def test_the_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)#]+)", README))))
def test_the_linked_file_exists(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_two_commands_come_first() -> None:
    first = re.search(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].strip() for line in first[1].strip().splitlines()] == [
        "make reproduce",
        "make test",
    ]


def test_the_example_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, flags=re.DOTALL)
    assert found is not None
    assert len(found[1].split("\n\n", 1)[1].splitlines()) <= 10
    exec(compile(found[1], "README.md", "exec"), {})
    assert capsys.readouterr().out == found[2]


def test_badges_are_true() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = re.search(r"badge/python-([\d.]+)%2B", README)
    licence = re.search(r"badge/license-([\w.-]+?)-blue", README)
    assert python is not None
    assert about["requires-python"] == f">={python[1]}"
    assert licence is not None
    assert about["license"] == licence[1].replace("--", "-")
    badges = re.findall(r"badge/arXiv-([\d.]+)-\w+\)\]\(https://arxiv\.org/abs/([\d.]+)\)", README)
    assert [one for one, other in badges if one == other] == ["2410.08067", "2503.01864"]


def test_what_alpaca_eval_gets_wrong_is_as_measured(shared_data: Path) -> None:
    """Three of 24 models lack answers; the file of difficulties is a reconstruction (see its own README)."""
    folder = shared_data / "alpaca_eval"
    if not folder.is_dir():
        pytest.skip(f"AlpacaEval's judgements not found at {folder}")
    frame = judgements.read(folder / "annotations.parquet")
    found = length_control.compare_matches(frame, calibration=folder / "df_gamed_reconstructed.csv.gz")
    moved = found[found["difference"].abs() > 1e-9].set_index("model")
    told = [f"{points:.2f}" for points in sorted(moved["difference"])]
    text = " ".join(README.split())
    assert (
        f"Of {len(found)} models on its leaderboard this moves the three that lack 1 to 3 of 805 answers" in text
    )
    assert sorted(805 - moved["n_total"]) == [1, 2, 3]
    assert f"by {told[0]}, {told[1]} and {told[2]} points" in text
    published = pd.read_csv(folder / "published.csv", index_col=0)["length_controlled_winrate"]
    worst = moved.loc["gpt35_turbo_instruct"]
    assert f"{published['gpt35_turbo_instruct']:.2f} published, {worst['by_instruction']:.2f} with each" in text
    assert worst["by_position"] == pytest.approx(published["gpt35_turbo_instruct"], abs=0.01)


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 200
