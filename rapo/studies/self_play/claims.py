"""Claims of the self-play study, each with its statistic and interval; verdicts follow from them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from rapo.claims.claim import Claim
from rapo.studies.common.claims import NO_CONTROL, claim, drawn, size
from rapo.studies.common.tables import least
from rapo.studies.self_play import tables
from rapo.studies.self_play.study import LONGER

BEST = "alignment potential is best (direction only: the paper's figures are not at hand)"
RISES = "more data and more rounds keep improving (direction only)"


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `rapo.studies.self_play.study.results`.
        recipe: of the study: pairs of the first data and of a round.
    """
    answers = frames["answers"]
    return [
        *drawn(_against_others(answers), "AP-S1_gold", "AP-S1_differences"),
        *drawn(_growth(answers, recipe), "AP-S2_rounds"),
    ]


def _size(answers: pd.DataFrame) -> str:
    return size(answers[answers["asked"] == "test"])


def _against_others(answers: pd.DataFrame) -> list[Claim]:
    """AP-S1; the rival of the claims without a name is the best of the others on the very prompts asked."""
    make = partial(claim, n=_size(answers))
    statement = "After the last round, evolving and selecting by alignment potential gives the best model"
    made = []
    for suffix, asked, where in (("", "test", ""), ("/evolved", "evolved", ", asked evolved test prompts")):
        rival, found = least({other: tables.gap(answers, "MAP", other, asked=asked) for other in tables.RIVALS})
        statistic = f"gold reward on {tables.ASKED[asked]}, MAP less the best other arm ({rival})"
        made.append(make(f"AP-S1{suffix}", f"{statement}{where}", statistic, found, paper=BEST))
    return made + [
        make(f"AP-S1/{other}", f"After the last round, alignment potential gives a better model than {other}",
             f"gold reward on test prompts, MAP less {other}", tables.gap(answers, "MAP", other),
             paper=NO_CONTROL if other == "own answers" else BEST)
        for other in tables.RIVALS
    ]  # fmt: skip


def _growth(answers: pd.DataFrame, recipe: Mapping[str, Any]) -> list[Claim]:
    """AP-S2: the slope over rounds, the last step alone, and whether it is data or only steps."""
    make, last = partial(claim, n=_size(answers), paper=RISES), tables.last_round(answers)
    rate = f"of 10 a round (of {recipe['kept']} pairs)"
    return [
        make("AP-S2", "Gold reward rises with every round of self-play",
             f"slope of gold reward on the round, MAP, rounds 0 to {last}", tables.slope(answers, "MAP"), unit=rate),
        make("AP-S2/evolved", "Gold reward on evolved test prompts rises with every round of self-play",
             f"slope of gold reward on the round, evolved test prompts, MAP, rounds 0 to {last}",
             tables.slope(answers, "MAP", asked="evolved"), unit=rate),
        make("AP-S2/last", "The last round still improves on the one before",
             f"gold reward, MAP, round {last} less round {last - 1}", tables.step(answers, "MAP", last)),
        make("AP-S2/steps", "New pairs do more than training as long on the first pairs",
             f"gold reward, MAP after round {last} less the first pairs for as many steps",
             tables.gap(answers, "MAP", LONGER), paper=NO_CONTROL),
    ]  # fmt: skip
