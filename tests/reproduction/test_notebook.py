"""A notebook as a document: its parameters, its digest, its marker."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
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
    )
    source = notebook.load(path)
    assert source.parameters == {"n": 3, "lr": 1e-6, "arms": ["UF", "RA"], "nothing": None}
    assert (source.name, source.title, source.cost, source.after) == ("a", "A title", "heavy", ("b",))


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
    assert edit("reproduction/plan.py", "def ", "def more(): ...\n\n\ndef ") == (False, False)


def test_source_may_be_lines_or_text(folder: Path) -> None:
    path = write(folder / "a.ipynb", "x = 1\ny = 2")
    before = digest(path)
    content = json.loads(path.read_text())
    content["cells"][1]["source"] = ["x = 1\n", "y = 2"]
    path.write_text(json.dumps(content))
    assert digest(path) == before


def test_marker_round_trip(folder: Path, rapo_root: Path) -> None:
    source = notebook.load(write(folder / "a.ipynb"))
    assert notebook.read_marker("a", "smoke") is None
    own, other = (paths.figures("smoke") / "claims" / name for name in ("X.json", "Y.json"))
    beside = paths.build("smoke") / "quickstart.jsonl"
    for file in (own, other, beside):
        paths.write_text(file, "{}")
    gone = paths.figures("smoke") / "gone.svg"
    marker = notebook.write_marker(
        "a", "smoke", digest="d", began=0.0, saved=1e9, written=[own, own, beside, gone]
    )
    assert marker == notebook.read_marker("a", "smoke")
    # SHA-256 of "{}", as `printf '{}' | sha256sum` prints it
    known = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert marker.products == {"build/smoke/figures/claims/X.json": known}
    assert marker.anew == pytest.approx(marker.seconds + 1e9)
    assert notebook.expected_seconds("a", "smoke") == marker.anew
    assert not notebook.is_done(source, "smoke", "d")  # no executed copy
    paths.write_text(notebook.executed_file("a", "smoke"), "")
    assert notebook.is_done(source, "smoke", "d")
    assert not notebook.is_done(source, "smoke", "other")
    assert not notebook.is_done(source, "small", "d")
    assert not notebook.is_done(source, "smoke", "d", measure=False)
    notebook.marker_file("a", "smoke").write_text('{"digest": ')
    assert notebook.read_marker("a", "smoke") is None


@pytest.mark.parametrize("damage", ["", "{", "{ }"], ids=["empty", "truncated", "changed"])
def test_a_damaged_product_is_not_done(folder: Path, rapo_root: Path, damage: str) -> None:
    source = notebook.load(write(folder / "a.ipynb"))
    products = [paths.figures("smoke") / "a.svg", notebook.executed_file("a", "smoke")]
    for product in products:
        for file in products:
            paths.write_text(file, "{}")
        notebook.write_marker("a", "smoke", digest="d", began=0.0, written=products[:1])
        assert notebook.is_done(source, "smoke", "d")
        product.write_text(damage)
        assert not notebook.is_done(source, "smoke", "d")


def test_what_made_the_results_names_versions_and_the_commit_of_the_code(repository: Path) -> None:
    found = notebook.made_by()
    assert found["numpy"] == np.__version__
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=repository, capture_output=True, text=True)
    assert found["commit"] == (git.stdout.strip() or "unknown")


def test_expected_seconds_of_kept_results(rapo_root: Path) -> None:
    paths.write_text(paths.results() / "durations.json", json.dumps({"notebooks": {"a": 12.0}}))
    assert notebook.expected_seconds("a", "small") == 12.0
    assert notebook.expected_seconds("a", "smoke") is None
    assert notebook.expected_seconds("b", "small") is None
