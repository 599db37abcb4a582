"""A notebook as a document: its parameters, its digest, its marker."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rapo import paths
from rapo.reproduction import notebook
from rapo.runs import keys


def write(path: Path, *cells: str, parameters: str = "scale = 'small'\nmeasure = True", **about: Any) -> Path:
    def cell(source: str, *tags: str) -> dict[str, Any]:
        return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source, "outputs": []}

    content = {
        "cells": [cell(parameters, "parameters"), *map(cell, cells)],
        "metadata": {"rapo": about},
        "nbformat": 4,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def folder(rapo_root: Path) -> Path:
    return rapo_root / "notebooks"


def digest(path: Path, **options: Any) -> str:
    return notebook.digest(notebook.load(path), **{"scale": "smoke", **options})


def test_description(folder: Path) -> None:
    path = write(
        folder / "a.ipynb",
        parameters="n: int = 3  # how many\nlr = 1e-6\narms = ['UF', 'RA']\nnothing = None",
        title="A title",
        cost="heavy",
        after=["b"],
        question="What?",
        place=3,
        claims=["RA-T1"],
    )
    source = notebook.load(path)
    assert source.parameters == {"n": 3, "lr": 1e-6, "arms": ["UF", "RA"], "nothing": None}
    assert (source.name, source.cost, source.after) == ("a", "heavy", ("b",))
    assert (source.question, source.place, source.claims) == ("What?", 3, ("RA-T1",))


@pytest.mark.parametrize("line", ["n = f(3)", "a, b = 1, 2", "print(3)", "n += 1"])
def test_parameters_are_literals(folder: Path, line: str) -> None:
    with pytest.raises(ValueError, match="is no literal"):
        notebook.load(write(folder / "a.ipynb", parameters=line))


def test_what_is_no_notebook_is_named(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.ipynb").write_text("{}")
    with pytest.raises(ValueError, match=r"a.ipynb is not a notebook"):
        notebook.find()
    with pytest.raises(ValueError, match=r"rapo.cost is 'huge'; use 'light' or 'heavy'"):
        notebook.load(write(folder / "a.ipynb", cost="huge"))


def test_digest_follows_cells_parameters_and_kept_results(folder: Path) -> None:
    path = write(folder / "a.ipynb", "1", "2", parameters="scale = 'small'\nmeasure = True\njobs = 2\nn = 1")
    before, redrawn = digest(path), digest(path, measure=False)
    assert digest(path, settings={"n": 2}) != before
    assert digest(path, scale="small") != before
    assert redrawn != before
    paths.results().mkdir(parents=True)
    (paths.results() / "a.parquet").write_bytes(b"1")
    assert digest(path) == before
    assert digest(path, measure=False) != redrawn
    write(path, "12", parameters="scale = 'small'\nmeasure = True\njobs = 2\nn = 1")
    assert digest(path) != before


CELLS = (
    "%matplotlib inline\nfrom rapo.studies.self_play import study",
    "results = study.results(scale=scale, measure=measure, jobs=2)",
)


def test_a_notebook_that_never_measures_follows_the_kept_results(folder: Path) -> None:
    path = write(folder / "a.ipynb", "1", parameters="")
    before = digest(path)
    paths.write_text(paths.results() / "a.json", "2")
    assert digest(path) != before


def test_digest_follows_the_code_that_cells_and_their_runs_reach(
    folder: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy" / "rapo"
    shutil.copytree(repository / "rapo", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(keys, "home", {"rapo": copy}.__getitem__)
    path, other = write(folder / "a.ipynb", *CELLS), write(folder / "b.ipynb", "from rapo.winrates import plain")

    def edit(name: str, old: str, new: str) -> tuple[bool, bool]:
        """Whether an edit changes the digests."""
        file, before = copy / name, (digest(path), digest(other))
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        after = (digest(path), digest(other))
        file.write_text(text, encoding="utf-8")
        return after[0] != before[0], after[1] != before[1]

    assert edit("studies/self_play/runs.py", "def play(config", "def play(config, more=1") == (True, False)
    assert edit("studies/self_play/runs.py", "def play(config", "# a comment\ndef play(config") == (False, False)
    assert edit("world/reward.py", "class Gold", "@dataclass\nclass Gold") == (True, False)
    assert edit("studies/self_play/recipe.yaml", "common:", "common:\n  more: 1") == (True, False)
    assert edit("studies/central_results/recipe.yaml", "common:", "common:\n  more: 1") == (True, False)
    assert edit("studies/theory/recipe.yaml", "common:", "common:\n  more: 1") == (False, False)
    assert edit("studies/self_play/claims.yaml", "paper's claim", "ours") == (True, False)
    assert edit("studies/theory/claims.yaml", "paper's claim", "ours") == (False, False)
    assert edit("reproduction/plan.py", "def ", "def more(): ...\n\n\ndef ") == (False, False)


@pytest.mark.parametrize("words", ["files = !ls", "if scale:\n    %time 1", "%%bash\nls $HOME", "len?"])
def test_where_cells_hold_words_of_ipythons_own_all_code_counts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    home = tmp_path / "copy"
    files = [home / "world" / "reward.py", home / "studies" / "toy" / "recipe.yaml"]
    for file in files:
        paths.write_text(file, "before")
    monkeypatch.setattr(keys, "home", {"rapo": home}.__getitem__)
    path = write(folder / "a.ipynb", "from rapo.world import reward", words)
    for file in files:
        before = digest(path)
        file.write_text("after")
        assert digest(path) != before
    before = digest(path)
    monkeypatch.setattr(keys, "libraries", lambda: {"torch": "9.9"})
    assert digest(path) != before


def test_source_may_be_lines_or_text(folder: Path) -> None:
    path = write(folder / "a.ipynb", "x = 1\ny = 2")
    before = digest(path)
    content = json.loads(path.read_text())
    content["cells"][1]["source"] = ["x = 1\n", "y = 2"]
    path.write_text(json.dumps(content))
    assert digest(path) == before
