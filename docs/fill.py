"""Fill the blocks of docs/*.md that tell kept claims: `python docs/fill.py`; a test asks for it where they differ.

<!-- claims: RA-A3/* AP-F1b/M-plus -->
(a table, written here)
<!-- /claims -->
"""

import re
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from rapo import paths
from rapo.reproduction.report.cards import Card, card
from rapo.runs import store

BLOCK = re.compile(r"(<!-- claims: (?P<ids>[^>]+) -->\n).*?(<!-- /claims -->)", re.DOTALL)
UNKNOWN = "Nothing of this is among the kept results: it is being measured anew, or waits for it."


def cards() -> list[Card]:
    """The kept claims of today's plans."""
    earlier, anew = store.outdated(), store.kept_replication().get("claims", ())
    return [card(one, anew=anew) for one in store.kept_claims() if one["notebook"] not in earlier]


def table(patterns: Sequence[str], known: Sequence[Card]) -> str:
    """The claims whose ids match, in the order of the patterns: what is claimed, what came out, the verdict.

    Where other seeds gave another verdict, what came out with them stands beside it.
    """
    rows = dict.fromkeys(one for pattern in patterns for one in known if fnmatchcase(one.id, pattern))
    if not rows:
        return f"{UNKNOWN}\n"
    again = {one.id: f"; anew {one.anew}" for one in rows if one.moved}
    lines = [
        f"| {one.id} | {one.statement} | {one.estimate} {one.interval} | **{one.verdict}**{again.get(one.id, '')} |"
        for one in rows
    ]
    return "\n".join(["| id | claim | measured | verdict |", "| --- | --- | --- | --- |", *lines]) + "\n"


def filled(text: str, known: Sequence[Card]) -> str:
    """A page with its blocks made anew."""
    return BLOCK.sub(lambda found: found[1] + table(found["ids"].split(), known) + found[3], text)


def pages(folder: Path) -> Mapping[Path, str]:
    """The pages of a folder that say something else than the kept claims, and what they should say."""
    known = cards()
    texts = {page: page.read_text(encoding="utf-8") for page in sorted(folder.glob("*.md"))}
    return {page: new for page, text in texts.items() if (new := filled(text, known)) != text}


if __name__ == "__main__":
    for page, text in pages(Path(__file__).parent).items():
        paths.write_text(page, text)
        sys.stdout.write(f"{page.name}: filled\n")
