"""One colour a method, and figures that are saved with the numbers they show."""

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from rapo import paths
from rapo.plots import style


@pytest.fixture
def figure() -> Iterator[Figure]:
    """A small picture, drawn in rapo's style, which is taken back afterwards."""
    with mpl.rc_context():
        style.use()
        yield drawn()


def drawn() -> Figure:
    figure = Figure(figsize=(2, 1.5))
    figure.add_subplot().plot([0, 1], [1, 0])
    return figure


def save(figure: Figure, data: pd.DataFrame | None = None, **options) -> dict:
    frame = pd.DataFrame({"arm": ["UF"], "win rate": [0.5]}) if data is None else data
    path = style.save_figure(figure, "RA-F2_winrates", scale="smoke", data=frame, **options)
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def test_every_named_colour_is_one_and_unknown_methods_get_a_stable_one() -> None:
    for method in style.COLOURS:
        assert len(to_rgb(style.colour(method))) == 3
    assert style.colour("RA") == "#0072B2"
    assert style.colour("a method of one's own") == style.colour("a method of one's own")
    assert to_rgb(style.colour("")) == to_rgb(style.colour(""))


def test_the_methods_that_are_compared_differ_in_colour() -> None:
    for compared in (("base", "UF", "RA", "half RA", "IRA"), ("uniform", "M+", "small Mpi", "MAP")):
        assert len({style.colour(method) for method in compared}) == len(compared)


def test_a_figure_is_saved_as_svg_png_and_numbers(rapo_root: Path, figure: Figure) -> None:
    record = save(figure, config={"seeds": [0, 1, 2], "n": np.int64(300)}, alt="UF wins half.")
    folder = paths.figures("smoke")
    assert sorted(file.name for file in folder.iterdir()) == [
        "RA-F2_winrates.json",
        "RA-F2_winrates.png",
        "RA-F2_winrates.svg",
    ]
    assert ElementTree.parse(folder / "RA-F2_winrates.svg").getroot().tag.endswith("svg")
    assert (folder / "RA-F2_winrates.png").read_bytes().startswith(b"\x89PNG")
    assert record["data"] == [{"arm": "UF", "win rate": 0.5}]
    assert record["config"] == {"seeds": [0, 1, 2], "n": 300}
    assert (record["name"], record["alt"], record["scale"]) == ("RA-F2_winrates", "UF wins half.", "smoke")


def test_the_sidecar_keeps_full_precision_and_says_null_where_there_is_no_number(
    rapo_root: Path, figure: Figure
) -> None:
    frame = pd.DataFrame(
        {
            "p": [1e-15, 1 / 3, np.nan, np.inf],
            "n": pd.array([1, None, 3, 4], dtype="Int64"),
            "cut": pd.cut([1, 2, 3, 4], [0, 2, 4]),
        }
    )
    rows = save(figure, frame)["data"]
    assert [row["p"] for row in rows] == [1e-15, 1 / 3, None, None]
    assert [row["n"] for row in rows] == [1, None, 3, 4]
    assert [row["cut"] for row in rows] == ["(0, 2]", "(0, 2]", "(2, 4]", "(2, 4]"]


def test_drawing_again_gives_the_same_bytes(rapo_root: Path, figure: Figure) -> None:
    def contents(picture: Figure) -> dict[str, bytes]:
        save(picture)
        return {file.name: file.read_bytes() for file in paths.figures("smoke").iterdir()}

    assert contents(figure) == contents(drawn())


def test_a_failed_save_leaves_nothing_behind(
    rapo_root: Path, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Figure, target: Path, **options: object) -> None:
        target.write_bytes(b"half a picture")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", broken)
    with pytest.raises(OSError, match="disk full"):
        save(figure)
    assert list(paths.figures("smoke").iterdir()) == []


def test_provenance_names_versions_and_the_commit_of_the_code(rapo_root: Path, repository: Path) -> None:
    style.provenance.cache_clear()
    found = style.provenance()
    assert found["numpy"] == np.__version__
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=repository, capture_output=True, text=True)
    assert found["commit"] == (git.stdout.strip() or "unknown")
