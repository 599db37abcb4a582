"""One self-contained page of an audit: no other file, no network, no script."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from rapo import __version__
from rapo.inspection.finding import GROUPS, LEVELS, Finding, Picture, per_cent, worst_first
from rapo.pairs.faults import sentence

if TYPE_CHECKING:
    from rapo.inspection.report import Report

# Width and height of a drawing, in its own units; the page scales it.
WIDE, HIGH, TOP, FLOOR, LEFT = 640, 240, 24, 190, 8
MARKS = {"ok": "✓", "note": "i", "warning": "!", "serious": "‼"}


@dataclass(frozen=True)
class Bar:
    """One bar of a drawing: where it stands, whose it is, and what a pointer is told."""

    x: float
    y: float
    width: float
    height: float
    series: int
    told: str


def page(report: "Report") -> str:
    """The page's text; the same report gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rapo.inspection"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    tools = (bars, ticks, most, strip, measured, counted, sentence, is_command)
    environment.globals |= {tool.__name__: tool for tool in tools}
    chapters = []
    for group, title in GROUPS.items():
        found = worst_first(one for one in report.findings if one.group == group)
        if found:
            pictures = [picture for picture in report.pictures if picture.group == group]
            chapters.append({"id": group, "title": title, "findings": found, "pictures": pictures})
    return environment.get_template("audit.html").render(
        report=report,
        chapters=chapters,
        levels=list(reversed(LEVELS)),
        marks=MARKS,
        worst=[one for one in worst_first(report.findings) if one.level in ("serious", "warning")],
        version=__version__,
        size=(WIDE, HIGH, FLOOR, TOP),
        name=Path(report.source).name or report.source,
    )


def bars(picture: Picture) -> list[Bar]:
    """Bars of all series, side by side over each label; heights are in proportion to the highest."""
    slot = (WIDE - 2 * LEFT) / max(len(picture.labels), 1)
    wide = 0.84 * slot / len(picture.series)
    made = []
    for number, (name, counts) in enumerate(picture.series.items()):
        for place, (label, count) in enumerate(zip(picture.labels, counts, strict=True)):
            high = (FLOOR - TOP) * count / max(most(picture), 1)
            x = LEFT + place * slot + 0.08 * slot + number * wide
            made.append(Bar(x, FLOOR - high, wide, high, number, f"{label}: {count:,} {name}"))
    return made


def most(picture: Picture) -> int:
    """The count of the highest bar."""
    return max((count for counts in picture.series.values() for count in counts), default=0)


def ticks(picture: Picture) -> list[tuple[float, str]]:
    """Labels under the bars, as many as can be read: (x, label)."""
    slot = (WIDE - 2 * LEFT) / max(len(picture.labels), 1)
    longest = max(map(len, picture.labels), default=1)
    every = max(1, math.ceil((10.5 * longest + 14) / slot))
    return [(LEFT + (i + 0.5) * slot, label) for i, label in enumerate(picture.labels) if i % every == 0]


def strip(found: Finding) -> dict[str, Any] | None:
    """Where an interval lies on its range, 0 to 1 for a share and -1 to 1 for a correlation; None without one."""
    if found.interval is None:
        return None
    low, high = (0.0, 1.0) if found.measure == "share" else (-1.0, 1.0)
    middle = 0.5 if low < 0 or found.group == "lengths" else None

    def at(value: float) -> float:
        return 4 + 192 * (min(max(value, low), high) - low) / (high - low)

    ends = [at(value) for value in (found.interval.low, found.interval.high)]
    return {
        "low": ends[0],
        "width": max(ends[1] - ends[0], 2.0),
        "at": at(found.interval.estimate),
        "zero": None if middle is None else 4 + 192 * middle,
    }


def measured(found: Finding, *, named: bool = True) -> str:
    """Estimate and interval, for people; of what, where that is no share and is asked for.

    >>> from rapo.stats.intervals import Interval
    >>> measured(Finding("ties", "scores", "ok", "", 1, 2, interval=Interval(0.5, 0.1, 0.9, 2)))
    '50.0 % [10.0, 90.0]'
    """
    interval = found.interval
    if interval is None:
        return ""
    if found.measure == "share":
        estimate, low, high = map(per_cent, (interval.estimate, interval.low, interval.high))
        return f"{estimate} % [{low}, {high}]"
    of = f" {found.measure}" if named else ""
    return f"{interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]{of}"


def counted(found: Finding) -> str:
    """How many of how many, for people."""
    return f"{found.count:,} of {found.n:,} {found.unit}" if found.n else ""


def is_command(advice: str) -> bool:
    """Whether advice can be typed as it stands."""
    return advice.startswith(("rapo ", "trl "))
