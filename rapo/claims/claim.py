"""Claims: a published statement, a test statistic with its interval, and a verdict computed from them."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

from rapo import config, paths

VERDICTS = ("holds", "does not hold", "equal", "undecided")
# Differences this small are none, for each kind of statistic: stated here alone, before anything is measured.
MARGINS = {
    "gold": 0.3,  # of 10
    "win rate": 2.0,  # points
    "agreement": 2.0,  # points
    "skill": 1.0,  # points
    "goal slope": 0.05,  # points a point
}
KINDS = ("paper's claim", "stricter control", "ours")
MET = ("met", "in part", "not met")
_WORDS = r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
_ID = re.compile(rf"{_WORDS}(/{_WORDS})?")


@dataclass(frozen=True)
class Claim:
    """One claim of one paper, measured.

    Attributes:
        id: an id of the reproduction table, with a suffix where a claim has several readings ("RA-F2/win-rate");
            letters, digits and hyphens, as it names a file (`slug` makes one of other words).
        statement: what is claimed, as one plain sentence.
        statistic: what was measured, in words ("win rate of RA less that of UF, points").
        estimate, low, high: the statistic and its interval, in ``unit``.
        threshold: the value that separates "holds" from "does not hold".
        direction: "greater" or "less": on which side of the threshold the claim lies; "equal": the whole
            interval must lie within ``threshold`` of zero.
        margin: of `MARGINS`, for a claim "greater" or "less" about a difference: an interval that contains the
            threshold and lies within the margin of it is "equal"; "" where no margin is stated.
        n: how many independent units the interval rests on, in words ("3 seeds x 300 prompts").
        paper: the published figure or direction, as text.
        kind: "paper's claim": the paper makes it; "stricter control": a harder comparison than the paper's; "ours": a
            question that the paper does not ask.
        could_fail: False for an exact result that could not have come out otherwise.
        premises: what the paper takes for granted, and whether this measurement has it: entries
            ``{"premise": ..., "met": "met" | "in part" | "not met"}``; empty where nobody has looked.
        base_meets_it: whether the untrained base, asked alike, meets the claim as well: then training is not what it
            tells of. None where the question does not arise, or nobody has looked.
        figures: names given to `style.save_figure`, without suffix.
        note: what was tried, what to keep in mind.
    """

    id: str
    statement: str
    statistic: str
    estimate: float
    low: float
    high: float
    unit: str = ""
    threshold: float = 0.0
    direction: str = "greater"
    margin: str = ""
    level: float = 0.95
    n: str = ""
    paper: str = ""
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    notebook: str = ""
    scale: str = ""
    note: str = ""
    kind: str = "ours"
    could_fail: bool = True
    premises: tuple[dict[str, str], ...] = ()
    base_meets_it: bool | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an id that cannot name a file, and kinds, margins and premises in other words than those above.

        Raises:
            ValueError: the id has other characters than letters, digits, hyphens and one slash; the kind or the margin
                is unknown; a premise is met in another way than `MET` has.
        """
        if not _ID.fullmatch(self.id):
            raise ValueError(f"claim id {self.id!r} is no slug; use {slug(self.id)!r}")
        if self.kind not in KINDS:
            raise ValueError(f"claim {self.id}: kind is {self.kind!r}; use one of {KINDS}")
        if self.margin and self.margin not in MARGINS:
            raise ValueError(
                f"claim {self.id}: margin is {self.margin!r}; use one of {', '.join(MARGINS)}, or none"
            )
        for one in self.premises:
            if set(one) != {"premise", "met"} or one["met"] not in MET:
                raise ValueError(f"claim {self.id}: premise {one} must say `premise`, and `met` as one of {MET}")

    @property
    def verdict(self) -> str:
        """Computed from the interval; never stored by hand."""
        margin = MARGINS.get(self.margin, 0.0)
        return verdict(self.low, self.high, threshold=self.threshold, direction=self.direction, margin=margin)


def slug(words: str) -> str:
    """Words as an id: letters and digits, hyphens between them, slashes kept.

    >>> slug("RA-F3/g=10, both"), slug("AP-F1b/M+")
    ('RA-F3/g10-both', 'AP-F1b/M-plus')
    """
    plain = words.replace("+", "-plus").replace("=", "")
    return "/".join("-".join(re.findall(r"[A-Za-z0-9]+", part)) for part in plain.split("/"))


def verdict(
    low: float, high: float, *, threshold: float = 0.0, direction: str = "greater", margin: float = 0.0
) -> str:
    """Compare an interval with a threshold: "holds", "does not hold", "equal" or "undecided".

    A degenerate interval (an exact result) on the threshold itself does not hold for a strict claim. An interval that
    contains the threshold of a claim "greater" or "less" is "equal" where it lies within ``margin`` of it.

    Raises:
        ValueError: the interval is empty, the direction unknown, or the margin of "equal" negative.

    >>> verdict(0.5, 2.0), verdict(-1.0, 2.0), verdict(-3.0, -1.0)
    ('holds', 'undecided', 'does not hold')
    >>> verdict(-0.2, 0.1, threshold=0.5, direction="equal")
    'holds'
    >>> verdict(-0.2, 0.1, margin=0.3), verdict(-0.4, 0.1, margin=0.3)
    ('equal', 'undecided')
    """
    if not low <= high:
        raise ValueError(f"interval [{low}, {high}] is empty or NaN; compute it from at least two units")
    if direction == "equal":
        if threshold < 0:
            raise ValueError(f"threshold is {threshold}; with 'equal' it is the margin around zero, 0 or more")
        if -threshold <= low and high <= threshold:
            return "holds"
        return "does not hold" if low > threshold or high < -threshold else "undecided"
    if direction not in ("greater", "less"):
        raise ValueError(f"direction is {direction!r}; use 'greater', 'less' or 'equal'")
    above, below = low > threshold, high < threshold
    if low == high == threshold:
        return "does not hold"
    if not above and not below:
        near = margin > 0 and threshold - margin <= low and high <= threshold + margin
        return "equal" if near else "undecided"
    return "holds" if above == (direction == "greater") else "does not hold"


