"""Claims of the central comparison, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim, measured
from rapo.stats.intervals import Interval
from rapo.studies.central_results.study import CONTROLS
from rapo.studies.common import tables

FIGURE = ("RA-F2_arms", "RA-F2_differences")


def claims(
    judged: pd.DataFrame,
    used: pd.DataFrame,
    skills: pd.DataFrame,
    *,
    peak: int,
    goals: Sequence[int],
) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        judged: answers of the arms with preferences, at one temperature (`estimates.with_metrics` of them is quicker).
        used: answers of RA-T7.
        skills: accuracies at the held-out skills (RA-T4).
        peak: the number of sentences that is best.
        goals: goals of RA-A2.
    """
    n = _size(judged)
    return [
        *_main(judged, n),
        *_controlled(judged, n),
        *([_overshoot(judged, n, peak)] if judged["sentences"].any() else []),  # real answers are not counted
        *_goals(judged, n, goals),
        *_used(used),
        _skills(skills, n),
    ]


def _size(frame: pd.DataFrame) -> str:
    models = frame[["architecture", "seed"]].drop_duplicates()
    kinds = models["architecture"].nunique()
    return f"{kinds} architectures x {len(models) // kinds} seeds x {frame['prompt'].nunique()} prompts"


def _published(metric: str) -> str:
    """RA less UF of the paper's models, in words."""
    wide = published.table("RA-F2")
    values = wide[wide["metric"] == metric].pivot_table(index="model", columns="arm", values="value")
    gaps = (values["RA"] - values["UF"]).dropna()
    spread = f"{gaps.min():+.1f} to {gaps.max():+.1f}, {len(gaps)} models"
    return f"RA - UF: {gaps.mean():+.1f} points on average ({spread})"


def _claim(name: str, statement: str, statistic: str, found: Interval, unit: str, n: str, paper: str) -> Claim:
    claim = measured(name, statement, statistic, found, unit=unit, n=n, paper=paper)
    return replace(claim, figures=FIGURE)


def _main(judged: pd.DataFrame, n: str) -> list[Claim]:
    """The paper's own comparison: RA asked for the top score against UF asked plainly."""
    win = tables.difference(judged, "RA", "UF", "win_rate")
    controlled = tables.difference(judged, "RA", "UF", "length_controlled")
    gold = tables.difference(judged, "RA", "UF", "gold")
    statement = "DPO on reward-augmented data beats DPO on the original pairs"
    return [
        _claim("RA-F2/win-rate", statement, "win rate against the reference, RA (g=10) less UF", win, "points", n,
               _published("win rate")),
        _claim("RA-F2/length-controlled", statement, "length-controlled win rate, RA (g=10) less UF", controlled,
               "points", n, _published("LC win rate")),
        _claim("RA-F2/gold", statement, "true (gold) reward, RA (g=10) less UF", gold, "of 10", n, "RA > UF"),
    ]  # fmt: skip


def _controlled(judged: pd.DataFrame, n: str) -> list[Claim]:
    """Against the control that is hardest to beat on the test prompts themselves: hindsight in RA's disfavour."""
    statement = "RA beats every control: equally prompted, equally long, or imitation"
    return [
        _hardest(judged, "RA-F2/controls", statement, "win_rate", "win rate", "points", n),
        _hardest(judged, "RA-F2/controls-length-controlled", statement, "length_controlled",
                 "length-controlled win rate", "points", n),
        _hardest(judged, "RA-F2/controls-gold", statement, "gold", "true (gold) reward", "of 10", n),
    ]  # fmt: skip


def _hardest(judged: pd.DataFrame, name: str, statement: str, metric: str, words: str, unit: str, n: str) -> Claim:
    found = {control: tables.difference(judged, "RA", control, metric) for control in CONTROLS}
    hardest = min(found, key=lambda control: found[control].estimate)
    return _claim(name, statement, f"{words}, RA less its strongest control ({hardest})", found[hardest], unit, n,
                  "no control")  # fmt: skip


def _overshoot(judged: pd.DataFrame, n: str, peak: int) -> Claim:
    """The mechanism: how far each arm stands from the best number of sentences."""
    frame = judged.assign(sentences=(judged["sentences"].fillna(0.0) - peak).abs())
    found = tables.difference(frame, "UF, equal steps, g=10", "RA", "sentences")
    statement = "Equally long and equally prompted, UF misses the best amount of elaboration by more than RA does"
    statistic = "mean |sentences - optimum|, UF (equal steps, g=10) less RA"
    return _claim("RA-F2/mechanism", statement, statistic, found, "sentences", n, "no control")


def _goals(judged: pd.DataFrame, n: str, goals: Sequence[int]) -> list[Claim]:
    """RA-A2: the realised reward follows the goal, and more steeply than before training."""
    slope, before = (tables.goal_slope(judged, arm) for arm in ("RA", "base"))
    span = f"goals {min(goals)} to {max(goals)}"
    return [
        _claim("RA-A2", "The realised reward follows the goal", f"slope of gold on the goal, RA, {span}", slope,
               "points a point", n, "rises with the goal"),
        _claim("RA-A2/base", "The base understands a score prompt before any preference training",
               f"slope of gold on the goal, base, {span}", before, "points a point", n, "no control"),
    ]  # fmt: skip


def _used(used: pd.DataFrame) -> list[Claim]:
    """RA-T7: training again on data that was used already."""
    n = _size(used)
    frame = used.assign(preference=1.5)
    uf = tables.difference(frame, "UF, then UF again", "UF", "gold")
    ra = tables.difference(frame, "UF, then RA", "UF", "gold")
    fair = tables.difference(frame, "UF, then RA", "UF, then UF again, g=10", "gold")
    base = "SPPO: LC 55.6; +DPO(UF) 52.8; +DPO(RA) 61.0"
    hurts = "Plain DPO on data that the model has been trained on already hurts"
    again = "Relabelled used data beats a second plain round with the same prompt"
    return [
        _less(_claim("RA-T7/UF", hurts, "gold, UF trained again on its data less UF", uf, "of 10", n, base)),
        _claim("RA-T7/RA", "Relabelled, used data still helps", "gold, UF then RA less UF", ra, "of 10", n, base),
        _claim("RA-T7/controls", again, "gold, UF then RA less UF twice (g=10)", fair, "of 10", n, "no control"),
    ]


def _less(claim: Claim) -> Claim:
    return replace(claim, direction="less", figures=("RA-T7_used_data",))


def _skills(skills: pd.DataFrame, n: str) -> Claim:
    """RA-T4: skills that the preference data never touches do not suffer (by more than the margin of 2 points)."""
    found = tables.skill_change(skills, "RA")
    claim = _claim(
        "RA-T4",
        "Skills that the preference data never touches do not fall by 2 points or more",
        "mean accuracy at six held-out skills, RA less base",
        found,
        "points",
        n.rsplit(" x ", 1)[0],
        "average of six benchmarks, RA - UF: +0.9 (Llama-3.1-8B), +0.5 (Gemma-2-9B)",
    )
    return replace(claim, threshold=-2.0, figures=("RA-T4_skills",))
