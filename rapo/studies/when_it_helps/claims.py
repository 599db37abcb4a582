"""Claims of the map of regimes; each statistic was fixed before the first map was measured."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.studies.common.claims import claim, defined, drawn, size
from rapo.studies.when_it_helps import tables

NEW = "not in the paper"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim that the regimes of a scale define.

    Args:
        frames: of `rapo.studies.when_it_helps.study.results`.
        recipe: of the study.
    """
    answers, gains = frames["answers"], frames["gains"]
    n = f"{size(answers[answers['split'] == 'test'])} a regime"
    made = [*_average(gains), *_against_default(answers, n), *_features(gains)]
    shown = drawn(made, "RA-map_gains", "RA-map_contrasts", "RA-map_features")
    return defined([*shown, *drawn([_overshoot(answers, recipe, n)], "RA-map_overshoot")])


def _average(gains: pd.DataFrame) -> list[Claim]:
    make = partial(claim, n=f"{len(gains)} regimes", paper=NEW)
    naive, fair = (tables.over_regimes(gains[name].tolist()) for name in ("naive", "estimate"))
    return [
        make("RA-map", "Over the map, reward augmentation beats its best control",
             "gold of RA less its best control, mean over regimes", fair),
        make("RA-map/naive", "Over the map, reward augmentation beats plain DPO asked plainly",
             "gold of RA less UF, mean over regimes", naive),
    ]  # fmt: skip


def _overshoot(answers: pd.DataFrame, recipe: Mapping[str, Any], n: str) -> Claim:
    peak = tables.peak_of(recipe, tables.DEFAULT) or 0
    found = tables.overshoot(answers, tables.DEFAULT, tables.LONGEST, peak)
    statement = "Plain DPO, prompted and trained as long, writes more sentences than is best"
    statistic = f"sentences of {tables.LONGEST} less the best number, default regime"
    return claim("RA-map/overshoot", statement, statistic, found, unit="sentences", n=n, paper=NEW)


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
    return [
        claim(f"RA-map/{name}", statement, f"gain over the best control, '{regime}' less default",
              tables.contrast(answers, regime), n=n, paper=NEW, direction=direction)
        for name, (regime, direction, statement) in CONTRASTS.items()
        if regime in set(answers["regime"])
    ]  # fmt: skip


def _features(gains: pd.DataFrame) -> list[Claim]:
    told = {
        "miss": ("miss", "greater", "The further UF misses the optimum, the more reward augmentation gains"),
        "slope": ("slope", "greater", "The better the base follows goals, the more reward augmentation gains"),
        "unparseable": ("form", "less", "Where RA breaks the form of answers, it gains less"),
    }
    return [
        claim(f"RA-map/{name}", statement, f"rank correlation of the gain with: {tables.FEATURES[feature][1]}",
              tables.association(gains, feature), n=f"{len(gains)} regimes", unit="", paper=NEW, direction=direction)
        for feature, (name, direction, statement) in told.items()
    ]  # fmt: skip
