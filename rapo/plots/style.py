"""One look for every picture, and the one way to save it."""

import io
import json
import math
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rapo import config as settings
from rapo import paths
from rapo.plots import tables
from rapo.plots.colours import COLOURS, CYCLE, colour
from rapo.plots.light import light

__all__ = ["COLOURS", "colour"]

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIGITS = 5  # significant digits of a sidecar's numbers: more than any picture shows
DENSE = 5_000  # points in one pair of axes beyond which its marks are an image within the SVG
DPI = 140
PICTURES = (".png", ".svg", ".pdf")

GUIDE: dict[str, Any] = {"color": "0.6", "linewidth": 1, "linestyle": (0, (4, 3)), "zorder": 0}  # a reference line


def use() -> None:
    """Set matplotlib's defaults; the first line of every notebook that draws."""
    import matplotlib as mpl
    import seaborn as sns

    sns.set_theme(context="notebook", style="ticks", palette=list(CYCLE))
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 4.0),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "grid.color": "0.92",
            "font.family": "DejaVu Sans",
        }
    )


def axes(ax: "Axes | None") -> "Axes":
    """The axes to draw into: those given, or a new figure's."""
    import matplotlib.pyplot as plt

    return plt.subplots()[1] if ax is None else ax


def reach(table: "pd.DataFrame", estimate: str = "estimate", low: str = "low", high: str = "high") -> np.ndarray:
    """How far intervals reach below and above their estimates, from their columns. Shape: (2, rows), 0 or more."""
    middle = table[estimate].to_numpy(float)
    return np.array([middle - table[low].to_numpy(float), table[high].to_numpy(float) - middle]).clip(min=0)


def span(label: str) -> tuple[float, float]:
    """Between which values a quantity can lie, by the unit in the label of its axis.

    >>> span("labels that gold confirms (%)"), span("gold reward (1-10)"), span("lead of RA (of 10)")
    ((0.0, 100.0), (1.0, 10.0), (-inf, inf))
    """
    units = {"(%)": (0.0, 100.0), "(1-10)": (1.0, 10.0)}
    return next((ends for unit, ends in units.items() if unit in label), (-math.inf, math.inf))


def inside(estimates: "pd.DataFrame", label: str) -> "pd.DataFrame":
    """Estimates whose intervals end where their quantity does (`span`); for pictures only."""
    low, high = span(label)
    ends = {side: estimates[side].clip(low, high) for side in ("low", "high")}
    return estimates.assign(**ends)


def headline(figure: Any, finding: str, note: str = "") -> None:
    """Say what a figure shows: the finding above it, in bold, and below it how many units it rests on."""
    width = int(figure.get_figwidth() * 11.5)
    finding = finding[:1].upper() + finding[1:]
    figure.suptitle(textwrap.fill(finding, width), x=0.01, ha="left", fontsize="medium", fontweight="bold")
    if note:
        _foot(figure, note)


def rests_on(figure: Any, units: str) -> None:
    """Say at the foot of a figure on how many units it rests ("4 seeds x 155 prompts"), where nothing does so yet."""
    from matplotlib.text import Text

    if any("n = " in text.get_text() for text in figure.findobj(Text)):
        return
    legend = next(iter(figure.legends), None)  # where there is one, it has the foot
    before = legend.get_title().get_text() if legend else figure.get_supxlabel().replace("\n", " ")
    told = f"{before}{' ' if before.endswith('.') else '; '}n = {units}" if before else f"n = {units}"
    if legend:
        legend.set_title(told)
    else:
        _foot(figure, told)


def _foot(figure: Any, note: str) -> None:
    width = int(figure.get_figwidth() * 14.4)
    figure.supxlabel(textwrap.fill(note, width), x=0.01, ha="left", fontsize="small", color="0.4")


