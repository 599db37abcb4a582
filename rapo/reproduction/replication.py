"""Replication: everything measured anew with other seeds, bases included, and held against the first time."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.claims import claim
from rapo.claims.compare import joined, replication, standing
from rapo.config import SHIFT
from rapo.reproduction import marker, notebook
from rapo.reproduction.own import environment
from rapo.runs import processor, store

FILE = "replication.json"
SHIFTS = range(1, 1000)  # seeds of two architectures lie a thousand apart
NOMINAL = 0.05  # of the claims differ beyond their intervals by chance alone


@contextlib.contextmanager
def other_seeds(shift: int) -> Iterator[Path]:
    """Have all that is measured take other seeds, and land in a folder of its own.

    Raises:
        ValueError: the shift is not in `SHIFTS`.
    """
    if shift not in SHIFTS:
        low, high = min(SHIFTS), max(SHIFTS)
        raise ValueError(f"shift is {shift}; use {low} to {high}, as seeds of two architectures lie 1000 apart")
    home = paths.root() / "build" / "replication"
    with environment({"RAPO_BUILD": str(home), SHIFT: str(shift)}):
        yield home


def first_claims(scale: str) -> list[dict[str, Any]]:
    """What a replication is held against: the kept claims at small, else those that lie in the scale's folder.

    Raises:
        ValueError: there are none.
    """
    found = store.kept_claims() if scale == "small" else claim.load(paths.figures(scale) / "claims")
    if not found:
        kept = ", then `rapo keep`" if scale == "small" else ""
        raise ValueError(f"nothing is measured yet; run `rapo reproduce --scale {scale}`{kept}")
    return found


def measured(names: Sequence[str] | None, scale: str, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The claims of the notebooks that have run to their end with the present seeds and these parameters."""
    done = {
        one.name
        for one in notebook.find(names)
        if marker.is_done(one.name, scale, notebook.digest(one, scale=scale, settings=settings))
    }
    return [one for one in claim.load(paths.figures(scale) / "claims") if one["notebook"] in done]


def record(
    new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]], *, scale: str, shift: int
) -> dict[str, Any]:
    """The comparison as it is kept: what `replication` tells, and by what both were measured."""
    here = {"machine": processor.name(), **marker.made_by()}
    return {
        "scale": scale,
        "shift": shift,
        "first": _kept_by() if scale == "small" else here,
        "second": here,
        **replication(new, [one for one in old if one.get("notebook") in {each["notebook"] for each in new}]),
    }


def write(found: Mapping[str, Any], home: Path) -> Path:
    """Write a `record` below the folder of `other_seeds`; `rapo keep` keeps it with the results it was held against."""
    target = home / str(found["scale"]) / FILE
    paths.write_text(target, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return target


def of_these(claims: Sequence[Mapping[str, Any]], *, scale: str) -> dict[str, Any] | None:
    """What stands of the last replication of a scale (`compare.standing`), and at small of the kept one of notebooks
    that the last left out; None where nothing does."""
    found = json.loads(_kept_text() if scale == "small" else "{}")
    with contextlib.suppress(FileNotFoundError):
        last = json.loads((paths.root() / "build" / "replication" / scale / FILE).read_text(encoding="utf-8"))
        found = joined(last, found) if found else last
    return standing(found, claims)


def _kept_text() -> str:
    file = paths.results() / FILE
    return file.read_text(encoding="utf-8") if file.is_file() else "{}"


def _kept_by() -> dict[str, str]:
    """By what the kept claims were measured."""
    about = store.manifest().get("claims.json", {})
    told = {"machine": about.get("machine", "not recorded"), "commit": about.get("commit", "not recorded")}
    return {**told, **about.get("versions", {})}
