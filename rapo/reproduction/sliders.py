"""Figures with sliders: each value redraws its figure at once; without a reader at hand the figure stands as it is."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[..., "Figure"]
HEADLESS = "RAPO_JOURNAL"  # is set for the kernels that `rapo reproduce` starts


def panel(draw: Draw, sliders: Mapping[str, Sequence[float]], *, start: Mapping[str, float]) -> Any:
    """A figure below one slider for each argument that moves it.

    Args:
        draw: makes the figure of one value for each slider, by name; its docstring says what is seen.
        sliders: the values of each.
        start: where each stands first.

    Returns:
        A widget; the figure as an image where nobody can move anything; where no results are kept, words that say so.

    Raises:
        ValueError: a slider starts at none of its values.
    """
    for name, values in sliders.items():
        if start[name] not in values:
            raise ValueError(f"{name} starts at {start[name]}; use one of {list(values)}")
    try:
        first = _png(draw(**start))
    except FileNotFoundError as error:  # nothing is kept here
        return _told(f"*{error}*")
    if os.environ.get(HEADLESS):
        return _still(first, draw.__doc__ or "")
    import ipywidgets as widgets

    moved = {
        name: widgets.SelectionSlider(options=list(values), value=start[name], description=name.replace("_", " "))
        for name, values in sliders.items()
    }
    for slider in moved.values():
        slider.style.description_width, slider.layout.width = "initial", "440px"
    shown = widgets.Image(value=first, format="png", layout=widgets.Layout(max_width="100%"))

    def redraw(_: object = None) -> None:
        shown.value = _png(draw(**{name: slider.value for name, slider in moved.items()}))

    for slider in moved.values():
        slider.observe(redraw, names="value")
    return widgets.VBox([*moved.values(), shown])


def _told(text: str) -> Any:
    from IPython.display import Markdown

    return Markdown(text)


def _still(picture: bytes, alt: str) -> Any:
    from IPython.display import Image

    return Image(data=picture, metadata={"alt": alt})


def _png(figure: "Figure") -> bytes:
    """The picture, which is closed: a slider draws hundreds."""
    import matplotlib.pyplot as plt

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight", dpi=90)
    plt.close(figure)
    return drawn.getvalue()
