"""CITATION.cff says what README.md and the package say."""

import re
import tomllib
from pathlib import Path

import yaml

import rapo

ROOT = Path(__file__).resolve().parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
ENTRIES = re.findall(r"@\w+\{.*?\n\}", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)


def field(entry: str, name: str) -> str:
    """A field of a BibTeX entry on one line, without braces."""
    found = re.search(rf"\b{name}\s*=\s*\{{(.*?)\}},?\n", entry, flags=re.DOTALL)
    assert found is not None, name
    return " ".join(found[1].replace("{", "").replace("}", "").split())


def test_it_names_the_package_as_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CITATION["cff-version"] == "1.2.0"
    assert str(CITATION["version"]) == rapo.__version__ == project["version"]
    assert CITATION["license"] == project["license"]


def test_it_cites_the_papers_as_the_readme_does() -> None:
    assert len(ENTRIES) == len(CITATION["references"]) == 2
    for entry, reference in zip(ENTRIES, CITATION["references"], strict=True):
        assert field(entry, "title") == reference["title"]
        assert field(entry, "year") == str(reference["year"])
        authors = [f"{one['family-names']}, {one['given-names']}" for one in reference["authors"]]
        assert field(entry, "author").split(" and ") == authors


def test_the_papers_are_those_that_the_readme_links_to() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for reference in CITATION["references"]:
        (number,) = [one["value"].removeprefix("arXiv:") for one in reference["identifiers"]]
        assert f"https://arxiv.org/abs/{number}" in readme
