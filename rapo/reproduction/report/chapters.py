"""The page's chapters: each paper's rows in its own order, with the claims, figures and tables of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapo.claims import published
from rapo.reproduction.report import exhibits
from rapo.reproduction.report.cards import Card, anchor
from rapo.reproduction.report.exhibits import Picture, Sheet


@dataclass(frozen=True)
class Section:
    """One row of the reproduction table, or one id of our own, with all that was made for it."""

    title: str
    ids: tuple[str, ...]
    anchor: str
    cards: tuple[Card, ...]
    pictures: tuple[Picture, ...] = ()
    elsewhere: tuple[Picture, ...] = ()  # figures shown in an earlier section
    sheets: tuple[Sheet, ...] = ()
    missing: tuple[str, ...] = ()
    published: Sheet | None = None


@dataclass(frozen=True)
class Chapter:
    """A paper with its sections, or what belongs to neither paper."""

    title: str
    reference: str
    url: str
    anchor: str
    sections: tuple[Section, ...]


@dataclass
class Shelf:
    """What lies in the figures folder of a scale, and what of it has been shown."""

    folder: Path
    figures: list[str]
    tables: list[str]
    shown: dict[str, Picture] = field(default_factory=dict)


def arrange(cards: Sequence[Card], folder: Path) -> tuple[list[Chapter], Section]:
    """The chapters of a page, and the figures and tables of the folder that belong to none of them."""
    pictures, sheets = (sorted(file.stem for file in folder.glob(f"[!.]*.{kind}")) for kind in ("svg", "csv"))
    shelf = Shelf(folder, pictures, sheets)
    chapters = _chapters(cards, shelf)
    return chapters, _rest(chapters, shelf)


def _chapters(cards: Sequence[Card], shelf: Shelf) -> list[Chapter]:
    """Sections under their papers, in the papers' order, where there is a claim, a figure or a table."""
    rows = [*published.CLAIMS, *_own_rows(cards)]
    chapters = []
    for key in ("RA", "AP", ""):
        sections = [_section(row, cards, shelf) for row in rows if row.paper == key]
        there = tuple(part for part in sections if part.cards or part.pictures or part.elsewhere or part.sheets)
        paper = published.PAPERS.get(key)
        title = paper.title if paper else "Beyond the two papers"
        reference, url = (paper.reference, paper.url) if paper else ("", "")
        if there:
            chapters.append(Chapter(title, reference, url, f"paper-{key or 'own'}", there))
    return chapters


def _rest(chapters: Sequence[Chapter], shelf: Shelf) -> Section:
    """Figures and tables that no section shows."""
    used = {sheet.name for chapter in chapters for section in chapter.sections for sheet in section.sheets}
    pictures = [exhibits.picture(shelf.folder, name) for name in shelf.figures if name not in shelf.shown]
    sheets = [exhibits.sheet(shelf.folder, name) for name in shelf.tables if name not in used]
    return Section(
        "Further figures and tables", (), "further", (), tuple(pictures), (), tuple(filter(None, sheets))
    )


def _own_rows(cards: Iterable[Card]) -> list[published.Entry]:
    """Rows for claims that neither paper makes, one for each id before the slash."""
    names = dict.fromkeys(card.id.split("/")[0] for card in cards if published.entry(card.id) is None)
    return [published.Entry((name,), "", "") for name in names]


def _section(row: published.Entry, cards: Sequence[Card], shelf: Shelf) -> Section:
    """One section: its claims, the figures and tables they name, and those whose file name begins with its id."""
    own = tuple(card for card in cards if card.id.split("/")[0] in row.ids)
    names = dict.fromkeys([*(name for card in own for name in card.figures), *_named(row.ids, shelf.figures)])
    listed = dict.fromkeys([*(name for card in own for name in card.tables), *_named(row.ids, shelf.tables)])
    fresh = {name: exhibits.picture(shelf.folder, name) for name in names if name not in shelf.shown}
    sheets = {name: exhibits.sheet(shelf.folder, name) for name in listed}
    absent = [f"figure {name}" for name, found in fresh.items() if not found.image]
    absent += [f"table {name}" for name, found in sheets.items() if not found]
    section = Section(
        title=row.title,
        ids=row.ids,
        anchor=f"section-{anchor(row.ids[0])}",
        cards=own,
        pictures=tuple(found for found in fresh.values() if found.image),
        elsewhere=tuple(shelf.shown[name] for name in names if name in shelf.shown),
        sheets=tuple(found for found in sheets.values() if found),
        missing=tuple(absent),
        published=_published(row.ids),
    )
    shelf.shown.update({name: found for name, found in fresh.items() if found.image})
    return section


def _named(ids: Sequence[str], names: Iterable[str]) -> list[str]:
    """File names that begin with one of the ids: "RA-T1_toy" and "RA-T1.control_x" belong to RA-T1."""
    return [name for name in names if any(name == one or name.startswith((f"{one}_", f"{one}.")) for one in ids)]


def _published(ids: Sequence[str]) -> Sheet | None:
    """The published numbers of a section's ids, unrounded; None where there are none."""
    known = [name for name in ids if published.entry(name)]
    frames = [frame for frame in map(published.wide, known) if len(frame)]
    if not frames:
        return None
    frame = frames[0]
    numeric = [kind.kind == "f" for kind in frame.dtypes]
    rows = [
        ["" if value != value else f"{value:g}" if isinstance(value, float) else value for value in row]
        for row in frame.itertuples(index=False)
    ]
    return exhibits.frame_sheet("published", frame.columns, rows, numeric)
