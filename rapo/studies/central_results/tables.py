"""From judged answers to the tables of the central comparison: win rates, differences, goals, held-out skills."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rapo.stats import intervals
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import (
    cells,
    estimates,
    gap,
    goal_slopes,
    groups,
    over_models,
    strata,
    with_form,
)
from rapo.winrates.length_control import contributions

TOO_HARD, TOO_EASY = 5.0, 98.0  # % right for the base: beyond, a skill can only rise, or only fall
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
    a model (world, architecture, seed, temperature) and arm, without instruction difficulty.
    """
    won = 100 * (judged["preference"] - 1)
    return with_form(judged).assign(win_rate=won, length_controlled=_length_controlled(judged))


def _length_controlled(judged: pd.DataFrame) -> pd.Series:
    """Contributions; NaN for answers of no arm, and for an arm that is its own reference."""
    own = judged.groupby("arm")["preference"].transform("nunique") < 2
    frame = judged[(judged["arm"] != "") & ~own]
    if frame.empty:
        return pd.Series(np.nan, index=judged.index)
    keys = [name for name in ("world", "architecture", "seed", "temperature", "arm") if name in frame]
    table = pd.DataFrame(
        {
            "model": frame[keys[0]].astype(str).str.cat(frame[keys[1:]].astype(str), sep="|"),
            "instruction": frame["prompt"],
            "preference": frame["preference"],
            "length_model": frame["length"].astype(float),
            "length_baseline": frame["reference_length"].astype(float),
        }
    )
    return contributions(table).reindex(judged.index)


def _with(judged: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """The table with its metrics, worked out where they are missing (the regressions take a second)."""
    return judged if set(metrics) <= set(judged.columns) else with_metrics(judged)


def with_all(frame: pd.DataFrame) -> pd.DataFrame:
    """Every row once under its architecture and once under "all", in the column ``group``."""
    return pd.concat([frame.assign(group=frame["architecture"]), frame.assign(group="all")])


def arms(judged: pd.DataFrame, *, metrics: Sequence[str] = tuple(METRICS)) -> pd.DataFrame:
    """Every metric of every arm, for each architecture and over all.

    Returns:
        Columns architecture ("all" for the pooled row), arm, metric, estimate, low, high, n_seeds, n_prompts.
    """
    both = with_all(_with(judged, metrics))
    found = cells(both[both["arm"] != ""], ["group", "arm"], metrics)  # no length control against oneself
    return found.rename(columns={"group": "architecture"})


def difference(judged: pd.DataFrame, arm: str, other: str, metric: str) -> Interval:
    """Paired difference of two arms over seeds and prompts."""
    frame = _with(judged, [metric])
    return gap(frame[frame["arm"] == arm], frame[frame["arm"] == other], metric)


def differences(judged: pd.DataFrame, arm: str, others: Sequence[str], metric: str) -> pd.DataFrame:
    """``arm`` less each of ``others``, over all and for each architecture.

    Returns:
        Columns architecture, arm (the other one), metric, estimate, low, high.
    """
    parts = {"all": judged} | {str(name): part for (name,), part in groups(judged, ["architecture"])}
    rows = [
        (name, other, metric, difference(part, arm, other, metric))
        for name, part in parts.items()
        for other in others
    ]
    return estimates(rows, ["architecture", "arm", "metric"])


def goal_curve(answers: pd.DataFrame) -> pd.DataFrame:
    """Realised gold reward and sentences of base and RA against the goal asked for.

    Returns:
        Columns arm, architecture, goal, metric ("gold" or "sentences"), estimate, low, high.
    """
    asked = with_form(answers[answers["goal"].notna() & answers["trained"].isin(["base", "RA"])])
    found = cells(with_all(asked), ["trained", "group", "goal"], ("gold", "sentences"))
    table = found.rename(columns={"trained": "arm", "group": "architecture"}).drop(
        columns=["n_seeds", "n_prompts"]
    )
    return table.sort_values(["arm", "architecture", "metric", "goal"])


def goal_slope(answers: pd.DataFrame, arm: str) -> Interval:
    """Least-squares slope of gold on the goal, points a point, over seeds and prompts."""
    return over_models(goal_slopes(answers[answers["trained"] == arm]))


def added_slope(answers: pd.DataFrame, arm: str) -> Interval:
    """How much steeper gold rises with the goal than it does for the untrained base: what training adds."""
    own, base = (goal_slopes(answers[answers["trained"] == name]) for name in (arm, "base"))
    return over_models(own - base)


def in_world(frame: pd.DataFrame, world: str) -> pd.DataFrame:
    """Rows of one world; all of them where only one was measured, so that no column tells worlds apart."""
    return frame[frame["world"] == world].dropna(axis=1, how="all") if "world" in frame else frame


def fair_skills(skills: pd.DataFrame, *, base: str = "base") -> list[str]:
    """The skills at which a model can get better and worse: the base has `TOO_HARD` % to `TOO_EASY` % of them right.

    All of them, where it has none of that kind.
    """
    means = skills[skills["arm"] == base].groupby("skill", sort=False)["accuracy"].mean()
    return list(means[means.between(TOO_HARD, TOO_EASY)].index) or list(means.index)


def skill_change(skills: pd.DataFrame, arm: str, *, base: str = "base") -> Interval:
    """Mean accuracy over the `fair_skills`, an arm less the base, in points; Student's t over the seeds.

    Two models of one arm and seed (trained for two goals) are averaged first.
    """
    skills = skills[skills["skill"].isin(fair_skills(skills, base=base))]
    means = skills.groupby(["arm", "architecture", "seed"])["accuracy"].mean()
    change = means.loc[arm] - means.loc[base]
    return intervals.t_interval(change.to_numpy(dtype=float), strata=strata(change))


def skill_table(skills: pd.DataFrame) -> pd.DataFrame:
    """Accuracy (%) of every arm at every held-out skill, with the mean of the `fair_skills` as skill "all".

    Returns:
        Columns arm, skill, estimate, low, high.
    """
    fair = skills[skills["skill"].isin(fair_skills(skills))]
    both = pd.concat([skills, fair.assign(skill="all")])
    means = both.groupby(["arm", "skill", "architecture", "seed"], sort=False)["accuracy"].mean()
    rows = [
        (*part.index[0][:2], intervals.t_interval(part.to_numpy(dtype=float), strata=strata(part)))
        for _, part in means.groupby(level=["arm", "skill"], sort=False)
    ]
    return estimates(rows, ["arm", "skill"])


def by_world(judged: pd.DataFrame, worlds: Sequence[str], *, metrics: Sequence[str]) -> pd.DataFrame:
    """`arms` over all architectures in each world, with a column ``world``."""
    parts = [arms(in_world(judged, world), metrics=metrics).assign(world=world) for world in worlds]
    table = pd.concat(parts, ignore_index=True)
    return table[table["architecture"] == "all"]


def by_temperature(judged: pd.DataFrame, *, metrics: Sequence[str]) -> pd.DataFrame:
    """`arms` over all architectures at each sampling temperature, with a column ``temperature``."""
    parts = [
        arms(part, metrics=metrics).assign(temperature=heat)
        for heat, part in judged.groupby("temperature", sort=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[table["architecture"] == "all"]
