"""Claims made ready to be shown: texts formatted, verdicts computed, intervals drawn, kept ones compared."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rapo.claims import claim
from rapo.claims import compare as claims

NO_VERDICT = "no verdict"
VERDICTS = (*claim.VERDICTS, NO_VERDICT)
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Strip:
    """An interval drawn against its threshold: positions along the strip, 0-100."""

    low: float
    estimate: float
    high: float
    thresholds: tuple[tuple[float, str], ...]
    holds_from: float
    holds_to: float


@dataclass(frozen=True)
class Card:
    """A claim as shown: texts formatted, verdict computed from the interval."""

    id: str
    anchor: str
    statement: str
    kind: str
    statistic: str
    estimate: str
    interval: str
    level: str
    rule: str
    n: str
    paper: str
    notebook: str
    note: str
    verdict: str
    slight: str  # that a sure difference is smaller than its margin; "" where it is not, or has none
    corrected: str  # the verdict after Holm's correction, where it is another
    problem: str
    strip: Strip | None
    figures: tuple[str, ...]
    tables: tuple[str, ...]
    premises: tuple[tuple[str, str], ...]
    base: str  # what the untrained base, asked alike, does
    anew: str  # what was measured with other seeds, and its verdict; "" where it was not
    moved: bool  # whether that verdict is another

    @property
    def whose(self) -> str:
        """Whose claim it is, one of `claim.KINDS`, exact or not."""
        kind = self.kind.partition(",")[0]
        return kind if kind in claim.KINDS else "ours"

    @property
    def footing(self) -> str:
        """How its worst premise is met, one of `claim.MET`; "" where none is stated."""
        return max((met for _, met in self.premises), key=claim.MET.index, default="")


def corrected(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Verdicts after Holm's correction (`rapo.claims.claim.holm`) by id; what is no whole claim is left out."""
    whole = []
    for record in records:
        if _measured(record) and judge(record)[0] != NO_VERDICT:
            with suppress(TypeError, ValueError):
                whole.append(claim.of_record(record))
    return claim.holm(whole)


def all_cards(records: Sequence[Mapping[str, Any]], anew: Iterable[Mapping[str, Any]] = ()) -> list[Card]:
    """The `card` of every record, with the verdict that Holm's correction over all of them leaves it."""
    holm, rows = corrected(records), list(anew)
    return [card(record, holm, rows) for record in records]


def card(
    record: Mapping[str, Any],
    holm: Mapping[str, str] | None = None,
    anew: Iterable[Mapping[str, Any]] = (),
) -> Card:
    """A claim's record, as `claims.save` wrote it, made ready to be shown.

    Args:
        record: of the claim.
        holm: of `corrected`.
        anew: rows of a replication (`rapo.claims.compare.replication`); one that was held against other numbers than
            the record's is not shown.
    """
    estimate, low, high, threshold, level = _numbers(record, "estimate", "low", "high", "threshold", "level")
    direction, unit = str(record.get("direction", "greater")), str(record.get("unit", ""))
    verdict, problem = judge(record)
    decimals = _decimals(high - low)
    again = next((row for row in anew if row["id"] == record["id"] and claims.is_against(row, record)), None)
    texts = ("statement", "statistic", "n", "paper", "notebook", "note")
    return Card(
        id=str(record["id"]),
        anchor=anchor(str(record["id"])),
        kind=claim.kind_of(str(record.get("kind", "")), could_fail=bool(record.get("could_fail", True))),
        **{name: str(record.get(name, "")) for name in texts},
        estimate=f"{number(estimate, decimals)} {unit}".strip(),
        interval=f"[{number(low, decimals)}, {number(high, decimals)}]",
        level=f"{level:.0%}" if math.isfinite(level) else "",
        rule=_rule(threshold, direction, unit),
        verdict=verdict,
        slight=_slight(record, verdict, low - threshold, high - threshold),
        corrected=other if (other := (holm or {}).get(str(record["id"]), verdict)) != verdict else "",
        problem=problem,
        strip=_strip(estimate, low, high, threshold, direction),
        figures=tuple(map(str, record.get("figures") or ())),
        tables=tuple(map(str, record.get("tables") or ())),
        premises=tuple((str(one["premise"]), str(one["met"])) for one in record.get("premises") or ()),
        base=claim.of_the_base(record.get("base_meets_it")),
        anew=_anew(again) if again else "",
        moved=bool(again and again["moved"]),
    )


def _anew(row: Mapping[str, Any]) -> str:
    """The second measurement of a replication's row, in the unit of the first."""
    estimate, low, high = (float(row[f"new_{name}"]) for name in ("estimate", "low", "high"))
    decimals = _decimals(high - low)
    return (
        f"{number(estimate, decimals)} [{number(low, decimals)}, {number(high, decimals)}], {row['new_verdict']}"
    )


