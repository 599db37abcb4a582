"""Keys of every study's runs: each function that a run reaches counts, and no other one does."""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from levels import PACKAGE, dotted, sources

from rapo.reproduction import notebook
from rapo.runs.source import Code

PARAMETERS = ["config", "folder", "needs"]
MUTATION = ast.parse("mutated = 'here'").body


def run_functions() -> list[str]:
    """Every function of the studies that takes what a run hands over."""
    found = []
    for source in (source for source in sources() if "studies" in source.parts):
        for node in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and [one.arg for one in node.args.args] == PARAMETERS:
                found.append(f"{dotted(source)}:{node.name}")
    return found


RUNS = run_functions()
STUDIES = {name.split(".")[2] for name in RUNS}


def functions_of(code: Code, name: str) -> list[ast.FunctionDef]:
    """A definition's function, or the methods of its class."""
    module, _, own = name.partition(":")
    home = code.module(module)
    assert home is not None
    statements = home.statements.get(own, [])
    bodies = [node for one in statements for node in (one.body if isinstance(one, ast.ClassDef) else [one])]
    return [node for node in bodies if isinstance(node, ast.FunctionDef)]


@contextmanager
def mutated(code: Code, name: str, function: ast.FunctionDef) -> Iterator[None]:
    """The code with one more statement in a function."""
    function.body.extend(MUTATION)
    code.definitions.pop(name, None)
    yield
    function.body.pop()
    code.definitions.pop(name, None)


@pytest.fixture(scope="module")
def code() -> Code:
    return Code({"rapo": PACKAGE})


@pytest.fixture(scope="module")
def hashes(code: Code) -> dict[str, str]:
    return {run: code.reach(run).hash for run in RUNS}


def test_the_runs_are_those_that_the_studies_name() -> None:
    """A function that a study names in a text, put together or not, is one of `RUNS`, and the other way round."""
    text = "".join(source.read_text(encoding="utf-8") for source in sources() if "studies" in source.parts)
    assert len(RUNS) > 10
    assert {
        "common",
        "alignment_potential",
        "self_play",
        "goals_and_scales",
        "objectives_and_baselines",
    } <= STUDIES
    for name in re.findall(r'"rapo\.studies\.[\w.]+:\w+"', text):
        assert name.strip('"') in RUNS
    for run in RUNS:
        assert re.search(rf'[\w}}]:{run.partition(":")[2]}"', text), f"nothing names {run}"


def test_every_function_that_a_run_reaches_changes_its_hash(code: Code, hashes: dict[str, str]) -> None:
    reaches = {run: set(code.reach(run).definitions) for run in RUNS}
    for name in sorted(set().union(*reaches.values())):
        for function in functions_of(code, name):
            with mutated(code, name, function):
                same = [run for run in RUNS if name in reaches[run] and code.reach(run).hash == hashes[run]]
            assert not same, f"{same} do not see {name}, {function.name}"


def test_no_other_function_changes_it(code: Code, hashes: dict[str, str]) -> None:
    modules = [module for source in sources() if (module := code.module(dotted(source)))]
    every = {
        f"{module.name}:{name}": [one for one in statements if isinstance(one, (ast.FunctionDef, ast.ClassDef))]
        for module in modules
        for name, statements in module.statements.items()
    }
    for run in RUNS:
        others = [node for name in set(every) - set(code.reach(run).definitions) for node in every[name]]
        assert len(others) > 100
        for node in others:
            node.body.extend(MUTATION)
        code.definitions.clear()
        found = code.reach(run).hash
        for node in others:
            node.body.pop()
        code.definitions.clear()
        assert found == hashes[run], f"something beside {run} changes it"


MICRO = "rapo.studies.common.micro_runs"
# Edits of one line that once changed no key: all runs were reused and told another story than the code.
FAULTS = {
    "rejected no longer takes the place of chosen": (
        f"{MICRO}:train_arm",
        "rapo.pairs.schema",
        "return [partner(name) if partner(name) in names else name for name in names]",
        "return [name for name in names]",
    ),
    "goals of a column come behind its prompts": (
        f"{MICRO}:train_arm",
        "rapo.relabelling.placement",
        "wishes.take(pa.array(rows)), old, separator",
        "old, wishes.take(pa.array(rows)), separator",
    ),
    "a goal comes behind its prompt": (
        "rapo.studies.common.hub_runs:evaluate",
        "rapo.relabelling.placement",
        "[wish, *old]",
        "[*old, wish]",
    ),
}


@pytest.mark.parametrize(("run", "module", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_another_run(hashes: dict[str, str], run: str, module: str, old: str, new: str) -> None:
    source = next(source for source in sources() if dotted(source) == module)
    text = source.read_text(encoding="utf-8")
    assert text.count(old) == 1
    copy = Code({"rapo": PACKAGE})
    copy.put(module, ast.parse(text.replace(old, new)))
    assert copy.reach(run).hash != hashes[run]


def executed(run: str, config: dict[str, Any], folder: Path, needs: dict[str, Path]) -> set[str]:
    """Call a run's function and return the definitions of rapo whose functions ran, "module:name"."""
    found, before = set(), sys.gettrace()

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if code.co_flags & inspect.CO_OPTIMIZED and code.co_filename.startswith(str(PACKAGE)):
            found.add(f"{dotted(Path(code.co_filename))}:{code.co_qualname.partition('.')[0]}")

    module, _, name = run.partition(":")
    function = getattr(importlib.import_module(module), name)
    folder.mkdir()
    sys.settrace(note)
    try:
        function(config, folder, needs)
    finally:
        sys.settrace(before)
    return {name for name in found if not name.endswith("<lambda>")}  # of a constant, which counts as a whole


@pytest.mark.slow
def test_all_that_a_run_executes_is_within_its_reach(code: Code, tmp_path: Path) -> None:
    common = {"architecture": "llama", "world": {}, "seed": 1}
    training = {"batch_size": 16, "max_steps": 1}
    size = {"width": 16, "layers": 1, "heads": 2}
    asked = {
        "split": "test",
        "prompts": 2,
        "prompt_seed": 0,
        "conditions": [[10, 0.7]],
        "answers": 1,
        "quizzes": 2,
    }
    configs: dict[str, dict[str, Any]] = {
        "train_base": {"size": size, "corpus": {"n": 16}, "training": training},
        "train_arm": {"pairs": 16, "arm": {"data": "ra"}, "training": training},
        "evaluate": asked,
    }
    needs: dict[str, Path] = {}
    for name, config in configs.items():
        ran = executed(f"{MICRO}:{name}", {**common, **config}, tmp_path / name, needs)
        assert len(ran) > 20
        assert ran <= set(code.reach(f"{MICRO}:{name}").definitions)
        needs = {"base": tmp_path / name, "model": tmp_path / name}


def test_every_run_is_within_the_reach_of_a_notebook(repository: Path) -> None:
    code = Code({"rapo": PACKAGE})
    reached: set[str] = set()
    for path in sorted((repository / "notebooks").glob("*.ipynb")):
        code.put("__main__", ast.parse(notebook.load(path).code))
        reached |= set(code.reach("__main__:*").definitions)
    assert set(RUNS) <= reached
