"""From judged answers to estimates: one row an arm, with intervals over seeds and prompts. No training here."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapo.stats import intervals
from rapo.stats.intervals import Interval
from rapo.winrates.contributions import contributions

METRICS = {
    "length_controlled": "length-controlled win rate (%)",
    "gold": "gold reward (1-10)",
    "win_rate": "win rate (%)",
    "length": "words an answer",
    "sentences": "sentences after the list",
    "unparseable": "answers that break the form (%)",
}


def with_metrics(judged: pd.DataFrame) -> pd.DataFrame:
    """Add ``win_rate``, ``length_controlled`` and ``unparseable`` in percent; an unparseable answer has no sentences.

    The second is an answer's contribution to its model's length-controlled win rate: AlpacaEval 2's regression, one
    a model (architecture, seed, temperature) and arm, without instruction difficulty.
    """
    return judged.assign(
        win_rate=100 * (judged["preference"] - 1),
        length_controlled=_length_controlled(judged),
        unparseable=100.0 * ~judged["parseable"],
        sentences=judged["sentences"].fillna(0.0),
    )


def _length_controlled(judged: pd.DataFrame) -> pd.Series:
    """Contributions; NaN for answers of no arm, and for an arm that is its own reference."""
    own = judged.groupby("arm")["preference"].transform("nunique") < 2
    frame = judged[(judged["arm"] != "") & ~own]
    if frame.empty:
        return pd.Series(np.nan, index=judged.index)
    keys = ["architecture", "seed", "temperature", "arm"]
    table = pd.DataFrame(
        {
            "model": frame[keys].astype(str).agg("|".join, axis=1),
            "instruction": frame["prompt"],
            "preference": frame["preference"],
            "length_model": frame["length"].astype(float),
            "length_baseline": frame["reference_length"].astype(float),
        }
    )
    return contributions(table).reindex(judged.index)


def matrix(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """Values by model x prompt. Index: architecture, seed; a column a prompt. Shape: (n_models, n_prompts).

    Models differ in pairs, in the order of training and in sampling; those of one architecture share its base.
    Intervals take the architectures, each with its one base, as fixed (`strata`).

    Raises:
        ValueError: a model lacks an answer, or has two for one prompt.
    """
    table = frame.pivot(index=["architecture", "seed"], columns="prompt", values=value)
    if table.isna().any(axis=None):
        raise ValueError(f"some models lack {value} for some prompts; every model must answer the same prompts")
    return table.astype(float)


def strata(table: pd.DataFrame | pd.Series) -> NDArray[np.object_]:
    """The architecture of each row of a table whose index names it."""
    return table.index.get_level_values("architecture").to_numpy(dtype=object)


def over_models(table: pd.DataFrame) -> Interval:
    """Interval of the mean of a `matrix`, over seeds and prompts."""
    return intervals.crossed(table.to_numpy(), strata=strata(table))


def arms(judged: pd.DataFrame, *, metrics: Sequence[str] = tuple(METRICS)) -> pd.DataFrame:
    """Every metric of every arm, for each architecture and over all.

    Returns:
        Columns architecture ("all" for the pooled row), arm, metric, estimate, low, high, n_seeds, n_prompts.
    """
    rows = []
    for (architecture, arm), frame in _by_architecture(_with(judged, metrics)):
        for metric in metrics:
            if frame[metric].isna().all():  # no length control against oneself
                continue
            values = matrix(frame, metric)
            found = over_models(values)
            shape = (values.index.get_level_values("seed").nunique(), values.shape[1])
            rows.append((architecture, arm, metric, found.estimate, found.low, found.high, *shape))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _with(judged: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """The table with its metrics, worked out where they are missing (the regressions take a second)."""
    return judged if set(metrics) <= set(judged.columns) else with_metrics(judged)


_COLUMNS = ["architecture", "arm", "metric", "estimate", "low", "high", "n_seeds", "n_prompts"]


def _by_architecture(frame: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Groups of (architecture, arm); "all" pools the architectures."""
    both = pd.concat([frame.assign(group=frame["architecture"]), frame.assign(group="all")])
    both = both[both["arm"] != ""]
    return [((str(key[0]), str(key[1])), part) for key, part in both.groupby(["group", "arm"], sort=False)]


