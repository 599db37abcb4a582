"""Measured results: stored by a scale's run, kept with the project, compared with a later run."""

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo import paths
from rapo.claims import claim
from rapo.runs import provenance

if TYPE_CHECKING:
    import pandas as pd


def store(frame: "pd.DataFrame", name: str, *, scale: str, config: Mapping[str, Any] | None = None) -> Path:
    """Write results to ``build/<scale>/results/<name>.parquet``, whole or not at all, index left out.

    Args:
        frame: one row an estimate or a run, with its settings and seed as columns.
        name: what `kept` will call it.
        scale: smoke, small or full.
        config: settings behind the frame; stored in the file's metadata beside the versions.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    about = {"name": name, "scale": scale, "config": dict(config or {}), "provenance": provenance.versions()}
    metadata = {**(table.schema.metadata or {}), b"rapo": json.dumps(about, ensure_ascii=False).encode()}
    target = paths.build(scale) / "results" / f"{name}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    pq.write_table(table.replace_schema_metadata(metadata), temporary)
    temporary.replace(target)
    return target


def measured(work: Callable[[], "pd.DataFrame"], name: str, *, scale: str, measure: bool) -> "pd.DataFrame":
    """A frame computed now and stored, or, without ``measure``, the one kept with the project.

    Args:
        work: computes the frame; `functools.partial` gives it its arguments, which are stored beside the frame.
        name, scale: as `store` takes them.
        measure: False reads `kept`.
    """
    if not measure:
        return kept(name)
    frame = work()
    store(frame, name, scale=scale, config=getattr(work, "keywords", None))
    return frame


def kept(name: str) -> "pd.DataFrame":
    """Results kept with the project, from ``data/results/<name>.parquet``.

    Raises:
        FileNotFoundError: nothing was kept under this name; says which command measures it.
    """
    import pandas as pd

    file = paths.results() / f"{name}.parquet"
    if not file.is_file():
        source = _measured_in(name)
        raise FileNotFoundError(
            f"no kept results at {file}; measure them with `rapo reproduce{source} --scale small`, "
            "then keep them with `rapo keep`"
        )
    return pd.read_parquet(file)


def _measured_in(name: str) -> str:
    """The notebook that stores ``name``, with a space before it, or nothing."""
    for file in sorted(paths.notebooks().glob("*.ipynb")):
        text = file.read_text(encoding="utf-8")
        if ("store(" in text or "measured(" in text) and f'\\"{name}\\"' in text:
            return f" {file.stem}"
    return ""


def keep(*, scale: str = "small") -> list[Path]:
    """Copy the results, the claims and the durations of a scale's last complete run to ``data/results``.

    Raises:
        ValueError: a notebook has no success marker for its present text, settings and code; names them.
    """
    from rapo.reproduction import notebook

    open_notebooks = notebook.unfinished(scale)
    if open_notebooks:
        raise ValueError(
            f"not every notebook has been run at scale {scale}: {', '.join(open_notebooks)}; "
            f"run `rapo reproduce --scale {scale}` first"
        )
    folder = paths.results()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sorted((paths.build(scale) / "results").glob("*.parquet")):
        temporary = folder / f".{source.name}.{os.getpid()}.tmp"
        shutil.copyfile(source, temporary)
        written.append(temporary.replace(folder / source.name))
    records = claim.load(paths.figures(scale) / "claims")
    for name, content in (("claims.json", records), ("durations.json", notebook.durations(scale))):
        paths.write_text(folder / name, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        written.append(folder / name)
    return written


def kept_claims() -> list[dict[str, Any]]:
    """The claims kept with the project; empty where none were kept."""
    file = paths.results() / "claims.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []


def compare_claims(new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where two measurements of the same claims differ beyond their intervals.

    Two estimates differ when the interval of their difference leaves out zero. It is built from the two intervals
    by adding squared half-widths on the sides that face each other (Zou and Donner's MOVER), so that two 95 %
    intervals give about a 95 % one; exact results may differ by rounding (1e-9 relative). Claims that only
    one side has are not compared.

    Returns:
        One record a differing claim: id, new, kept, difference, low, high, unit and both verdicts.

    >>> old = {"id": "RA-F2", "estimate": 1.0, "low": -2.0, "high": 4.0}
    >>> near = {"id": "RA-F2", "estimate": 4.0, "low": 2.0, "high": 6.0}
    >>> compare_claims([near], [old])  # 3 - sqrt(2^2 + 3^2) = -0.61: zero lies inside
    []
    >>> far = {"id": "RA-F2", "estimate": 5.0, "low": 3.0, "high": 7.0}
    >>> [round(found["low"], 2) for found in compare_claims([far], [old])]  # 4 - sqrt(2^2 + 3^2)
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
