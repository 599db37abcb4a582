"""Claims of the self-play study, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim, measured, slug
from rapo.stats.intervals import Interval
from rapo.studies.self_play import tables
from rapo.studies.self_play.study import LONGER

BEST = "alignment potential is best (direction only: the paper's figures are not at hand)"
RISES = "more data and more rounds keep improving (direction only)"
NO_CONTROL = "no control"


def claims(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        answers: `rapo.studies.self_play.study.results`.
        recipe: `rapo.studies.self_play.study.recipe_of`: pairs of the first data and of a round.
    """
    return [*_against_others(answers), *_growth(answers, recipe)]


def _claim(name: str, statement: str, statistic: str, found: Interval, n: str, paper: str, unit: str) -> Claim:
    claim = measured(slug(name), statement, statistic, found, unit=unit, n=n, paper=paper)
    return replace(claim, note="Nothing varies in these data.") if found.low == found.high else claim


def _size(answers: pd.DataFrame) -> str:
    asked = answers[answers["asked"] == "test"]
    return f"{asked['seed'].nunique()} seeds x {asked['prompt'].nunique()} prompts"


def _against_others(answers: pd.DataFrame) -> list[Claim]:
    """AP-S1; the rival of the claims without a name is the best of the others on the very prompts asked."""
    n, unit = _size(answers), "of 10"
    statement = "After the last round, evolving and selecting by alignment potential gives the best model"
    made = []
    for suffix, asked in (("", "test"), ("/evolved", "evolved")):
        found = {other: tables.gap(answers, "MAP", other, asked=asked) for other in tables.RIVALS}
        rival = min(found, key=lambda other: found[other].estimate)
        statistic = f"gold reward on {tables.ASKED[asked]}, MAP less the best other arm ({rival})"
        where = "" if asked == "test" else ", asked evolved test prompts"
        made.append(_claim(f"AP-S1{suffix}", f"{statement}{where}", statistic, found[rival], n, BEST, unit))
    for other in tables.RIVALS:
        found_one = tables.gap(answers, "MAP", other)
        statistic = f"gold reward on test prompts, MAP less {other}"
        paper = NO_CONTROL if other == "own answers" else BEST
        against = f"After the last round, alignment potential gives a better model than {other}"
        made.append(_claim(f"AP-S1/{other}", against, statistic, found_one, n, paper, unit))
    return [replace(claim, figures=("AP-S1_gold", "AP-S1_differences")) for claim in made]


def _growth(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> list[Claim]:
    """AP-S2: the slope over rounds, the last step alone, and whether it is data or only steps."""
    n, last, added = _size(answers), tables.last_round(answers), recipe["kept"]
    rate = f"of 10 a round (of {added} pairs)"
    made = [
        _claim("AP-S2", "Gold reward rises with every round of self-play",
               f"slope of gold reward on the round, MAP, rounds 0 to {last}", tables.slope(answers, "MAP"), n,
               RISES, rate),
        _claim("AP-S2/evolved", "Gold reward on evolved test prompts rises with every round of self-play",
               f"slope of gold reward on the round, evolved test prompts, MAP, rounds 0 to {last}",
               tables.slope(answers, "MAP", asked="evolved"), n, RISES, rate),
        _claim("AP-S2/last", "The last round still improves on the one before",
               f"gold reward, MAP, round {last} less round {last - 1}", tables.step(answers, "MAP", last), n,
               RISES, "of 10"),
        _claim("AP-S2/steps", "New pairs do more than training as long on the first pairs",
               f"gold reward, MAP after round {last} less the first pairs for as many steps",
               tables.gap(answers, "MAP", LONGER), n, NO_CONTROL, "of 10"),
    ]  # fmt: skip
    return [replace(claim, figures=("AP-S2_rounds",)) for claim in made]
