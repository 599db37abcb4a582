"""Claims of the studies of goals (RA-T8, RA-A1, RA-A2, RA-T9), each with its statistic and interval.

Statistics, directions and thresholds were fixed before the runs. Where several controls or scales are compared, the
one that is hardest on RA is taken on the test prompts themselves: hindsight in RA's disfavour.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.studies.common.claims import NO_CONTROL, claim, drawn, size
from rapo.studies.common.tables import gap, least, over_models
from rapo.studies.goals_and_scales import attributes, tables
from rapo.world.reward import ATTRIBUTES

Make = Callable[..., Claim]
ALIKE = {"direction": "equal", "threshold": 0.5}  # points of gold within which two arms count as alike
NOT_MEASURED, NOT_COMPARED = "not measured", "not compared"
T8_PAPER = "Llama-3-8B, on-policy: LC win rate 56.57, SimPO 53.7"
OWN = "on-policy"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.goals_and_scales.study.results`.
        recipe: of the study.
    """
    answers = frames["answers"]
    make = partial(claim, n=size(answers))
    return [
        *drawn(_attributes(answers, make, recipe["low"]), "RA-T8_controllability"),
        *drawn(_attribute_gold(answers, make), "RA-T8_gold"),
        *drawn(_scales(answers, make), "RA-A1_scales", "RA-A1_tops"),
        *drawn(_noise(answers, make), "RA-A1_noise"),
        *drawn([*_outside(answers, make), *_unseen(answers, make, recipe["top"])], "RA-A2_outside"),
        *drawn(_policy(answers, make), "RA-T9_own_answers", "RA-T9_differences"),
    ]


def _attributes(answers: pd.DataFrame, make: Make, low: float) -> list[Claim]:
    """RA-T8: is the attribute that is asked low the one that falls, and are goals of several attributes any better?"""
    base, arm = attributes.ARMS
    told = f"realised score, fall of the attribute asked for {low:g} (others 10) less the mean fall of the others"
    points, paper = partial(make, unit="points"), "controllable"
    return [
        points("RA-T8", "Each attribute can be turned down by itself", f"{told}; mean of five attributes",
               attributes.selectivity(answers, arm, low), paper=paper),
        points("RA-T8/trained", "Relabelling with attribute goals makes attributes more controllable",
               f"{told}; mean of five attributes, RA less base",
               attributes.selectivity(answers, arm, low, less=base)),
        *(points(f"RA-T8/{name}", f"{name.capitalize()} can be turned down by itself", told,
                 attributes.selectivity(answers, arm, low, attributes=[name]), paper=paper)
          for name in ATTRIBUTES),
    ]  # fmt: skip


def _attribute_gold(answers: pd.DataFrame, make: Make) -> list[Claim]:
    best = tables.pick(answers, "attributes", "RA, attributes", asked="all 10")
    arms = ("UF", "UF, g=10", "UF, all 10", "base, g=10", "base, all 10")
    leads = {arm: gap(best, _asked_best(answers, arm)) for arm in arms}
    rival, lead = least(leads)
    overall = gap(best, tables.pick(answers, "attributes", "RA"))
    own = tables.pick(answers, OWN, "RA, attributes")
    policy = {arm: gap(own, tables.pick(answers, OWN, arm, x=f"{OWN}, round 1")) for arm in ("UF", "RA")}
    several = "RA with goals of five attributes, all 10,"
    return [
        make("RA-T8/gold", "Goals of several attributes give better answers than one overall goal",
             f"gold, {several} less RA with one overall goal of 10", overall, paper=NOT_COMPARED),
        make("RA-T8/UF", "Relabelled with goals of several attributes, pairs are worth more",
             f"gold, {several} less UF", leads["UF"], paper=T8_PAPER),
        make("RA-T8/controls", "RA with attribute goals beats every equally prompted control",
             f"gold, {several} less its strongest control ({rival})", lead),
        make("RA-T8/on-policy", "The same on the model's own answers, as in the paper",
             f"gold, on-policy, {several} less UF", policy["UF"], paper=T8_PAPER),
        make("RA-T8/on-policy overall", "On-policy, several attributes are better than one overall goal",
             f"gold, on-policy, {several} less RA with one overall goal of 10", policy["RA"], paper=NOT_COMPARED),
    ]  # fmt: skip


def _asked_best(answers: pd.DataFrame, arm: str) -> pd.DataFrame:
    return tables.pick(answers, "attributes", arm, asked="all 10" if arm.endswith("all 10") else None)


def _scales(answers: pd.DataFrame, make: Make) -> list[Claim]:
    """RA-A1: the scale of the goals."""
    names, robust = tables.scales(answers), "robust to range and scale"
    made = []
    for other, name in zip(tables.CONTROLS, ("RA-A1", "RA-A1/controls"), strict=True):
        against = tables.pick(answers, "scale", other)
        worst, found = least({scale: gap(tables.top(answers, scale), against) for scale in names})
        statistic = f"gold, RA asked for the top of its least favourable scale ({worst}) less {other}"
        paper = robust if other == "UF" else NO_CONTROL
        made.append(make(name, f"On every scale of the score, RA beats {other}", statistic, found, paper=paper))
    for scale in [name for name in names if name != "1-10"]:
        found = gap(tables.top(answers, scale), tables.top(answers, "1-10"))
        told = "a standardised scale" if scale == "standardised" else scale
        made.append(
            make(f"RA-A1/{scale}", f"RA is as good with goals on {told} as on 1-10",
                 f"gold at the top goal, {scale} less 1-10", found, paper=robust, **ALIKE)
        )  # fmt: skip
    return made


