"""What the claims of the map of regimes rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import Found, defined, join, register, size
from rapo.studies.when_it_helps import tables

STUDY = "when_it_helps"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim that the regimes of a scale define.

    Args:
        frames: of `rapo.studies.when_it_helps.study.results`.
        recipe: of the study.
    """
    answers, gains = frames["answers"], frames["gains"]
    regimes = [tables.name_of(regime) for regime in recipe["regimes"]]
    found: dict[str, Interval | Found] = {
        "RA-map": tables.over_regimes(gains["estimate"].tolist()),
        "RA-map/naive": tables.over_regimes(gains["naive"].tolist()),
        "RA-map/overshoot": tables.overshoot(
            answers, tables.DEFAULT, tables.LONGEST, tables.peak_of(recipe, tables.DEFAULT) or 0
        ),
        **_features(gains),
        **_against_default(answers, regimes),
    }
    n = f"{size(answers[answers['split'] == 'test'])} a regime"
    words = {"regimes": len(gains), "longest": tables.LONGEST}
    return defined(join(STUDY, found, {**recipe, "regimes": regimes}, n=n, words=words))


def _features(gains: pd.DataFrame) -> dict[str, Found]:
    """The gain's rank correlation with what a regime looks like."""
    return {
        f"RA-map/{name}": Found(tables.association(gains, column), {"feature": tables.FEATURES[column][1]})
        for name, column in (("miss", "miss"), ("slope", "slope"), ("form", "unparseable"))
    }


def _against_default(answers: pd.DataFrame, regimes: list[str]) -> dict[str, Found]:
    """Each regime with a claim of its own against the default."""
    asked = {name: entry["when"]["regimes"] for name, entry in register(STUDY).items() if "when" in entry}
    return {
        name: Found(tables.contrast(answers, regime), {"regime": regime})
        for name, regime in asked.items()
        if regime in regimes
    }
