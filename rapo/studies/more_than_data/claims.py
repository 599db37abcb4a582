"""Claims of `rapo.studies.more_than_data.study`, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim, measured
from rapo.stats import intervals
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import over_models
from rapo.studies.more_than_data import tables
from rapo.studies.more_than_data.study import FAULTY

NO_CONTROL = "no control"
MARGIN = 0.3  # of 10: what counts as equal in gold
ROUNDS = ("UF, then UF again", "UF, then UF again, g=10")
LONGER = "UF, equal steps"


def claims(frames: Mapping[str, pd.DataFrame]) -> list[Claim]:
    """Every claim of the notebook, from the frames of `rapo.studies.more_than_data.study.results`."""
    return [
        *_more_than_data(frames["answers"]),
        *_implicit(frames["answers"]),
        *_unlearning(frames["unlearning"]),
        *_fault(frames["fault"]),
    ]


def _claim(name: str, statement: str, statistic: str, found: Interval, unit: str, n: str, paper: str) -> Claim:
    return measured(name, statement, statistic, found, unit=unit, n=n, paper=paper)


def _drawn(made: list[Claim], *figures: str) -> list[Claim]:
    return [replace(claim, figures=figures) for claim in made]


def _size(answers: pd.DataFrame) -> str:
    return f"{answers['seed'].nunique()} seeds x {answers['prompt'].nunique()} prompts"


def _more_than_data(answers: pd.DataFrame) -> list[Claim]:
    """RA-T5: as the paper compares, then against plain pairs with as many rows, prompted or not."""
    n, gap = _size(answers), "gold reward"
    equal, equal_gap = tables.hardest(answers, "half RA", tables.rivals(1))
    longer, longer_gap = tables.hardest(answers, "RA", tables.rivals(2))
    made = [
        _claim("RA-T5", "RA on half of the prompts, with as many rows as UF, still beats UF",
               f"{gap}, half RA (g=10) less UF", tables.gap(answers, "half RA", "UF"), "of 10", n,
               "half RA above UF"),
        _claim("RA-T5/controls", "Half RA beats plain pairs with as many rows, prompted or not",
               f"{gap}, half RA less the better of UF and UF, g=10 ({equal})", equal_gap, "of 10", n, NO_CONTROL),
        _claim("RA-T5/equal-rows", "RA beats plain pairs with as many rows: two epochs or duplicates, prompted or not",
               f"{gap}, RA less the best of them ({longer})", longer_gap, "of 10", n, NO_CONTROL),
        _claim("RA-T5/more", "Twice the prompts make RA better still", f"{gap}, RA less half RA",
               tables.gap(answers, "RA", "half RA"), "of 10", n, "RA above half RA"),
    ]  # fmt: skip
    duplicated = _claim(
        "RA-T5/duplicated", "More of the same data does nothing for UF: gold within 0.3 of 10",
        f"{gap}, UF on duplicated pairs less UF", tables.gap(answers, "UF, duplicated", "UF"), "of 10", n, NO_CONTROL,
    )  # fmt: skip
    made.append(replace(duplicated, direction="equal", threshold=MARGIN))
    return _drawn(made, "RA-T5_arms", "RA-T5_differences")


def _published_gap(other: str) -> str:
    """IRA less another arm of the paper's model, in words."""
    values = published.table("RA-T6").pivot(index="metric", columns="arm", values="value")
    gaps = values["IRA"] - values[other]
    shown = ", ".join(f"{metric} {gaps[metric]:+.1f}" for metric in ("LC win rate", "win rate", "Arena-Hard"))
    return f"IRA - {other}, Qwen2-7B: {shown}"


