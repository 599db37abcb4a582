"""One colour a method, and figures that are saved with the numbers they show."""

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

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


def test_units_stand_at_the_foot_once_after_what_stands_there_already() -> None:
    figure = plt.figure(figsize=(9, 3))
    style.headline(figure, "RA is ahead", "95 % intervals")
    style.rests_on(figure, "4 seeds")
    style.rests_on(figure, "8 seeds")
    assert figure.get_supxlabel() == "95 % intervals; n = 4 seeds"
    legend = (other := plt.figure()).legend([], [], title="Compare directions.")
    style.rests_on(other, "4 seeds")
    assert (legend.get_title().get_text(), other.get_supxlabel()) == ("Compare directions. n = 4 seeds", "")


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
    assert record["data"] == {"arm": ["UF"], "win rate": [0.5]}
    assert record["config"] == {"seeds": [0, 1, 2], "n": 300}
    assert (record["name"], record["alt"], record["scale"]) == ("RA-F2_winrates", "UF wins half.", "smoke")


def test_the_sidecar_holds_what_a_picture_can_show_and_null_where_there_is_no_number(
    rapo_root: Path, figure: Figure
) -> None:
    frame = pd.DataFrame(
        {
            "p": [1e-15, 1 / 3, np.nan, np.inf],
            "n": pd.array([1234567, None, 3, 4], dtype="Int64"),
            "cut": pd.cut([1, 2, 3, 4], [0, 2, 4]),
            "narrow": np.array([1 / 3, 123456.7, -np.inf, 0.0], dtype=np.float32),
        }
    )
    record = save(figure, frame)
    assert record["data"] == {
        "p": [1e-15, 0.33333, None, None],
        "n": [1234567, None, 3, 4],
        "cut": ["(0, 2]", "(0, 2]", "(2, 4]", "(2, 4]"],
        "narrow": [0.33333, 123460.0, None, 0.0],
    }
    assert set(record) == {"name", "alt", "scale", "config", "data"}  # no date and no version


def test_svg_and_png_are_small_without_a_difference_to_the_eye(rapo_root: Path, figure: Figure) -> None:
    save(figure)
    file = paths.figures("smoke") / "RA-F2_winrates.svg"
    positions = re.findall(r' (?:d|x|y|transform|viewBox)="([^"]*)"', file.read_text(encoding="utf-8"))
    assert positions
    assert not re.search(r"\d\.\d{3}", " ".join(positions))
    with Image.open(file.with_suffix(".png")) as image:
        assert image.mode == "P"
        small = np.asarray(image.convert("RGB"), dtype=float)
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=style.DPI, bbox_inches="tight", facecolor="white")
        plain = np.asarray(Image.open(drawn).convert("RGB"), dtype=float)
    assert np.abs(small - plain).max() <= 8  # of 255


def test_dense_marks_become_an_image_within_the_svg_and_stay_as_they_were(rapo_root: Path, figure: Figure) -> None:
    def images() -> int:
        save(figure)
        return (paths.figures("smoke") / "RA-F2_winrates.svg").read_text(encoding="utf-8").count("<image")

    ax = figure.axes[0]
    assert images() == 0
    line = ax.plot(np.zeros(style.DENSE + 1))[0]
    assert images() == 1
    assert not line.get_rasterized()


def test_drawing_again_gives_the_same_bytes(rapo_root: Path, figure: Figure) -> None:
    def contents(picture: Figure) -> dict[str, bytes]:
        save(picture)
        return {file.name: file.read_bytes() for file in paths.figures("smoke").iterdir()}

    assert contents(figure) == contents(drawn())


def test_a_failed_save_leaves_nothing_behind(
    rapo_root: Path, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Path, content: bytes) -> None:
        self.touch()
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(OSError, match="disk full"):
        save(figure)
    assert list(paths.figures("smoke").iterdir()) == []


def test_the_kept_figures_stay_light(repository: Path) -> None:
    files = [file for file in (repository / "figures").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 8e6, "thin the largest pictures and sidecars"


def test_intervals_reach_below_and_above_their_estimates() -> None:
    table = pd.DataFrame({"estimate": [2, 0], "low": [1, 1], "high": [5, 2]})
    # 2 - 1 and 5 - 2; of an interval that leaves its estimate out, the far side alone is drawn: 2 - 0
    assert style.reach(table).tolist() == [[1, 0], [3, 2]]


def test_one_picture_is_written_where_somebody_wants_it(tmp_path: Path, figure: Figure) -> None:
    for suffix, begin in ((".png", b"\x89PNG"), (".SVG", b"<svg"), (".pdf", b"%PDF")):
        path = tmp_path / f"p{suffix}"
        style.write_figure(figure, path)
        assert path.read_bytes().startswith(begin)
        with pytest.raises(FileExistsError):
            style.write_figure(figure, path)
        style.write_figure(figure, path, overwrite=True)
