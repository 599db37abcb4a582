"""Hashes of code: what changes a result changes them, what does not does not."""

import sys
from pathlib import Path

import pytest

from rapo.runs import provenance

CODE = "X = 1\n\ndef f(a):\n    return a + X\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("hashed_package")]:
        monkeypatch.delitem(sys.modules, name)  # of the test before, in another folder
    folder = tmp_path / "hashed_package"
    (folder / "inner").mkdir(parents=True)
    for name in ("__init__.py", "inner/__init__.py"):
        (folder / name).touch()
    (folder / "one.py").write_text(CODE)
    (folder / "inner" / "two.py").write_text(CODE)
    return folder


def hashed(*modules: str) -> str:
    return provenance.source_hash(*(f"hashed_package{module}" for module in modules))


@pytest.mark.parametrize(
    ("code", "same"),
    [
        ("# a comment\nX = 1\ndef f( a ):\n\n    return a+X", True),
        ('"""What it is."""\nX = 1\n\ndef f(a):\n    """What it does."""\n    return a + X\n', True),
        ("X = 2\n\ndef f(a):\n    return a + X\n", False),
        ("X = 1\n\ndef f(a, b=0):\n    return a + X\n", False),
        ("X = 1\n\ndef f(a):\n    'text'\n    return 'text'\n", False),
    ],
)
def test_only_code_counts(package: Path, code: str, same: bool) -> None:
    before = hashed(".one")
    (package / "one.py").write_text(code)
    assert (hashed(".one") == before) == same


def test_a_package_stands_for_all_in_it(package: Path) -> None:
    before, one = hashed(""), hashed(".one")
    (package / "inner" / "two.py").write_text("Y = 2\n")
    assert hashed("") != before
    assert hashed(".one") == one
    (package / "inner" / "three.py").touch()
    assert hashed("") != before


def test_depends_are_followed_from_module_to_module(package: Path) -> None:
    (package / "one.py").write_text('DEPENDS = ("hashed_package.middle",)\n')
    (package / "middle.py").write_text(
        'DEPENDS: tuple[str, ...] = ("hashed_package.inner", "hashed_package.one")\n'
    )
    before = hashed(".one")
    (package / "inner" / "two.py").write_text("Y = 2\n")
    assert hashed(".one") != before


def test_order_of_modules_does_not_matter(package: Path) -> None:
    assert hashed(".one", ".inner") == hashed(".inner", ".one") != hashed(".one")


def test_package_hash_leaves_out(package: Path) -> None:
    before = provenance.package_hash("hashed_package", leave_out=("inner", "one"))
    (package / "inner" / "two.py").write_text("Y = 2\n")
    (package / "one.py").write_text("Y = 2\n")
    assert provenance.package_hash("hashed_package", leave_out=("inner", "one")) == before
    assert provenance.package_hash("hashed_package", leave_out=("inner",)) != before


def test_what_cannot_be_found_or_read_is_named(package: Path) -> None:
    with pytest.raises(ValueError, match=r"no source file for module 'hashed_package.none'"):
        hashed(".none")
    with pytest.raises(ValueError, match=r"no source file for module 'no_such_package.one'"):
        provenance.source_hash("no_such_package.one")
    (package / "one.py").write_text("DEPENDS = list_them()\n")
    with pytest.raises(ValueError, match=r"one.py: DEPENDS must be a literal tuple"):
        hashed(".one")


def test_versions_name_python_and_rapo() -> None:
    assert {"python", "rapo", "numpy"} <= set(provenance.versions())
