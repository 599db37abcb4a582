"""Importing rapo runs nothing heavy: what a fresh interpreter has loaded afterwards."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from levels import HEAVY, HUB, LIGHT, PACKAGE, modules, package_of

import rapo

LIGHT_MODULES = sorted(name for name in modules() if package_of(name) in LIGHT)
TORCH = ("sample", "score", "train_dpo", "train_sft", "train_simpo")  # loading one of these loads torch
OFFERED = [
    pytest.param(name, marks=[pytest.mark.slow] * (name in TORCH))
    for name in dir(rapo)
    if not name.startswith("__")
]


def loaded_after(statement: str) -> set[str]:
    """Top-level packages in ``sys.modules`` of a new interpreter after one statement."""
    code = f"import sys, json\n{statement}\nprint(json.dumps([name.split('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_rapo_loads_nothing_but_itself() -> None:
    heavy = HEAVY | {"numpy", "pandas", "pyarrow", "scipy", "sklearn", "matplotlib", "rich", "yaml"}
    assert loaded_after("import rapo") & heavy == set()


def test_light_packages_load_neither_torch_nor_a_network_client() -> None:
    heavy = HEAVY | HUB | {"matplotlib", "seaborn", "sklearn"}
    assert loaded_after(f"import {', '.join(LIGHT_MODULES)}") & heavy == set()


def test_the_command_line_starts_without_them() -> None:
    heavy = HEAVY | {"numpy", "pandas", "pyarrow", "scipy", "sklearn", "matplotlib"}
    assert loaded_after("import rapo.cli.main") & heavy == set()


def test_the_package_offers_a_handful_of_functions() -> None:
    offered = [name for name in dir(rapo) if not name.startswith("__")]
    assert offered == sorted(offered)
    assert 12 <= len(offered) <= 20
    with pytest.raises(AttributeError, match="no attribute 'cellar'; it offers agreement, "):
        _ = rapo.cellar


@pytest.mark.parametrize("name", OFFERED)
def test_what_it_offers_is_loaded_on_first_use(name: str) -> None:
    assert callable(getattr(rapo, name))


@pytest.mark.parametrize("name", OFFERED)
def test_what_it_offers_says_what_goes_in_what_comes_out_and_what_it_refuses(name: str) -> None:
    told = inspect.getdoc(getattr(rapo, name)) or ""
    for section in ("Args:", "Returns:", "Raises:"):
        assert section in told, f"rapo.{name} lacks {section}"
    for parameter in inspect.signature(getattr(rapo, name)).parameters:
        assert re.search(rf"\b{parameter}\b", told.partition("Args:")[2]), f"rapo.{name} does not tell {parameter}"


def test_type_checkers_see_the_same_functions() -> None:
    tree = ast.parse(Path(rapo.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rapo.")
        for alias in node.names
    }
    assert seen == set(rapo.__all__)


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(PACKAGE / "py.typed").is_file()
