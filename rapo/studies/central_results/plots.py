"""Pictures of the central comparison beside those of the paper."""

from typing import TYPE_CHECKING

from rapo.plots import words
from rapo.studies.common import beside
from rapo.studies.common.arms import NAME

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from rapo.stats.intervals import Interval

TRAINED = {"base": "base", "UF": "+ DPO (UF)", "RA": "+ DPO (RA)"}
AHEAD = ("RA", "UF")
# As the paper calls its models -> as an axis does, in the paper's order.
MODELS = {
    "Mistral-7B-It": "Mistral\n7B",
    "Qwen2-7B-It": "Qwen2\n7B",
    "Llama-3.1-8B-It": "Llama-3.1\n8B",
    "Gemma-2-9B-It": "Gemma-2\n9B",
    "SPPO (Gemma-2-9B-It-SPPO-Iter3)": "SPPO\n(Gemma-2 9B)",
}
SKILLED = {"Llama-3.1-8B": "Llama-3.1 8B", "Gemma-2-9B": "Gemma-2 9B"}
RATES = {"length_controlled": "LC win rate", "win_rate": "win rate"}
AGAIN = {
    "UF": "base",
    "UF, then UF again": "UF",
    "UF, then RA": "RA",
}  # what the second round starts from, and adds


def plot_win_rates(arms: "pd.DataFrame", gaps: "pd.DataFrame") -> "Figure":
    """RA's bars: LC win rate and win rate of base, UF and RA for each model.

    Args:
        arms: of `tables.arms`.
        gaps: of `tables.differences`: RA less UF.
    """
    rows = []
    for metric, name in RATES.items():
        paper = beside.published(
            "RA-F2", name, compared=AHEAD, models=MODELS, what="RA, win rates on AlpacaEval 2"
        )
        bars = _named(arms[(arms["metric"] == metric) & arms["arm"].isin(TRAINED)])
        gap = _named(gaps[(gaps["metric"] == metric) & (gaps["arm"] == "UF")])
        rows.append((paper, beside.ours(bars, gap, f"{name} (%)")))
    return beside.figure(rows, arms=TRAINED, compared=AHEAD, what="LC win rate", note=words.counted(arms))


def plot_skills(quizzes: "pd.DataFrame", gap: "Interval", *, skills: int) -> "Figure":
    """RA's table of benchmarks: UF and RA, the average of six there, of the held-out skills here.

    Args:
        quizzes: of `tables.skill_table`.
        gap: RA less UF.
        skills: how many of them are averaged.
    """
    paper = beside.published("RA-T4", "average of six", compared=AHEAD, models=SKILLED, what="RA, six benchmarks")
    bars = quizzes[(quizzes["skill"] == "all") & quizzes["arm"].isin(TRAINED)]
    here = beside.pooled(bars, gap, f"accuracy at {skills} skills (%)", model="all architectures")
    return beside.figure([(paper, here)], arms=TRAINED, compared=AHEAD, what="benchmarks", note="")


def plot_used(rounds: "pd.DataFrame", gap: "Interval") -> "Figure":
    """RA's table of data that a model was trained on before: SPPO there, a second round on the same pairs here.

    Args:
        rounds: of `tables.arms`, of the arms of `rapo.studies.common.arms.ROUNDS`.
        gap: relabelled less plain.
    """
    models = {"SPPO (Gemma-2-9B-It-SPPO-Iter3)": "SPPO"}
    paper = beside.published("RA-T7", "LC win rate", compared=AHEAD, models=models, what="RA, data used by SPPO")
    part = rounds[(rounds["architecture"] == "all") & (rounds["metric"] == "gold") & rounds["arm"].isin(AGAIN)]
    bars = part.assign(arm=part["arm"].map(AGAIN))
    here = beside.pooled(bars, gap, "gold reward (1-10)", model="the UF model, same pairs again")
    arms = {"base": "before", "UF": "+ DPO (UF) on used data", "RA": "+ DPO (RA) on used data"}
    return beside.figure([(paper, here)], arms=arms, compared=AHEAD, what="used data", note=words.counted(part))


def _named(table: "pd.DataFrame") -> "pd.DataFrame":
    """A column ``model``: the architecture as an axis calls it, all of them last."""
    order = {name: place for place, name in enumerate([*NAME, "all"])}
    known = table.sort_values("architecture", key=lambda names: names.map(order), kind="stable")
    return known.assign(model=[NAME.get(name, name) for name in known["architecture"]])
