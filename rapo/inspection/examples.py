"""The rows that show what was found: looked up when the audit is done, so that no text was kept."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rapo.inspection.batch import Batch
from rapo.inspection.finding import Example, Finding
from rapo.pairs import messages
from rapo.pairs.schema import TEXTS

TEXT = 120  # characters of a row that an example shows


def shown(findings: Iterable[Finding], batches: Iterator[Batch]) -> list[Finding]:
    """The findings with examples that say which row, which pair, and show its text; read only as far as needed."""
    findings = list(findings)
    wanted = {example.position for found in findings for example in found.examples}
    wanted |= {example.other for found in findings for example in found.examples} - {-1}
    rows: dict[int, dict[str, str]] = {}
    for batch in batches:
        if len(rows) == len(wanted):
            break
        for position in wanted & set(range(batch.start, batch.start + len(batch))):
            rows[position] = _shown(batch, position - batch.start)
    return [replace(found, examples=tuple(_filled(one, rows) for one in found.examples)) for found in findings]


def _shown(batch: Batch, at: int) -> dict[str, str]:
    row = batch.table.slice(at, 1)
    texts = {column: messages.texts(row[column])[0].as_py() or "" for column in TEXTS}
    short = {column: _visible(" ".join(text[: 2 * TEXT].split())) for column, text in texts.items()}
    cut = {column: text if len(text) <= TEXT else text[: TEXT - 1] + "…" for column, text in short.items()}
    number = str(at + batch.start + 1 if batch.rows is None else batch.rows[at])
    return {**cut, "row": number, "pair_id": str(row["pair_id"][0].as_py())}


def _visible(text: str) -> str:
    r"""A text whose control characters, which could steer a terminal, are written out.

    >>> _visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _filled(example: Example, rows: dict[int, dict[str, str]]) -> Example:
    mine = rows[example.position]
    other = rows.get(example.other)
    note = f"{example.note} row {other['row']}" if other else example.note
    return replace(example, note=note, row=mine["row"], pair_id=mine["pair_id"], text=mine[example.column])
