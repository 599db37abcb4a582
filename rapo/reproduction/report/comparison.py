"""A run's claims beside the kept ones."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapo.claims import compare as claims
from rapo.reproduction.report.cards import Card, card


@dataclass(frozen=True)
class Change:
    """A claim that came out otherwise than in the kept results."""

    kept: Card
    here: Card
    reason: str


@dataclass(frozen=True)
class Comparison:
    """This page's claims beside the kept ones."""

    n_kept: int
    scales: tuple[str, ...]
    changes: tuple[Change, ...]
    only_kept: tuple[str, ...]
    only_here: tuple[str, ...]


def compare(records: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> Comparison:
    """Which claims differ from the kept ones, beyond their intervals (`rapo.claims.compare`) or in the verdict."""
    here, before = ({str(record["id"]): record for record in side} for side in (records, old))
    both = [name for name in here if name in before]
    usable = [name for name in both if _measured(here[name]) and _measured(before[name])]
    beyond = {
        found["id"] for found in claims.compare(*([side[name] for name in usable] for side in (here, before)))
    }
    changes = []
    for name in both:
        pair = card(before[name]), card(here[name])
        if name in beyond:
            changes.append(Change(*pair, "the estimates differ beyond their intervals"))
        elif pair[0].verdict != pair[1].verdict:
            changes.append(Change(*pair, "the verdict differs; the estimates agree within their intervals"))
    return Comparison(
        n_kept=len(before),
        scales=tuple(sorted({str(record.get("scale") or "unknown") for record in before.values()})),
        changes=tuple(changes),
        only_kept=tuple(name for name in before if name not in here),
        only_here=tuple(name for name in here if name not in before) if before else (),
    )


def _measured(record: Mapping[str, Any]) -> bool:
    values = [record.get(key) for key in ("estimate", "low", "high")]
    return all(isinstance(value, (int, float)) and math.isfinite(value) for value in values)
