"""What the claims of the selection study rest on; their words stand in claims.yaml.

A statistic that the data do not define (no pair that gold decides, every answer missing) makes no claim: it is left
out and logged. Answers that all score alike do: their difference is exactly zero, and the claim's note says so.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.alignment_potential import error_map, tables
from rapo.studies.common.claims import Found, defined, join, resting, size
from rapo.studies.common.tables import gap, least, mean

OTHERS = ("M+", "small Mpi", "uniform")
JOINED = {"RA": "RA", "MAP": "MAP, 2 epochs", "neither": "uniform, 2 epochs"}
TIES = {"MAP": "MAP", "plus": "M+"}  # words of a note, and the metrics whose pairs they count
CORNERS = {"against": -1, "towards": 1}  # what a claim calls a lean of this sign


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook that the data define.

    Args:
        frames: of `rapo.studies.alignment_potential.study.results`.
        recipe: of the study: the share selected, weights and shares.
    """
    share, answers = recipe["fraction"], frames["answers"]
    by_policy = {str(policy): part for policy, part in frames["pairs"].groupby("policy", sort=False)}
    by_study = {str(study): part for study, part in answers.groupby("study", sort=False)}
    found = {
        **_margins(by_policy["on"], share),
        **_agreement(by_policy, share, recipe["second_judge"]),
        **_map(frames["map"]),
        **_training(by_study),
        **_corners(by_study["corner"]),
        **_weight(by_study["weight"]),
        **_share(by_study["share"], share),
        **_join(by_study),
    }
    ties = {f"ties_{word}": tables.tied(by_policy["on"], metric, share) for word, metric in TIES.items()}
    words = ties | tables.premises(by_policy["on"], answers, frames["tuning"])
    return defined(join("alignment_potential", found, recipe, words={"left_out": 100 * (1 - share), **words}))


def _models(frame: pd.DataFrame) -> str:
    """Size of a study of pairs, in words: models and the pairs of each."""
    models = frame.groupby(["policy", "architecture", "seed"]).size()
    return f"{len(models)} bases (architecture, seed) x {models.mean():.0f} pairs"


def _size(answers: pd.DataFrame) -> str:
    return size(answers, ("architecture", "objective", "seed", "prompt"))


def _margins(main: pd.DataFrame, share: float) -> dict[str, Found]:
    contradiction, noise = tables.contradiction(main, share=share), tables.noise(main, share=share)
    examples = int(noise["found"].sum())
    found = {
        "AP-F1a": mean(contradiction["contradiction"] - contradiction["expected"]),
        "AP-F1a/aligned": mean(contradiction["aligned_low"]),
        "AP-F2": Interval(examples, examples, examples, n=len(noise)),
        "AP-F2/aimed": mean(noise["wrong"] - noise["right"]),
    }
    return resting(_models(main), found)


def _agreement(
    by_policy: Mapping[str, pd.DataFrame], share: float, judge: Mapping[str, float]
) -> dict[str, Found]:
    """MAP against the others on the base's own pairs, by gold and by a second judge; then against M+ on annotators'."""
    main, off = by_policy["on"], by_policy["off"]
    gaps = {f"AP-F3/{other}": tables.agreement_gap(main, "MAP", other, share) for other in OTHERS}
    gaps["AP-F3/ties"] = tables.agreement_gap(main, "MAP", "M+", share, ties=0.5)
    gaps["AP-F3/second-judge"] = tables.second_judge_gap(main, "MAP", "M+", share, **judge)
    found = resting(_models(main), {"AP-F3": gaps.pop("AP-F3/M+"), **gaps})
    return {**found, **resting(_models(off), {"AP-F3/off-policy": tables.agreement_gap(off, "MAP", "M+", share)})}


