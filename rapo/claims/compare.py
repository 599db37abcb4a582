"""Two measurements of the same claims: where they differ beyond their intervals, and which verdicts moved."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rapo.claims import claim

COUNTED = ("beyond", "turned", "moved")
_DECIDED = {"holds", "does not hold"}


def compare(new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where two measurements of the same claims differ beyond their intervals.

    Two estimates differ when the interval of their difference leaves out zero. It is built from the two intervals
    by adding squared half-widths on the sides that face each other (Zou and Donner's MOVER), so that two 95 %
    intervals give about a 95 % one; exact results may differ by rounding (1e-9 relative). Claims that only
    one side has are not compared.

    Returns:
        One record a differing claim: id, new, kept, difference, low, high, unit and both verdicts.

    >>> old = {"id": "RA-F2", "estimate": 1.0, "low": -2.0, "high": 4.0}
    >>> near = {"id": "RA-F2", "estimate": 4.0, "low": 2.0, "high": 6.0}
    >>> compare([near], [old])  # 3 - sqrt(2^2 + 3^2) = -0.61: zero lies inside
    []
    >>> far = {"id": "RA-F2", "estimate": 5.0, "low": 3.0, "high": 7.0}
    >>> [round(found["low"], 2) for found in compare([far], [old])]  # 4 - sqrt(2^2 + 3^2)
    [0.39]
    """
    before = {record["id"]: record for record in old}
    pairs = [(record, before[record["id"]]) for record in new if record["id"] in before]
    return [found for one, other in pairs if (found := _difference(one, other))]


def _difference(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any] | None:
    """The difference of two estimates with its interval, or None when zero lies inside."""
    difference = new["estimate"] - old["estimate"]
    rounding = 1e-9 * max(1.0, abs(new["estimate"]), abs(old["estimate"]))
    low = difference - math.hypot(new["estimate"] - new["low"], old["high"] - old["estimate"]) - rounding
    high = difference + math.hypot(new["high"] - new["estimate"], old["estimate"] - old["low"]) + rounding
    if low <= 0 <= high:
        return None
    return {
        "id": new["id"],
        "new": new["estimate"],
        "kept": old["estimate"],
        "difference": difference,
        "low": low,
        "high": high,
        "unit": new.get("unit", ""),
        "verdict": new.get("verdict", ""),
        "kept_verdict": old.get("verdict", ""),
    }


