"""The shape of the stored notebooks, and one run of all of them at the smallest scale."""

import ast
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rapo.claims import published

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST_PARAMETERS = {"scale": "small", "measure": True, "jobs": 2}
PAPER_ID = re.compile(r"\b(?:RA|AP)-(?:[TFAS]\d+[ab]?|Th|map)\b")
IDLE = ("explore", "index")  # they measure nothing, and have no parameters
MEASURING = [source for source in SOURCES if source.stem not in IDLE]
MOST_CELLS = 50
SHORTENED = ("toy_policies", "alignment_potential", "goals_and_scales")  # fewer cells, which are longer
PLUMBING = re.compile(r"save_figure|save_table|claim\.save|plt\.show|style\.use|Path\(")
per_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
per_measuring = pytest.mark.parametrize("source", MEASURING, ids=lambda source: source.stem)


def read(source: Path) -> "NotebookNode":
    import nbformat  # takes a second or two, which the other processes of pytest-xdist need not pay

    return nbformat.read(source, as_version=4)


def code_cells(notebook: "NotebookNode") -> list["NotebookNode"]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def lines_of_code(cell: "NotebookNode") -> int:
    """Lines that are neither empty nor comments."""
    stripped = (line.strip() for line in cell.source.splitlines())
    return sum(1 for line in stripped if line and not line.startswith("#"))


def tagged(notebook: "NotebookNode") -> list[int]:
    """Places of the cells tagged ``parameters``."""
    return [at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]


def literals(code: str) -> dict[str, Any]:
    """Names and values of a cell that assigns literals and does nothing else."""
    values = {}
    for node in ast.parse(code).body:
        assert isinstance(node, ast.Assign), f"line {node.lineno}: only NAME = LITERAL stands among the parameters"
        (target,) = node.targets
        values[ast.unparse(target)] = ast.literal_eval(node.value)
    return values


@per_notebook
def test_it_is_valid_and_every_cell_has_an_id(source: Path) -> None:
    import nbformat

    notebook = read(source)
    nbformat.validate(notebook)
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids) == len(notebook.cells)
    assert notebook.metadata.kernelspec.name == "python3"


@per_notebook
def test_it_is_stored_without_outputs(source: Path) -> None:
    for cell in code_cells(read(source)):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert "papermill" not in cell.metadata
        assert "execution" not in cell.metadata


@per_notebook
def test_it_is_stored_as_jupyter_writes_it(source: Path) -> None:
    """Else a reader who saves it would change a tracked file."""
    import nbformat

    assert source.read_text(encoding="utf-8").rstrip("\n") == nbformat.writes(read(source)).rstrip("\n")


@per_measuring
def test_it_has_one_parameters_cell_that_begins_with_scale_measure_jobs(source: Path) -> None:
    notebook = read(source)
    (at,) = tagged(notebook)
    values = literals(notebook.cells[at].source)
    assert list(values.items())[:3] == list(FIRST_PARAMETERS.items())
    code = [place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    assert code.index(at) == 1, "imports stand in the first code cell, parameters in the second"


@per_notebook
def test_it_composes_and_defines_nothing(source: Path) -> None:
    for cell in code_cells(read(source)):
        assert "%" not in cell.source.lstrip()[:1], "no magics: the code runs as plain Python"
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)), cell.source


@per_notebook
def test_its_code_cells_are_short(source: Path) -> None:
    lengths = [lines_of_code(cell) for cell in code_cells(read(source))[1:]]  # after the imports
    assert min(lengths) > 0
    assert max(lengths) <= 12
    assert statistics.median(lengths) <= (9 if source.stem in SHORTENED else 5)


@per_notebook
def test_prose_stands_before_and_after_the_code(source: Path) -> None:
    notebook = read(source)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert set(kinds) == {"markdown", "code"}
    # Imports and parameters may follow each other; after them each code cell has its question before it.
    first = (tagged(notebook) or [kinds.index("code")])[0]
    for at in range(first + 1, len(kinds)):
        if kinds[at] == "code":
            assert kinds[at - 1] == "markdown", (
                f"cell {at} has no question before it:\n{notebook.cells[at].source}"
            )


@per_notebook
def test_it_begins_with_title_and_claims_and_says_them_in_its_metadata(source: Path) -> None:
    notebook = read(source)
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    about = notebook.metadata.rapo
    assert set(about) == {"title", "question", "place", "claims", "cost", "after"}
    assert about.title
    assert about.question.endswith(("?", "."))
    assert about.cost in ("light", "heavy")
    assert set(about.after) <= {other.stem for other in SOURCES} - {source.stem}
    assert set(about.claims) <= set(PAPER_ID.findall(first.source)), "the first cell names the claims"


