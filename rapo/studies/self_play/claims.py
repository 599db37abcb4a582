"""What the claims of the self-play study rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import Found, join, size
from rapo.studies.common.tables import least
from rapo.studies.self_play import tables
from rapo.studies.self_play.study import LONGER


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.self_play.study.results`.
        recipe: of the study: pairs of a round.
    """
    answers = frames["answers"]
    last = tables.last_round(answers)
    leads = {other: tables.gap(answers, "MAP", other) for other in tables.RIVALS}
    evolved = {other: tables.gap(answers, "MAP", other, asked="evolved") for other in tables.RIVALS}
    found: dict[str, Interval | Found] = {
        "AP-S1": _hardest(leads),
        "AP-S1/evolved": _hardest(evolved),
        **{f"AP-S1/{other}": lead for other, lead in leads.items()},
        "AP-S2": tables.slope(answers, "MAP"),
        "AP-S2/evolved": tables.slope(answers, "MAP", asked="evolved"),
        "AP-S2/last": tables.step(answers, "MAP", last),
        "AP-S2/steps": tables.gap(answers, "MAP", LONGER),
    }
    n = size(answers[answers["asked"] == "test"])
    words = {"last": last, "before": last - 1, **tables.premises(frames["rounds"], frames["tuning"])}
    return join("self_play", found, recipe, n=n, words=words)


def _hardest(leads: Mapping[str, Interval]) -> Found:
    rival, lead = least(leads)
    return Found(lead, {"rival": rival})
