"""What a notebook shows: measured now and stored, or as kept with the project."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from rapo import config
from rapo.runs.store import kept, store


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
    recipe: Mapping[str, Any],
    *,
    scale: str,
    measure: bool,
    jobs: int,
) -> dict[str, pd.DataFrame]:
    """The frames of a notebook, stored and kept as ``<notebook>_<name>.parquet``.

    Args:
        notebook: its name.
        names: its frames.
        frames: measures them.
        recipe: the settings, stored beside the frames.
        scale: smoke, small or full.
        measure: False reads what is kept with the project; then nothing is trained.
        jobs: parallel processes.
    """
    if not measure:
        return {name: kept(f"{notebook}_{name}") for name in names}
    found = frames(recipe, jobs=jobs)
    for name in names:
        store(found[name], f"{notebook}_{name}", scale=scale, config=recipe)
    return dict(found)
