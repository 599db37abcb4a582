"""Measured results: stored by a scale's run, and kept with the project, each file vouched for by one manifest."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo import paths
from rapo.runs import keys

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
OUTDATED = "outdated.json"
_RESTORE = "restore it (`git checkout -- data/results`)"


def store(frame: "pd.DataFrame", name: str, *, scale: str, config: Mapping[str, Any] | None = None) -> Path:
    """Write results to ``build/<scale>/results/<name>.parquet``, whole or not at all, index left out.

    A row is an estimate or a run, with its settings and seed as columns; ``config``, the settings behind the frame,
    is stored in the file's metadata beside the versions.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    about = {"name": name, "scale": scale, "config": dict(config or {}), "provenance": keys.versions()}
    metadata = {**(table.schema.metadata or {}), b"rapo": json.dumps(about, ensure_ascii=False).encode()}
    target = paths.build(scale) / "results" / f"{name}.parquet"
    with paths.whole(target) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)
    return target


def kept(name: str) -> "pd.DataFrame":
    """Results kept with the project, from ``data/results/<name>.parquet``, if they are what the manifest says.

    Raises:
        FileNotFoundError: nothing is kept under this name; says which command measures it.
        ValueError: the file is damaged, or the manifest does not know it; names the file and the remedy.
    """
    import pandas as pd

    return pd.read_parquet(io.BytesIO(_vouched_for(f"{name}.parquet", remedy=_measured_by(_notebook_of(name)))))


def kept_claims() -> list[dict[str, Any]]:
    """The claims kept with the project; empty where none were kept. Raises what `kept` raises."""
    if not manifest() and not (paths.results() / "claims.json").exists():
        return []
    return json.loads(_vouched_for("claims.json", remedy=_measured_by("")))


def kept_replication() -> dict[str, Any]:
    """What came of measuring the kept claims anew; empty where that is not kept. Raises what `kept` raises."""
    name = "replication.json"
    there = (paths.results() / name).exists() or name in manifest()
    return json.loads(_vouched_for(name, remedy="make it with `rapo replicate` and `rapo keep`")) if there else {}


def outdated() -> dict[str, str]:
    """Notebooks whose kept results are of an earlier plan of their study, which today's cannot draw, and why."""
    file = paths.results() / OUTDATED
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def manifest() -> dict[str, dict[str, Any]]:
    """What is known of each kept file: size, sha256, rows, commit and versions; nothing where nothing is kept."""
    file = paths.results() / MANIFEST
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file} is damaged ({error}); {_RESTORE}") from error


def _vouched_for(name: str, *, remedy: str) -> bytes:
    """The content of a kept file; the checksum is of the very bytes that are given."""
    file, listed = paths.results() / name, manifest().get(name)
    if not file.is_file() and listed:
        raise FileNotFoundError(f"{file} is gone, though {MANIFEST} lists it; {_RESTORE}, or {remedy}")
    if not file.is_file():
        raise FileNotFoundError(f"no kept results at {file}; {remedy}")
    if listed is None:
        raise ValueError(f"{file} is not listed in {MANIFEST}, so nobody vouches for it; remove it, or {remedy}")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != listed.get("sha256"):
        raise ValueError(f"{file} is damaged: its SHA-256 is not the one in {MANIFEST}; {_RESTORE}, or {remedy}")
    return content


def _measured_by(notebook: str) -> str:
    return f"measure them with `rapo reproduce{notebook} --scale small`, then keep them with `rapo keep`"


def _notebook_of(name: str) -> str:
    """The notebook whose name ``name`` begins with, with a space before it, or nothing."""
    notebooks = [file.stem for file in sorted(paths.notebooks().glob("*.ipynb"))]
    return next((f" {notebook}" for notebook in notebooks if name.startswith(f"{notebook}_")), "")
