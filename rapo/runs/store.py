"""Measured results: stored by a scale's run, and kept with the project."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo import paths
from rapo.runs import keys

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
    about = {"name": name, "scale": scale, "config": dict(config or {}), "provenance": keys.versions()}
    metadata = {**(table.schema.metadata or {}), b"rapo": json.dumps(about, ensure_ascii=False).encode()}
    target = paths.build(scale) / "results" / f"{name}.parquet"
    with paths.whole(target) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary)
    return target


def fresh_or_kept(work: Callable[[], "pd.DataFrame"], name: str, *, scale: str, measure: bool) -> "pd.DataFrame":
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
        if ("store(" in text or "fresh_or_kept(" in text) and f'\\"{name}\\"' in text:
            return f" {file.stem}"
    return ""


def kept_claims() -> list[dict[str, Any]]:
    """The claims kept with the project; empty where none were kept."""
    file = paths.results() / "claims.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