def by_rule(low: float, high: float, rule: Mapping[str, Any]) -> str:
    """`verdict` under the rule of a claim's record: threshold, direction and margin, as far as it tells them."""
    return verdict(
        low,
        high,
        threshold=float(rule.get("threshold", 0.0)),
        direction=str(rule.get("direction", "greater")),
        margin=MARGINS.get(str(rule.get("margin", "")), 0.0),
    )


def kind_of(kind: str, *, could_fail: bool) -> str:
    """Whose claim it is, as tables show it; exact results are marked.

    >>> kind_of("paper's claim", could_fail=False)
    "paper's claim, exact"
    """
    return kind if could_fail else f"{kind}, exact".removeprefix(", ")


def of_the_base(base_meets_it: bool | None) -> str:
    """What tables say of the untrained base, asked alike.

    >>> of_the_base(True), of_the_base(False), of_the_base(None)
    ('meets it too', 'does not meet it', '')
    """
    return "" if base_meets_it is None else "meets it too" if base_meets_it else "does not meet it"


def holm(claims: Sequence[Claim]) -> dict[str, str]:
    """Verdicts after Holm's correction (1979, Scand J Stat 6:65) within each family: claims of one id of the papers.
    Claims of one family with the same numbers (the harder of two worlds, the strongest of some rivals) count once.

    A claim that was decided by its own 95 % interval stays so where the family's errors together stay below 5 %;
    else it becomes "undecided". P-values come from the interval, taken as normal; exact results and claims of
    equality keep their verdicts and do not count.

    Returns:
        The verdict of each claim, by its id.
    """
    found = {claim.id: claim.verdict for claim in claims}
    families: dict[str, dict[tuple[float, ...], list[str]]] = {}
    for claim in claims:
        if claim.direction != "equal" and claim.high > claim.low:
            told = (_p_value(claim), claim.estimate, claim.low, claim.high, claim.threshold)
            families.setdefault(claim.id.partition("/")[0], {}).setdefault(told, []).append(claim.id)
    for family in families.values():
        ordered = sorted(family.items())
        kept = [told[0] <= 0.05 / (len(ordered) - place) for place, (told, _) in enumerate(ordered)]
        first = kept.index(False) if False in kept else len(kept)
        for name in [name for _, names in ordered[first:] for name in names]:
            found[name] = "undecided" if found[name] in ("holds", "does not hold") else found[name]
    return found


def of_record(record: Mapping[str, Any]) -> Claim:
    """A claim as `save` wrote it.

    Raises:
        TypeError, ValueError: the record is none, or a value is none that a claim may have.
    """
    known = {one.name for one in fields(Claim)}
    return Claim(**{name: value for name, value in record.items() if name in known})


def _p_value(claim: Claim) -> float:
    """Two-sided, of the claim's threshold; the interval is taken as normal."""
    normal = NormalDist()
    error = (claim.high - claim.low) / (2 * normal.inv_cdf(0.5 + claim.level / 2))
    return 2 * normal.cdf(-abs(claim.estimate - claim.threshold) / error)


def save(claim: Claim, *, scale: str, notebook: str) -> Path:
    """Write a claim with its computed verdict to ``figures/claims/<id>.json``, atomically.

    Raises:
        ValueError: the estimate or its interval is not finite.
    """
    if not all(map(math.isfinite, (claim.estimate, claim.low, claim.high))):
        measured = f"{claim.estimate} [{claim.low}, {claim.high}]"
        raise ValueError(f"claim {claim.id}: {measured} is not finite; leave out the units without a value")
    folder = paths.figures(scale) / "claims"
    claim = replace(claim, scale=scale, notebook=notebook)
    target = folder / f"{claim.id.replace('/', '.')}.json"
    record = {**asdict(claim), "verdict": claim.verdict}
    paths.write_text(target, json.dumps(record, indent=1, ensure_ascii=False, default=config.plain) + "\n")
    return target


def load(folder: Path) -> list[dict[str, Any]]:
    """Read every claim in a folder, sorted by id."""
    records = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    return sorted(records, key=lambda record: record["id"])


def number(value: float, *, digits: int = 3) -> str:
    """A float to ``digits`` significant digits, large ones whole and never as powers of ten.

    >>> number(0.51234), number(999.7), number(123456.7), number(2e-5)
    ('0.512', '1000', '123457', '2e-05')
    """
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text else text


def table(claims: Sequence[Claim]) -> Any:
    """Claims as a table for the end of a notebook: whose claim | paper | ours | interval | verdict | untrained base."""
    import pandas as pd

    rows = [
        {
            "id": claim.id,
            "claim": claim.statement,
            "kind": kind_of(claim.kind, could_fail=claim.could_fail),
            "paper": claim.paper,
            "ours": f"{number(claim.estimate)} {claim.unit}".strip(),
            f"{100 * claim.level:g}% interval": f"[{number(claim.low)}, {number(claim.high)}]",
            "n": claim.n,
            "verdict": claim.verdict,
            "untrained base": of_the_base(claim.base_meets_it),
        }
        for claim in claims
    ]
    found = pd.DataFrame(rows)
    asked = any(claim.base_meets_it is not None for claim in claims)
    return found if asked else found.drop(columns="untrained base", errors="ignore")
