"""What the claims of the central comparison rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.central_results import tables
from rapo.studies.common.arms import CONTROLS
from rapo.studies.common.claims import Found, join, size
from rapo.studies.common.tables import least
from rapo.world import data

UNITS = ("architecture", "seed", "prompt")
METRICS = {"win_rate": "win-rate", "length_controlled": "length-controlled", "gold": "gold"}  # and their ids


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.central_results.study.results`.
        recipe: of the study.
    """
    judged, used, goals = frames["judged"], frames["used"], recipe["goals"]
    usual = tables.with_metrics(judged[judged["temperature"] == recipe["temperature"]])
    found: dict[str, Interval | Found] = {
        **_compared(usual),
        **{name: tables.goal_slope(usual, arm) for name, arm in (("RA-A2", "RA"), ("RA-A2/base", "base"))},
        **_used(used),
        "RA-T4": tables.skill_change(frames["skills"], "RA"),
    }
    counted = bool(usual["sentences"].any())  # real answers are not counted
    if counted:
        found["RA-F2/mechanism"] = _overshoot(usual, data.make_world(recipe["world"]).gold.peak)
    words = {
        "win_rate": _published("win rate"),
        "lc_win_rate": _published("LC win rate"),
        "lowest": min(goals),
        "highest": max(goals),
        "n_used": size(used, UNITS),
        "n_models": size(usual, UNITS[:2]),
    }
    return join("central_results", found, {**recipe, "counted": counted}, n=size(usual, UNITS), words=words)


def _published(metric: str) -> str:
    """RA less UF of the paper's models, in words."""
    wide = published.table("RA-F2")
    values = wide[wide["metric"] == metric].pivot_table(index="model", columns="arm", values="value")
    gaps = (values["RA"] - values["UF"]).dropna()
    return f"{gaps.mean():+.1f} points on average ({gaps.min():+.1f} to {gaps.max():+.1f}, {len(gaps)} models)"


def _compared(judged: pd.DataFrame) -> dict[str, Interval | Found]:
    """RA asked for the top score against UF asked plainly, and against its hardest control."""
    found: dict[str, Interval | Found] = {}
    for metric, name in METRICS.items():
        rival, lead = least({other: tables.difference(judged, "RA", other, metric) for other in CONTROLS})
        found[f"RA-F2/{name}"] = tables.difference(judged, "RA", "UF", metric)
        found["RA-F2/controls" + f"-{name}" * (metric != "win_rate")] = Found(lead, {"rival": rival})
    return found


def _overshoot(judged: pd.DataFrame, peak: int) -> Interval:
    """How much further the longest, prompted UF stands from the best number of sentences."""
    frame = judged.assign(sentences=(judged["sentences"].fillna(0.0) - peak).abs())
    return tables.difference(frame, "UF, equal steps, g=10", "RA", "sentences")


def _used(used: pd.DataFrame) -> dict[str, Interval]:
    """Training again on data that was used already."""
    frame = used.assign(preference=1.5)
    pairs = {
        "UF": ("UF, then UF again", "UF"),
        "RA": ("UF, then RA", "UF"),
        "controls": ("UF, then RA", "UF, then UF again, g=10"),
    }
    return {f"RA-T7/{name}": tables.difference(frame, *pair, "gold") for name, pair in pairs.items()}
