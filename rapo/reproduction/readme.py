"""README of the checkout: its blocks filled from what is kept, and its small picture drawn from the same claims.

A block stands between ``<!-- name -->`` and ``<!-- /name -->``; `BLOCKS` has the names.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.claims.claim import MARGINS
from rapo.claims.compare import told
from rapo.plots.style import COLOURS
from rapo.reproduction import notebook
from rapo.reproduction.outcome import WORDS
from rapo.reproduction.report.cards import VERDICTS, Card, all_cards, card, number
from rapo.reproduction.report.findings import findings, signed
from rapo.runs import progress, store

PICTURE = "docs/findings.svg"
# Of the picture: a claim, what is ahead where it is positive, what where it is negative, and both in words.
ROWS = (
    ("RA-F2/gold", "RA", "UF", "relabelled (asked for a 10) against plain DPO"),
    ("RA-F2/UF-asked-longer-gold", "RA", "UF", "... plain DPO, asked for a 10, as many steps"),
    ("RA-F2/base-asked-gold", "RA", "base", "... the untrained base, asked for a 10"),
    ("AP-F1b/M-plus", "MAP", "M+", "alignment potential against explicit margins"),
)


@dataclass(frozen=True)
class Kept:
    """What blocks and picture are made of: kept claims of today's plans, and seconds of each notebook."""

    records: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    replication: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cards(self) -> list[Card]:
        """The claims, ready to be shown."""
        return all_cards(self.records, self.replication.get("claims", ()))


def kept() -> Kept:
    """What is kept in this checkout."""
    earlier = store.outdated()
    records = [record for record in store.kept_claims() if record.get("notebook") not in earlier]
    return Kept(records, progress.kept_durations("notebooks"), store.kept_replication())


def put() -> list[Path]:
    """Fill README.md and draw its picture where they say something else than what is kept; the files written."""
    file, now = paths.root() / "README.md", kept()
    if not file.is_file():
        return []
    text = file.read_text(encoding="utf-8")
    wanted = {file: filled(text, now)}
    if PICTURE in text:
        wanted[paths.root() / PICTURE] = picture(now.records)
    changed = [path for path, new in wanted.items() if not path.is_file() or path.read_text("utf-8") != new]
    for path in changed:
        paths.write_text(path, wanted[path])
    return changed


def filled(text: str, what: Kept) -> str:
    """A README's text with its blocks made anew; what has no block stays as it is."""
    for name, make in BLOCKS.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if begin in text:
            block = (begin + make(what) + end).replace("\\", r"\\")  # a template of re's
            text = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", block, text, flags=re.DOTALL)
    return text


def _result(what: Kept) -> str:
    """The first finding, in a line of its own."""
    found = findings(what.cards)[:1]
    return "\n" + "".join(f"**{one.question}** {one.answer}\n" for one in found)


def _findings(what: Kept) -> str:
    """The others, as a list."""
    return "\n" + "".join(f"* **{one.question}** {one.answer}\n" for one in findings(what.cards)[1:])


def _counts(what: Kept) -> str:
    """How many claims have which verdict."""
    counted = Counter(one.verdict for one in what.cards)
    return ", ".join(f"{counted[verdict]} {WORDS[verdict]}" for verdict in VERDICTS if counted[verdict])


def _replication(what: Kept) -> str:
    """How much of it came out otherwise when it was measured anew."""
    return f" {told(what.replication)}" if what.replication else ""


def _time(what: Kept) -> str:
    return progress.minutes(sum(what.seconds.values()))


def _closing(what: Kept) -> str:
    """What `make reproduce` prints at its end where it finds what is kept."""
    lines = [
        f"Notebooks: {len(what.seconds)} done; {_time(what)}, ...",
        f"Claims: {_counts(what)}",
        f"Kept results: none of {len(what.records)} claims differ beyond their intervals",
        "Report: build/small/figures/report.html  (rapo report --open shows it)",
    ]
    return "\n```text\n" + "\n".join(lines) + "\n```\n"


