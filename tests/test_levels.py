"""Imports go down a level, in no circle, and no module reaches for another's private names."""

import ast
from pathlib import Path

import pytest
from levels import LEVELS, arrows, circles, dotted, drawn, faults, imports, modules, page, private_uses, sources

SOURCES = sources()


def test_every_package_lies_on_one_level() -> None:
    there = sorted({name.split(".")[1] for name in modules() if name.count(".") >= 2})
    assert sorted(package for level in LEVELS for package in level) == there


@pytest.mark.parametrize("source", SOURCES, ids=dotted)
def test_imports_go_down(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert faults(text, dotted(source), is_package=source.name == "__init__.py") == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles() == []


@pytest.mark.parametrize("source", SOURCES, ids=dotted)
def test_no_private_name_crosses_a_module(source: Path) -> None:
    assert private_uses(source.read_text(encoding="utf-8"), dotted(source)) == []


def test_the_architecture_page_shows_the_levels_as_they_are() -> None:
    text = page().read_text(encoding="utf-8")
    assert drawn(text) == text, "docs/architecture.md is behind; run `python tests/levels.py`"


def test_every_import_of_rapo_is_seen() -> None:
    assert "rapo.runs.run" in arrows()["rapo.runs.queue"]


@pytest.mark.parametrize(
    "text",
    [
        "import rapo.runs.queue",
        "from rapo.runs import queue",
        "from rapo import paths, runs",
        "from ..runs.queue import run_all",
        "from rapo.relabelling import goals",
        "def f():\n    from rapo import plots",
        "class A:\n    def f(self):\n        with self:\n            import rapo.cli",
        "import torch",
        "import datasets",
        "def f():\n    import torch.nn.functional as F",
        "from transformers import AutoTokenizer",
    ],
)
def test_an_import_that_goes_up_or_sideways_is_found(text: str) -> None:
    assert len(faults(text, "rapo.pairs.rules")) == 1


def test_a_relative_import_of_a_package_starts_at_the_package() -> None:
    assert len(faults("from ..studies import common", "rapo.world", is_package=True)) == 1
    assert len(faults("from ..studies import common", "rapo.world.judge")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "from rapo import __version__",
        "from rapo import paths",
        "from rapo.stats import intervals",
        "from rapo.pairs import messages",
        "import numpy, sklearn",
        "def f():\n    import datasets",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n    from rapo.runs import queue",
    ],
)
def test_an_import_that_stays_or_goes_down_is_none(text: str) -> None:
    assert faults(text, "rapo.pairs.rules") == []


def test_what_is_done_without_type_checking_still_counts() -> None:
    text = "if TYPE_CHECKING:\n    import numpy\nelse:\n    import torch"
    assert len(faults(text, "rapo.pairs.rules")) == 1


def test_what_lies_beside_the_packages_imports_none_of_them() -> None:
    assert len(faults("from rapo.pairs import rules", "rapo.config")) == 1


@pytest.mark.parametrize(
    "text", ["from rapo.pairs.rules import _row", "from rapo.pairs import rules\nrules._row(1)"]
)
def test_a_private_name_of_another_module_is_found(text: str) -> None:
    assert len(private_uses(text, "rapo.pairs.schema")) == 1


def test_an_import_inside_a_function_is_told_apart() -> None:
    tree = ast.parse("import a\ndef f():\n    import b")
    assert list(imports(tree, "rapo.x")) == [(1, "a", False), (3, "b", True)]


@pytest.mark.parametrize("test", sorted(Path(__file__).parent.rglob("test_*.py")), ids=lambda test: test.stem)
def test_no_test_reaches_for_private_names(test: Path) -> None:
    assert private_uses(test.read_text(encoding="utf-8"), test.stem) == []
