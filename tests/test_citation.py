"""CITATION.cff says what README.md and the package say."""

import tomllib
from pathlib import Path

import yaml

import rapo

ROOT = Path(__file__).resolve().parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_it_names_the_package_as_it_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert CITATION["cff-version"] == "1.2.0"
    assert str(CITATION["version"]) == rapo.__version__ == project["version"]
    assert CITATION["license"] == project["license"]


def test_the_papers_are_those_that_the_readme_links_to() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for reference in CITATION["references"]:
        (number,) = [one["value"].removeprefix("arXiv:") for one in reference["identifiers"]]
        assert f"[{reference['authors'][0]['family-names']} et al.](https://arxiv.org/abs/{number})" in readme
