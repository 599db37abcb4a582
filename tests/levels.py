"""The house of rapo, read off its source without running it: levels, imports, circles, private names.

`LEVELS` is the one place that says which package lies where. The tests hold the imports against it, and
``python tests/levels.py`` draws the picture in docs/architecture.md from it.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "rapo"

# Lowest first. A package imports packages of lower levels, never one beside it; cli alone may ask the studies.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("stats",),
    ("claims", "models", "pairs", "selection"),
    ("relabelling", "runs", "scoring", "world"),
    ("inspection", "judging", "plots", "training"),
    ("reproduction", "winrates"),
    ("cli", "studies"),
)
BESIDE = ("atomic", "config", "paths")  # single files that every package may import
SIDEWAYS = {("cli", "studies")}
# Packages that run with neither torch nor a network.
LIGHT = ("stats", "claims", "pairs", "selection", "relabelling", "world", "winrates", "inspection")
HEAVY = {
    *("torch", "transformers", "trl", "accelerate", "tokenizers", "safetensors"),
    *("openai", "requests", "httpx"),
}
HUB = {"datasets", "huggingface_hub"}  # the readers of hubs import theirs inside a function

LEVEL = {package: level for level, packages in enumerate(LEVELS, 1) for package in packages}


def sources() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def dotted(source: Path) -> str:
    """``rapo.world.judge`` for rapo/world/judge.py, ``rapo.world`` for rapo/world/__init__.py."""
    parts = source.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> frozenset[str]:
    """Dotted names of all modules and packages of rapo."""
    return frozenset(dotted(source) for source in sources())


def is_type_checking(node: ast.AST) -> bool:
    """True for ``if TYPE_CHECKING:`` and ``if typing.TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def statements(node: ast.AST, *, inside: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Import statements anywhere below a node, those for type checkers left out; True for those in a function."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node, inside
    inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    below = node.orelse if is_type_checking(node) else ast.iter_child_nodes(node)
    for child in below:
        yield from statements(child, inside=inside)


def imports(tree: ast.AST, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str, bool]]:
    """Line and full dotted name of everything that a module imports, and whether a function does it."""
    for node, inside in statements(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, inside) for alias in node.names)
            continue
        package = module.split(".") if is_package else module.split(".")[:-1]
        base = package[: len(package) - node.level + 1] if node.level else []
        prefix = ".".join([*base, *([node.module] if node.module else [])])
        yield from ((node.lineno, f"{prefix}.{alias.name}", inside) for alias in node.names)


def package_of(name: str) -> str | None:
    """The package of rapo that a dotted name lies in; None outside rapo and for what lies beside the packages."""
    head, *rest = name.split(".")
    return rest[0] if head == "rapo" and rest and rest[0] in LEVEL else None


def faults(text: str, module: str, *, is_package: bool = False) -> list[str]:
    """What a module imports that it must not."""
    home = package_of(module)
    found = []
    for line, name, inside in imports(ast.parse(text), module, is_package=is_package):
        other = package_of(name)
        if home and other and other != home and (home, other) not in SIDEWAYS and LEVEL[other] >= LEVEL[home]:
            found.append(f"{module}:{line} imports {name}, which does not lie lower")
        if home is None and module.split(".")[-1] in BESIDE and other:
            found.append(f"{module}:{line} imports {name}; what lies beside the packages imports none of them")
        top = name.split(".")[0]
        if home in LIGHT and (top in HEAVY or (top in HUB and not inside)):
            found.append(f"{module}:{line} imports {name}: {home} runs without it")
    return found


@cache
def arrows() -> dict[str, set[str]]:
    """Module -> modules of rapo that it imports, inside functions too; those that packages stand for left out."""
    found: dict[str, set[str]] = {}
    for source in sources():
        module = dotted(source)
        tree = ast.parse(source.read_text(encoding="utf-8"))
        named = {name for _, name, _ in imports(tree, module, is_package=source.name == "__init__.py")}
        found[module] = {_module(name) for name in named if name.split(".")[0] == "rapo"} - {module, "rapo"}
    return found


def _module(name: str) -> str:
    """The module behind an imported name: ``rapo.world.judge`` for ``rapo.world.judge.Judge``."""
    while name not in modules():
        name = name.rpartition(".")[0]
    return name


def circles() -> list[list[str]]:
    """Modules that import each other in a loop, each loop once."""
    import graphlib

    left, found = dict(arrows()), []
    while True:
        try:
            tuple(graphlib.TopologicalSorter(left).static_order())
            return found
        except graphlib.CycleError as error:
            loop = error.args[1]
            found.append(loop)
            left[loop[1]] = left[loop[1]] - {loop[0]}


def private_uses(text: str, module: str) -> list[str]:
    """Private names of other modules of rapo that a module imports or reaches into."""
    tree, found, there = ast.parse(text), [], {}
    for node, _ in statements(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("rapo"):
            continue
        for alias in node.names:
            there[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            if alias.name.startswith("_") and not alias.name.startswith("__"):
                found.append(f"{module}:{node.lineno} imports {node.module}.{alias.name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            home = there.get(node.value.id) if isinstance(node.value, ast.Name) else None
            if home in modules():
                found.append(f"{module}:{node.lineno} uses {home}.{node.attr}")
    return found


def drawing() -> str:
    """The levels as a picture in text, and who imports whom."""
    wide = max(len("  ".join(packages)) for packages in LEVELS) + 4
    rows = [f"{level}  {'  '.join(packages):<{wide}}" for level, packages in reversed(list(enumerate(LEVELS, 1)))]
    uses = {package: set[str]() for package in LEVEL}
    for module, targets in arrows().items():
        if home := package_of(module):
            uses[home] |= {other for target in targets if (other := package_of(target)) and other != home}
    lines = [
        f"{package:<13}-> {', '.join(sorted(uses[package], key=lambda name: (LEVEL[name], name))) or 'nothing'}"
        for packages in reversed(LEVELS)
        for package in packages
    ]
    return "\n".join(["```text", *(row.rstrip() for row in rows), "", *lines, "```"])


START, END = "<!-- levels: python tests/levels.py draws them -->", "<!-- end of levels -->"


def page() -> Path:
    """The page that shows the picture."""
    return REPOSITORY / "docs" / "architecture.md"


def drawn(text: str) -> str:
    """The page's text with the picture as it is today."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{drawing()}\n{END}{after}"


if __name__ == "__main__":
    page().write_text(drawn(page().read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
