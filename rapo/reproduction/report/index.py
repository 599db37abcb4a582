"""The index of a figures folder in Markdown, for readers of the repository: thumbnails and verdicts by id."""

import html
from collections.abc import Iterable, Sequence

from rapo.plots import tables
from rapo.reproduction.report.cards import Card
from rapo.reproduction.report.chapters import Chapter, Section
from rapo.reproduction.report.exhibits import Picture

THUMBNAIL = 280  # CSS pixels

_ABOUT = """# Figures

Every claim of the two papers that was measured, with its figures; a verdict follows from the interval. The same as
one page, with each claim's threshold and notes, to be opened from a clone: [report.html](report.html)."""


def markdown(chapters: Iterable[Chapter], rest: Section, counts: Iterable[tuple[str, int]]) -> str:
    """The index; ``counts`` tells how many claims have each verdict."""
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts if count) or "none measured yet"
    parts = [_ABOUT, f"Claims: {told}."]
    for chapter in chapters:
        parts.append(f"## {chapter.title}")
        parts += [part for section in chapter.sections for part in _section(section)]
    parts += _section(rest) if rest.pictures or rest.sheets else []
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    heading = " ".join([", ".join(section.ids), section.title]).strip()
    shown = "\n".join(_thumbnail(picture) for picture in section.pictures)
    links = {
        sheet.name: ", ".join(f"[{text}]({href})" for text, href in sheet.files.items())
        for sheet in section.sheets
    }
    listed = ", ".join(f"{name} ({files})" for name, files in links.items())
    parts = [f"### {heading}", shown, _table(section.cards), f"Tables: {listed}" if listed else ""]
    return [part for part in parts if part]


def _thumbnail(picture: Picture) -> str:
    """A small picture that links to the large one."""
    source = picture.files.get("PNG", picture.image)
    alt = html.escape(picture.alt, quote=True)
    return f'<a href="{picture.image}"><img src="{source}" width="{THUMBNAIL}" alt="{alt}"></a>'


def _table(cards: Sequence[Card]) -> str:
    import pandas as pd

    rows = [
        {
            "id": card.id,
            "claim": html.escape(card.statement, quote=False),
            "kind": card.kind,
            "measured": html.escape(card.statistic, quote=False),
            "ours": card.estimate,
            "interval": card.interval,
            "n": card.n,
            "verdict": f"**{card.verdict}**"
            + f" ({card.corrected} after Holm's correction)" * bool(card.corrected)
            + f"; the untrained base {card.base}" * bool(card.base),
        }
        for card in cards
    ]
    return tables.markdown(pd.DataFrame(rows), markup=True) if rows else ""