@per_notebook
def test_its_last_code_cell_tells_the_claims(source: Path) -> None:
    notebook = read(source)
    if notebook.metadata.rapo.claims:
        assert "lesson.verdicts()" in code_cells(notebook)[-1].source


@per_measuring
def test_it_opens_with_its_answer(source: Path) -> None:
    opening = code_cells(read(source))[2].source
    assert f'Lesson("{source.stem}", scale=scale' in opening
    assert "lesson.answer()" in opening


@per_measuring
def test_it_ends_with_exercises_whose_answers_are_folded(source: Path) -> None:
    text = read(source).cells[-1].source
    asked, _, answered = text.partition("<details><summary>Answers</summary>")
    assert "## Try" in asked
    numbers = [re.findall(r"^(\d)\. ", part, re.MULTILINE) for part in (asked.partition("## Try")[2], answered)]
    assert numbers[0] == numbers[1] == ["1", "2", "3"]
    assert answered.endswith("</details>")


@per_measuring
def test_plumbing_is_out_of_sight(source: Path) -> None:
    for cell in code_cells(read(source)):
        assert source.stem == "explore" or not PLUMBING.search(cell.source), cell.source


@per_notebook
def test_it_is_no_longer_than_a_reader_bears(source: Path) -> None:
    assert len(read(source).cells) <= (34 if source.stem in SHORTENED else MOST_CELLS)


def test_reading_order_has_each_place_once() -> None:
    places = sorted(read(source).metadata.rapo.place for source in SOURCES)
    assert places == list(range(1, len(SOURCES) + 1))


def test_a_module_has_the_same_name_in_every_notebook() -> None:
    """But for the modules of a notebook's own study, which are called what they are."""
    names: dict[str, set[str]] = {}
    modules: dict[str, set[str]] = {}
    for source in SOURCES:
        tree = ast.parse("\n".join(cell.source for cell in code_cells(read(source))))
        for node in ast.walk(tree):
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for one in node.names:
                if package == f"rapo.studies.{source.stem}.":
                    assert one.asname is None, f"{source.name}: {one.name}"
                    continue
                names.setdefault(package + one.name, set()).add(one.asname or one.name)
                modules.setdefault(one.asname or one.name, set()).add(package + one.name)
    assert {module: called for module, called in names.items() if len(called) > 1} == {}
    assert {called: module for called, module in modules.items() if len(module) > 1} == {}


def test_names_of_claims_are_those_of_the_papers() -> None:
    known = {name for entry in published.CLAIMS for name in entry.ids}
    for source in SOURCES:
        assert set(read(source).metadata.rapo.claims) <= known, source.name


def test_the_notebooks_are_linted_and_laid_out_like_code() -> None:
    for command in (["check"], ["format", "--check"]):
        line = [sys.executable, "-m", "ruff", *command, "--no-cache", "notebooks"]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def failures(root: Path) -> list[str]:
    """The ends of the tracebacks that failed notebooks and runs left."""
    files = [*root.glob("build/smoke/failed/*.txt"), *root.glob("runs/failed/*.txt")]
    return [f"{file}\n{file.read_text(encoding='utf-8')[-3000:]}" for file in files]


@pytest.mark.slow
@pytest.mark.skipif(not SOURCES, reason="no notebooks yet")
def test_every_notebook_runs_from_end_to_end(tmp_path: Path) -> None:
    """`rapo reproduce --scale smoke` in a folder of its own: nothing is taken from earlier runs."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment |= {"RAPO_ROOT": str(tmp_path), "RAPO_RUNS": str(tmp_path / "runs"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "rapo", "reproduce", "--scale", "smoke", "--jobs", "2"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, "\n\n".join([done.stdout, done.stderr, *failures(tmp_path)])
    figures = tmp_path / "build" / "smoke" / "figures"
    assert (figures / "report.html").is_file()
    promised = {name for source in SOURCES for name in read(source).metadata.rapo.claims}
    told = {name for file in (figures / "claims").glob("*.json") for name in PAPER_ID.findall(file.name)}
    assert promised <= told, "claims that a notebook promises and did not save"


def test_the_readme_lists_each_notebook_with_its_claims_and_its_study() -> None:
    folder = SOURCES[0].parent
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| [")]
    listed = {row[0][1:].partition("]")[0]: row for row in rows}
    order = sorted(SOURCES, key=lambda source: read(source).metadata.rapo.place)
    assert list(listed) == [source.stem for source in order]
    for source in SOURCES:
        _, question, claims, study = listed[source.stem]
        assert question == read(source).metadata.rapo.question
        assert [name for name in claims.split(", ") if name] == list(read(source).metadata.rapo.claims)
        assert not study or (folder / study.partition("](")[2].rstrip(")") / "__init__.py").is_file(), study
