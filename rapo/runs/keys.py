"""The key of a run: hash of the code that its function reaches, of its config, its needs and the libraries beneath."""

import ast
import contextlib
import importlib.util
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rapo.config import canonical, content_hash
from rapo.runs.names import WHOLE
from rapo.runs.source import Code, Reach

LIBRARIES = ("numpy", "tokenizers", "torch", "transformers", "trl")  # those that can change a number
PROGRAM = "__main__"  # what a text without a file counts as
_current: dict[tuple[tuple[str, str], ...], tuple[Code, dict[str, Reach]]] = {}


@cache
def versions() -> dict[str, str]:
    """Versions of Python, rapo and `LIBRARIES`, as kept with results; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in ("rapo", *LIBRARIES):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def libraries() -> dict[str, str]:
    """Versions of `LIBRARIES`; what is not installed is left out."""
    return {name: number for name, number in versions().items() if name in LIBRARIES}


def key(source: str, config: Mapping[str, Any], needs: Mapping[str, str]) -> str:
    """The name of a run's directory, from the `source_hash` of its function, its settings and its needs' keys."""
    return content_hash(source, canonical(config), canonical(needs), canonical(libraries()))


def source_hash(function: str) -> str:
    """Hash of all code that a function reaches in its own top package and in rapo.

    Moving, renaming and reformatting code changes nothing; neither do comments, docstrings and hints.

    Args:
        function: "module:name".

    Raises:
        ValueError: there is no such module, or no such name in it.
    """
    found = reach(function)
    data = _data_files(function.partition(":")[0].partition(".")[0]) if found.reads_files else []
    return content_hash(found.hash, *data)


def code_map(function: str) -> dict[str, str]:
    """What a function reaches: qualified name -> hash of its own text, then one of the names in it.

    The hash of the text does not change with what the names in it stand for, or with how they are called.
    """
    return {
        name.replace(":", "."): f"{content_hash(one.text, length=8)} {content_hash(*one.refs, length=8)}"
        for name, one in reach(function).definitions.items()
    }


def reach(function: str) -> Reach:
    """All that a function reaches, as `source_hash` takes it; read anew where a file was edited."""
    code, known = _code(function.partition(":")[0].partition(".")[0])
    if function not in known:
        known[function] = code.reach(function)
    return known[function]


def reach_of_text(text: str) -> Reach:
    """All of rapo that a program reaches, such as the cells of a notebook; the functions of its runs too."""
    code, _ = _code("rapo")
    code.put(PROGRAM, ast.parse(text))
    return code.reach(f"{PROGRAM}:{WHOLE}")


def _code(top: str) -> tuple[Code, dict[str, Reach]]:
    """The source of rapo and of another top package as it stands, and what is known of it."""
    tops = tuple(sorted((name, str(home(name))) for name in {"rapo", top}))
    if tops not in _current or not _current[tops][0].is_current():
        _current[tops] = Code({name: Path(place) for name, place in tops}), {}
    return _current[tops]


def _data_files(top: str) -> list[bytes]:
    """Names and contents of a package's files that are no code; what systems and editors leave, hidden, is none."""
    folder = home(top)
    found: list[bytes] = []
    for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
        place = file.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in place.parts)
        if file.is_file() and not hidden and file.suffix not in (".py", ".pyc"):
            found += [os.fsencode(place.as_posix()), file.read_bytes()]
    return found


def home(top: str) -> Path:
    """The folder of a top package, or the file of a single module; ValueError where there is none."""
    spec = None
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(top)
    if spec is None or not spec.origin:
        raise ValueError(f"no source file for module {top!r}; check the name in Run(function=...)")
    origin = Path(spec.origin)
    return origin if spec.submodule_search_locations is None else origin.parent
