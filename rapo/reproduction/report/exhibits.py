"""What lies in a figures folder: saved figures and tables, as they stand within the page, and links to them."""

import html
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rapo.reproduction.report.cards import anchor

ROWS_SHOWN = 100

_SAFE = ' <>"/:;,()=+*{}@'  # what may stand in a data URI and in an attribute


@dataclass(frozen=True)
class Picture:
    """A saved figure; ``image`` and ``embedded`` empty where none is there; ``files``: links by what to call them."""

    name: str
    anchor: str
    alt: str
    image: str
    embedded: str  # a data URI
    turned: bool  # on a dark page light and dark change places, as it has no dark look of its own
    width: int
    height: int
    files: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """A saved table, cut after `ROWS_SHOWN` rows; ``hidden`` counts the rest."""

    name: str
    columns: list[tuple[str, bool]]  # (heading, holds numbers)
    rows: list[list[str]]
    hidden: int
    files: dict[str, str]
    download: str = ""  # the whole table as CSV, a data URI


def picture(folder: Path, name: str) -> Picture:
    """A figure saved by `style.save_figure` as ``<name>.svg``, ``.png`` and ``.json``; any may be missing."""
    try:
        alt = str(json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["alt"])
    except (OSError, ValueError, KeyError, TypeError):
        alt = ""
    image = folder / f"{name}.svg"
    drawn = image.read_text(encoding="utf-8") if image.is_file() else ""
    width, height = _size(drawn)
    return Picture(
        name=name,
        anchor=anchor(f"figure-{name}"),
        alt=alt or f"Figure {name}",
        image=quote(image.name) if drawn else "",
        embedded=_svg(drawn) if drawn else "",
        turned="prefers-color-scheme" not in drawn,
        width=width,
        height=height,
        files=_links(folder, name, {"svg": "SVG", "png": "PNG", "json": "data"}),
    )


def sheet(folder: Path, name: str) -> Sheet | None:
    """A table saved by `tables.save_table`, as its Markdown rounds it; None where it is not there."""
    file = folder / f"{name}.md"
    if not file.is_file():
        return None
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    header, marks, *rows = map(_cells, [*lines, "", ""][: max(2, len(lines))])
    columns = [(heading, mark.endswith(":")) for heading, mark in zip(header, marks, strict=False)]
    files = _links(folder, name, {"csv": "CSV", "md": "Markdown"})
    whole = folder / f"{name}.csv"
    download = csv(whole.read_text(encoding="utf-8")) if whole.is_file() else ""
    return Sheet(name, columns, rows[:ROWS_SHOWN], max(0, len(rows) - ROWS_SHOWN), files, download)


def csv(text: str) -> str:
    """A CSV's text as a link that needs no file beside the page."""
    return f"data:text/csv;charset=utf-8,{quote(text, safe='/:;,()=+*')}"


def _svg(text: str) -> str:
    """An SVG as a data URI for a double-quoted attribute.

    >>> _svg('<svg id="x"><g class="a"/></svg>'), _svg("<style>.a{fill:#fff}</style>")
    ("data:image/svg+xml,<svg id='x'><g class='a'/></svg>", 'data:image/svg+xml,<style>.a{fill:%23fff}</style>')
    """
    return "data:image/svg+xml," + quote(text.strip().replace("'", "&apos;"), safe=_SAFE).replace('"', "'")


def relative(file: Path, folder: Path) -> str:
    """The link from a page in ``folder`` to a file, wherever it lies; empty where it is not there."""
    return quote(Path(os.path.relpath(file, folder)).as_posix()) if file.is_file() else ""


def _links(folder: Path, name: str, labels: dict[str, str]) -> dict[str, str]:
    files = {label: folder / f"{name}.{suffix}" for suffix, label in labels.items()}
    return {label: quote(file.name) for label, file in files.items() if file.is_file()}


def _cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table, as they were before `tables.markdown` escaped them."""
    inner = line.strip().removeprefix("|").removesuffix("|")
    cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", inner))
    return [html.unescape(re.sub(r"\\([\\`*\[\]_~|])", r"\1", cell)) for cell in cells]


def _size(drawn: str) -> tuple[int, int]:
    """Width and height of an SVG in CSS pixels, so that the page does not jump; (0, 0) when unknown."""
    sides = [re.search(rf'<svg[^>]*\b{side}="([\d.]+)pt"', drawn[:4096]) for side in ("width", "height")]
    width, height = (round(float(side[1]) * 4 / 3) if side else 0 for side in sides)
    return width, height
