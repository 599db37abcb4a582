"""One look for every picture, and the one way to save it."""

import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rapo import config as settings
from rapo import paths

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

# Okabe and Ito's colour-blind-safe palette; one method keeps one colour in every figure.
COLOURS: dict[str, str] = {
    "base": "#7f7f7f",
    "base, g=10": "#4d4d4d",
    "SFT": "#CC79A7",
    "SFT, g=10": "#CC79A7",
    "UF": "#E69F00",
    "UF, g=10": "#B37400",
    "UF, equal steps": "#D55E00",
    "UF, equal steps, g=10": "#8F3F00",
    "half RA": "#56B4E9",
    "RA": "#0072B2",
    "RA, unprompted": "#56B4E9",
    "IRA": "#009E73",
    "UF, duplicated": "#F0A080",
    "UF, duplicated, g=10": "#B05038",
    "UF, then UF again": "#CC79A7",
    "UF, then UF again, g=10": "#8F4A70",
    "UF, RA's rate": "#F0A080",
    "UF, RA's rate, g=10": "#B05038",
    "UF, then RA": "#0072B2",
    "RA, faulty": "#CC79A7",
    "RA, own score": "#0072B2",
    "RA, g=10": "#CC79A7",
    "base, all 10": "#a6a6a6",
    "UF, all 10": "#5C3A00",
    "RA, attributes": "#009E73",
    "RA, no top": "#CC79A7",
    "uniform": "#7f7f7f",
    "M+": "#E69F00",
    "small Mpi": "#56B4E9",
    "MAP": "#009E73",
    "MAP signed": "#CC79A7",
    "uniform, 2 epochs": "#4d4d4d",
    "MAP, 2 epochs": "#00664A",
    "MAP + RA": "#CC79A7",
    "plain data": "#D55E00",
    "own answers": "#0072B2",
    "both": "#0072B2",
    "M+ alone": "#E69F00",
    "small Mpi alone": "#56B4E9",
    "neither": "#bfbfbf",
    "first pairs": "#4d4d4d",
    "first pairs, equal steps": "#CC79A7",
}
_CYCLE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7f7f7f", "#F0E442")


def colour(method: str) -> str:
    """The fixed colour of a method; an unknown name gets a stable one from the cycle."""
    return COLOURS.get(method) or _CYCLE[sum(method.encode()) % len(_CYCLE)]


def use() -> None:
    """Set matplotlib's defaults; the first line of every notebook that draws."""
    import matplotlib as mpl
    import seaborn as sns

    sns.set_theme(context="notebook", style="ticks", palette=list(_CYCLE))
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
    """
    target = paths.figures(scale) / f"{name}.svg"
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
    """The picture as SVG: letters as outlines, positions to a hundredth of a point, dense marks as an image."""
    import matplotlib as mpl

    drawn = io.StringIO()
    about = {"Date": None, "Creator": None}
    with mpl.rc_context({"svg.hashsalt": "rapo", "svg.fonttype": "path"}), _dense_as_image(figure):
        figure.savefig(drawn, format="svg", metadata=about, bbox_inches="tight", facecolor="white", dpi=DPI)

    def rounded(found: "re.Match[str]") -> str:
        return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", found[0])

    return re.sub(r' (?:d|x|y)="[^"]*"', rounded, drawn.getvalue()).encode()


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
