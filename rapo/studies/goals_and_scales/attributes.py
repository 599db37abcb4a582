"""Goals of several attributes (RA-T8): does the attribute that is asked low fall, and does it fall alone?"""

from collections.abc import Sequence
from itertools import product

import pandas as pd

from rapo.stats.intervals import Interval
from rapo.studies.common.tables import average, estimates, matrix, over_models
from rapo.studies.goals_and_scales.tables import pick, with_scores

ARMS = ("base, all 10", "RA, attributes")  # those that are asked for single low attributes


def asked_sides(answers: pd.DataFrame) -> list[str]:
    """The sides of quality that were asked low in turn, in their order."""
    found = answers.loc[(answers["study"] == "attributes") & (answers["x"] != ""), "x"]
    return list(dict.fromkeys(found))


def _asked(answers: pd.DataFrame, arm: str, asked: str, metrics: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Each metric of an arm's answers under one wish. Shape: (n_models, n_prompts)"""
    part = pick(answers, "attributes", arm, asked=asked)
    return {metric: matrix(part, metric) for metric in metrics}


def falls(answers: pd.DataFrame, arm: str, level: float) -> pd.DataFrame:
    """RA-T8: realised attributes under "all 10" less those when one is asked for ``level``.

    Returns:
        Columns asked, realised (attributes), estimate, low, high (score points).
    """
    sides = asked_sides(answers)
    part = with_scores(answers, sides)
    best = _asked(part, arm, "all 10", sides)
    low = {asked: _asked(part, arm, f"{asked} {level:g}", sides) for asked in sides}
    rows = [(asked, name, over_models(best[name] - low[asked][name])) for asked, name in product(sides, sides)]
    return estimates(rows, ["asked", "realised"])


def selectivity(
    answers: pd.DataFrame,
    arm: str,
    level: float,
    *,
    attributes: Sequence[str] = (),
    less: str | None = None,
) -> Interval:
    """How much further the attribute that is asked low falls than the mean of the others, averaged over attributes.

    Args:
        answers: of the study.
        arm: one of `ARMS`.
        level: what one attribute is asked for.
        attributes: which ones are asked low in turn; none: all of them.
        less: an arm whose selectivity is taken away, paired by seed and prompt.
    """
    found = _selectivity(answers, arm, level, attributes)
    return over_models(found if less is None else found - _selectivity(answers, less, level, attributes))


def _selectivity(answers: pd.DataFrame, arm: str, level: float, attributes: Sequence[str]) -> pd.DataFrame:
    sides = asked_sides(answers)
    part = with_scores(answers[answers["arm"] == arm], sides)
    best = _asked(part, arm, "all 10", sides)
    found = []
    for asked in attributes or sides:
        low = _asked(part, arm, f"{asked} {level:g}", sides)
        fall = {name: best[name] - low[name] for name in sides}
        found.append(fall.pop(asked) - average([*fall.values()]))
    return average(found)


def curves(answers: pd.DataFrame) -> pd.DataFrame:
    """Each attribute's realised score against the score that it is asked for (others: 10); of elaboration, which is
    an amount, the sentences too.

    Returns:
        Columns arm, attribute, goal, metric ("score", "sentences"), estimate, low, high.
    """
    sides = asked_sides(answers)
    part = with_scores(answers[answers["study"] == "attributes"], sides)
    part, rows = part[part["arm"].isin(ARMS)], []
    for attribute in sides:
        metrics = {"score": attribute} | ({"sentences": "sentences"} if attribute == "elaboration" else {})
        asked = part[(part["x"] == attribute) | (part["asked"] == "all 10")]
        for (arm, goal), group in sorted(asked.groupby(["arm", "goal"]), key=lambda each: ARMS.index(each[0][0])):
            for metric, column in metrics.items():
                rows.append((arm, attribute, goal, metric, over_models(matrix(group, column))))
    return estimates(rows, ["arm", "attribute", "goal", "metric"])
