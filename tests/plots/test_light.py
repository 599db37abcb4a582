"""An SVG made small shows the same: every element, place, colour and word of what matplotlib drew."""

import io
import re
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from rapo.plots.light import light

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def drawn() -> str:
    """A picture with lines, marks, a legend, text in two directions, an image and a cut at its axes."""
    figure = Figure(figsize=(4, 3))
    ax = figure.add_subplot()
    ax.plot([0.1234567, 1, 2], [1, 0, 3], marker="o", label="an <arm> & more")
    ax.fill_between([0, 1], [0, 0], [1, 2], alpha=0.3, color="#E69F00")
    ax.imshow(np.arange(4).reshape(2, 2), extent=(0, 1, 0, 1))
    ax.set(title=r"what $\kappa$ does", ylabel="upright", xlabel="two  blanks")
    ax.legend()
    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "x"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def elements(svg: str) -> list[ElementTree.Element]:
    """What is drawn, in order; neither metadata nor styles."""
    told = [found for found in ElementTree.fromstring(svg).iter() if found.tag.startswith(SVG)]
    return [found for found in told if found.tag.removeprefix(SVG) not in ("metadata", "style")]


def styles(svg: str) -> dict[str, str]:
    """The rules of classes on a light page."""
    sheet = svg[svg.index("<style") : svg.index("@media")]
    return dict(re.findall(r"\.(\w+){([^}]*)}", sheet))


def test_no_element_and_no_word_is_lost(drawn: str) -> None:
    before, after = elements(drawn), elements(light(drawn))
    assert [found.tag for found in after] == [found.tag for found in before]
    words = ["".join(found.itertext()).split() for found in after if found.tag == f"{SVG}text"]
    assert words == ["".join(found.itertext()).split() for found in before if found.tag == f"{SVG}text"]
    assert ["an", "<arm>", "&", "more"] in words


def test_every_place_stays_within_a_hundredth_of_a_point(drawn: str) -> None:
    for before, after in zip(elements(drawn), elements(light(drawn)), strict=True):
        for name in ("d", "x", "y", "width", "height"):
            was, now = (NUMBER.findall(found.get(name, "")) for found in (before, after))
            assert np.abs(np.array(now, float) - np.array(was, float)).max(initial=0) <= 0.0051
        was, now = (NUMBER.findall(found.get("transform", "")) for found in (before, after))
        if now or not before.get("transform", "").startswith("rotate(-0"):
            assert np.abs(np.array(now, float) - np.array(was, float)).max(initial=0) <= 0.0051


def test_every_style_stays_and_is_told_once(drawn: str) -> None:
    small = light(drawn)
    classes = styles(small)
    assert len(set(classes.values())) == len(classes)
    for before, after in zip(elements(drawn), elements(small), strict=True):
        parts = {part.strip().replace(": ", ":") for part in before.get("style", "").split(";")}
        told = {part for part in parts if part and not part.startswith("font-family")}
        assert set(filter(None, classes.get(after.get("class", ""), "").split(";"))) == told


def test_whatever_is_pointed_to_is_there(drawn: str) -> None:
    small = light(drawn)
    ids = set(re.findall(r' id="([^"]*)"', small))
    assert ids == set(re.findall(r'(?:url\(#|href="#)([^")]+)', small))
    assert ids


def test_the_result_is_smaller_has_fonts_to_fall_back_on_and_a_dark_look(drawn: str) -> None:
    small = light(drawn)
    assert len(small) < 0.6 * len(drawn)
    assert "text{font-family:DejaVu Sans,Verdana" in small
    assert "prefers-color-scheme: dark" in small
