"""What a notebook shows: measured now and stored, or as kept with the project."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from rapo import config
from rapo.runs.store import kept, manifest, store


class Measure(Protocol):
    """Measures every frame of a study."""

    def __call__(self, recipe: Mapping[str, Any], *, jobs: int) -> Mapping[str, pd.DataFrame]: ...


def with_central(notebook: str, scale: str) -> dict[str, Any]:
    """A study's settings, with the central recipe of the same scale under ``central``: base models are shared."""
    return {**config.recipe(notebook, scale), "central": config.recipe("central_results", scale)}


def measure_or_read(
    notebook: str,
    names: Sequence[str],
    frames: Measure,
    *,
    scale: str,
    measure: bool,
    jobs: int,
    recipe: Mapping[str, Any] | None = None,
    later: Sequence[str] = (),
) -> dict[str, pd.DataFrame]:
    """Everything a notebook shows, stored and kept as ``<notebook>_<name>.parquet``.

    Args:
        notebook: its name.
        names: its frames.
        frames: measures them.
        scale: smoke, small or full.
        measure: False reads what is kept with the project; then nothing is trained.
        jobs: parallel processes.
        later: frames that results kept before they were thought of lack: then without rows and columns.
        recipe: the settings, stored beside the frames; those of `with_central` by default.
    """
    if not measure:
        lacking = [name for name in later if f"{notebook}_{name}.parquet" not in manifest()]
        return {name: pd.DataFrame() if name in lacking else kept(f"{notebook}_{name}") for name in names}
    settings = with_central(notebook, scale) if recipe is None else recipe
    found = frames(settings, jobs=jobs)
    for name in names:
        store(found[name], f"{notebook}_{name}", scale=scale, config=settings)
    return dict(found)
