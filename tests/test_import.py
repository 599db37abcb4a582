"""Importing rapo runs nothing heavy: what a fresh interpreter has loaded afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from levels import HEAVY, HUB, LIGHT, PACKAGE, modules, package_of

import rapo

LIGHT_MODULES = sorted(name for name in modules() if package_of(name) in LIGHT)


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


def test_rooms_are_loaded_on_first_use() -> None:
    assert rapo.paths.SCALES == ("smoke", "small", "full")
    assert "world" in dir(rapo)
    with pytest.raises(AttributeError, match="no attribute 'cellar'"):
        _ = rapo.cellar


def test_every_room_that_rapo_offers_is_there() -> None:
    for room in rapo._ROOMS:
        assert (PACKAGE / f"{room}.py").is_file() or (PACKAGE / room / "__init__.py").is_file(), room


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(PACKAGE / "py.typed").is_file()
