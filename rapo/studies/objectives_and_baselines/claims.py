"""Claims of `study`, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim, measured, slug
from rapo.stats.intervals import Interval
from rapo.studies.objectives_and_baselines import study, tables

NO_CONTROL = "no control"
DIRECTION = "RA above UF"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.objectives_and_baselines.study.results`.
        recipe: of the study.
    """
    answers = frames["answers"]
    methods = [name for name in study.objectives_of(recipe) if name in set(answers["method"])]
    return [*_objectives(answers, methods, recipe), *_baselines(answers, frames["tuning"], recipe)]


def _size(answers: pd.DataFrame) -> str:
    return f"{answers['seed'].nunique()} seeds x {answers['prompt'].nunique()} prompts"


def _claim(name: str, statement: str, statistic: str, found: Interval, n: str, paper: str) -> Claim:
    return measured(slug(name), statement, statistic, found, unit="of 10", n=n, paper=paper)


def _drawn(made: list[Claim], *figures: str) -> list[Claim]:
    return [replace(claim, figures=figures) for claim in made]


def _objectives(answers: pd.DataFrame, methods: list[str], recipe: Mapping[str, Any]) -> list[Claim]:
    """RA-A3: under the objective that suits RA least, on average, and under each."""
    n, titles = _size(answers), study.titles(recipe, methods)
    others = [name for name in methods if name != "sigmoid"]
    shown = {"UF": "UF", "UF, g=10": "UF asked for 10"}
    made = []
    for control, suffix, paper in (("UF", "", DIRECTION), ("UF, g=10", "controls", NO_CONTROL)):
        least, found = tables.weakest(answers, methods, control)
        statement = (
            f"Relabelled pairs beat plain ones under every objective, equally long, against {shown[control]}"
        )
        statistic = f"gold, RA (g=10) less {shown[control]}, objective with the least gain ({titles[least]})"
        made.append(_claim("RA-A3" + (suffix and f"/{suffix}"), statement, statistic, found, n, paper))
        mean = tables.mean_gap(answers, others, control)
        statement = f"They do so on average over the objectives other than DPO, against {shown[control]}"
        statistic = f"gold, RA (g=10) less {shown[control]}, mean of {len(others)} objectives"
        name = "RA-A3/mean" + (suffix and f", {suffix}")
        made.append(_claim(name, statement, statistic, mean, n, paper))
    for method in methods:
        for control, suffix, paper in (("UF", "", DIRECTION), ("UF, g=10", ", g=10", NO_CONTROL)):
            found = tables.gap(answers, (method, "RA"), (method, control))
            statement = (
                f"{titles[method]}: relabelled pairs beat plain ones, equally long, against {shown[control]}"
            )
            statistic = f"gold, RA (g=10) less {shown[control]}"
            made.append(_claim(f"RA-A3/{method}{suffix}", statement, statistic, found, n, paper))
    return _drawn(made, "RA-A3_objectives")


def _published(name: str | None) -> str:
    """A method's published win rate beside that of reward augmentation with the same base, in words."""
    table = published.table("RA-A4")
    values = table[table["metric"] == "LC win rate"].set_index("arm")["value"]
    if name is None or name not in values:
        return "not told"
    return f"LC {published.table('RA-T8')['value'].iloc[0]:.1f} (RA, on-policy) and {values[name]:.1f}, Llama-3-8B"


def _baselines(answers: pd.DataFrame, tuning: pd.DataFrame, recipe: Mapping[str, Any]) -> list[Claim]:
    """RA-A4: DPO on relabelled pairs against every other method at equal compute, each asked as suits it."""
    n, asked = _size(answers), tables.asked_best(tuning)
    titles = study.titles(recipe, list(asked))
    least, found = tables.hardest(answers, tuning)
    statistic = f"gold, DPO on relabelled pairs (g=10) less its strongest rival ({titles[least]}, {asked[least]})"
    made = [
        _claim("RA-A4", "DPO on relabelled pairs beats every other method at equal compute", statistic, found, n,
               "above the baselines of the paper")
    ]  # fmt: skip
    for method, arm in asked.items():
        found = tables.gap(answers, tables.OURS, (method, arm))
        known = study.method_of(recipe, method).get("published")
        statistic = f"gold, DPO on relabelled pairs (g=10) less {titles[method]} ({arm})"
        statement = f"DPO on relabelled pairs beats {titles[method]} at equal compute"
        made.append(_claim(f"RA-A4/{method}", statement, statistic, found, n, _published(known)))
    return _drawn(made, "RA-A4_baselines")
