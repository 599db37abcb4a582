"""What the claims of the study of goals (RA-T8, RA-A1, RA-A2, RA-T9) rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import Found, join, size
from rapo.studies.common.premises import tuned
from rapo.studies.common.tables import gap, least, over_models
from rapo.studies.goals_and_scales import attributes, tables
from rapo.studies.goals_and_scales.asked import sides_of
from rapo.studies.goals_and_scales.scales import SCALES

OWN = "on-policy"
ENDS = {"UF": "", "UF, g=10": "controls"}  # of the ids of claims against a control
Claimed = dict[str, Interval | Found]


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.goals_and_scales.study.results`.
        recipe: of the study.
    """
    answers = frames["answers"]
    turns = sorted({x for x in answers.loc[answers["study"] == OWN, "x"] if x.startswith(OWN)})
    found: Claimed = {
        **_attributes(answers, recipe["low"]),
        **_attribute_gold(answers),
        **_scales(answers, recipe["central"]["corpus"]),
        **_noise(answers),
        **_outside(answers),
        **_unseen(answers, recipe["top"]),
        **_round(answers, turns[0], ("RA-T9", "RA-T9/controls", "RA-T9/source")),
    }
    if len(turns) > 1:
        last = "RA-T9/last-round"
        found |= _round(answers, turns[-1], (last, f"{last}-controls", f"{last}-source"))
        after, before = (tables.pick(answers, OWN, "RA", x=x) for x in (turns[-1], turns[0]))
        found["RA-T9/rounds"] = gap(after, before)
    sides = sides_of(recipe)
    words = {"most": tables.noises(answers)[-1], "first": turns[0], "last": turns[-1], "sides": len(sides)}
    words |= {"tuned": tuned(frames["tuning"]), **_broken(answers)}
    return join("goals_and_scales", found, {**recipe, "sides": list(sides)}, n=size(answers), words=words)


def _attributes(answers: pd.DataFrame, low: float) -> Claimed:
    base, arm = attributes.ARMS
    return {
        "RA-T8": attributes.selectivity(answers, arm, low),
        "RA-T8/trained": attributes.selectivity(answers, arm, low, less=base),
        **{
            f"RA-T8/{name}": attributes.selectivity(answers, arm, low, attributes=[name])
            for name in attributes.asked_sides(answers)
        },
    }


def _attribute_gold(answers: pd.DataFrame) -> Claimed:
    best = tables.pick(answers, "attributes", "RA, attributes", asked="all 10")
    arms = ("UF", "UF, g=10", "UF, all 10", "base, g=10", "base, all 10")
    leads = {arm: gap(best, _asked_best(answers, arm)) for arm in arms}
    rival, lead = least(leads)
    own = tables.pick(answers, OWN, "RA, attributes")
    policy = {arm: gap(own, tables.pick(answers, OWN, arm, x=f"{OWN}, round 1")) for arm in ("UF", "RA")}
    return {
        "RA-T8/gold": gap(best, tables.pick(answers, "attributes", "RA")),
        "RA-T8/UF": leads["UF"],
        "RA-T8/controls": Found(lead, {"rival": rival}),
        "RA-T8/on-policy": policy["UF"],
        "RA-T8/on-policy-overall": policy["RA"],
    }


def _broken(answers: pd.DataFrame) -> dict[str, float]:
    """How many answers break the form (%), asked for goals of several attributes and for one."""
    arms = {
        "broken": tables.pick(answers, "attributes", "RA, attributes", asked="all 10"),
        "broken_base": _asked_best(answers, "base, all 10"),
        "broken_one": _asked_best(answers, "base, g=10"),
    }
    return {word: 100 * (1 - float(part["parseable"].mean())) for word, part in arms.items()}


def _asked_best(answers: pd.DataFrame, arm: str) -> pd.DataFrame:
    return tables.pick(answers, "attributes", arm, asked="all 10" if arm.endswith("all 10") else None)


def _scales(answers: pd.DataFrame, corpus: Mapping[str, Any]) -> Claimed:
    names, usual = tables.scales(answers), tables.top(answers, "1-10")
    words = {name: {"known": SCALES[name].known(corpus), "worst": name} for name in names}
    found: Claimed = {
        f"RA-A1/{name}": Found(gap(tables.top(answers, name), usual), words[name])
        for name in names
        if name != "1-10"
    }
    for other, end in ENDS.items():
        against = tables.pick(answers, "scale", other)
        worst, lead = least({scale: gap(tables.top(answers, scale), against) for scale in names})
        found[f"RA-A1/{end}".removesuffix("/")] = Found(lead, words[worst])
    return found


def _noise(answers: pd.DataFrame) -> Claimed:
    most, found = tables.noises(answers)[-1], {}
    for other, end in ENDS.items():
        ra, control = (tables.pick(answers, "noise", arm, x=most) for arm in ("RA", other))
        found[f"RA-A1/noise-{end}".removesuffix("-")] = gap(ra, control)
        found[f"RA-A1/noise-slope-{end}".removesuffix("-")] = tables.noise_slope(answers, other)
    return dict(found)


def _outside(answers: pd.DataFrame) -> Claimed:
    """Goals below and above the scale."""
    ends = {
        "RA-A2/outside": ("1-10", "above"),
        "RA-A2/outside-1-5": ("1-5", "above"),
        "RA-A2/below": ("1-10", "below"),
    }
    return {
        name: Found(
            tables.beyond(answers, scale, side=side),
            {"beyond": ", ".join(f"{goal:g}" for goal in tables.goals_beyond(answers, scale, side=side))},
            base=tables.beyond(answers, scale, "base", side=side),
        )
        for name, (scale, side) in ends.items()
        if tables.goals_beyond(answers, scale, side=side)
    }


def _unseen(answers: pd.DataFrame, seen: float) -> Claimed:
    gain, base = (tables.unseen_gain(answers, arm, seen) for arm in ("RA, no top", "base"))
    without, full = (tables.pick(answers, "outside", arm, x="1-10", asked="10") for arm in ("RA, no top", "RA"))
    return {
        "RA-A2/unseen": over_models(gain),
        "RA-A2/unseen-less-base": over_models(gain - base),
        "RA-A2/unseen-all-data": gap(without, full),
    }


def _round(answers: pd.DataFrame, x: str, names: tuple[str, str, str]) -> Claimed:
    """RA on its own answers against UF, against UF asked for 10, and against RA on as many annotators' pairs."""
    ra = tables.pick(answers, OWN, "RA", x=x)
    rivals = [tables.pick(answers, OWN, arm, x=x) for arm in tables.CONTROLS]
    rivals.append(tables.pick(answers, OWN, "RA", x=x.replace(OWN, "off-policy")))
    return {name: gap(ra, rival) for name, rival in zip(names, rivals, strict=True)}
