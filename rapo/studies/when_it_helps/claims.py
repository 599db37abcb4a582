"""What the claims of the map of regimes rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import Found, defined, join, register, size
from rapo.studies.common.tables import average, over_models
from rapo.studies.when_it_helps import rungs, tables

STUDY = "when_it_helps"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim that the regimes of a scale define.

    Args:
        frames: of `rapo.studies.when_it_helps.study.results`.
        recipe: of the study.
    """
    answers, gains = frames["answers"], frames["gains"]
    regimes, best = (
        [tables.name_of(regime) for regime in recipe["regimes"]],
        tables.peak_of(recipe, tables.DEFAULT),
    )
    over = tables.over_bases(answers)
    crossed = f"{over.estimate:.3f} [{over.low:.3f}, {over.high:.3f}]"
    found: dict[str, Interval | Found] = {
        "RA-map": Found(tables.over_regimes(gains["estimate"].tolist()), {"crossed": crossed}),
        "RA-map/naive": tables.over_regimes(gains["naive"].tolist()),
        **_features(gains),
        **_against_default(answers, regimes),
    }
    ladder = frames["ladder"]
    if len(ladder):
        found |= ladder_claims(ladder)
    if best is not None:
        beyond = tables.overshoot(answers, tables.DEFAULT, tables.LONGEST, best)
        found |= {"RA-map/overshoot": beyond, "RA-map/miss": _feature(gains, "miss")}
    n = f"{size(answers[answers['split'] == 'test'])} a regime"
    words = {"regimes": len(gains), "longest": tables.LONGEST}
    settings = {**recipe, "regimes": regimes, "counted": best is not None, "climbed": len(ladder) > 0}
    return defined(join(STUDY, found, settings, n=n, words=words))


def _features(gains: pd.DataFrame) -> dict[str, Found]:
    """The gain's rank correlation with what a regime looks like."""
    return {
        f"RA-map/{name}": _feature(gains, column) for name, column in (("slope", "slope"), ("form", "unparseable"))
    }


def _feature(gains: pd.DataFrame, column: str) -> Found:
    words = {"feature": tables.FEATURES[column][1], "distinct": gains[column].nunique()}
    return Found(tables.association(gains, column), words)


def ladder_claims(ladder: pd.DataFrame) -> dict[str, Found]:
    """Does RA teach goals to a base that knows none, and when does it pay?"""
    none, best = float(ladder["scored"].min()), float(ladder["scored"].max())
    numbers = rungs.pairs_at(ladder, none)
    fewest, most = numbers[0], numbers[-1]
    common = max({*numbers} & {*rungs.pairs_at(ladder, best)})
    words = {"n": f"{size(ladder[ladder['split'] == 'test'])} a rung", "none": none, "best": best}
    words |= {"rates": _rates(ladder), "fewest": f"{fewest:,}", "most": f"{most:,}", "common": f"{common:,}"}
    lead = partial(rungs.lead, ladder)
    found = {
        "slope": over_models(rungs.slope(ladder, none, most)),
        "slope-fewest": over_models(rungs.slope(ladder, none, fewest)),
        "slope-base": over_models(rungs.slope(ladder, none, most) - rungs.slope(ladder, none, 0)),
        "gain": over_models(lead(none, most)),
        "gain-known": over_models(lead(best, common)),
        "pairs": over_models(lead(none, most) - lead(none, fewest)),
        "knowledge": over_models(lead(best, common) - lead(none, common)),
    }
    named = {"RA-map/ladder": over_rungs(ladder), **{f"RA-map/ladder-{name}": one for name, one in found.items()}}
    return {name: Found(one, words) for name, one in named.items()}


def _rates(ladder: pd.DataFrame) -> str:
    """At which learning rates arms were trained, in words."""
    arms = ladder[ladder["pairs"] > 0].groupby("trained")["learning_rate"].first()
    return ", ".join(f"{name} {rate:.1e}" for name, rate in arms.items())


def over_rungs(ladder: pd.DataFrame) -> Interval:
    """The mean lead of RA over all rungs."""
    return over_models(average([rungs.lead(ladder, *rung) for rung in rungs.every(ladder)]))


def _against_default(answers: pd.DataFrame, regimes: list[str]) -> dict[str, Found]:
    """Each regime with a claim of its own against the default."""
    needs = {name: entry.get("when", {}) for name, entry in register(STUDY).items()}
    asked = {name: need["regimes"] for name, need in needs.items() if "regimes" in need}
    return {
        name: Found(tables.contrast(answers, regime), {"regime": regime})
        for name, regime in asked.items()
        if regime in regimes
    }