def save_figure(
    figure: "Figure",
    name: str,
    *,
    scale: str,
    data: "pd.DataFrame",
    config: Mapping[str, Any] | None = None,
    alt: str = "",
) -> Path:
    """Write SVG, PNG and a JSON sidecar (data, config) to `paths.figures`; the same picture gives the same bytes.

    The sidecar carries neither a date nor versions, so that drawing again changes no file: what made the kept
    figures is told once, in ``data/results``.

    Args:
        figure: what was drawn.
        name: file name without suffix, beginning with the claim id ("RA-F2_winrates").
        scale: smoke, small or full.
        data: the numbers that the picture shows, one row an estimate; stored by column, to `DIGITS` digits.
        config: settings and seeds behind the data.
        alt: one sentence that says what the picture shows, for the report and for screen readers.

    Returns:
        The path of the SVG.

    Raises:
        ValueError: the name is no plain file name.
    """
    target = paths.figures(scale) / f"{tables.file_name(name)}.svg"
    about = {"name": name, "alt": alt, "scale": scale, "config": dict(config or {})}
    files = {".svg": _svg(figure), ".png": _png(figure), ".json": _sidecar(about, data)}
    for suffix, content in files.items():
        with paths.whole(target.with_suffix(suffix)) as temporary:
            temporary.write_bytes(content)
    return target


def write_figure(figure: "Figure", path: Path, *, overwrite: bool = False) -> None:
    """Write one picture where somebody wants it, whole or not at all.

    Args:
        figure: what was drawn.
        path: its suffix says the format, one of `PICTURES`.
        overwrite: True replaces what is there.

    Raises:
        FileExistsError: something is there, and must not be replaced.
    """
    suffix = path.suffix.lower()
    with paths.whole(path, replace=overwrite) as temporary:
        if suffix == ".pdf":
            figure.savefig(temporary, format="pdf", bbox_inches="tight", metadata={"CreationDate": None})
        else:
            temporary.write_bytes(_svg(figure) if suffix == ".svg" else _png(figure))


def _svg(figure: "Figure") -> bytes:
    """The picture as SVG: letters as text, dense marks as an image, small (`light.light`)."""
    import matplotlib as mpl

    drawn = io.StringIO()
    about = {"Date": None, "Creator": None}
    with mpl.rc_context({"svg.hashsalt": "rapo", "svg.fonttype": "none"}), _dense_as_image(figure):
        figure.savefig(drawn, format="svg", metadata=about, bbox_inches="tight", facecolor="white", dpi=DPI)
    return light(drawn.getvalue()).encode()


@contextmanager
def _dense_as_image(figure: "Figure") -> Iterator[None]:
    """Rasterise, for as long as the block lasts, the marks of axes that hold more than `DENSE` points."""
    changed: list[Artist] = []
    for ax in figure.axes:
        points = [line.get_xydata() for line in ax.lines] + [marks.get_offsets() for marks in ax.collections]
        if sum(np.shape(some)[0] for some in points) > DENSE:
            changed += [mark for mark in (*ax.lines, *ax.collections) if not mark.get_rasterized()]
    for mark in changed:
        mark.set_rasterized(True)
    try:
        yield
    finally:
        for mark in changed:
            mark.set_rasterized(False)


def _png(figure: "Figure") -> bytes:
    """The picture as PNG with a palette of 256 colours: a third of the size, and no difference to the eye."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight", facecolor="white", dpi=DPI)
    with Image.open(drawn) as image:
        palette = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        palette.save(small, format="png", optimize=True, dpi=(DPI, DPI))
    return small.getvalue()


def _sidecar(about: Mapping[str, Any], columns: "pd.DataFrame") -> bytes:
    """JSON with one line a column."""

    def line(name: str, value: Any) -> str:
        text = json.dumps(value, ensure_ascii=False, default=settings.plain, separators=(",", ":"))
        return f"{json.dumps(name, ensure_ascii=False)}: {text}"

    data = ",\n".join(
        f"  {line(str(name), [_cell(value) for value in column])}" for name, column in columns.items()
    )
    head = "".join(f" {line(name, value)},\n" for name, value in about.items())
    return f'{{\n{head} "data": {{\n{data}\n }}\n}}\n'.encode()


def _cell(value: Any) -> Any:
    """A value of a frame for JSON, which knows neither missing values nor infinity: both become null."""
    import pandas as pd

    if pd.api.types.is_float(value):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value
