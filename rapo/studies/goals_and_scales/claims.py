"""Claims of the studies of goals (RA-T8, RA-A1, RA-A2, RA-T9), each with its statistic and interval.

Statistics, directions and thresholds were fixed before the runs. Where several controls or scales are compared, the
one that is hardest on RA is taken on the test prompts themselves: hindsight in RA's disfavour.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim, measured, slug
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import over_models
from rapo.studies.goals_and_scales import attributes as goal_attributes
from rapo.studies.goals_and_scales import tables
from rapo.world.reward import ATTRIBUTES

ALIKE = 0.5  # points of gold within which two arms count as alike
NO_CONTROL = "no control"
T8_PAPER = "Llama-3-8B, on-policy: LC win rate 56.57, SimPO 53.7"
OWN = "on-policy"


def claims(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        answers: `rapo.studies.goals_and_scales.study.results`'s "answers".
        recipe: `rapo.studies.goals_and_scales.study.recipe_of`.
    """
    return [
        *_attributes(answers, recipe["low"]),
        *_scales(answers),
        *_noise(answers),
        *_outside(answers),
        *_unseen(answers, recipe["top"]),
        *_policy(answers),
    ]


def _size(answers: pd.DataFrame) -> str:
    return f"{answers['seed'].nunique()} seeds x {answers['prompt'].nunique()} prompts"


def _claim(
    answers: pd.DataFrame,
    name: str,
    statement: str,
    statistic: str,
    found: Interval,
    paper: str,
    unit: str = "of 10",
) -> Claim:
    return measured(slug(name), statement, statistic, found, unit=unit, n=_size(answers), paper=paper)


def _drawn(made: list[Claim], *figures: str) -> list[Claim]:
    return [replace(claim, figures=figures) for claim in made]


def _less(claim: Claim) -> Claim:
    return replace(claim, direction="less")


def _alike(claim: Claim) -> Claim:
    return replace(claim, direction="equal", threshold=ALIKE)


def _attributes(answers: pd.DataFrame, low: float) -> list[Claim]:
    """RA-T8: is the attribute that is asked low the one that falls, and are goals of several attributes any better?"""
    base, arm = goal_attributes.ARMS
    told = f"realised score, fall of the attribute asked for {low:g} (others 10) less the mean fall of the others"
    all_five = goal_attributes.selectivity(answers, arm, low)
    more = goal_attributes.selectivity(answers, arm, low, less=base)
    control = [
        _claim(answers, "RA-T8", "Each attribute can be turned down by itself", f"{told}; mean of five attributes",
               all_five, "controllable", "points"),
        _claim(answers, "RA-T8/trained", "Relabelling with attribute goals makes attributes more controllable",
               f"{told}; mean of five attributes, RA less base", more, NO_CONTROL, "points"),
        *(_claim(answers, f"RA-T8/{name}", f"{name.capitalize()} can be turned down by itself", told,
                 goal_attributes.selectivity(answers, arm, low, attributes=[name]), "controllable", "points")
          for name in ATTRIBUTES),
    ]  # fmt: skip
    return [*_drawn(control, "RA-T8_controllability"), *_drawn(_attribute_gold(answers), "RA-T8_gold")]


