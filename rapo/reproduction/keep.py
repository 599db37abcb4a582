"""Keeping the measured results of a complete run under data/results, from which figures are redrawn."""

import json
import shutil
import statistics
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.claims import claim
from rapo.reproduction import notebook
from rapo.runs import progress


def keep(*, scale: str = "small") -> list[Path]:
    """Copy the results, the claims and the durations of a scale's last complete run to ``data/results``.

    Raises:
        ValueError: a notebook has no success marker for its present text, settings and code; names them.
    """
    open_notebooks = unfinished(scale)
    if open_notebooks:
        raise ValueError(
            f"not every notebook has been run at scale {scale}: {', '.join(open_notebooks)}; "
            f"run `rapo reproduce --scale {scale}` first"
        )
    folder = paths.results()
    written = []
    for source in sorted((paths.build(scale) / "results").glob("*.parquet")):
        with paths.whole(folder / source.name) as temporary:
            shutil.copyfile(source, temporary)
        written.append(folder / source.name)
    records = claim.load(paths.figures(scale) / "claims")
    for name, content in (("claims.json", records), ("durations.json", durations(scale))):
        paths.write_text(folder / name, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        written.append(folder / name)
    return written


def unfinished(scale: str) -> list[str]:
    """Notebooks of ``notebooks/`` that have not been run at this scale as they and rapo's code now stand."""
    return [
        source.name
        for source in notebook.find()
        if not notebook.is_done(source, scale, notebook.digest(source, scale=scale))
    ]


def durations(scale: str) -> dict[str, Any]:
    """How long notebooks and runs took, for the estimates of a machine that has measured nothing yet.

    A notebook that reused runs of another day says only what it might have taken; what was kept before goes first.
    """
    found = {source.name: notebook.read_marker(source.name, scale) for source in notebook.find()}
    markers = {name: marker for name, marker in found.items() if marker}
    runs = progress.history(paths.runs(), {key for marker in markers.values() for key in marker.runs})
    before = progress.kept_durations("notebooks")
    return {
        "notebooks": {
            name: marker.anew if marker.anew == marker.seconds else before.get(name, marker.anew)
            for name, marker in markers.items()
        },
        "runs": {kind: round(statistics.median(seconds), 1) for kind, seconds in sorted(runs.items())},
    }
