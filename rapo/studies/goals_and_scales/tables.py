"""Tables of the studies of goals: estimates with intervals over seeds and prompts. No training here.

``answers`` is what `study.results` gives; arms are compared seed by seed and prompt by prompt.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rapo.stats.intervals import Interval
from rapo.studies.common.tables import matrix, over_models
from rapo.studies.goals_and_scales.scales import SCALES
from rapo.world.reward import ATTRIBUTES

CONTROLS = ("UF", "UF, g=10")
KEYS = ["arm", "x", "asked", "goal"]
METRICS = ("gold", "sentences", "unparseable")
_BOUNDS = ["estimate", "low", "high"]


def with_scores(answers: pd.DataFrame) -> pd.DataFrame:
    """Attributes as scores from 1 to 10, ``unparseable`` in percent; a broken answer scores 1 and has no sentence."""
    scores = {name: 1 + 9 * answers[name].fillna(0.0) for name in ATTRIBUTES}
    return answers.assign(
        **scores, unparseable=100.0 * ~answers["parseable"], sentences=answers["sentences"].fillna(0.0)
    )


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


def gap(first: pd.DataFrame, second: pd.DataFrame, metric: str = "gold") -> Interval:
    """A metric of some answers less that of others, paired by seed and prompt."""
    return over_models(matrix(first, metric) - matrix(second, metric))


def cells(answers: pd.DataFrame, study: str, *, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Every metric of everything that a study asked.

    Returns:
        Columns arm, x, asked, goal, metric, estimate, low, high.
    """
    part = with_scores(answers[answers["study"] == study])
    rows = []
    for key, group in part.groupby(KEYS, sort=False, dropna=False):
        for metric in metrics:
            found = over_models(matrix(group, metric))
            rows.append((*key, metric, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=[*KEYS, "metric", *_BOUNDS])


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


def top(answers: pd.DataFrame, scale: str, arm: str = "RA") -> pd.DataFrame:
    """Answers asked for the best score of a scale."""
    return pick(answers, "scale", arm, x=scale, asked=f"{SCALES[scale].high:g}")


def top_gaps(answers: pd.DataFrame) -> pd.DataFrame:
    """RA asked for the top of each scale less each control, and less RA on 1-10.

    Returns:
        Columns group ("less UF"), name (the scale), estimate, low, high.
    """
    rows = []
    for other in (*CONTROLS, "RA on 1-10"):
        against = top(answers, "1-10") if other == "RA on 1-10" else pick(answers, "scale", other)
        for scale in scales(answers):
            if other != "RA on 1-10" or scale != "1-10":
                found = gap(top(answers, scale), against)
                rows.append((f"less {other}", scale, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["group", "name", *_BOUNDS])


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
    rows = []
    for other in CONTROLS:
        for noise in noises(answers):
            first, second = (pick(answers, "noise", arm, x=noise) for arm in ("RA", other))
            found = gap(first, second)
            rows.append((f"RA less {other}", float(noise), found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["arm", "x", *_BOUNDS])


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
    at = np.array([float(noise) for noise in noises(answers)])
    weights = (at - at.mean()) / ((at - at.mean()) ** 2).sum()
    leads = [
        matrix(pick(answers, "noise", "RA", x=noise), "gold")
        - matrix(pick(answers, "noise", other, x=noise), "gold")
        for noise in noises(answers)
    ]
    weighted = [lead * weight for lead, weight in zip(leads, weights, strict=True)]
    return over_models(sum(weighted[1:], start=weighted[0]))


def beyond(answers: pd.DataFrame, scale: str, arm: str = "RA", *, side: str = "above") -> Interval:
    """Gold at the goals beyond an end of a scale (their mean), less gold at that end."""
    ends = SCALES[scale].low, SCALES[scale].high
    part = pick(answers, "outside", arm, x=scale)
    past = part["goal"] > ends[1] if side == "above" else part["goal"] < ends[0]
    far = part[past].pivot_table(index=["architecture", "seed"], columns="prompt", values="gold", aggfunc="mean")
    return over_models(far - matrix(part[part["goal"] == ends[side == "above"]], "gold"))


def has_beyond(answers: pd.DataFrame, scale: str, *, side: str = "above") -> bool:
    """Whether goals beyond that end were asked."""
    part = answers[(answers["study"] == "outside") & (answers["x"] == scale)]
    low, high = SCALES[scale].low, SCALES[scale].high
    return bool((part["goal"] > high).any() if side == "above" else (part["goal"] < low).any())


def unseen_gain(answers: pd.DataFrame, arm: str, seen: float) -> pd.DataFrame:
    """Gold asked for 10 less gold asked for the best score seen in training. Shape: (n_models, n_prompts)"""
    best, last = (pick(answers, "outside", arm, x="1-10", asked=f"{goal:g}") for goal in (10, seen))
    return matrix(best, "gold") - matrix(last, "gold")


def policy_gaps(answers: pd.DataFrame) -> pd.DataFrame:
    """RA-T9: RA less each control for each source and round, and on-policy less off-policy for each arm.

    Returns:
        Columns group ("RA less UF"), name (source and round, or arm and round), estimate, low, high.
    """
    part = answers[(answers["study"] == "on-policy") & (answers["x"] != "")]
    turns = sorted(part["x"].unique())
    rows = []
    for other in CONTROLS:
        for x in turns:
            found = gap(pick(part, "on-policy", "RA", x=x), pick(part, "on-policy", other, x=x))
            rows.append((f"RA less {other}", x, found.estimate, found.low, found.high))
    for x in turns:
        for arm in (*CONTROLS, "RA") if x.startswith("on-policy") else ():
            other_source = pick(part, "on-policy", arm, x=x.replace("on-policy", "off-policy"))
            found = gap(pick(part, "on-policy", arm, x=x), other_source)
            name = f"{arm}, {x.split(', ')[1]}"
            rows.append(("on-policy less off-policy", name, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["group", "name", *_BOUNDS])