def replication(new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How far a measurement anew, with other seeds throughout, gives the results of the first.

    Verdicts are computed from the intervals of both sides, under the rule (threshold, direction, margin) of the new
    record. Of two measurements that differ by chance alone, about 5 % lie ``beyond``.

    Args:
        new: claims of the second measurement, as `claim.save` writes them.
        old: of the first.

    Returns:
        ``notebooks``: by name, how many claims both have (``compared``), how many of these differ beyond the interval
        of their difference (``beyond``, see `compare`), turned from holds to does not hold or back (``turned``), and
        moved at all (``moved``); ``total``: the same of all; ``claims``: a record each of those that both have, with
        both measurements (``old_estimate``, ...); ``only_new``, ``only_old``: ids that one side has.
    """
    before = {record["id"]: record for record in old}
    far = {found["id"] for found in compare(new, old)}
    rows = [_row(one, before[one["id"]], far) for one in new if one["id"] in before]
    there = {record["id"] for record in new}
    return {
        **_counted(rows),
        "only_new": [record["id"] for record in new if record["id"] not in before],
        "only_old": [name for name in before if name not in there],
    }


def standing(found: Mapping[str, Any], claims: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What is left of a `replication` where some claims have been measured again, or are gone, since.

    Args:
        found: of `replication`.
        claims: as they are now, as `claim.save` writes them.

    Returns:
        The same with the rows that were held against these claims' numbers, counted anew; ``since``: the others, those
        of earlier times among them, with their counts. None where no row is left.
    """
    now = {record["id"]: record for record in claims}
    rows = [row for row in found.get("claims", ()) if is_against(row, now.get(row["id"], {}))]
    gone = [row for row in found.get("claims", ()) if row not in rows]
    if not rows or not gone:
        return dict(found) if rows else None
    return {**found, **_counted(rows), **_since([*found.get("since", {}).get("claims", ()), *gone])}


def joined(new: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """A `replication` of some notebooks in the place of an earlier one of these; that of the others stays.

    Args:
        new: of `replication`; how it was made is told of the whole.
        kept: of `standing`, or nothing.
    """
    if new.get("scale") != kept.get("scale"):
        return dict(new)
    rows = [*new["claims"], *(row for row in kept["claims"] if row["notebook"] not in new["notebooks"])]
    ids = {row["id"] for row in rows}
    gone = [row for row in kept.get("since", {}).get("claims", ()) if row["id"] not in ids]
    alone = {kind: [name for name in {**dict.fromkeys(new[kind]), **dict.fromkeys(kept[kind])} if name not in ids]
             for kind in ("only_new", "only_old")}  # fmt: skip
    whole = {name: held for name, held in new.items() if name != "since"}
    return {**whole, **_counted(rows), **alone, **_since(gone)}


def _since(gone: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows that were held against earlier numbers, with their counts; nothing of none."""
    return {"since": {**_counts(gone), "claims": gone}} if gone else {}


def _counted(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows, and how many of them differ, in each notebook and in all."""
    names = sorted({row["notebook"] for row in rows})
    return {
        "total": _counts(rows),
        "notebooks": {name: _counts([row for row in rows if row["notebook"] == name]) for name in names},
        "claims": rows,
    }


def otherwise(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of what `replication` gives, the claims that came out otherwise: beyond, turned or moved."""
    return [row for row in found["claims"] if any(row[kind] for kind in COUNTED)]


def told(found: Mapping[str, Any]) -> str:
    """The ``total`` of a `replication` in a sentence, and in another what has been measured again since.

    >>> total = {"compared": 200, "beyond": 9, "turned": 0, "moved": 31}
    >>> told({"total": total})[-58:]
    'none of the verdicts turned into its opposite, 31 changed.'
    >>> told({"total": total, "since": {"compared": 20, "beyond": 5}})[-46:]
    ' Of 20 more, measured again since, 5 differed.'
    """
    total, since = found["total"], found.get("since")
    again = f" Of {since['compared']} more, measured again since, {since['beyond']} differed." if since else ""
    share = total["beyond"] / max(1, total["compared"])
    return (
        f"Measured anew with other seeds, bases included: {total['beyond']} of {total['compared']} claims "
        f"({100 * share:.0f} %; about 5 % by chance) differ beyond their intervals, {total['turned'] or 'none'} of the "
        f"verdicts turned into its opposite, {total['moved']} changed.{again}"
    )


def is_against(row: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether a row of a replication's ``claims`` was held against what this claim's record says it measured."""
    return all(row[f"old_{number}"] == record.get(number) for number in ("estimate", "low", "high"))


def _row(new: Mapping[str, Any], old: Mapping[str, Any], far: set[str]) -> dict[str, Any]:
    """Both measurements of a claim, side by side."""
    verdicts = [claim.by_rule(one["low"], one["high"], new) for one in (old, new)]
    values = {
        f"{side}_{value}": record[value]
        for side, record in (("old", old), ("new", new))
        for value in ("estimate", "low", "high")
    }
    return {
        "id": new["id"],
        "notebook": str(new.get("notebook", "")),
        "unit": str(new.get("unit", "")),
        **values,
        "old_verdict": verdicts[0],
        "new_verdict": verdicts[1],
        "beyond": new["id"] in far,
        "turned": set(verdicts) == _DECIDED,
        "moved": verdicts[0] != verdicts[1],
    }


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {"compared": len(rows), **{kind: sum(row[kind] for row in rows) for kind in COUNTED}}
