"""Claims of the central comparison, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim
from rapo.studies.central_results import tables
from rapo.studies.common.arms import CONTROLS
from rapo.studies.common.claims import claim, drawn, size
from rapo.studies.common.tables import least
from rapo.world import data

UNITS = ("architecture", "seed", "prompt")
# metric -> what it is called and its unit
METRICS = {
    "win_rate": ("win rate", "points"),
    "length_controlled": ("length-controlled win rate", "points"),
    "gold": ("true (gold) reward", "of 10"),
}


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.central_results.study.results`.
        recipe: of the study.
    """
    judged = frames["judged"]
    usual = tables.with_metrics(judged[judged["temperature"] == recipe["temperature"]])
    peak = data.make_world(recipe["world"]).gold.peak
    counted = usual["sentences"].any()  # real answers are not counted
    return [
        *drawn([*_main(usual), *_controlled(usual)], "RA-F2_arms", "RA-F2_differences"),
        *drawn([_overshoot(usual, peak)] if counted else [], "RA-F2_mechanism"),
        *drawn(_goals(usual, recipe["goals"]), "RA-A2_goals"),
        *drawn(_used(frames["used"]), "RA-T7_used_data"),
        *drawn([_skills(usual, frames["skills"])], "RA-T4_skills"),
    ]


def _published(metric: str) -> str:
    """RA less UF of the paper's models, in words."""
    wide = published.table("RA-F2")
    values = wide[wide["metric"] == metric].pivot_table(index="model", columns="arm", values="value")
    gaps = (values["RA"] - values["UF"]).dropna()
    spread = f"{gaps.min():+.1f} to {gaps.max():+.1f}, {len(gaps)} models"
    return f"RA - UF: {gaps.mean():+.1f} points on average ({spread})"


def _main(judged: pd.DataFrame) -> list[Claim]:
    """The paper's own comparison: RA asked for the top score against UF asked plainly."""
    about = {
        "win_rate": ("win-rate", "win rate against the reference", _published("win rate")),
        "length_controlled": ("length-controlled", "length-controlled win rate", _published("LC win rate")),
        "gold": ("gold", "true (gold) reward", "RA > UF"),
    }
    statement = "DPO on reward-augmented data beats DPO on the original pairs"
    return [
        claim(f"RA-F2/{name}", statement, f"{words}, RA (g=10) less UF", tables.difference(judged, "RA", "UF", metric),
              n=size(judged, UNITS), unit=METRICS[metric][1], paper=paper)
        for metric, (name, words, paper) in about.items()
    ]  # fmt: skip


def _controlled(judged: pd.DataFrame) -> list[Claim]:
    """Against the control that is hardest to beat on the test prompts themselves: hindsight in RA's disfavour."""
    statement = "RA beats every control: equally prompted, equally long, or imitation"
    made = []
    for metric, (words, unit) in METRICS.items():
        name, found = least({other: tables.difference(judged, "RA", other, metric) for other in CONTROLS})
        suffix = "" if metric == "win_rate" else f" {metric.replace('_', ' ')}"
        statistic = f"{words}, RA less its strongest control ({name})"
        made.append(
            claim(f"RA-F2/controls{suffix}", statement, statistic, found, n=size(judged, UNITS), unit=unit)
        )
    return made


def _overshoot(judged: pd.DataFrame, peak: int) -> Claim:
    """The mechanism: how far each arm stands from the best number of sentences."""
    frame = judged.assign(sentences=(judged["sentences"].fillna(0.0) - peak).abs())
    found = tables.difference(frame, "UF, equal steps, g=10", "RA", "sentences")
    statement = "Equally long and equally prompted, UF misses the best amount of elaboration by more than RA does"
    statistic = "mean |sentences - optimum|, UF (equal steps, g=10) less RA"
    return claim("RA-F2/mechanism", statement, statistic, found, n=size(judged, UNITS), unit="sentences")


def _goals(judged: pd.DataFrame, goals: Sequence[int]) -> list[Claim]:
    """RA-A2: the realised reward follows the goal, and more steeply than before training."""
    slope = partial(claim, n=size(judged, UNITS), unit="points a point")
    span = f"goals {min(goals)} to {max(goals)}"
    return [
        slope("RA-A2", "The realised reward follows the goal", f"slope of gold on the goal, RA, {span}",
              tables.goal_slope(judged, "RA"), paper="rises with the goal"),
        slope("RA-A2/base", "The base understands a score prompt before any preference training",
              f"slope of gold on the goal, base, {span}", tables.goal_slope(judged, "base")),
    ]  # fmt: skip


def _used(used: pd.DataFrame) -> list[Claim]:
    """RA-T7: training again on data that was used already."""
    gold = partial(claim, n=size(used, UNITS))
    frame = used.assign(preference=1.5)
    paper = "SPPO: LC 55.6; +DPO(UF) 52.8; +DPO(RA) 61.0"
    uf = tables.difference(frame, "UF, then UF again", "UF", "gold")
    ra = tables.difference(frame, "UF, then RA", "UF", "gold")
    fair = tables.difference(frame, "UF, then RA", "UF, then UF again, g=10", "gold")
    hurts = "Plain DPO on data that the model has been trained on already hurts"
    again = "Relabelled used data beats a second plain round with the same prompt"
    return [
        gold("RA-T7/UF", hurts, "gold, UF trained again on its data less UF", uf, paper=paper, direction="less"),
        gold("RA-T7/RA", "Relabelled, used data still helps", "gold, UF then RA less UF", ra, paper=paper),
        gold("RA-T7/controls", again, "gold, UF then RA less UF twice (g=10)", fair),
    ]


def _skills(judged: pd.DataFrame, skills: pd.DataFrame) -> Claim:
    """RA-T4: skills that the preference data never touches do not suffer (by more than the margin of 2 points)."""
    return claim(
        "RA-T4", "Skills that the preference data never touches do not fall by 2 points or more",
        "mean accuracy at six held-out skills, RA less base", tables.skill_change(skills, "RA"),
        n=size(judged, UNITS[:2]), unit="points", threshold=-2.0,
        paper="average of six benchmarks, RA - UF: +0.9 (Llama-3.1-8B), +0.5 (Gemma-2-9B)",
    )  # fmt: skip
