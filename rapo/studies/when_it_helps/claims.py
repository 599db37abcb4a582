"""Claims of the map of regimes; each statistic was fixed before the first map was measured."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim, measured, slug
from rapo.stats.intervals import Interval
from rapo.studies.when_it_helps import tables

NEW = "not in the paper"


def claims(results: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim that the regimes of a scale define.

    Args:
        results: of `rapo.studies.when_it_helps.study.results`.
        recipe: of `rapo.studies.when_it_helps.study.recipe_of`.
    """
    answers, gains = results["answers"], results["gains"]
    n = f"{len(recipe['seeds'])} seeds x {answers['prompt'].nunique() // 2} prompts a regime"
    found = [*_average(gains), _overshoot(answers, recipe, n), *_against_default(answers, n), *_features(gains)]
    return [claim for claim in found if all(map(isfinite, (claim.low, claim.high)))]


def _average(gains: pd.DataFrame) -> list[Claim]:
    n = f"{len(gains)} regimes"
    naive, fair = (tables.over_regimes(gains[name].tolist()) for name in ("naive", "estimate"))
    return [
        _claim("RA-map", "Over the map, reward augmentation beats its best control",
               "gold of RA less its best control, mean over regimes", fair, "of 10", n),
        _claim("RA-map/naive", "Over the map, reward augmentation beats plain DPO asked plainly",
               "gold of RA less UF, mean over regimes", naive, "of 10", n),
    ]  # fmt: skip


def _overshoot(answers: pd.DataFrame, recipe: Mapping[str, Any], n: str) -> Claim:
    peak = tables.peak_of(recipe, tables.DEFAULT) or 0
    found = tables.overshoot(answers, tables.DEFAULT, tables.LONGEST, peak)
    statement = "Plain DPO, prompted and trained as long, writes more sentences than is best"
    statistic = f"sentences of {tables.LONGEST} less the best number, default regime"
    claim = _claim("RA-map/overshoot", statement, statistic, found, "sentences", n)
    return replace(claim, figures=("RA-map_overshoot",))


CONTRASTS = {
    "interior optimum": ("optimum: none: fewer is better", "less",
                         "Without an optimum inside, reward augmentation gains less"),
    "goal understanding": ("goals in the base: 5 % of its data", "less",
                           "On a base that hardly knows goals, reward augmentation gains less"),
    "noise": ("judge noise: 3", "less", "Under a noisy judge, reward augmentation gains less"),
    "good rejected": ("rejected: all good", "greater",
                      "Where every rejected answer is good, reward augmentation gains more"),
    "bad chosen": ("chosen: all bad", "greater",
                   "Where every chosen answer is bad, reward augmentation gains more"),
    "rarity": ("rarity: exponent 6", "greater", "Where the optimum is rarer, reward augmentation gains more"),
    "base quality": ("base: 24,000 examples", "less", "On a weaker base, reward augmentation gains less"),
    "model size": ("model: 0.1 M parameters", "less", "On a smaller model, reward augmentation gains less"),
    "pairs": ("pairs: 300", "less", "With fewer pairs, reward augmentation gains less"),
}  # fmt: skip


def _against_default(answers: pd.DataFrame, n: str) -> list[Claim]:
    """One regime less the default: the gain over the best control, paired by seed and prompt."""
    made = []
    for name, (regime, direction, statement) in CONTRASTS.items():
        if regime in set(answers["regime"]):
            found = tables.contrast(answers, regime)
            statistic = f"gain over the best control, '{regime}' less default"
            claim = _claim(f"RA-map/{name}", statement, statistic, found, "of 10", n)
            made.append(replace(claim, direction=direction))
    return made


def _features(gains: pd.DataFrame) -> list[Claim]:
    n = f"{len(gains)} regimes"
    statements = {
        "miss": ("miss", "The further UF misses the optimum, the more reward augmentation gains"),
        "slope": ("slope", "The better the base follows goals, the more reward augmentation gains"),
        "unparseable": ("form", "Where RA breaks the form of answers, it gains less"),
    }
    made = []
    for feature, (name, statement) in statements.items():
        found = tables.association(gains, feature)
        words = f"rank correlation of the gain with: {tables.FEATURES[feature][1]}"
        claim = _claim(f"RA-map/{name}", statement, words, found, "", n)
        made.append(replace(claim, direction="less") if feature == "unparseable" else claim)
    return made


def _claim(name: str, statement: str, statistic: str, found: Interval, unit: str, n: str) -> Claim:
    claim = measured(slug(name), statement, statistic, found, unit=unit, n=n, paper=NEW)
    return replace(claim, figures=("RA-map_gains", "RA-map_contrasts", "RA-map_features"))
