"""Each slider moves its figure at once; where nobody can move one, the figure stands."""

from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from rapo.reproduction.sliders import HEADLESS, panel


def draw(height: float, width: float = 1) -> Figure:
    """A line."""
    figure, ax = plt.subplots(figsize=(2, 2))
    ax.plot([0, width], [0, height])
    return figure


def made() -> Any:
    start = {"height": 2, "width": 1}
    return panel(draw, {"height": [1, 2, 3], "width": [1, 5]}, start=start)


def test_a_slider_moves_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    widgets = pytest.importorskip("ipywidgets")
    monkeypatch.delenv(HEADLESS, raising=False)
    height, width, shown = made().children
    assert (height.value, width.value) == (2, 1)
    pictures = [shown.value]
    for slider, value in ((height, 3), (width, 5), (height, 1)):
        slider.value = value
        pictures.append(shown.value)
    assert len(set(pictures)) == 4
    assert isinstance(shown, widgets.Image)
    assert not plt.get_fignums()


def test_headless_the_figure_stands_where_its_sliders_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HEADLESS, "a file")
    shown = made()
    assert shown.data.startswith(b"\x89PNG")
    assert shown.metadata["alt"] == "A line."


def test_without_kept_results_it_says_so() -> None:
    def nothing(height: float) -> Figure:
        raise FileNotFoundError("no kept results at a place")

    assert panel(nothing, {"height": [1]}, start={"height": 1}).data == "*no kept results at a place*"


def test_a_start_that_is_no_value_is_refused() -> None:
    with pytest.raises(ValueError, match=r"height starts at 7; use one of \[1, 2\]"):
        panel(draw, {"height": [1, 2]}, start={"height": 7})
