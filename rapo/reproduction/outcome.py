"""What a reproduction found: verdicts counted, and what came out otherwise than in the kept results."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rapo import paths
from rapo.claims import claim, compare
from rapo.reproduction.report.cards import VERDICTS, judge
from rapo.runs import store

WORDS = dict(
    zip(
        VERDICTS, ("hold", "do not hold", "equal within the margin", "undecided", "without a verdict"), strict=True
    )
)


@dataclass(frozen=True)
class Outcome:
    """Of the claims of some notebooks: how many have which verdict, and how they compare with the kept ones."""

    counts: tuple[tuple[str, int], ...]  # words of a verdict, how many; none of no claim
    compared: int  # claims that are kept, too
    beyond: tuple[dict[str, Any], ...]  # of these, records of `rapo.claims.compare`, the farthest first


def outcome(scale: str, notebooks: Collection[str]) -> Outcome:
    """What the claims of these notebooks say; held against the kept ones of today's plans at `small`, which is kept."""
    folder = paths.figures(scale) / "claims"
    records = [record for record in claim.load(folder) if record.get("notebook") in notebooks]
    counted = Counter(judge(record)[0] for record in records)
    earlier = store.outdated()
    kept = [record for record in store.kept_claims() if record.get("notebook") not in earlier]
    kept = kept if scale == "small" else []
    both = {record["id"] for record in records} & {record["id"] for record in kept}
    beyond = sorted(compare.compare(records, kept), key=_distance, reverse=True)
    counts = tuple((WORDS[verdict], counted[verdict]) for verdict in VERDICTS if counted[verdict])
    return Outcome(counts, len(both), tuple(beyond))


def _distance(found: dict[str, Any]) -> float:
    """How far zero lies outside a difference's interval, in half-widths of it."""
    half = (found["high"] - found["low"]) / 2
    return abs(found["difference"]) / half if half else float("inf")