def _notebooks(what: Kept) -> str:
    """The notebooks in reading order, each with its question and how long it took."""
    rows = ["| notebook | what it answers | minutes |", "| --- | --- | --- |"]
    for one in sorted(notebook.find(), key=lambda one: one.place):
        seconds = what.seconds.get(one.name)
        took = "" if seconds is None else "< 1" if seconds < 60 else f"{seconds / 60:.0f}"
        rows.append(f"| [{one.name}](notebooks/{one.name}.ipynb) | {one.question} | {took} |")
    return "\n" + "\n".join(rows) + "\n"


BLOCKS: dict[str, Callable[[Kept], str]] = {
    "result": _result,
    "findings": _findings,
    "counts": _counts,
    "replication": _replication,
    "time": _time,
    "closing": _closing,
    "notebooks": _notebooks,
}

_LEFT, _RIGHT, _TOP, _ROW, _WIDTH = 350, 620, 58, 30, 820  # pixels: of the axis, and of the whole
_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">
<style>
text {{ font: 13px system-ui, sans-serif; fill: #1f2328; }}
.small {{ font-size: 11px; fill: #59636e; }}
.axis {{ stroke: #59636e; }}
.band {{ fill: #8b949e; opacity: 0.22; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
.small {{ fill: #9198a1; }}
.axis {{ stroke: #9198a1; }}
}}
</style>
"""


def picture(records: Sequence[Mapping[str, Any]]) -> str:
    """The differences of `ROWS` in true reward with their intervals, as SVG that follows a light or dark page."""
    by_id = {record["id"]: record for record in records}
    rows = [(by_id[name], ahead, behind, words) for name, ahead, behind, words in ROWS if name in by_id]
    margin = MARGINS["gold"]
    reach = 1.05 * max([margin, *(abs(record[end]) for record, *_ in rows for end in ("low", "high"))])

    def x(value: float) -> float:
        return round((_LEFT + _RIGHT) / 2 + value / reach * (_RIGHT - _LEFT) / 2, 1)

    bottom = _TOP + _ROW * len(rows)
    small = sum(-margin < record["low"] and record["high"] < margin for record, *_ in rows)
    title = f"True reward: {small} of {len(rows)} differences are too small to matter"
    width, height = round(x(margin) - x(-margin), 1), bottom - _TOP + 8
    band = f'<rect class="band" x="{x(-margin)}" y="{_TOP - 8}" width="{width}" height="{height}"/>'
    parts = [
        _HEAD.format(width=_WIDTH, height=bottom + 28, title=title),
        f'<text x="8" y="20" font-weight="600">{title}</text>\n',
        f'<text class="small" x="8" y="38">of 10, with 95 % intervals; grey: less than {margin:g}, too small to matter'
        f"</text>\n{band}\n",
        f'<path class="axis" d="M{x(0)} {_TOP - 8}V{bottom}"/>\n',
        *(_row(x, _TOP + _ROW * at + 12, *row) for at, row in enumerate(rows)),
        *(_tick(x, value, bottom + 16) for value in (-margin, 0.0, margin)),
    ]
    return "".join(parts) + "</svg>\n"


def _row(
    x: Callable[[float], float], y: float, record: Mapping[str, Any], ahead: str, behind: str, words: str
) -> str:
    """A difference: its words, its interval in the colour of who is ahead, and its numbers."""
    shown = card(record)
    colour = COLOURS[ahead if record["estimate"] > 0 else behind]
    return (
        f'<text x="8" y="{y + 4}">{words}</text>\n'
        f'<path stroke="{colour}" stroke-width="2.5" d="M{x(record["low"])} {y}H{x(record["high"])}"/>'
        f'<circle fill="{colour}" cx="{x(record["estimate"])}" cy="{y}" r="4.5"/>\n'
        f'<text x="{_RIGHT + 14}" y="{y + 4}">{signed(shown).removesuffix(" of 10")} {shown.interval}</text>\n'
    )


def _tick(x: Callable[[float], float], value: float, y: float) -> str:
    return f'<text class="small" text-anchor="middle" x="{x(value)}" y="{y}">{number(value)}</text>\n'
