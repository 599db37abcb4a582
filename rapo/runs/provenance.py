"""What a result was made by: a hash of the source behind it, and the versions of what ran it."""

import ast
import importlib.util
import platform
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rapo.config import content_hash

PACKAGES = ("rapo", "numpy", "torch", "transformers", "trl")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a number; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def source_hash(*modules: str) -> str:
    """Hash of the code of some modules and of those they name in ``DEPENDS``; a package stands for all in it.

    Comments, formatting and docstrings do not count. ``DEPENDS`` is a literal tuple of module names at a
    module's top level, followed from module to module. Nothing is imported but parent packages.

    Raises:
        ValueError: a module cannot be found, or its ``DEPENDS`` is not a literal tuple of names.
    """
    seen: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        files = _files(name)
        seen[name] = content_hash(*(part for label, file in files for part in (label, _code(file)[0])))
        waiting.extend(depend for _, file in files for depend in _code(file)[1])
    return content_hash(*(part for name in sorted(seen) for part in (name, seen[name])))


def package_hash(package: str, *, leave_out: tuple[str, ...] = ()) -> str:
    """Hash of a package's code without docstrings, some of its top modules or packages left out.

    Raises:
        ValueError: there is no such package.
    """
    files = [
        (label, file)
        for label, file in _files(package)
        if Path(label).parts[0].removesuffix(".py") not in leave_out
    ]
    return content_hash(*(part for label, file in files for part in (label, _code(file)[0])))


def _files(module: str) -> list[tuple[str, Path]]:
    """The Python files of a module or package, each with its place below the module."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise ValueError(f"no source file for module {module!r}; check the name in `function` or DEPENDS")
    origin = Path(spec.origin)
    if spec.submodule_search_locations is None:
        return [("", origin)]
    return [(file.relative_to(origin.parent).as_posix(), file) for file in sorted(origin.parent.rglob("*.py"))]


def _code(file: Path) -> tuple[str, tuple[str, ...]]:
    """The code of a file without docstrings, as text, and its ``DEPENDS``."""
    stat = file.stat()
    return _parsed(file, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _parsed(file: Path, mtime: int, size: int) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    depends = _depends(tree, file)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and _documented(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree, annotate_fields=False), depends


def _documented(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )


def _depends(tree: ast.Module, file: Path) -> tuple[str, ...]:
    for target, value in _assignments(tree):
        if target != "DEPENDS":
            continue
        try:
            names = tuple(ast.literal_eval(value))
        except (ValueError, TypeError):
            names = (None,)
        if not all(isinstance(name, str) for name in names):
            raise ValueError(f"{file}: DEPENDS must be a literal tuple of module names, such as ('rapo.world',)")
        return names
    return ()


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
