"""Tables of the studies of goals: estimates with intervals over seeds and prompts. No training here.

``answers`` is what `study.results` gives; arms are compared seed by seed and prompt by prompt.
"""

from collections.abc import Sequence
from itertools import product

import pandas as pd

from rapo.stats.intervals import Interval
from rapo.studies.common import tables
from rapo.studies.common.tables import estimates, gap, matrix, over_models, with_form
from rapo.studies.goals_and_scales.scales import SCALES

CONTROLS = ("UF", "UF, g=10")
KEYS = ["arm", "x", "asked", "goal"]


def with_scores(answers: pd.DataFrame, sides: Sequence[str]) -> pd.DataFrame:
    """`with_form`, and sides of quality as scores from 1 to 10; a broken answer scores 1."""
    return with_form(answers).assign(**{name: 1 + 9 * answers[name].fillna(0.0) for name in sides})


def pick(
    answers: pd.DataFrame, study: str, arm: str, *, x: str | None = None, asked: str | None = None
) -> pd.DataFrame:
    """Answers of one cell; None leaves a choice open.

    Raises:
        ValueError: there is no such answer.
    """
    keep = (answers["study"] == study) & (answers["arm"] == arm)
    for name, value in (("x", x), ("asked", asked)):
        keep &= True if value is None else answers[name] == value
    if not keep.any():
        raise ValueError(f"no answers of study {study!r}, arm {arm!r}, x {x!r}, asked {asked!r}")
    return answers[keep]


def cells(answers: pd.DataFrame, study: str) -> pd.DataFrame:
    """Gold, sentences and broken answers of everything that a study asked.

    Returns:
        Columns arm, x, asked, goal, metric, estimate, low, high.
    """
    found = tables.cells(with_form(answers[answers["study"] == study]), KEYS)
    return found.drop(columns=["n_seeds", "n_prompts"])


def gold(answers: pd.DataFrame, study: str) -> pd.DataFrame:
    """`cells` for the gold reward, with the share of unparseable answers (%) and the mean number of sentences."""
    wide = cells(answers, study)
    beside = wide.pivot_table(index=KEYS[:3], columns="metric", values="estimate", sort=False)
    found = wide[wide["metric"] == "gold"].drop(columns="metric")
    return found.merge(beside[["sentences", "unparseable"]].reset_index(), on=KEYS[:3], how="left")


def on_scales(answers: pd.DataFrame) -> pd.DataFrame:
    """RA-A1: gold over goals on each scale, base and RA, with ``share``: the goal's place on its scale, 0 to 1."""
    found = gold(answers, "scale")
    found = found[found["x"] != ""]
    shares = [SCALES[x].share(goal) for x, goal in zip(found["x"], found["goal"], strict=True)]
    return found.assign(share=shares)


def top(answers: pd.DataFrame, scale: str) -> pd.DataFrame:
    """RA's answers asked for the best score of a scale."""
    return pick(answers, "scale", "RA", x=scale, asked=f"{SCALES[scale].high:g}")


def top_gaps(answers: pd.DataFrame) -> pd.DataFrame:
    """RA asked for the top of each scale less each control, and less RA on 1-10.

    Returns:
        Columns group ("less UF"), name (the scale), estimate, low, high.
    """
    against = {other: pick(answers, "scale", other) for other in CONTROLS} | {"RA on 1-10": top(answers, "1-10")}
    rows = [
        (f"less {other}", scale, gap(top(answers, scale), rival))
        for (other, rival), scale in product(against.items(), scales(answers))
        if (other, scale) != ("RA on 1-10", "1-10")
    ]
    return estimates(rows, ["group", "name"])


def scales(answers: pd.DataFrame) -> list[str]:
    """The scales that RA was trained on, in their own order."""
    used = set(answers.loc[answers["study"] == "scale", "x"])
    return [name for name in SCALES if name in used]


