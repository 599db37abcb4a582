"""The runs that lie on disk, and what has changed since: code, libraries, the runs that they need."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapo.runs import keys


@dataclass(frozen=True)
class Finished:
    """A finished run on disk."""

    key: str
    label: str
    function: str
    finished: float  # seconds since the epoch
    seconds: float  # that it took
    size: int  # of its files, in bytes


@dataclass(frozen=True)
class Changes:
    """What a run on disk was made by and is no more, each as a person names it."""

    key: str  # of the run on disk
    now: str | None  # the key that the same config has today; None where its function is gone
    code: list[str]  # "changed: ...", "new: ...", "gone: ...", "moved: ... -> ..."
    libraries: list[str]  # "torch 2.12.0 -> 2.13.0"
    needs: dict[str, "Changes"]  # name of a need -> what has changed since it was made
    there: bool = True  # False for a need whose folder was removed: what changed since is not known


def finished(root: Path) -> list[Finished]:
    """The finished runs in a folder, the latest last; what cannot be read is left out."""
    found = []
    for file in root.glob("*/result.json"):
        try:
            record, settings = _read(file), _read(file.with_name("config.json"))
            size = sum(one.stat().st_size for one in file.parent.rglob("*") if one.is_file())
            label, function, ended = settings.get("label"), str(record["function"]), file.stat().st_mtime
            one = Finished(str(record["key"]), str(label or ""), function, ended, float(record["seconds"]), size)
            found.append(one)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return sorted((one for one in found if (root / one.key).is_dir()), key=lambda one: one.finished)


def find(prefix: str, root: Path) -> str:
    """The key of the run on disk that begins so; ValueError where none does, or several do."""
    there = sorted(file.parent.name for file in root.glob("[!.]*/result.json"))
    found = [key for key in there if key.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ValueError(
            f"no run in {root} begins with {prefix!r}; `rapo runs` lists the {len(there)} that there are"
        )
    shown = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
    raise ValueError(f"{len(found)} runs begin with {prefix!r}: {shown}; give more of the key")


def since(key: str, root: Path) -> Changes:
    """What has changed since a run on disk was made; its config.json is taken as it lies there."""
    try:
        record = _read(root / key / "config.json")
        function, before, needed = record["function"], record.get("code", {}), dict(record["needs"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"run {key} in {root} cannot be read ({error}); remove its folder") from error
    needs = {name: _since(need, root) for name, need in needed.items()}
    libraries = _versions(record.get("libraries", {}))
    changed = {name: need for name, need in needs.items() if need.now != need.key}
    try:
        source, after = keys.source_hash(function), keys.code_map(function)
    except ValueError as error:
        return Changes(key, None, [f"gone: {function} ({error})"], libraries, changed)
    today = {name: need.now for name, need in needs.items() if need.now is not None}
    now = keys.key(source, record["config"], today) if len(today) == len(needs) else None
    code = [] if source == record.get("source") else _code(before, after)
    return Changes(key, now, code, libraries, changed)


def _since(need: str, root: Path) -> Changes:
    """`since` of a need: a finished run is reused without it, so it may be gone."""
    there = (root / need).exists()
    return since(need, root) if there else Changes(need, None, [], [], {}, there=False)


def _code(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Definitions that are other than they were; each map as `keys.code_map` gives it."""
    if not before:
        return ["changed, but this run did not note the code that it was made by"]
    text_before, text_after = (
        {name: both.partition(" ")[0] for name, both in side.items()} for side in (before, after)
    )
    gone, new = [name for name in before if name not in after], [name for name in after if name not in before]
    moved = {}
    for name in gone:
        here = next((other for other in new if text_after[other] == text_before[name]), None)
        if here is not None:
            moved[name] = here
            new.remove(here)
    both = [name for name in after if name in before]
    edited = [name for name in both if text_after[name] != text_before[name]]
    lines = [
        *(f"changed: {_shown(name)}" for name in edited),
        *(f"new: {_shown(name)}" for name in new),
        *(f"gone: {_shown(name)}" for name in gone if name not in moved),
        *(f"moved: {_shown(old)} -> {_shown(name)}" for old, name in moved.items()),
    ]
    named = [f"names other code: {_shown(name)}" for name in both if after[name] != before[name]]
    return lines or named or ["a data file of the package changed"]


def _shown(name: str) -> str:
    """``rapo.x.!0``, a statement, as a person says it."""
    module, _, number = name.partition(".!")
    return f"what importing {module} does" if number else name


def _versions(before: Mapping[str, str]) -> list[str]:
    after = keys.libraries()
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return [f"{name} {before.get(name, 'none')} -> {after.get(name, 'none')}" for name in changed]


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))