def difference(judged: pd.DataFrame, arm: str, other: str, metric: str) -> Interval:
    """Paired difference of two arms over seeds and prompts."""
    frame = _with(judged, [metric])
    first, second = (matrix(frame[frame["arm"] == name], metric) for name in (arm, other))
    return over_models(first - second)


def differences(judged: pd.DataFrame, arm: str, others: Sequence[str], metric: str) -> pd.DataFrame:
    """``arm`` less each of ``others``, for each architecture and over all.

    Returns:
        Columns architecture, arm (the other one), metric, estimate, low, high.
    """
    rows = []
    for architecture in ["all", *dict.fromkeys(judged["architecture"])]:
        part = judged if architecture == "all" else judged[judged["architecture"] == architecture]
        for other in others:
            found = difference(part, arm, other, metric)
            rows.append((architecture, other, metric, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=_COLUMNS[:6])


def goal_curve(answers: pd.DataFrame, *, trained: Sequence[str] = ("base", "RA")) -> pd.DataFrame:
    """Realised gold reward against the goal asked for.

    Returns:
        Columns arm, architecture, goal, metric ("gold" or "sentences"), estimate, low, high.
    """
    asked = answers[answers["goal"].notna() & answers["trained"].isin(trained)]
    asked = asked.assign(sentences=asked["sentences"].fillna(0.0))
    rows = []
    for (arm, goal), part in asked.groupby(["trained", "goal"], sort=False):
        for architecture in ["all", *dict.fromkeys(part["architecture"])]:
            some = part if architecture == "all" else part[part["architecture"] == architecture]
            for metric in ("gold", "sentences"):
                found = over_models(matrix(some, metric))
                rows.append((arm, architecture, goal, metric, found.estimate, found.low, found.high))
    columns = ["arm", "architecture", "goal", "metric", "estimate", "low", "high"]
    return pd.DataFrame(rows, columns=columns).sort_values(["arm", "architecture", "metric", "goal"])


def goal_slope(answers: pd.DataFrame, arm: str) -> Interval:
    """Least-squares slope of gold on the goal, points a point, over seeds and prompts."""
    asked = answers[answers["goal"].notna() & (answers["trained"] == arm)]
    goals = np.sort(asked["goal"].unique())
    centred = goals - goals.mean()
    tables = [matrix(asked[asked["goal"] == goal], "gold") for goal in goals]
    weighted = [table * (weight / (centred @ centred)) for table, weight in zip(tables, centred, strict=True)]
    return over_models(sum(weighted[1:], start=weighted[0]))


def skill_change(skills: pd.DataFrame, arm: str, *, base: str = "base") -> Interval:
    """Mean accuracy over the held-out skills, an arm less the base, in points; Student's t over the seeds.

    Two models of one arm and seed (trained for two goals) are averaged first.
    """
    means = skills.groupby(["arm", "architecture", "seed"])["accuracy"].mean()
    change = means.loc[arm] - means.loc[base]
    return intervals.t_interval(change.to_numpy(dtype=float), strata=strata(change))


def skill_table(skills: pd.DataFrame) -> pd.DataFrame:
    """Accuracy (%) of every arm at every held-out skill, with the mean of all skills as skill "all".

    Returns:
        Columns arm, skill, estimate, low, high.
    """
    both = pd.concat([skills, skills.assign(skill="all")])
    means = both.groupby(["arm", "skill", "architecture", "seed"], sort=False)["accuracy"].mean()
    rows = []
    for _, part in means.groupby(level=["arm", "skill"], sort=False):
        found = intervals.t_interval(part.to_numpy(dtype=float), strata=strata(part))
        arm, skill = part.index[0][:2]
        rows.append((arm, skill, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["arm", "skill", "estimate", "low", "high"])


def by_temperature(judged: pd.DataFrame, *, metrics: Sequence[str]) -> pd.DataFrame:
    """`arms` over all architectures at each sampling temperature, with a column ``temperature``."""
    parts = [
        arms(part, metrics=metrics).assign(temperature=heat)
        for heat, part in judged.groupby("temperature", sort=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[table["architecture"] == "all"]
