"""Imports go down a floor or stay on it: the house of rapo, read off the source without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "rapo"

# A new module goes on the lowest floor whose rooms (and those below) give it all that it imports.
FLOORS: dict[str, str] = {
    "ground": "pairs goals messages casting rules faults files jsonlines layouts paths config claims provenance "
    "published markers",
    "floor 1": "candidates relabel goal_rows margins selection toy theory judgements encodings winrate lcwinrate "
    "lccontributions alignment lengthmodel crossvalidation simulation "
    "difficulty lengthbias l1logistic calibration leaderboard battles bradleyterry stylecontrol "
    "matching simulated_judges agreement votes bias intervals resampling audit harness world",
    "floor 2": "sources chat logprobs fastcpu scoring tokens sequences lm_head checkpoints shards processes bars "
    "models hyperparameters trainrows trainers training sampling judges chatserver runs progress kept notebook study "
    "studies",
    "floor 3": "plots tables style",
    "roof": "reproduce kernel display report cli commands __main__",
}
LEVEL = {room: level for level, rooms in enumerate(FLOORS.values()) for room in rooms.split()}
# Floor 1 and the ground run with neither torch nor a network.
HEAVY = {
    *("torch", "transformers", "trl", "datasets", "accelerate", "tokenizers", "safetensors"),
    *("huggingface_hub", "openai", "requests", "httpx"),
}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def dotted(source: Path) -> str:
    """``rapo.world.judge`` for rapo/world/judge.py, ``rapo.world`` for rapo/world/__init__.py."""
    parts = source.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    """True for ``if TYPE_CHECKING:`` and ``if typing.TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements anywhere below a node, inside functions too; those for type checkers left out."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node
    inner = node.orelse if is_type_checking(node) else ast.iter_child_nodes(node)
    for child in inner:
        yield from statements(child)


def imports(tree: ast.AST, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that a module imports."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
            continue
        package = module.split(".") if is_package else module.split(".")[:-1]
        base = package[: len(package) - node.level + 1] if node.level else []
        prefix = ".".join([*base, *([node.module] if node.module else [])])
        yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)


def room_of(name: str) -> str | None:
    """The room that a dotted name lies in; None outside rapo and for names of the package itself."""
    head, *rest = name.split(".")
    if head != "rapo" or not rest:
        return None
    is_room = (PACKAGE / f"{rest[0]}.py").is_file() or (PACKAGE / rest[0]).is_dir()
    return rest[0] if is_room else None


def faults(text: str, module: str, *, is_package: bool = False) -> list[str]:
    """What a module imports that it must not."""
    level = LEVEL.get(module.split(".")[1], len(FLOORS))
    found = []
    for line, name in imports(ast.parse(text), module, is_package=is_package):
        room = room_of(name)
        if room is not None and LEVEL.get(room, 0) > level:
            found.append(f"{module}:{line} imports {name}, which lies on a higher floor")
        if level <= 1 and name.split(".")[0] in HEAVY:
            found.append(f"{module}:{line} imports {name}: floor 1 and below run without it")
    return found


@pytest.mark.parametrize("source", SOURCES, ids=dotted)
def test_every_module_has_a_floor(source: Path) -> None:
    parts = dotted(source).split(".")
    if len(parts) > 1:
        assert parts[1] in LEVEL, f"'{parts[1]}' is on no floor: add it to FLOORS in tests/test_floors.py"


def test_no_room_is_on_two_floors() -> None:
    rooms = " ".join(FLOORS.values()).split()
    assert len(rooms) == len(set(rooms))


@pytest.mark.parametrize("source", [source for source in SOURCES if dotted(source) != "rapo"], ids=dotted)
def test_imports_go_down(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert faults(text, dotted(source), is_package=source.name == "__init__.py") == []


@pytest.mark.parametrize(
    "text",
    [
        "import rapo.study",
        "from rapo import study",
        "from rapo import paths, study",
        "from rapo.study import run_all",
        "from . import study",
        "from .study import run_all",
        "def f():\n    from rapo import plots",
        "class A:\n    def f(self):\n        with self:\n            import rapo.cli",
        "import torch",
        "def f():\n    import torch.nn.functional as F",
        "from transformers import AutoTokenizer",
    ],
)
def test_an_import_that_goes_up_is_found(text: str) -> None:
    assert len(faults(text, "rapo.relabel")) == 1


def test_a_relative_import_of_a_package_starts_at_the_package() -> None:
    assert len(faults("from ..study import run_all", "rapo.world", is_package=True)) == 1
    assert len(faults("from ..study import run_all", "rapo.world.judge")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "from rapo import __version__",
        "from rapo import paths, winrate",
        "from rapo.world import judge",
        "import numpy, sklearn",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n    from rapo import study",
    ],
)
def test_an_import_that_stays_or_goes_down_is_none(text: str) -> None:
    assert faults(text, "rapo.relabel") == []


def test_what_is_done_without_type_checking_still_counts() -> None:
    text = "if TYPE_CHECKING:\n    import numpy\nelse:\n    import torch"
    assert len(faults(text, "rapo.relabel")) == 1
