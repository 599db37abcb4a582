"""The pages of docs/ and what they name."""

import re
from pathlib import Path

import pytest

from rapo.reproduction.report import glossary

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for named in re.findall(r"`([a-z_]+(?:/[a-z_]+)*/[a-z_]+\.(?:py|yaml|md|ipynb))`", text):
        assert (ROOT / "rapo" / named).is_file() or (ROOT / named).is_file(), named
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / link).exists(), link


def test_every_package_has_its_line_on_the_architecture_page() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for package in (file.parent.name for file in (ROOT / "rapo").glob("*/__init__.py")):
        assert f"\n| `{package}` | " in text, package


def test_every_entry_of_the_glossary_is_read_for_the_report() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    found = dict(glossary.words())
    assert len(found) == len(re.findall(r"^- \*\*", text, flags=re.MULTILINE)) >= 40
    assert found["SFT"] == "imitating the chosen responses."
    assert not any(mark in meaning for meaning in found.values() for mark in "`*\n")