def _slight(record: Mapping[str, Any], verdict: str, low: float, high: float) -> str:
    """Words on a decided difference (its interval, less the threshold) that lies wholly within its claim's margin."""
    margin = claim.MARGINS.get(str(record.get("margin", "")), 0.0)
    small = verdict in ("holds", "does not hold") and -margin < low and high < margin
    return f"; less than the {margin:g} that would matter" if small else ""


def compare(records: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which claims differ from the kept ones beyond their intervals (`rapo.claims.compare`).

    Returns:
        ``n_kept``; ``changes``, each the kept card and today's; ``only_kept`` and ``only_here``, ids.
    """
    here, before = ({str(record["id"]): record for record in side} for side in (records, old))
    both = [name for name in here if name in before]
    usable = [name for name in both if _measured(here[name]) and _measured(before[name])]
    beyond = claims.compare(*([side[name] for name in usable] for side in (here, before)))
    return {
        "n_kept": len(before),
        "changes": [(card(before[one["id"]]), card(here[one["id"]])) for one in beyond],
        "only_kept": [name for name in before if name not in here],
        "only_here": [name for name in here if name not in before] if before else [],
    }


def _measured(record: Mapping[str, Any]) -> bool:
    return all(map(math.isfinite, _numbers(record, "estimate", "low", "high")))


def judge(record: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict computed from a record's interval, and what is wrong with the record ("" when nothing is).

    The verdict stored in the record is never used; where it says something else, the problem says so.

    >>> judge({"low": 0.5, "high": 2.0, "verdict": "does not hold"})[0]
    'holds'
    """
    low, high, threshold = _numbers(record, "low", "high", "threshold")
    direction, margin = str(record.get("direction", "greater")), claim.MARGINS.get(record.get("margin", ""), 0.0)
    try:
        verdict = claim.verdict(low, high, threshold=threshold, direction=direction, margin=margin)
    except ValueError as error:
        return NO_VERDICT, f"No verdict can be computed: {error}."
    stored = record.get("verdict", verdict)
    if stored != verdict:
        return verdict, f"The file says “{stored}”; the interval says “{verdict}”."
    return verdict, ""


def anchor(name: str) -> str:
    """A name as an HTML id: what is neither letter, digit, dot nor hyphen becomes its code point.

    >>> anchor("RA-F2/controlled")
    'RA-F2_2f_controlled'
    """
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", name)


def number(value: float, decimals: int | None = None) -> str:
    """A number for people: fixed decimals, or three significant digits; an em dash where there is none.

    >>> number(-1.25, 1), number(0.00012), number(12345.6), number(999.7), number(float("nan"))
    ('−1.2', '0.00012', '12346', '1000', '—')
    """
    if math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if decimals is None:
        text = f"{value:.0f}" if 999.5 <= abs(value) < 1e7 else f"{value:.3g}"
    else:
        text = f"{value:.{decimals}f}"
        text = text.removeprefix("-") if float(text) == 0 else text
    return text.replace("-", _MINUS, 1) if text.startswith("-") else text


def _decimals(width: float) -> int | None:
    """Decimals that show an interval of this width to two digits; None (significant digits) where it has none."""
    if not (math.isfinite(width) and width > 0):
        return None
    decimals = 1 - math.floor(math.log10(width))
    return max(0, decimals) if decimals <= 6 else None


def _numbers(record: Mapping[str, Any], *names: str) -> list[float]:
    """Numbers out of JSON; NaN where there is none, but a threshold is 0."""
    values = [record.get(name, 0.0 if name == "threshold" else None) for name in names]
    return [float(value) if type(value) in (int, float) else math.nan for value in values]


def _rule(threshold: float, direction: str, unit: str) -> str:
    bound = f"{number(threshold)} {unit}".strip()
    if direction == "equal":
        return f"the whole interval lies within ±{bound} of zero"
    return f"the whole interval lies {'below' if direction == 'less' else 'above'} {bound}"


def _strip(estimate: float, low: float, high: float, threshold: float, direction: str) -> Strip | None:
    """Positions on the strip; None where a number is missing or nothing has any width."""
    marks = [-threshold, threshold] if direction == "equal" else [threshold]
    points = [estimate, low, high, *marks]
    first, span = min(points), max(points) - min(points)
    if not (all(map(math.isfinite, points)) and math.isfinite(span) and span > 0):
        return None

    def at(value: float) -> float:
        return round(8 + 84 * ((value - first) / span), 2)

    region = {"equal": (at(-abs(threshold)), at(abs(threshold))), "less": (0.0, at(threshold))}
    start, end = region.get(direction, (at(threshold), 100.0))
    labelled = tuple((at(mark), number(mark)) for mark in marks)
    return Strip(at(low), at(estimate), at(high), labelled, start, end)
