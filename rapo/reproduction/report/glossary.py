"""The words of the project: read from docs/glossary.md for the page, and put in place of its names and signs."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rapo import paths

if TYPE_CHECKING:
    from markupsafe import Markup

_ENTRY = re.compile(r"^- \*\*(?P<word>[^*]+)\*\*: (?P<meaning>.+?)(?=^- |^#|\Z)", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"[`*]")

# What stands in claims -> what people read; in this order.
_PLAIN = {
    r"\+?\bDPO\(UF\)": "plain DPO",
    r"\+?\bDPO\(RA\)": "DPO on relabelled pairs",
    r"\bUF\b": "plain DPO",
    r"\bequal steps\b": "same number of steps",
    r" \(g=10\)": ", asked for a 10",
    r"\bg=(?=\d)": "asked for a ",
    r"\basked for (?=10\b)": "asked for a ",
    r"\b(true \(gold\) reward|[Gg]old( reward)?)\b": "true reward",
    r"\bM_?AP\b": "alignment potential",
    r"\bM_?\+": "the explicit margin",
    r"\bsmall Mpi\b": "the small implicit margin",
}
# Words that are explained where they stand -> the entry of the glossary that explains them.
TERMS = {
    "true reward": "gold, true reward",
    "plain DPO": "UF, plain DPO",
    "asked for a 10": "asked for a 10",
    "asked alike": "asked for a 10",
    "same number of steps": "same number of steps",
    "untrained base": "base",
    "length-controlled win rate": "length-controlled (LC) win rate",
    "alignment potential": "alignment potential",
    "explicit margin": "explicit margin",
    "implicit margin": "implicit margin",
    "on-policy": "on-policy",
    "off-policy": "on-policy",
    "relabelled": "relabel",
    "IRA": "IRA",
    "RA": "RA",
}
_TERM = re.compile(
    r"\b(" + "|".join(rf"(?i:{word[0]}){word[1:]}" for word in sorted(TERMS, key=len, reverse=True)) + r")\b"
)


def words() -> list[tuple[str, str]]:
    """Word and meaning as plain text, in the glossary's order; nothing where there is no checkout."""
    file = paths.root() / "docs" / "glossary.md"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return [(one["word"], _MARKS.sub("", " ".join(one["meaning"].split()))) for one in _ENTRY.finditer(text)]


def plain(text: str) -> str:
    """A text with plain names instead of the project's short ones.

    >>> plain("Gold: UF, equal steps, g=10 less RA (g=10)")
    'True reward: plain DPO, same number of steps, asked for a 10 less RA, asked for a 10'
    """
    first = text[:1]
    for sign, name in _PLAIN.items():
        text = re.sub(sign, name, text)
    return text[:1].upper() + text[1:] if first.isupper() else text


def explained(places: Mapping[str, int]) -> "Callable[[str], Markup]":
    """A filter: a text in plain names as HTML, its terms marked with the place of their entry in the glossary."""
    from markupsafe import Markup, escape

    known = {term: places[entry] for term, entry in TERMS.items() if entry in places}
    known |= {term[0].upper() + term[1:]: place for term, place in known.items()}

    def mark(found: "re.Match[str]") -> str:
        place = known.get(found[0])
        return (
            found[0] if place is None else f'<span class="term" tabindex="0" data-word="{place}">{found[0]}</span>'
        )

    return lambda text: Markup(_TERM.sub(mark, str(escape(plain(text)))))
