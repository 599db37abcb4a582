"""Keeping what a complete run left: results, claims and durations in data/results, its figures in figures."""

import json
import os
import statistics
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.config import SHIFT, seed_shift
from rapo.reproduction import estimates, marker, notebook, readme, replication, report
from rapo.reproduction.marker import Marker
from rapo.runs import processor, progress, store
from rapo.runs.checksums import checksum
from rapo.runs.store import MANIFEST, OUTDATED, manifest

SCALE = "small"  # of all that is kept


def keep(names: Sequence[str] = (), *, measure: bool = True) -> list[Path]:
    """Keep the results, claims, durations and figures of the last complete run; what is the same stays untouched.

    Args:
        names: of notebooks, whose part alone is kept anew: what was kept of the others stays. None: all of them.
        measure: False keeps the claims and figures of the last `rapo figures`, which were drawn from kept results.

    Returns:
        The files that were written or removed.

    Raises:
        ValueError: a notebook has no success marker for its present text, settings and code, or there is none of a
            name, or none at all; names them. Or ``$RAPO_BUILD`` points to a run of another kind, such as one
            on data of a person's own.
    """
    if place := os.environ.get("RAPO_BUILD"):
        raise ValueError(f"RAPO_BUILD is {place}: only what lies in build/{SCALE} is kept; unset it")
    if seed_shift():
        raise ValueError(f"{SHIFT} is {seed_shift()}: what is kept was measured with the recipes' seeds; unset it")
    every = notebook.find()
    notebook.check_any(every)
    if unknown := sorted(set(names) - {one.name for one in every}):
        raise ValueError(f"no notebook {', '.join(unknown)}; there are {', '.join(one.name for one in every)}")
    wanted = [one for one in every if one.name in names or not names]
    others = {one.name for one in every if one not in wanted}
    digests = {one.name: notebook.digest(one, scale=SCALE, measure=measure) for one in wanted}
    shown = {one.name for one in wanted if not one.parameters}  # what is kept, by what measures nothing itself
    if left := [
        name
        for name in digests
        if name not in shown and not marker.is_done(name, SCALE, digests[name], measure=measure)
    ]:
        command = f"rapo reproduce --scale {SCALE}" if measure else "rapo figures"
        raise ValueError(
            f"not every notebook has been run at scale {SCALE}: {', '.join(left)}; run `{command}` first"
            + ", or name those that are to be kept" * measure
        )
    found = {name: marker.read(name, SCALE, measure=measure) for name in digests}
    markers = {name: one for name, one in found.items() if one}
    products = sorted({paths.root() / product for one in markers.values() for product in one.products})
    claims = [json.loads(file.read_text(encoding="utf-8")) for file in products if file.parent.name == "claims"]
    claims += [record for record in (store.kept_claims() if others else []) if record["notebook"] in others]
    results = {"claims.json": _json(sorted(claims, key=lambda record: record["id"]))}
    if again := replication.of_these(claims, scale=SCALE):
        results[replication.FILE] = _json(again)
    if measure:
        results |= {file.name: file.read_bytes() for file in products if file.parent.name == "results"}
        results["durations.json"] = _json(durations(markers, others=others))
    figures = {file.name: file.read_bytes() for file in products if file.parent == paths.figures(SCALE)}
    changed = _put(results, paths.results())
    stale = paths.results() / replication.FILE
    if stale.is_file() and stale.name not in results:  # it was held against other results
        stale.unlink()
        changed.append(stale)
    if measure:
        changed += _still_outdated(others)
    changed += _put({MANIFEST: _json(listing())}, paths.results())
    return changed + _put(figures, paths.kept_figures()) + _put_report(figures, whole=not others)


def _still_outdated(others: Set[str]) -> list[Path]:
    """Of the notebooks whose kept results today's code cannot draw, those that were not measured now."""
    file, found = paths.results() / OUTDATED, store.outdated()
    if left := {name: why for name, why in found.items() if name in others}:
        return _put({OUTDATED: _json(left)}, paths.results())
    file.unlink(missing_ok=True)
    return [file] if found else []


def listing() -> dict[str, dict[str, Any]]:
    """The manifest: size, checksum and rows of every kept file that results are read from, and what measured it.

    What has not changed since it was listed keeps its entry. ``durations.json`` holds estimates only and is left out.
    """
    before, now = manifest(), {}
    names = ("[!.]*.parquet", "claims.json", replication.FILE)
    for file in sorted(file for name in names for file in paths.results().glob(name)):
        found, known = checksum(file), before.get(file.name, {})
        same = known.get("sha256") == found["sha256"]
        now[file.name] = known if same else {**found, **_described(file)}
    return now


def _described(file: Path) -> dict[str, Any]:
    made_by = marker.made_by()
    commit = made_by.pop("commit")
    if file.suffix == ".json":
        content = json.loads(file.read_text(encoding="utf-8"))
        rows = len(content if isinstance(content, list) else content["claims"])
        return {"rows": rows, "commit": commit, "machine": processor.name(), "versions": made_by}
    import pyarrow.parquet as pq

    footer = pq.read_metadata(file)
    about = json.loads((footer.metadata or {}).get(b"rapo", b"{}"))
    return {"rows": footer.num_rows, "commit": commit, "versions": about.get("provenance", {})}


def durations(markers: Mapping[str, Marker], *, others: Set[str] = frozenset()) -> dict[str, Any]:
    """How long notebooks and runs took, for the estimates of a machine that has measured nothing yet.

    What was kept of ``others`` stays, and of runs, where there are others.
    """
    before = progress.kept_durations("notebooks")
    beside = {name: one for name in others if (one := marker.read(name, SCALE))}
    seconds = estimates.own_seconds({**beside, **markers})
    notebooks = {name: round(seconds[name], 1) for name in markers}
    notebooks |= {name: before[name] for name in others if name in before}
    kinds = progress.history(paths.runs(), {key for one in markers.values() for key in one.runs})
    runs = {kind: round(statistics.median(took), 1) for kind, took in kinds.items()}
    earlier = progress.kept_durations("runs") if others else {}
    return {"notebooks": dict(sorted(notebooks.items())), "runs": dict(sorted({**earlier, **runs}.items()))}


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _put(contents: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write the files whose content differs from what is there."""
    files = {folder / name: content for name, content in contents.items()}
    differing = [file for file in files if not file.is_file() or file.read_bytes() != files[file]]
    for file in differing:
        with paths.whole(file) as temporary:
            temporary.write_bytes(files[file])
    return differing


def _put_report(figures: Mapping[str, bytes], *, whole: bool) -> list[Path]:
    """The report of what is kept and README's blocks; figures that no notebook draws go, if all were run."""
    folder = paths.kept_figures()
    pages = {name: text.encode() for name, text in report.kept_pages().items()}
    stale = [file for file in folder.glob("*") if file.is_file() and file.name not in {*figures, *pages}]
    stale = stale if whole else []
    for file in stale:
        file.unlink()
    return _put(pages, folder) + stale + readme.put()