def _implicit(answers: pd.DataFrame) -> list[Claim]:
    """RA-T6: implicit rewards as goals against a judge's scores, and against a second plain round."""
    n, gap = _size(answers), "gold reward"
    rival, found = tables.hardest(answers, "IRA", ROUNDS)
    equal = _claim(
        "RA-T6", "Goals from DPO's implicit reward do as well as a judge's scores: not worse by 0.3 of 10 or more",
        f"{gap}, IRA less RA (both g=10)", tables.gap(answers, "IRA", "RA"), "of 10", n, _published_gap("RA"),
    )  # fmt: skip
    form = _claim(
        "RA-T6/unparseable", "Goals from implicit rewards do not break the form of answers: by less than 2 points",
        "answers that break the form, IRA less RA (both g=10)",
        tables.gap(answers, "IRA", "RA", metric="unparseable"), "points", n, "not told",
    )  # fmt: skip
    made = [
        replace(equal, threshold=-MARGIN),
        _claim("RA-T6/UF", "Training with implicit goals beats the UF model that set the goals",
               f"{gap}, IRA (g=10) less UF", tables.gap(answers, "IRA", "UF"), "of 10", n,
               _published_gap("UF")),
        _claim("RA-T6/second-round", "Training with implicit goals beats a second plain round, prompted or not",
               f"{gap}, IRA less the better of them ({rival})", found, "of 10", n, NO_CONTROL),
        replace(form, direction="less", threshold=2.0),
    ]  # fmt: skip
    return _drawn(made, "RA-T6_arms", "RA-T6_goals")


def _unlearning(frame: pd.DataFrame) -> list[Claim]:
    """RA-F3: how much of its log-probability a good rejected response keeps, RA under each conditioning less UF."""
    responses = frame[(frame["step"] == 0) & (frame["side"] == "rejected")]
    n = f"{frame['seed'].nunique()} seeds x {responses['n'].mean():.0f} responses"
    where = {
        "RA-F3": ("RA, own score", "UF", "under its own score"),
        "RA-F3/unprompted": ("RA, unprompted", "UF", "without a score prompt"),
        "RA-F3/g10": ("RA, g=10", "UF", "asked for a score of 10"),
        "RA-F3/g10-both": ("RA, g=10", "UF, g=10", "both asked for a score of 10"),
    }
    made = [
        _claim(name, f"RA keeps more of a good rejected response's log-probability than UF does: {how}",
               f"change of log-probability over training, {line} less {other}, rejected responses of a good score",
               tables.kept_gap(frame, line, other), "nats a response", n, "falls far less with RA than with UF")
        for name, (line, other, how) in where.items()
    ]  # fmt: skip
    lost = tables.final_change(frame, "UF").to_numpy(dtype=float)
    falls = _claim(
        "RA-F3/UF", "UF lowers the log-probability of good rejected responses", "change over training, UF",
        intervals.t_interval(lost), "nats a response", n, "falls",
    )  # fmt: skip
    return _drawn([*made, replace(falls, direction="less")], "RA-F3_unlearning", "RA-F3_change")


def _fault(fault: pd.DataFrame) -> list[Claim]:
    """RA-fault: what unswapped rows do to goal-following and to quality, everything else equal."""
    n, used = _size(fault), tables.at_top(fault)
    right, wrong, base = (tables.slope(fault, name) for name in ("RA", FAULTY, "base"))
    unit = "points a point"
    prompted = _claim(
        "RA-fault/prompted-UF", "RA with the fault is no more than UF, equally long and equally prompted: within 0.3",
        f"gold reward, g=10, RA with the fault less {LONGER}, g=10", tables.gap(used, FAULTY, f"{LONGER}, g=10"),
        "of 10", n, NO_CONTROL,
    )  # fmt: skip
    made = [
        _claim("RA-fault", "The fault of the official code flattens the response to the goal",
               "slope of gold on the goal, RA less RA with the fault", over_models(right - wrong), unit, n,
               NO_CONTROL),
        _claim("RA-fault/base", "With the fault, training leaves less of a response to the goal than the base has",
               "slope of gold on the goal, base less RA with the fault", over_models(base - wrong), unit, n,
               NO_CONTROL),
        _claim("RA-fault/gold", "The fault costs quality where the best is asked for",
               "gold reward, g=10, RA less RA with the fault", tables.gap(used, "RA", FAULTY), "of 10", n,
               NO_CONTROL),
        _claim("RA-fault/UF", "Even with the fault, RA asked for 10 beats UF asked plainly (the paper's comparison)",
               "gold reward, RA with the fault (g=10) less UF", tables.gap(used, FAULTY, "UF"), "of 10", n,
               "RA above UF for Gemma, Mistral and SPPO, whose recipes name the faulty data"),
        replace(prompted, direction="equal", threshold=MARGIN),
    ]  # fmt: skip
    return _drawn(made, "RA-fault_goals", "RA-fault_arms")
