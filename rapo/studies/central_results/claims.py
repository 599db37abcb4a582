"""What the claims of the central comparison rest on; their words stand in claims.yaml."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rapo.claims import published
from rapo.claims.claim import Claim
from rapo.studies.central_results import study, tables
from rapo.studies.common import bases
from rapo.studies.common.arms import CONTROLS
from rapo.studies.common.claims import Found, everywhere, join, size
from rapo.studies.common.premises import tuned
from rapo.studies.common.tables import least, matrix, over_models
from rapo.world import data

STUDY = "central_results"
UNITS = ("architecture", "seed", "prompt")
METRICS = {"win_rate": "", "length_controlled": "-length-controlled", "gold": "-gold"}  # and the ends of their ids
NAIVE = {"win_rate": "win-rate", "length_controlled": "length-controlled", "gold": "gold"}
ASKED = "base, g=10"  # the untrained base, asked as RA is
# Where a comparison begins: what RA does that training on relabelled pairs is not needed for.
ZEROS = {"base-asked": ASKED, "UF-asked": "UF, g=10", "UF-asked-longer": "UF, equal steps, g=10"}
JOINED, MECHANISM = "worlds", "RA-F2/mechanism"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook: in the main world, in each other one, and in all of them.

    Args:
        frames: of `rapo.studies.central_results.study.results`.
        recipe: of the study.
    """
    each = {
        world: _in_world({name: tables.in_world(frame, world) for name, frame in frames.items()}, own)
        for world, own in study.worlds(recipe).items()
    }
    main, *others = each
    found = {name: _told(one, f" ({main} world)" * bool(others)) for name, one in each[main].items()}
    for world in others:
        found |= {_id(name, world): _told(one, f" ({world} world)") for name, one in each[world].items()}
    for name in each[main] if others else ():
        if all(name in one for one in each.values()):
            joined = everywhere(STUDY, name, {world: one[name] for world, one in each.items()})
            found[_id(name, JOINED)] = _told(joined, f", in every world ({joined.words['where']})")
    ends = ["", *(sign + world for world in [*others, *([JOINED] if others else [])] for sign in "-/")]
    counted = [end for end in ends if f"{MECHANISM}{end}" in found]  # only where sentences count, and are counted
    return join(STUDY, found, {**recipe, "measured": ends, "counted": counted}, words=_words(recipe))


def _id(name: str, world: str) -> str:
    """A claim's id in another world than the main one.

    >>> _id("RA-F2/gold", "one-sided"), _id("RA-T4", "one-sided")
    ('RA-F2/gold-one-sided', 'RA-T4/one-sided')
    """
    return f"{name}{'-' if '/' in name else '/'}{world}"


def _told(found: Found, world: str) -> Found:
    """A measurement with the words for where it was made."""
    return Found(found.interval, {**found.words, "world": world}, found.data, found.base)


def _words(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What the texts of all entries leave open."""
    return {
        "win_rate": _published("win rate"),
        "lc_win_rate": _published("LC win rate"),
        "lowest": min(recipe["goals"]),
        "highest": max(recipe["goals"]),
    }


def _published(metric: str) -> str:
    """RA less UF of the paper's models, in words."""
    wide = published.table("RA-F2")
    values = wide[wide["metric"] == metric].pivot_table(index="model", columns="arm", values="value")
    gaps = (values["RA"] - values["UF"]).dropna()
    return f"{gaps.mean():+.1f} points on average ({gaps.min():+.1f} to {gaps.max():+.1f}, {len(gaps)} models)"


def _in_world(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> dict[str, Found]:
    """What one world's results say, with how far it meets the paper's premises."""
    judged, used, skills = frames["judged"], frames["used"], frames["skills"]
    usual = tables.with_metrics(judged[judged["temperature"] == recipe["temperature"]])
    found = {**_compared(usual), **_goals(usual), **_used(used, usual), "RA-T4": _skills(skills)}
    gold = data.make_world(recipe["world"]).gold
    if "elaboration" in gold.sides and usual["sentences"].any():  # real answers are not counted
        found[MECHANISM] = _overshoot(usual, gold.peak)
    words = {"n": size(usual, UNITS), "n_models": size(usual, UNITS[:2]), **bases.words(frames["premises"])}
    words["tuned"] = tuned(frames["tuning"]) if "tuning" in frames else ""
    words["n_used"] = size(used, UNITS)
    return {name: Found(one.interval, {**words, **one.words}, one.data, one.base) for name, one in found.items()}


def _compared(judged: pd.DataFrame) -> dict[str, Found]:
    """RA asked for the top score: against UF asked plainly, against each zero, and against its hardest control."""
    found: dict[str, Found] = {}
    for metric, end in METRICS.items():
        arms = {name: matrix(judged[judged["arm"] == name], metric) for name in ("RA", *CONTROLS)}
        leads = {other: over_models(arms["RA"] - arms[other]) for other in CONTROLS}
        untrained = {other: over_models(arms[ASKED] - arms[other]) for other in CONTROLS if other != ASKED}
        rival, lead = least(leads)
        found[f"RA-F2/{NAIVE[metric]}"] = Found(leads["UF"], base=untrained["UF"])
        found[f"RA-F2/controls{end}"] = Found(lead, {"rival": rival}, base=untrained.get(rival))
        for name, zero in ZEROS.items():
            found[f"RA-F2/{name}{end}"] = Found(leads[zero], base=untrained.get(zero))
    return found


def _goals(judged: pd.DataFrame) -> dict[str, Found]:
    """RA-A2: what training adds to the slope on the goal, and both slopes."""
    base, ours = (tables.goal_slope(judged, arm) for arm in ("base", "RA"))
    both = {"base_slope": base.estimate, "own_slope": ours.estimate}
    return {
        "RA-A2": Found(tables.added_slope(judged, "RA"), both),
        "RA-A2/RA": Found(ours, base=base),
        "RA-A2/base": Found(base),
    }


def _overshoot(judged: pd.DataFrame, peak: int) -> Found:
    """How much further the longest, prompted UF stands from the best number of sentences."""
    frame = judged.assign(sentences=(judged["sentences"].fillna(0.0) - peak).abs())
    longest = "UF, equal steps, g=10"
    ours, base = (tables.difference(frame, longest, arm, "sentences") for arm in ("RA", ASKED))
    return Found(ours, base=base)


def _used(used: pd.DataFrame, judged: pd.DataFrame) -> dict[str, Found]:
    """Training again on data that was used already; the base is that of the same architecture."""
    asked = judged[(judged["arm"] == ASKED) & judged["architecture"].isin(used["architecture"].unique())]
    both = pd.concat([used, asked[[name for name in used if name in asked]]], ignore_index=True)
    pairs = {
        "UF": ("UF, then UF again", "UF"),
        "RA": ("UF, then RA", "UF"),
        "controls": ("UF, then RA", "UF, then UF again, g=10"),
        "UF-asked": ("UF, then RA", "UF, g=10"),
        "base-asked": ("UF, then RA", ASKED),
    }
    found = {}
    for name, (arm, other) in pairs.items():
        comparable = arm == "UF, then RA" and other != ASKED
        base = tables.difference(both, ASKED, other, "gold") if comparable else None
        found[f"RA-T7/{name}"] = Found(tables.difference(both, arm, other, "gold"), base=base)
    return found


def _skills(skills: pd.DataFrame) -> Found:
    """RA-T4: the held-out skills that can rise and fall."""
    fair, known = tables.fair_skills(skills), skills["skill"].nunique()
    words = {"n_skills": len(fair), "left_out": known - len(fair)}
    return Found(tables.skill_change(skills, "RA"), words)
