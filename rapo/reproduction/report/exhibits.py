"""What lies in a figures folder: saved figures and tables, with links from the page to them."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rapo.reproduction.report.cards import anchor

ROWS_SHOWN = 40


@dataclass(frozen=True)
class Picture:
    """A saved figure; ``image`` is empty where no file is there, ``files`` are links by what to call them."""

    name: str
    anchor: str
    alt: str
    image: str
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


def picture(folder: Path, name: str) -> Picture:
    """A figure saved by `style.save_figure` as ``<name>.svg``, ``.png`` and ``.json``; any may be missing."""
    try:
        alt = str(json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["alt"])
    except (OSError, ValueError, KeyError, TypeError):
        alt = ""
    image = folder / f"{name}.svg"
    width, height = _size(image) if image.is_file() else (0, 0)
    return Picture(
        name=name,
        anchor=anchor(f"figure-{name}"),
        alt=alt or f"Figure {name}",
        image=quote(image.name) if image.is_file() else "",
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
    return Sheet(name, columns, rows[:ROWS_SHOWN], max(0, len(rows) - ROWS_SHOWN), files)


def relative(file: Path, folder: Path) -> str:
    """The link from a page in ``folder`` to a file, wherever it lies; empty where it is not there."""
    return quote(Path(os.path.relpath(file, folder)).as_posix()) if file.is_file() else ""


def _links(folder: Path, name: str, labels: dict[str, str]) -> dict[str, str]:
    files = {label: folder / f"{name}.{suffix}" for suffix, label in labels.items()}
    return {label: quote(file.name) for label, file in files.items() if file.is_file()}


def _cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table."""
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _size(file: Path) -> tuple[int, int]:
    """Width and height of an SVG in CSS pixels, so that the page does not jump; (0, 0) when unknown."""
    head = file.read_bytes()[:4096]
    sides = [re.search(rb'<svg[^>]*\b%s="([\d.]+)pt"' % side, head) for side in (b"width", b"height")]
    width, height = (round(float(side[1]) * 4 / 3) if side else 0 for side in sides)
    return width, height
