"""Claims of `rapo.studies.more_than_data.study`, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim
from rapo.stats import intervals
from rapo.studies.common.claims import claim, drawn, size
from rapo.studies.common.tables import over_models
from rapo.studies.more_than_data import tables
from rapo.studies.more_than_data.study import FAULTY

MARGIN = 0.3  # of 10: what counts as equal in gold
ROUNDS = ("UF, then UF again", "UF, then UF again, g=10")
LONGER = "UF, equal steps"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.more_than_data.study.results`.
        recipe: of the study.
    """
    return [
        *drawn(_more_than_data(frames["answers"]), "RA-T5_arms", "RA-T5_differences"),
        *drawn(_implicit(frames["answers"]), "RA-T6_arms", "RA-T6_goals"),
        *drawn(_unlearning(frames["unlearning"]), "RA-F3_unlearning", "RA-F3_change"),
        *drawn(_fault(frames["fault"]), "RA-fault_goals", "RA-fault_arms"),
    ]


def _more_than_data(answers: pd.DataFrame) -> list[Claim]:
    """RA-T5: as the paper compares, then against plain pairs with as many rows, prompted or not."""
    make, gap = partial(claim, n=size(answers)), "gold reward"
    equal, equal_gap = tables.hardest(answers, "half RA", tables.rivals(1))
    longer, longer_gap = tables.hardest(answers, "RA", tables.rivals(2))
    return [
        make("RA-T5", "RA on half of the prompts, with as many rows as UF, still beats UF",
             f"{gap}, half RA (g=10) less UF", tables.gap(answers, "half RA", "UF"), paper="half RA above UF"),
        make("RA-T5/controls", "Half RA beats plain pairs with as many rows, prompted or not",
             f"{gap}, half RA less the better of UF and UF, g=10 ({equal})", equal_gap),
        make("RA-T5/equal rows", "RA beats plain pairs with as many rows: two epochs or duplicates, prompted or not",
             f"{gap}, RA less the best of them ({longer})", longer_gap),
        make("RA-T5/more", "Twice the prompts make RA better still", f"{gap}, RA less half RA",
             tables.gap(answers, "RA", "half RA"), paper="RA above half RA"),
        make("RA-T5/duplicated", "More of the same data does nothing for UF: gold within 0.3 of 10",
             f"{gap}, UF on duplicated pairs less UF", tables.gap(answers, "UF, duplicated", "UF"),
             direction="equal", threshold=MARGIN),
    ]  # fmt: skip


def _published_gap(other: str) -> str:
    """IRA less another arm of the paper's model, in words."""
    values = published.table("RA-T6").pivot(index="metric", columns="arm", values="value")
    gaps = values["IRA"] - values[other]
    shown = ", ".join(f"{metric} {gaps[metric]:+.1f}" for metric in ("LC win rate", "win rate", "Arena-Hard"))
    return f"IRA - {other}, Qwen2-7B: {shown}"


def _implicit(answers: pd.DataFrame) -> list[Claim]:
    """RA-T6: implicit rewards as goals against a judge's scores, and against a second plain round."""
    make, gap = partial(claim, n=size(answers)), "gold reward"
    rival, found = tables.hardest(answers, "IRA", ROUNDS)
    return [
        make("RA-T6", "Goals from DPO's implicit reward do as well as a judge's scores: not worse by 0.3 of 10 or more",
             f"{gap}, IRA less RA (both g=10)", tables.gap(answers, "IRA", "RA"), paper=_published_gap("RA"),
             threshold=-MARGIN),
        make("RA-T6/UF", "Training with implicit goals beats the UF model that set the goals",
             f"{gap}, IRA (g=10) less UF", tables.gap(answers, "IRA", "UF"), paper=_published_gap("UF")),
        make("RA-T6/second round", "Training with implicit goals beats a second plain round, prompted or not",
             f"{gap}, IRA less the better of them ({rival})", found),
        make("RA-T6/unparseable", "Goals from implicit rewards do not break the form of answers: by less than 2 points",
             "answers that break the form, IRA less RA (both g=10)",
             tables.gap(answers, "IRA", "RA", metric="unparseable"), unit="points", paper="not told",
             direction="less", threshold=2.0),
    ]  # fmt: skip


def _unlearning(frame: pd.DataFrame) -> list[Claim]:
    """RA-F3: how much of its log-probability a good rejected response keeps, RA under each conditioning less UF."""
    responses = frame[(frame["step"] == 0) & (frame["side"] == "rejected")]
    make = partial(
        claim, n=f"{size(frame, ['seed'])} x {responses['n'].mean():.0f} responses", unit="nats a response"
    )
    where = {
        "RA-F3": ("RA, own score", "UF", "under its own score"),
        "RA-F3/unprompted": ("RA, unprompted", "UF", "without a score prompt"),
        "RA-F3/g=10": ("RA, g=10", "UF", "asked for a score of 10"),
        "RA-F3/g=10 both": ("RA, g=10", "UF, g=10", "both asked for a score of 10"),
    }
    lost = tables.final_change(frame, "UF").to_numpy(dtype=float)
    return [
        *(make(name, f"RA keeps more of a good rejected response's log-probability than UF does: {how}",
               f"change of log-probability over training, {line} less {other}, rejected responses of a good score",
               tables.kept_gap(frame, line, other), paper="falls far less with RA than with UF")
          for name, (line, other, how) in where.items()),
        make("RA-F3/UF", "UF lowers the log-probability of good rejected responses", "change over training, UF",
             intervals.t_interval(lost), paper="falls", direction="less"),
    ]  # fmt: skip


def _fault(fault: pd.DataFrame) -> list[Claim]:
    """RA-fault: what unswapped rows do to goal-following and to quality, everything else equal."""
    make, used = partial(claim, n=size(fault)), tables.at_top(fault)
    right, wrong, base = (tables.slope(fault, name) for name in ("RA", FAULTY, "base"))
    unit = "points a point"
    return [
        make("RA-fault", "The fault of the official code flattens the response to the goal",
             "slope of gold on the goal, RA less RA with the fault", over_models(right - wrong), unit=unit),
        make("RA-fault/base", "With the fault, training leaves less of a response to the goal than the base has",
             "slope of gold on the goal, base less RA with the fault", over_models(base - wrong), unit=unit),
        make("RA-fault/gold", "The fault costs quality where the best is asked for",
             "gold reward, g=10, RA less RA with the fault", tables.gap(used, "RA", FAULTY)),
        make("RA-fault/UF", "Even with the fault, RA asked for 10 beats UF asked plainly (the paper's comparison)",
             "gold reward, RA with the fault (g=10) less UF", tables.gap(used, FAULTY, "UF"),
             paper="RA above UF for Gemma, Mistral and SPPO, whose recipes name the faulty data"),
        make("RA-fault/prompted UF", 
             "RA with the fault is no more than UF, equally long and equally prompted: within 0.3",
             f"gold reward, g=10, RA with the fault less {LONGER}, g=10", tables.gap(used, FAULTY, f"{LONGER}, g=10"),
             direction="equal", threshold=MARGIN),
    ]  # fmt: skip