def _attribute_gold(answers: pd.DataFrame) -> list[Claim]:
    best = tables.pick(answers, "attributes", "RA, attributes", asked="all 10")
    arms = ("UF", "UF, g=10", "UF, all 10", "base, g=10", "base, all 10")
    rivals = {arm: tables.gap(best, _asked_best(answers, arm)) for arm in arms}
    rival = min(rivals, key=lambda arm: rivals[arm].estimate)
    overall = tables.gap(best, tables.pick(answers, "attributes", "RA"))
    own = tables.pick(answers, "on-policy", "RA, attributes")
    policy = {arm: tables.pick(answers, "on-policy", arm, x="on-policy, round 1") for arm in ("UF", "RA")}
    several = "RA with goals of five attributes, all 10,"
    return [
        _claim(answers, "RA-T8/gold", "Goals of several attributes give better answers than one overall goal",
               f"gold, {several} less RA with one overall goal of 10", overall, "not compared"),
        _claim(answers, "RA-T8/UF", "Relabelled with goals of several attributes, pairs are worth more",
               f"gold, {several} less UF", rivals["UF"], T8_PAPER),
        _claim(answers, "RA-T8/controls", "RA with attribute goals beats every equally prompted control",
               f"gold, {several} less its strongest control ({rival})", rivals[rival], NO_CONTROL),
        _claim(answers, "RA-T8/on-policy", "The same on the model's own answers, as in the paper",
               f"gold, on-policy, {several} less UF", tables.gap(own, policy["UF"]), T8_PAPER),
        _claim(answers, "RA-T8/on-policy-overall", "On-policy, several attributes are better than one overall goal",
               f"gold, on-policy, {several} less RA with one overall goal of 10", tables.gap(own, policy["RA"]),
               "not compared"),
    ]  # fmt: skip


def _asked_best(answers: pd.DataFrame, arm: str) -> pd.DataFrame:
    return tables.pick(answers, "attributes", arm, asked="all 10" if arm.endswith("all 10") else None)


def _scales(answers: pd.DataFrame) -> list[Claim]:
    """RA-A1: the scale of the goals."""
    names = tables.scales(answers)
    found = []
    for other, name in zip(tables.CONTROLS, ("RA-A1", "RA-A1/controls"), strict=True):
        against = tables.pick(answers, "scale", other)
        gaps = {scale: tables.gap(tables.top(answers, scale), against) for scale in names}
        worst = min(gaps, key=lambda scale: gaps[scale].estimate)
        found.append(
            _claim(answers, name, f"On every scale of the score, RA beats {other}",
                   f"gold, RA asked for the top of its least favourable scale ({worst}) less {other}", gaps[worst],
                   "robust to range and scale" if other == "UF" else NO_CONTROL)
        )  # fmt: skip
    for scale in names:
        if scale != "1-10":
            gap = tables.gap(tables.top(answers, scale), tables.top(answers, "1-10"))
            claim = _claim(answers, f"RA-A1/{scale}", f"RA is as good with goals on {_told(scale)} as on 1-10",
                           f"gold at the top goal, {scale} less 1-10", gap, "robust to range and scale")  # fmt: skip
            found.append(_alike(claim))
    return _drawn(found, "RA-A1_scales", "RA-A1_tops")


def _told(scale: str) -> str:
    return "a standardised scale" if scale == "standardised" else scale


def _noise(answers: pd.DataFrame) -> list[Claim]:
    """RA-A1: the judge's noise."""
    most = tables.noises(answers)[-1]
    found = []
    for other in tables.CONTROLS:
        ra, control = (tables.pick(answers, "noise", arm, x=most) for arm in ("RA", other))
        suffix = "" if other == "UF" else ", controls"
        found.append(
            _claim(answers, f"RA-A1/noise{suffix}", f"RA beats {other} on the noisiest judge's pairs",
                   f"gold, RA less {other}, noise of {most} points", tables.gap(ra, control),
                   "not measured" if other == "UF" else NO_CONTROL)
        )  # fmt: skip
        slope = tables.noise_slope(answers, other)
        claim = _claim(answers, f"RA-A1/noise slope{suffix}", f"A noisier judge takes RA's lead over {other} away",
                       f"slope of the lead over {other} on the judge's noise", slope, "not measured",
                       "points a point")  # fmt: skip
        found.append(_less(claim))
    return _drawn(found, "RA-A1_noise")


