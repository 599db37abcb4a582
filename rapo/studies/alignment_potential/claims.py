"""What the claims of the selection study rest on; their words stand in claims.yaml.

A statistic that the data do not define (no pair that gold decides, every answer missing) makes no claim: it is left
out and logged. Answers that all score alike do: their difference is exactly zero, and the claim's note says so.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.studies.alignment_potential import tables
from rapo.studies.common.claims import Found, defined, join, resting, size
from rapo.studies.common.tables import least, mean

OTHERS = ("M+", "small Mpi", "uniform")
JOINED = {"RA": "RA", "MAP": "MAP, 2 epochs", "neither": "uniform, 2 epochs"}


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook that the data define.

    Args:
        frames: of `rapo.studies.alignment_potential.study.results`.
        recipe: of the study: the share selected, weights and shares.
    """
    pairs, share = frames["pairs"], recipe["fraction"]
    by_study = dict(list(frames["answers"].groupby("study", sort=False)))
    found = {
        **_margins(pairs[pairs["fault"] == "main"], share),
        **_agreement(pairs, share),
        **_training(by_study["metric"]),
        **_weight(by_study["weight"]),
        **_share(by_study["share"], share),
        **_join(by_study["join"]),
    }
    return defined(join("alignment_potential", found, recipe, words={"left_out": 100 * (1 - share)}))


def _models(frame: pd.DataFrame) -> str:
    """Size of a study of pairs, in words: models and the pairs of each."""
    models = frame.groupby(["fault", "architecture", "seed"]).size()
    return f"{len(models)} models (architecture, seed) x {models.mean():.0f} pairs"


def _size(answers: pd.DataFrame) -> str:
    return size(answers, ("architecture", "objective", "seed", "prompt"))


def _margins(main: pd.DataFrame, share: float) -> dict[str, Found]:
    contradiction, noise = tables.contradiction(main, share=share), tables.noise(main, share=share)
    found = {
        "AP-F1a": mean(contradiction["contradiction"] - contradiction["expected"]),
        "AP-F1a/aligned": mean(contradiction["aligned_low"]),
        "AP-F2": mean(noise["found"]),
        "AP-F2/aimed": mean(noise["wrong"] - noise["right"]),
    }
    return resting(_models(main), found)


def _agreement(pairs: pd.DataFrame, share: float) -> dict[str, Found]:
    """MAP against the others; then against M+ fault by fault."""
    by_fault = {str(fault): part for fault, part in pairs.groupby("fault", sort=False)}
    main = by_fault.pop("main")
    gaps = {f"AP-F3/{other}": tables.agreement_gap(main, "MAP", other, share) for other in OTHERS}
    found = resting(_models(main), {"AP-F3": gaps.pop("AP-F3/M+"), **gaps})
    for fault, part in by_fault.items():
        found |= resting(_models(part), {f"AP-F3/{fault}": tables.agreement_gap(part, "MAP", "M+", share)})
    return found


def _training(answers: pd.DataFrame) -> dict[str, Found]:
    gaps = {f"AP-F1b/{other}": tables.gold_gap(answers, "metric", "MAP", other) for other in OTHERS}
    cells = {
        f"AP-F1b/{architecture}-{tables.OBJECTIVES[str(objective)]}": _against_best(some)
        for (architecture, objective), some in answers.groupby(["architecture", "objective"], sort=False)
    }
    return {"AP-F1b": _against_best(answers), **resting(_size(answers), gaps), **cells}


def _against_best(part: pd.DataFrame) -> Found:
    rival, found = least({other: tables.gold_gap(part, "metric", "MAP", other) for other in OTHERS})
    return Found(found, {"rival": rival, "n": _size(part)})


def _weight(answers: pd.DataFrame) -> dict[str, Found]:
    low, high = answers["x"].min(), answers["x"].max()
    found = tables.gap(answers[answers["x"] == high], answers[answers["x"] == low])
    return {"AP-A1": Found(found, {"low": low, "high": high, "n": _size(answers)})}


def _share(answers: pd.DataFrame, share: float) -> dict[str, Found]:
    chosen, some = answers[answers["arm"] == "MAP"], answers[answers["x"] < 1]
    everything = chosen[chosen["x"] == answers["x"].max()]
    shares, n = ", ".join(f"{x:.0%}" for x in sorted(some["x"].unique())), _size(answers)
    return {
        "AP-A2": Found(tables.gold_gap(some, "share", "MAP", "uniform"), {"shares": shares, "n": n}),
        "AP-A2/all": Found(tables.gap(chosen[chosen["x"] == share], everything), {"n": n}),
    }


def _join(answers: pd.DataFrame) -> dict[str, Found]:
    """Select by MAP, then relabel, against each alone with as many pairs and steps."""
    gaps = {name: tables.gold_gap(answers, "join", "MAP + RA", other) for name, other in JOINED.items()}
    rival, found = least({name: gaps[name] for name in ("RA", "MAP")})
    n = _size(answers)
    singles = resting(n, {f"AP-J/{name}": one for name, one in gaps.items()})
    return {"AP-J": Found(found, {"rival": JOINED[rival], "n": n}), **singles}