def _map(table: pd.DataFrame) -> dict[str, Found]:
    """Differences of right labels over parts of the map."""
    against, none, towards = (error_map.leans(table, sign) for sign in (-1, 0, 1))
    where = error_map.where
    found = {
        "AP-map": error_map.gap(where(table, lean=against), "MAP", "M+"),
        "AP-map/off-policy": error_map.gap(where(table, policy="off", lean=against), "MAP", "M+"),
        "AP-map/signed": error_map.gap(where(table, lean=against), "MAP signed", "MAP"),
        "AP-map/independent": error_map.gap(where(table, lean=none, unbiased=True), "M+", "MAP"),
        "AP-map/length": error_map.gap(where(table, lean=none, unbiased=False), "MAP", "M+"),
        "AP-map/towards": error_map.gap(where(table, lean=towards), "M+", "MAP"),
    }
    bases = table.groupby(["architecture", "seed"]).ngroups
    return resting(f"{bases} bases (architecture, seed)", found)


def _training(by_study: Mapping[str, pd.DataFrame]) -> dict[str, Found]:
    answers, longer, off = (by_study[name] for name in ("metric", "long", "off-policy"))
    gaps = {f"AP-F1b/{other}": tables.gold_gap(answers, "metric", "MAP", other) for other in OTHERS}
    cells = {
        f"AP-F1b/{architecture}-{tables.OBJECTIVES[str(objective)]}": _against_best(some)
        for (architecture, objective), some in answers.groupby(["architecture", "objective"], sort=False)
    }
    return {
        "AP-F1b": _against_best(answers),
        **resting(_size(answers), gaps),
        **cells,
        "AP-F1b/longer": Found(tables.gold_gap(longer, "long", "MAP", "M+"), {"n": _size(longer)}),
        "AP-F1b/off-policy": Found(tables.gold_gap(off, "off-policy", "MAP", "M+"), {"n": _size(off)}),
    }


def _against_best(part: pd.DataFrame) -> Found:
    rival, found = least({other: tables.gold_gap(part, "metric", "MAP", other) for other in OTHERS})
    return Found(found, {"rival": rival, "n": _size(part)})


def _corners(answers: pd.DataFrame) -> dict[str, Found]:
    """Models trained where the error leans one way or the other."""
    found = {}
    for name, sign in CORNERS.items():
        part = answers[np.sign(answers["x"]) == sign]
        if len(part):
            found[f"AP-map/trained-{name}"] = Found(
                tables.gold_gap(part, "corner", "MAP", "M+"), {"n": _size(part)}
            )
    return found


def _weight(answers: pd.DataFrame) -> dict[str, Found]:
    low, high = answers["x"].min(), answers["x"].max()
    found = gap(answers[answers["x"] == high], answers[answers["x"] == low])
    return {"AP-A1": Found(found, {"low": low, "high": high, "n": _size(answers)})}


def _share(answers: pd.DataFrame, share: float) -> dict[str, Found]:
    chosen, some = answers[answers["arm"] == "MAP"], answers[answers["x"] < 1]
    everything = chosen[chosen["x"] == answers["x"].max()]
    shares, n = ", ".join(f"{x:.0%}" for x in sorted(some["x"].unique())), _size(answers)
    return {
        "AP-A2": Found(tables.gold_gap(some, "share", "MAP", "uniform"), {"shares": shares, "n": n}),
        "AP-A2/all": Found(gap(chosen[chosen["x"] == share], everything), {"n": n}),
    }


def _join(by_study: Mapping[str, pd.DataFrame]) -> dict[str, Found]:
    """Select by MAP, then relabel, against each alone with as many pairs and steps, and against the base."""
    answers, base = by_study["join"], by_study["base"]
    gaps = {name: tables.gold_gap(answers, "join", "MAP + RA", other) for name, other in JOINED.items()}
    rival, found = least({name: gaps[name] for name in ("RA", "MAP")})
    same = base[(base["arm"] == "base, g=10") & base["architecture"].isin(answers["architecture"])]
    gaps["base"] = gap(answers[answers["arm"] == "MAP + RA"], same)
    n = _size(answers)
    singles = resting(n, {f"AP-J/{name}": one for name, one in gaps.items()})
    return {"AP-J": Found(found, {"rival": JOINED[rival], "n": n}), **singles}
