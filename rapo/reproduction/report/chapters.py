"""The page's chapters: each paper's rows in its own order, with the claims, figures and tables of each."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapo.claims import published
from rapo.reproduction.report import answers, exhibits
from rapo.reproduction.report.cards import Card, anchor
from rapo.reproduction.report.exhibits import Picture, Sheet

HALF = 960  # pixels: a figure this wide can still be read on half a page
NAMES = {"RA": "Reward-augmented data", "AP": "Alignment potential", "": "Beyond the papers"}


@dataclass(frozen=True)
class Section:
    """One row of the reproduction table, or one id of our own, with all that was made for it."""

    title: str
    ids: tuple[str, ...]
    anchor: str
    cards: list[Card]
    pictures: list[Picture]
    elsewhere: list[Picture] = field(default_factory=list)  # figures shown in an earlier section
    sheets: list[Sheet] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    published: Sheet | None = None

    @property
    def answer(self) -> answers.Answer:
        """Its question, and the sentence that answers it."""
        return answers.answer(self.ids[0], self.title, self.cards)

    @property
    def tally(self) -> dict[str, list[tuple[str, list[Card]]]]:
        """Its verdicts, counted by whose claims they are."""
        return answers.tally(self.cards)

    @property
    def first(self) -> Picture | None:
        """The one figure that stands beside the answer."""
        wanted = self.answer.figure
        return next((one for one in self.pictures if one.name == wanted), next(iter(self.pictures), None))

    @property
    def narrow(self) -> bool:
        """Whether its first figure can be read on half a page."""
        return self.first is None or self.first.width <= HALF


@dataclass(frozen=True)
class Chapter:
    """A paper with its sections, or, without one, what belongs to neither paper."""

    title: str
    paper: published.Paper | None
    anchor: str
    sections: list[Section]

    @property
    def key(self) -> str:
        """Of its paper; "own" where it has none."""
        return self.paper.key if self.paper else "own"

    @property
    def name(self) -> str:
        """In short, as the contents and the scorecard have it."""
        return NAMES[self.paper.key if self.paper else ""]

    @property
    def rows(self) -> list[tuple[Section, bool]]:
        """Its sections, and which share a row: two in succession whose figures can be read on half a page."""
        found: list[tuple[Section, bool]] = []
        for section in self.sections:
            partner = bool(found) and found[-1][0].narrow and not found[-1][1] and section.narrow
            if partner:
                found[-1] = (found[-1][0], True)
            found.append((section, partner))
        return found

    @property
    def tally(self) -> dict[str, list[tuple[str, list[Card]]]]:
        """The verdicts of all its sections, counted by whose claims they are."""
        return answers.tally([card for section in self.sections for card in section.cards])


def arrange(cards: Sequence[Card], folder: Path) -> tuple[list[Chapter], Section]:
    """The chapters of a page, papers in their own order, and what lies in the figures folder for none of them."""
    figures, tables = (sorted(file.stem for file in folder.glob(f"[!.]*.{kind}")) for kind in ("svg", "csv"))
    shown: dict[str, Picture] = {}
    chapters = []
    for key, paper in [*published.PAPERS.items(), ("", None)]:
        rows = [row for row in [*published.CLAIMS, *_own_rows(cards)] if row.paper == key]
        sections = [_section(row, cards, folder, figures, tables, shown) for row in rows]
        there = [part for part in sections if part.cards or part.pictures or part.elsewhere or part.sheets]
        if there:
            title = paper.title if paper else "Beyond the two papers"
            chapters.append(Chapter(title, paper, f"paper-{key or 'own'}", there))
    used = {sheet.name for chapter in chapters for section in chapter.sections for sheet in section.sheets}
    pictures = [exhibits.picture(folder, name) for name in figures if name not in shown]
    sheets = [exhibits.sheet(folder, name) for name in tables if name not in used]
    further = Section("Further figures and tables", (), "further", [], pictures, sheets=[*filter(None, sheets)])
    return chapters, further


def _own_rows(cards: Iterable[Card]) -> list[published.Entry]:
    """Rows for claims that neither paper makes, one for each id before the slash."""
    names = dict.fromkeys(card.id.split("/")[0] for card in cards if published.entry(card.id) is None)
    return [published.Entry((name,), "", "") for name in names]


def _section(
    row: published.Entry,
    cards: Sequence[Card],
    folder: Path,
    figures: Sequence[str],
    tables: Sequence[str],
    shown: dict[str, Picture],
) -> Section:
    """One section: its claims, the figures and tables they name, and those whose file name begins with its id."""
    own = [card for card in cards if card.id.split("/")[0] in row.ids]
    names = dict.fromkeys([*(name for card in own for name in card.figures), *_named(row.ids, figures)])
    listed = dict.fromkeys([*(name for card in own for name in card.tables), *_named(row.ids, tables)])
    elsewhere = [shown[name] for name in names if name in shown]
    fresh = {name: exhibits.picture(folder, name) for name in names if name not in shown}
    sheets = {name: exhibits.sheet(folder, name) for name in listed}
    absent = [f"figure {name}" for name, found in fresh.items() if not found.image]
    absent += [f"table {name}" for name, found in sheets.items() if not found]
    there = {name: found for name, found in fresh.items() if found.image}
    shown |= there
    return Section(
        row.title,
        row.ids,
        f"section-{anchor(row.ids[0])}",
        own,
        list(there.values()),
        elsewhere,
        [found for found in sheets.values() if found],
        absent,
        _published(row.ids),
    )


def _named(ids: Sequence[str], names: Iterable[str]) -> list[str]:
    """File names that begin with one of the ids: "RA-T1_toy" and "RA-T1.control_x" belong to RA-T1."""
    return [name for name in names if re.split("[_.]", name)[0] in ids]


def _published(ids: Sequence[str]) -> Sheet | None:
    """The published numbers of a section's ids, unrounded; None where there are none."""
    frames = [published.wide(name) for name in ids if published.entry(name)]
    frame = next((frame for frame in frames if len(frame)), None)
    if frame is None:
        return None
    columns = [(str(name), kind.kind == "f") for name, kind in frame.dtypes.items()]
    rows = [
        ["" if value != value else f"{value:g}" if isinstance(value, float) else value for value in row]
        for row in frame.itertuples(index=False)
    ]
    return Sheet("published", columns, rows[: exhibits.ROWS_SHOWN], max(0, len(rows) - exhibits.ROWS_SHOWN), {})
