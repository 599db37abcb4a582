"""What the claims of half RA, implicit goals, unlearning and the fault rest on; their words stand in claims.yaml."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim
from rapo.stats import intervals
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import Found, join, size
from rapo.studies.common.premises import tuned
from rapo.studies.common.tables import least, over_models
from rapo.studies.more_than_data import tables
from rapo.studies.more_than_data.study import FAULTY

AGAIN = ("UF, then UF again", "UF, then UF again, g=10")
KEPT = {  # lines whose log-probabilities are compared at the end of training
    "RA-F3": ("RA, own score", "UF"),
    "RA-F3/unprompted": ("RA, unprompted", "UF"),
    "RA-F3/g10": ("RA, g=10", "UF"),
    "RA-F3/g10-both": ("RA, g=10", "UF, g=10"),
    "RA-F3/matched-rate": ("RA, own score", "UF, RA's rate"),
    "RA-F3/g10-matched-rate": ("RA, g=10", "UF, RA's rate"),
}
MATCHED = {  # and where both are equally far from the base
    "RA-F3/matched-KL": ("RA, own score", "UF"),
    "RA-F3/g10-matched-KL": ("RA, g=10", "UF"),
}


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.more_than_data.study.results`.
        recipe: of the study.
    """
    answers, unlearning, fault = (frames[name] for name in ("answers", "unlearning", "fault"))
    watched = unlearning[(unlearning["step"] == 0) & (unlearning["side"] == "rejected")]
    words = {
        "less_RA": _published_gap("RA"),
        "less_UF": _published_gap("UF"),
        "responses": f"{size(unlearning, ['seed'])} x {watched['n'].mean():.0f} responses",
        "n_fault": size(fault),
        "tuned": tuned(frames["tuning"]) if "tuning" in frames else "",
        "far_RA": _far(unlearning, "RA, g=10"),
        "far_UF": _far(unlearning, "UF"),
    }
    found = {**_answers(answers), **_unlearning(unlearning), **_fault(fault)}
    return join("more_than_data", found, recipe, n=size(answers), words=words)


def _far(unlearning: pd.DataFrame, line: str) -> str:
    """How far a line gets from the base, nats an answer, a mean over seeds."""
    return tables.told_distance(float(tables.reached(unlearning, line).mean()))


def _published_gap(other: str) -> str:
    """IRA less another arm of the paper's model, in words."""
    values = published.table("RA-T6").pivot(index="metric", columns="arm", values="value")
    gaps = values["IRA"] - values[other]
    return ", ".join(f"{metric} {gaps[metric]:+.1f}" for metric in ("LC win rate", "win rate", "Arena-Hard"))


def _answers(answers: pd.DataFrame) -> dict[str, Interval | Found]:
    """RA-T5 against plain pairs with as many rows; RA-T6 against a judge's scores and a second plain round."""
    return {
        "RA-T5": tables.gap(answers, "half RA", "UF"),
        "RA-T5/controls": _hardest(answers, "half RA", tables.rivals(1)),
        "RA-T5/equal-rows": _hardest(answers, "RA", tables.rivals(2)),
        "RA-T5/more": tables.gap(answers, "RA", "half RA"),
        "RA-T5/duplicated": tables.gap(answers, "UF, duplicated", "UF"),
        "RA-T6": tables.gap(answers, "IRA", "RA"),
        "RA-T6/UF": tables.gap(answers, "IRA", "UF"),
        "RA-T6/second-round": _hardest(answers, "IRA", AGAIN),
        "RA-T6/unparseable": tables.gap(answers, "IRA", "RA", metric="unparseable"),
    }


def _hardest(answers: pd.DataFrame, arm: str, others: Sequence[str]) -> Found:
    rival, found = least({other: tables.gap(answers, arm, other) for other in others})
    return Found(found, {"rival": rival})


def _unlearning(frame: pd.DataFrame) -> dict[str, Interval | Found]:
    lost = tables.final_change(frame, "UF").to_numpy(dtype=float)
    kept = {name: tables.kept_gap(frame, line, other) for name, (line, other) in KEPT.items()}
    matched = {name: _matched(frame, line, other) for name, (line, other) in MATCHED.items()}
    return {**kept, **matched, "RA-F3/UF": intervals.t_interval(lost)}


def _matched(frame: pd.DataFrame, line: str, other: str) -> Found:
    common = float(tables.common_distance(frame, line, other).mean())
    return Found(tables.matched_gap(frame, line, other), {"common": tables.told_distance(common)})


def _fault(fault: pd.DataFrame) -> dict[str, Interval]:
    used = tables.at_top(fault)
    right, wrong, base = (tables.slope(fault, name) for name in ("RA", FAULTY, "base"))
    return {
        "RA-fault": over_models(right - wrong),
        "RA-fault/base": over_models(base - wrong),
        "RA-fault/gold": tables.gap(used, "RA", FAULTY),
        "RA-fault/UF": tables.gap(used, FAULTY, "UF"),
        "RA-fault/prompted-UF": tables.gap(used, FAULTY, "UF, equal steps, g=10"),
    }