def _outside(answers: pd.DataFrame) -> list[Claim]:
    """RA-A2: goals below and above the scale."""
    found = []
    for scale, name in (("1-10", "RA-A2/outside"), ("1-100", "RA-A2/outside-1-100")):
        if tables.has_beyond(answers, scale):
            found.append(
                _claim(answers, name, f"Asked for more than the scale {scale} holds, RA answers better still",
                       f"gold at goals above {scale} less gold at the top", tables.beyond(answers, scale),
                       "not measured")
            )  # fmt: skip
    if tables.has_beyond(answers, "1-10", side="below"):
        below = tables.beyond(answers, "1-10", side="below")
        found.append(
            _less(_claim(answers, "RA-A2/below", "Asked for 0, RA answers worse still than for 1",
                         "gold at goal 0 less gold at goal 1", below, "not measured"))
        )  # fmt: skip
    return _drawn(found, "RA-A2_outside")


def _unseen(answers: pd.DataFrame, seen: float) -> list[Claim]:
    """RA-A2: a training set without its best scores."""
    gain, base = (tables.unseen_gain(answers, arm, seen) for arm in ("RA, no top", "base"))
    without, full = (tables.pick(answers, "outside", arm, x="1-10", asked="10") for arm in ("RA, no top", "RA"))
    none = f"no score above {seen:g} in training"
    found = [
        _claim(answers, "RA-A2/unseen", f"Trained on no score above {seen:g}, RA still does better asked for 10",
               f"gold at goal 10 less gold at goal {seen:g}, {none}", over_models(gain), "transfers to g = 10"),
        _claim(answers, "RA-A2/unseen-less-base", "That step to 10 is larger than the base model's own",
               f"gold at 10 less at {seen:g}, RA ({none}) less base", over_models(gain - base), NO_CONTROL),
        _alike(_claim(answers, "RA-A2/unseen-all-data", "Nothing is lost by leaving the best scores out",
                      f"gold at goal 10, RA with {none} less RA with all", tables.gap(without, full), "not measured")),
    ]  # fmt: skip
    return _drawn(found, "RA-A2_outside")


def _policy(answers: pd.DataFrame) -> list[Claim]:
    """RA-T9: data that the model wrote itself, after the first round and after the last."""
    turns = sorted({x for x in answers.loc[answers["study"] == "on-policy", "x"] if x.startswith(OWN)})
    first, last = turns[0], turns[-1]
    found = [*_round(answers, first, ("RA-T9", "RA-T9/controls", "RA-T9/source"), "")]
    if last != first:
        names = ("RA-T9/last-round", "RA-T9/last-round-controls", "RA-T9/last-round-source")
        found += _round(answers, last, names, ", after all rounds")
        after, before = (tables.pick(answers, "on-policy", "RA", x=x) for x in (last, first))
        found.append(
            _claim(answers, "RA-T9/rounds", "Another round on the model's own answers adds to the first",
                   f"gold, RA, {last} less {first}", tables.gap(after, before), "not compared")
        )  # fmt: skip
    return _drawn(found, "RA-T9_own_answers", "RA-T9_differences")


def _round(answers: pd.DataFrame, x: str, names: tuple[str, str, str], when: str) -> list[Claim]:
    """RA on its own answers against UF, against UF asked for 10, and against RA on as many annotators' pairs."""
    ra = tables.pick(answers, "on-policy", "RA", x=x)
    uf, prompted = (tables.pick(answers, "on-policy", arm, x=x) for arm in tables.CONTROLS)
    annotated = tables.pick(answers, "on-policy", "RA", x=x.replace(OWN, "off-policy"))
    source = "RA gains more from the model's own answers than from as many pairs of other annotators"
    return [
        _claim(answers, names[0], f"On the model's own answers, RA beats UF{when}", f"gold, RA less UF, {x}",
               tables.gap(ra, uf), "RA > UF"),
        _claim(answers, names[1], f"On the model's own answers, RA beats UF asked for 10{when}",
               f"gold, RA less UF, g=10, {x}", tables.gap(ra, prompted), NO_CONTROL),
        _claim(answers, names[2], f"{source}{when}", f"gold, RA, {x} less off-policy", tables.gap(ra, annotated),
               "not compared"),
    ]  # fmt: skip
