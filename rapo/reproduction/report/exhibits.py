"""What lies in a figures folder: saved figures and tables, with links from the page to them."""

import csv
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rapo.reproduction.report.cards import anchor

ROWS_SHOWN = 40


@dataclass(frozen=True)
class Link:
    """A file beside the report: what to call it and where it lies, relative to the page."""

    text: str
    href: str


@dataclass(frozen=True)
class Picture:
    """A saved figure; ``image`` is empty where no file is there."""

    name: str
    anchor: str
    alt: str
    image: str
    width: int
    height: int
    files: tuple[Link, ...]


@dataclass(frozen=True)
class Sheet:
    """A saved table, cut after `ROWS_SHOWN` rows; ``hidden`` counts the rest."""

    name: str
    columns: tuple[tuple[str, bool], ...]  # (heading, holds numbers)
    rows: tuple[tuple[str, ...], ...]
    hidden: int
    files: tuple[Link, ...]


def picture(folder: Path, name: str) -> Picture:
    """A figure saved by `style.save_figure` as ``<name>.svg``, ``.png`` and ``.json``; any may be missing."""
    try:
        alt = str(json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["alt"])
    except (OSError, ValueError, KeyError, TypeError):
        alt = ""
    there = [suffix for suffix in ("svg", "png", "json") if (folder / f"{name}.{suffix}").is_file()]
    shown = next((f"{name}.{suffix}" for suffix in ("svg", "png") if suffix in there), "")
    width, height = _size(folder / shown) if shown else (0, 0)
    labels = {"svg": "SVG", "png": "PNG", "json": "data"}
    return Picture(
        name=name,
        anchor=anchor(f"figure-{name}"),
        alt=alt or f"Figure {name}",
        image=quote(shown),
        width=width,
        height=height,
        files=tuple(Link(labels[suffix], quote(f"{name}.{suffix}")) for suffix in there),
    )


def sheet(folder: Path, name: str) -> Sheet | None:
    """A table saved by `tables.save_table`: the rounded Markdown, else the CSV; None where neither is there."""
    markdown, plain = folder / f"{name}.md", folder / f"{name}.csv"
    if markdown.is_file():
        lines = [line for line in markdown.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        cells = [_cells(line) for line in lines]
        numeric = [mark.endswith(":") for mark in cells[1]] if len(cells) > 1 else []
        cells = [*cells[:1], *cells[2:]]
    elif plain.is_file():
        with plain.open(encoding="utf-8", newline="") as stream:
            cells = list(csv.reader(stream))
        numeric = []
    else:
        return None
    files = ((plain, "CSV"), (markdown, "Markdown"))
    return frame_sheet(
        name,
        cells[0] if cells else [],
        cells[1:],
        numeric,
        tuple(Link(label, quote(file.name)) for file, label in files if file.is_file()),
    )


def frame_sheet(
    name: str,
    header: Iterable[str],
    rows: Iterable[Iterable[str]],
    numeric: Iterable[bool] = (),
    files: tuple[Link, ...] = (),
) -> Sheet:
    """A table from its cells; columns not named in ``numeric`` hold text."""
    headings, flags, body = list(header), list(numeric), [tuple(row) for row in rows]
    flags += [False] * (len(headings) - len(flags))
    columns = tuple(zip(headings, flags, strict=False))
    return Sheet(name, columns, tuple(body[:ROWS_SHOWN]), max(0, len(body) - ROWS_SHOWN), files)


def relative(file: Path, folder: Path) -> str:
    """The link from a page in ``folder`` to a file, wherever it lies."""
    return quote(Path(os.path.relpath(file, folder)).as_posix())


def _cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table."""
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _size(file: Path) -> tuple[int, int]:
    """Width and height of an SVG or PNG in CSS pixels, so that the page does not jump; (0, 0) when unknown."""
    head = file.read_bytes()[:4096]
    if file.suffix == ".png":
        if head[:8] != b"\x89PNG\r\n\x1a\n":
            return 0, 0
        return int.from_bytes(head[16:20], "big") // 2, int.from_bytes(head[20:24], "big") // 2
    sides = [re.search(rb'<svg[^>]*\b%s="([\d.]+)pt"' % side, head) for side in (b"width", b"height")]
    width, height = (round(float(side[1]) * 4 / 3) if side else 0 for side in sides)
    return width, height
