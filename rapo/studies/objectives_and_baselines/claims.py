"""What the claims of the study of objectives rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim
from rapo.studies.common.claims import Found, join, size
from rapo.studies.common.premises import tuned
from rapo.studies.common.tables import least
from rapo.studies.objectives_and_baselines import study, tables

# control -> the ends of the ids of claims against it: over all objectives, and under one
CONTROLS = {"UF": ("", "", ""), "UF, g=10": ("/controls", "-controls", "-g10")}

ASKED = (tables.BASE, "base, g=10")  # the untrained base, asked as RA is


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.objectives_and_baselines.study.results`.
        recipe: of the study.
    """
    answers = frames["answers"]
    methods = [name for name in study.objectives_of(recipe) if name in set(answers["method"])]
    found = {**_objectives(answers, methods, recipe), **_baselines(answers, frames["tuning"], recipe)}
    words = {"tuned": tuned(frames["tuning"])}
    return join("objectives_and_baselines", found, recipe, n=size(answers), words=words)


def _objectives(answers: pd.DataFrame, methods: list[str], recipe: Mapping[str, Any]) -> dict[str, Found]:
    """RA-A3: under the objective that suits RA least, on average, and under each."""
    titles, others = study.titles(recipe, methods), [name for name in methods if name != "sigmoid"]
    found = {}
    for control, (every, mean, one) in CONTROLS.items():
        worst, lead = tables.weakest(answers, methods, control)
        base = {method: tables.gap(answers, ASKED, (method, control)) for method in methods}
        found[f"RA-A3{every}"] = Found(lead, {"worst": titles[worst]}, base=base[worst])
        average = {arm: tables.mean_gap(answers, others, control, arm) for arm in (None, ASKED)}
        found[f"RA-A3/mean{mean}"] = Found(average[None], {"others": len(others)}, base=average[ASKED])
        for method in methods:
            gain = tables.gap(answers, (method, "RA"), (method, control))
            found[f"RA-A3/{method}{one}"] = Found(gain, {"title": titles[method]}, base=base[method])
    return found


def _published(name: str | None) -> str:
    """A method's published win rate beside that of reward augmentation with the same base, in words."""
    table = published.table("RA-A4")
    values = table[table["metric"] == "LC win rate"].set_index("arm")["value"]
    if name is None or name not in values:
        return "not told"
    return f"LC {published.table('RA-T8')['value'].iloc[0]:.1f} (RA, on-policy) and {values[name]:.1f}, Llama-3-8B"


def _baselines(answers: pd.DataFrame, tuning: pd.DataFrame, recipe: Mapping[str, Any]) -> dict[str, Found]:
    """RA-A4: DPO on relabelled pairs against every other method at equal compute, each asked as suits it."""
    asked = tables.asked_best(tuning)
    words = {
        method: {
            "title": study.method_of(recipe, method)["title"],
            "arm": arm,
            "published": _published(study.method_of(recipe, method).get("published")),
        }
        for method, arm in asked.items()
    }
    leads = {method: tables.gap(answers, tables.OURS, (method, arm)) for method, arm in asked.items()}
    base = {method: tables.gap(answers, ASKED, (method, arm)) for method, arm in asked.items()}
    best, found = least(leads)
    singles = {f"RA-A4/{name}": Found(lead, words[name], base=base[name]) for name, lead in leads.items()}
    return {"RA-A4": Found(found, words[best], base=base[best]), **singles}
