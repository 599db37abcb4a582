"""README.md names only what is there: commands, make targets, files."""

import re
from pathlib import Path

import pytest

from rapo.cli import main

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