def noises(answers: pd.DataFrame) -> list[str]:
    """The judge's noises, rising."""
    return sorted(answers.loc[answers["study"] == "noise", "x"].unique(), key=float)


def noise_gaps(answers: pd.DataFrame) -> pd.DataFrame:
    """RA less each control over the judge's noise.

    Returns:
        Columns arm ("RA less UF"), x (noise, points), estimate, low, high.
    """
    rows = [
        (f"RA less {other}", float(noise), over_models(_lead(answers, other, noise)))
        for other, noise in product(CONTROLS, noises(answers))
    ]
    return estimates(rows, ["arm", "x"])


def _lead(answers: pd.DataFrame, other: str, noise: str) -> pd.DataFrame:
    ra, control = (matrix(pick(answers, "noise", arm, x=noise)) for arm in ("RA", other))
    return ra - control


def helps_until(gaps: pd.DataFrame) -> str:
    """In words, for each difference of `noise_gaps`, up to which noise its whole interval lies above zero."""
    lines = []
    for arm, part in gaps.sort_values("x").groupby("arm", sort=False):
        sure = part["low"].gt(0).cummin()
        last = part.loc[sure, "x"].max()
        told = (
            f"above zero up to a noise of {last:g}" if sure.any() else "not surely above zero at the least noise"
        )
        lines.append(f"{arm}: {told}")
    return "\n".join(lines)


def noise_slope(answers: pd.DataFrame, other: str) -> Interval:
    """Least-squares slope of RA's lead over a control on the judge's noise, points a point."""
    at = noises(answers)
    leads = [_lead(answers, other, noise) for noise in at]
    return over_models(tables.slope(leads, [float(noise) for noise in at]))


def beyond(answers: pd.DataFrame, scale: str, arm: str = "RA", *, side: str = "above") -> Interval:
    """Gold at the goals beyond an end of a scale (their mean), less gold at that end."""
    part = pick(answers, "outside", arm, x=scale)
    past = part["goal"].isin(goals_beyond(answers, scale, side=side))
    end = SCALES[scale].high if side == "above" else SCALES[scale].low
    return over_models(matrix(part[past]) - matrix(part[part["goal"] == end]))


def goals_beyond(answers: pd.DataFrame, scale: str, *, side: str = "above") -> list[float]:
    """The goals that were asked beyond an end of a scale, rising."""
    asked = answers.loc[(answers["study"] == "outside") & (answers["x"] == scale), "goal"].unique()
    low, high = SCALES[scale].low, SCALES[scale].high
    return sorted(goal for goal in asked if (goal > high if side == "above" else goal < low))


def unseen_gain(answers: pd.DataFrame, arm: str, seen: float) -> pd.DataFrame:
    """Gold asked for 10 less gold asked for the best score seen in training. Shape: (n_models, n_prompts)"""
    best, last = (pick(answers, "outside", arm, x="1-10", asked=f"{goal:g}") for goal in (10, seen))
    return matrix(best) - matrix(last)


def policy_gaps(answers: pd.DataFrame) -> pd.DataFrame:
    """RA-T9: RA less each control for each source and round, and on-policy less off-policy for each arm.

    Returns:
        Columns group ("RA less UF"), name (source and round, or arm and round), estimate, low, high.
    """

    def told(arm: str, x: str) -> pd.DataFrame:
        return pick(answers, "on-policy", arm, x=x)

    turns = sorted(answers.loc[(answers["study"] == "on-policy") & (answers["x"] != ""), "x"].unique())
    own = [x for x in turns if x.startswith("on-policy")]
    rows = [(f"RA less {other}", x, gap(told("RA", x), told(other, x))) for other, x in product(CONTROLS, turns)]
    rows += [
        ("on-policy less off-policy", f"{arm}, {x.split(', ')[1]}",
         gap(told(arm, x), told(arm, x.replace("on-policy", "off-policy"))))
        for x, arm in product(own, (*CONTROLS, "RA"))
    ]  # fmt: skip
    return estimates(rows, ["group", "name"])
