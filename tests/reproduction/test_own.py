"""Notebooks on data of one's own: a folder of its own, paths from where the person stands."""

import os
from pathlib import Path

import pytest

from rapo import paths
from rapo.cli import main as cli
from rapo.reproduction import own
from rapo.reproduction.keep import keep

nbformat = pytest.importorskip("nbformat", reason="needs the extra 'notebooks'")
pytest.importorskip("papermill", reason="needs the extra 'notebooks'")

CELL = """
from pathlib import Path
from rapo import paths
paths.write_text(paths.figures(scale) / "seen.md", Path(data).read_text() if data else "the micro world")
"""


@pytest.fixture
def project(rapo_root: Path) -> Path:
    """Two notebooks, of which one takes data, and what the project keeps."""
    v4 = nbformat.v4
    (rapo_root / "notebooks").mkdir()
    for name, parameters, cell in (("takes", 'data = ""\n', CELL), ("other", "", "pass")):
        first = v4.new_code_cell(f'scale = "small"\n{parameters}', metadata={"tags": ["parameters"]})
        document = v4.new_notebook(cells=[first, v4.new_code_cell(cell)], metadata={"rapo": {"title": name}})
        nbformat.write(document, rapo_root / "notebooks" / f"{name}.ipynb")
    for kept in (paths.kept_figures() / "kept.md", paths.results() / "kept.csv"):
        paths.write_text(kept, "kept")
    return rapo_root


def files_of(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_own_data_land_in_a_folder_of_their_own(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "here").mkdir()
    (project / "here" / "mine.jsonl").write_text("my rows")
    monkeypatch.chdir(project / "here")
    assert cli.main(["reproduce", "-s", "data=mine.jsonl"]) == 0
    made = list((project / "build" / "own").glob("mine-*/small/figures/seen.md"))
    assert [file.read_text() for file in made] == ["my rows"]
    assert not (project / "build" / "small").exists()
    assert files_of(paths.kept_figures()) == {"kept.md": "kept"}
    assert files_of(paths.results()) == {"kept.csv": "kept"}
    out = capsys.readouterr().out
    assert "1 done" in out
    assert f"Report: {made[0].parent}" in out
    assert "RAPO_BUILD" not in os.environ
    with pytest.raises(ValueError, match="not every notebook has been run"):
        keep()


def test_other_rows_of_the_same_name_are_other_data(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    homes = set()
    for text in ("one", "two", "one"):
        (tmp_path / "mine.jsonl").write_text(text)
        with own.folder({"data": "mine.jsonl"}) as home:
            assert paths.build("small") == home / "small"
            with pytest.raises(ValueError, match="only what lies in build/small is kept"):
                keep()
        homes.add(home)
    assert len(homes) == 2


def test_paths_are_taken_from_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jsonl").write_text("rows")
    given = {"data": "mine.jsonl", "out": "rows.jsonl", "seed": 3}
    assert own.absolute(given) == {
        "data": str(tmp_path / "mine.jsonl"),
        "out": str(tmp_path / "rows.jsonl"),
        "seed": 3,
    }
    assert own.absolute({"data": "", "seed": 3}) == {"data": "", "seed": 3}
    assert own.absolute({"data": "hf://owner/name"}) == {"data": "hf://owner/name"}
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl does not exist in .*; mend --set data="):
        own.absolute({"data": "none.jsonl"})


@pytest.mark.parametrize("name", ["judgements", "calibration_file", "published", "template"])
def test_every_file_of_ones_own_counts_with_what_it_holds(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    cell = CELL.replace("data", name)
    first = nbformat.v4.new_code_cell(f'scale = "small"\n{name} = ""\n', metadata={"tags": ["parameters"]})
    document = nbformat.v4.new_notebook(cells=[first, nbformat.v4.new_code_cell(cell)])
    nbformat.write(document, project / "notebooks" / "reads.ipynb")
    (project / "here").mkdir()
    monkeypatch.chdir(project / "here")
    for text in ("one", "two"):
        (project / "here" / "mine.txt").write_text(text)
        assert cli.main(["reproduce", "-s", f"{name}=mine.txt"]) == 0
        assert "1 done" in capsys.readouterr().out
    made = (project / "build" / "own").glob("mine-*/small/figures/seen.md")
    assert sorted(file.read_text() for file in made) == ["one", "two"]
    assert not (project / "build" / "small").exists()


@pytest.mark.parametrize("value", ["123", "2024-01-01", "[a, b]"])
def test_data_whose_name_yaml_takes_for_something_else_are_told(
    project: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    assert cli.main(["reproduce", "-s", f"data={value}"]) == 2
    assert "takes expects a str such as ''" in capsys.readouterr().err


def test_what_was_written_elsewhere_and_is_gone_is_written_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = "from pathlib import Path\nPath(out).write_text('rows')"
    first = nbformat.v4.new_code_cell('scale = "small"\nout = ""\n', metadata={"tags": ["parameters"]})
    document = nbformat.v4.new_notebook(cells=[first, nbformat.v4.new_code_cell(cell)])
    nbformat.write(document, project / "notebooks" / "writes.ipynb")
    (project / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(project / "here")
    for _ in range(2):
        assert cli.main(["reproduce", "writes", "--scale", "smoke", "-s", "out=sub/rows"]) == 0  # no hub's name
        (project / "here" / "sub" / "rows").unlink()


def test_only_notebooks_that_take_data_run_on_ones_own(project: Path) -> None:
    assert own.notebooks(None, {"data": "mine.jsonl"}) == ["takes"]
    assert own.notebooks(["other"], {"data": "mine.jsonl"}) == ["other"]
    with pytest.raises(ValueError, match=r"no notebook in .* takes data and judgements"):
        own.notebooks(None, {"data": "mine.jsonl", "judgements": "mine.jsonl"})
    with own.folder({"seed": 1}) as home:
        assert home is None
        assert paths.build("small") == project / "build" / "small"


@pytest.mark.parametrize(("option", "seen"), [([], "kept"), (["--tune"], "anew")])
def test_notebooks_know_whether_they_shall_tune_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch, option: list[str], seen: str
) -> None:
    cell = 'import os\nfrom rapo import paths\nwhere = paths.figures(scale) / "seen.md"\n'
    cell += 'paths.write_text(where, "anew" if os.environ.get("RAPO_TUNE") else "kept")'
    first = nbformat.v4.new_code_cell('scale = "small"\n', metadata={"tags": ["parameters"]})
    document = nbformat.v4.new_notebook(cells=[first, nbformat.v4.new_code_cell(cell)])
    nbformat.write(document, project / "notebooks" / "other.ipynb")
    monkeypatch.delenv("RAPO_TUNE", raising=False)
    assert cli.main(["reproduce", "other", "--scale", "smoke"]) == 0
    # the second time it is done already, and done again only to tune
    assert cli.main(["reproduce", "other", "--scale", "smoke", *option]) == 0
    assert files_of(paths.figures("smoke"))["seen.md"] == seen
    assert "RAPO_TUNE" not in os.environ
