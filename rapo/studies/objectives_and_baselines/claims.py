"""Claims of `study`, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim
from rapo.studies.common.claims import NO_CONTROL, claim, drawn, size
from rapo.studies.objectives_and_baselines import study, tables

# control -> what it is called, the suffix of claims against it, what the paper says
CONTROLS = {"UF": ("UF", "", "RA above UF"), "UF, g=10": ("UF asked for 10", " controls", NO_CONTROL)}


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.objectives_and_baselines.study.results`.
        recipe: of the study.
    """
    answers = frames["answers"]
    methods = [name for name in study.objectives_of(recipe) if name in set(answers["method"])]
    return [
        *drawn(_objectives(answers, methods, recipe), "RA-A3_objectives"),
        *drawn(_baselines(answers, frames["tuning"], recipe), "RA-A4_baselines"),
    ]


def _objectives(answers: pd.DataFrame, methods: list[str], recipe: Mapping[str, Any]) -> list[Claim]:
    """RA-A3: under the objective that suits RA least, on average, and under each."""
    titles, others = study.titles(recipe, methods), [name for name in methods if name != "sigmoid"]
    make = partial(claim, n=size(answers))
    made = []
    for control, (shown, suffix, paper) in CONTROLS.items():
        worst, found = tables.weakest(answers, methods, control)
        less = f"gold, RA (g=10) less {shown}"
        made += [
            make(f"RA-A3{suffix.replace(' ', '/')}",
                 f"Relabelled pairs beat plain ones under every objective, equally long, against {shown}",
                 f"{less}, objective with the least gain ({titles[worst]})", found, paper=paper),
            make(f"RA-A3/mean{suffix}",
                 f"They do so on average over the objectives other than DPO, against {shown}",
                 f"{less}, mean of {len(others)} objectives", tables.mean_gap(answers, others, control), paper=paper),
        ]  # fmt: skip
    for method in methods:
        for control, (shown, _, paper) in CONTROLS.items():
            name = f"RA-A3/{method}{control.removeprefix('UF')}"
            statement = f"{titles[method]}: relabelled pairs beat plain ones, equally long, against {shown}"
            found = tables.gap(answers, (method, "RA"), (method, control))
            made.append(make(name, statement, f"gold, RA (g=10) less {shown}", found, paper=paper))
    return made


def _published(name: str | None) -> str:
    """A method's published win rate beside that of reward augmentation with the same base, in words."""
    table = published.table("RA-A4")
    values = table[table["metric"] == "LC win rate"].set_index("arm")["value"]
    if name is None or name not in values:
        return "not told"
    return f"LC {published.table('RA-T8')['value'].iloc[0]:.1f} (RA, on-policy) and {values[name]:.1f}, Llama-3-8B"


def _baselines(answers: pd.DataFrame, tuning: pd.DataFrame, recipe: Mapping[str, Any]) -> list[Claim]:
    """RA-A4: DPO on relabelled pairs against every other method at equal compute, each asked as suits it."""
    make, asked = partial(claim, n=size(answers)), tables.asked_best(tuning)
    titles = study.titles(recipe, list(asked))
    best, found = tables.hardest(answers, tuning)
    beats, less = "DPO on relabelled pairs beats", "gold, DPO on relabelled pairs (g=10) less"
    return [
        make("RA-A4", f"{beats} every other method at equal compute",
             f"{less} its strongest rival ({titles[best]}, {asked[best]})", found,
             paper="above the baselines of the paper"),
        *(make(f"RA-A4/{method}", f"{beats} {titles[method]} at equal compute", f"{less} {titles[method]} ({arm})",
               tables.gap(answers, tables.OURS, (method, arm)),
               paper=_published(study.method_of(recipe, method).get("published")))
          for method, arm in asked.items()),
    ]  # fmt: skip
