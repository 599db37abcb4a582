"""What of the toy policies takes longest: the fits of RA-T3. The rest is solved in the notebook."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo import config
from rapo.studies.common.results import measure_or_read
from rapo.studies.toy_policies.transfer import Skills, carry_over

FRAMES = ("carry_over",)


def recipe_of(scale: str, *, seed: int = 0) -> dict[str, Any]:
    """The study's settings."""
    return {**config.recipe("toy_policies", scale), "seed": seed}


def frames(recipe: Mapping[str, Any], *, jobs: int) -> dict[str, pd.DataFrame]:
    """ "carry_over" of `transfer.carry_over`, in one process."""
    sizes = {name: recipe[name] for name in ("n_seeds", "n_pairs", "ridge", "seed")}
    return {"carry_over": carry_over(Skills(), steps=recipe["fit_steps"], **sizes)}


def results(*, scale: str, measure: bool, jobs: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """What the notebook does not compute in a moment, by the names in `FRAMES`: measured now, or as kept."""
    recipe = recipe_of(scale, seed=seed)
    return measure_or_read("toy_policies", FRAMES, frames, scale=scale, measure=measure, jobs=jobs, recipe=recipe)
