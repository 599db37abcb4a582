"""The words of the project, read from docs/glossary.md for the page."""

import re

from rapo import paths

_ENTRY = re.compile(r"^- \*\*(?P<word>[^*]+)\*\*: (?P<meaning>.+?)(?=^- |^#|\Z)", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"[`*]")


def words() -> list[tuple[str, str]]:
    """Word and meaning as plain text, in the glossary's order; nothing where there is no checkout."""
    file = paths.root() / "docs" / "glossary.md"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return [(one["word"], _MARKS.sub("", " ".join(one["meaning"].split()))) for one in _ENTRY.finditer(text)]