def _noise(answers: pd.DataFrame, make: Make) -> list[Claim]:
    """RA-A1: the judge's noise."""
    most = tables.noises(answers)[-1]
    made = []
    for other in tables.CONTROLS:
        ra, control = (tables.pick(answers, "noise", arm, x=most) for arm in ("RA", other))
        suffix, paper = ("", NOT_MEASURED) if other == "UF" else (" controls", NO_CONTROL)
        made += [
            make(f"RA-A1/noise{suffix}", f"RA beats {other} on the noisiest judge's pairs",
                 f"gold, RA less {other}, noise of {most} points", gap(ra, control), paper=paper),
            make(f"RA-A1/noise slope{suffix}", f"A noisier judge takes RA's lead over {other} away",
                 f"slope of the lead over {other} on the judge's noise", tables.noise_slope(answers, other),
                 paper=NOT_MEASURED, unit="points a point", direction="less"),
        ]  # fmt: skip
    return made


def _outside(answers: pd.DataFrame, make: Make) -> list[Claim]:
    """RA-A2: goals below and above the scale."""
    made = [
        make(name, f"Asked for more than the scale {scale} holds, RA answers better still",
             f"gold at goals above {scale} less gold at the top", tables.beyond(answers, scale), paper=NOT_MEASURED)
        for scale, name in (("1-10", "RA-A2/outside"), ("1-100", "RA-A2/outside 1-100"))
        if tables.has_beyond(answers, scale)
    ]  # fmt: skip
    if tables.has_beyond(answers, "1-10", side="below"):
        below = tables.beyond(answers, "1-10", side="below")
        statement, statistic = (
            "Asked for 0, RA answers worse still than for 1",
            "gold at goal 0 less gold at goal 1",
        )
        made.append(make("RA-A2/below", statement, statistic, below, paper=NOT_MEASURED, direction="less"))
    return made


def _unseen(answers: pd.DataFrame, make: Make, seen: float) -> list[Claim]:
    """RA-A2: a training set without its best scores."""
    gain, base = (tables.unseen_gain(answers, arm, seen) for arm in ("RA, no top", "base"))
    without, full = (tables.pick(answers, "outside", arm, x="1-10", asked="10") for arm in ("RA, no top", "RA"))
    none = f"no score above {seen:g} in training"
    return [
        make("RA-A2/unseen", f"Trained on no score above {seen:g}, RA still does better asked for 10",
             f"gold at goal 10 less gold at goal {seen:g}, {none}", over_models(gain), paper="transfers to g = 10"),
        make("RA-A2/unseen less base", "That step to 10 is larger than the base model's own",
             f"gold at 10 less at {seen:g}, RA ({none}) less base", over_models(gain - base)),
        make("RA-A2/unseen all data", "Nothing is lost by leaving the best scores out",
             f"gold at goal 10, RA with {none} less RA with all", gap(without, full), paper=NOT_MEASURED, **ALIKE),
    ]  # fmt: skip


def _policy(answers: pd.DataFrame, make: Make) -> list[Claim]:
    """RA-T9: data that the model wrote itself, after the first round and after the last."""
    turns = sorted({x for x in answers.loc[answers["study"] == OWN, "x"] if x.startswith(OWN)})
    first, last = turns[0], turns[-1]
    made = _round(answers, make, first, ("RA-T9", "RA-T9/controls", "RA-T9/source"), "")
    if last != first:
        names = ("RA-T9/last round", "RA-T9/last round controls", "RA-T9/last round source")
        made += _round(answers, make, last, names, ", after all rounds")
        after, before = (tables.pick(answers, OWN, "RA", x=x) for x in (last, first))
        made.append(
            make("RA-T9/rounds", "Another round on the model's own answers adds to the first",
                 f"gold, RA, {last} less {first}", gap(after, before), paper=NOT_COMPARED)
        )  # fmt: skip
    return made


def _round(answers: pd.DataFrame, make: Make, x: str, names: tuple[str, str, str], when: str) -> list[Claim]:
    """RA on its own answers against UF, against UF asked for 10, and against RA on as many annotators' pairs."""
    ra = tables.pick(answers, OWN, "RA", x=x)
    uf, prompted = (tables.pick(answers, OWN, arm, x=x) for arm in tables.CONTROLS)
    annotated = tables.pick(answers, OWN, "RA", x=x.replace(OWN, "off-policy"))
    source = "RA gains more from the model's own answers than from as many pairs of other annotators"
    return [
        make(names[0], f"On the model's own answers, RA beats UF{when}", f"gold, RA less UF, {x}", gap(ra, uf),
             paper="RA > UF"),
        make(names[1], f"On the model's own answers, RA beats UF asked for 10{when}",
             f"gold, RA less UF, g=10, {x}", gap(ra, prompted)),
        make(names[2], f"{source}{when}", f"gold, RA, {x} less off-policy", gap(ra, annotated), paper=NOT_COMPARED),
    ]  # fmt: skip
