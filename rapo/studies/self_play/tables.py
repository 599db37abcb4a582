"""From answers and rounds to the tables of the self-play study (AP-S1, AP-S2). No training here.

``answers`` has one row an answer, ``rounds`` one row a data run, as `rapo.studies.self_play.study` gives them.
"""

from collections.abc import Sequence
from itertools import product

import pandas as pd

from rapo.stats.intervals import Interval
from rapo.studies.common import tables
from rapo.studies.common.premises import selection_premises
from rapo.studies.common.tables import estimates, matrix, mean, over_models, with_form
from rapo.studies.self_play.study import ARMS, BASE, FIRST, LONGER, PLAIN

ORDER = (PLAIN, "own answers", "uniform", "M+", "small Mpi", "MAP")
RIVALS = ORDER[:-1]
EVERY = (BASE, FIRST, LONGER, *ORDER)
ASKED = {"test": "test prompts", "evolved": "evolved test prompts"}
# Columns of `quality`: what is told of the pairs that a round added, and its unit.
QUALITIES = {
    "label_accuracy": "labels that gold confirms (%)",
    "gold_chosen": "gold of the chosen answer (1-10)",
    "gold_gap": "gold, chosen less rejected",
    "items": "items asked for",
}


def last_round(answers: pd.DataFrame) -> int:
    """The number of the last round."""
    return int(answers["round"].max())


def part(answers: pd.DataFrame, arm: str, turn: int, asked: str) -> pd.DataFrame:
    """Answers of an arm after a round; round 0 of every arm is the model of the first pairs.

    Raises:
        ValueError: there are none.
    """
    name = FIRST if turn == 0 and arm != BASE else arm
    found = answers[(answers["arm"] == name) & (answers["round"] == turn) & (answers["asked"] == asked)]
    if found.empty:
        raise ValueError(f"no answers of {arm!r} after round {turn} to {asked!r} prompts")
    return found


def arms(answers: pd.DataFrame) -> pd.DataFrame:
    """Every arm after the last round, and what it is measured against.

    Returns:
        Columns arm, quantity (a value of `ASKED`: gold; "sentences", "unparseable" (%) and "length" on the test
        prompts), estimate, low, high.
    """
    full, last = with_form(answers), last_round(answers)
    turns = {arm: 0 if arm in (BASE, FIRST) else last for arm in EVERY}
    columns = {name: (asked, "gold") for asked, name in ASKED.items()}
    columns |= {name: ("test", name) for name in ("sentences", "unparseable", "length")}
    rows = [
        (arm, quantity, over_models(matrix(part(full, arm, turn, asked), value)))
        for (arm, turn), (quantity, (asked, value)) in product(turns.items(), columns.items())
    ]
    return estimates(rows, ["arm", "quantity"])


def curves(answers: pd.DataFrame) -> pd.DataFrame:
    """Gold over rounds and data size, each arm from the first pairs on.

    Returns:
        Columns arm, asked, round, pairs (mean over seeds), estimate, low, high.
    """
    rows = []
    for arm, asked, turn in product(ORDER, ASKED, range(last_round(answers) + 1)):
        some = part(answers, arm, turn, asked)
        pairs = some.groupby("seed")["pairs"].first().mean()
        rows.append((arm, asked, turn, pairs, over_models(matrix(some))))
    return estimates(rows, ["arm", "asked", "round", "pairs"])


def gap(answers: pd.DataFrame, arm: str, other: str, *, asked: str = "test", turn: int | None = None) -> Interval:
    """Gold of one arm less another's after a round (the last), paired by seed and prompt."""
    turn = last_round(answers) if turn is None else turn
    return tables.gap(part(answers, arm, turn, asked), part(answers, other, turn, asked))


def gaps(answers: pd.DataFrame, arm: str, others: Sequence[str]) -> pd.DataFrame:
    """`gap` against each of ``others`` on both kinds of prompts.

    Returns:
        Columns group (a key of `ASKED`), name ("less uniform"), estimate (of 10), low, high.
    """
    rows = [
        (asked, f"less {other}", gap(answers, arm, other, asked=asked)) for asked, other in product(ASKED, others)
    ]
    return estimates(rows, ["group", "name"])


def slope(answers: pd.DataFrame, arm: str, *, asked: str = "test") -> Interval:
    """Least-squares slope of gold on the round, the first pairs being round 0: points of 10 a round."""
    turns = range(last_round(answers) + 1)
    return over_models(tables.slope([matrix(part(answers, arm, turn, asked)) for turn in turns], turns))


def step(answers: pd.DataFrame, arm: str, turn: int) -> Interval:
    """Gold of an arm on the test prompts after a round less that after the round before."""
    return tables.gap(part(answers, arm, turn, "test"), part(answers, arm, turn - 1, "test"))


def growth(answers: pd.DataFrame) -> pd.DataFrame:
    """`slope` of every arm on both kinds of prompts.

    Returns:
        Columns arm, asked, estimate (of 10, a round), low, high.
    """
    rows = [(arm, asked, slope(answers, arm, asked=asked)) for arm, asked in product(ORDER, ASKED)]
    return estimates(rows, ["arm", "asked"])


def sampled(rounds: pd.DataFrame) -> pd.DataFrame:
    """What the models wrote in each round, means over seeds.

    Returns:
        Columns arm, round, prompts, made (pairs), added, sampled_gold and sampled_parseable (of all answers), and
        made_label_accuracy (of the pairs before selection).
    """
    columns = ["prompts", "made", "added", "sampled_gold", "sampled_parseable", "made_label_accuracy"]
    own = rounds[rounds["arm"].isin(ARMS)]
    return own.groupby(["arm", "round"], sort=False)[columns].mean().reset_index()


def quality(rounds: pd.DataFrame) -> pd.DataFrame:
    """What the pairs of own answers are like that each round added.

    Returns:
        Columns arm, round, quality (a key of `QUALITIES`), estimate, low, high (Student's t over seeds).
    """
    own = rounds[rounds["arm"].isin(ARMS)]
    own = own.assign(
        gold_gap=own["gold_chosen"] - own["gold_rejected"], label_accuracy=100 * own["label_accuracy"]
    )
    rows = [
        (arm, turn, name, mean(some[name]))
        for (arm, turn), some in own.groupby(["arm", "round"], sort=False)
        for name in QUALITIES
    ]
    return estimates(rows, ["arm", "round", "quality"])


def premises(rounds: pd.DataFrame, tuning: pd.DataFrame) -> dict[str, str]:
    """Whether the paper's premises are met here, by the figures alone: words for the register of claims.

    Args:
        rounds: of `rapo.studies.self_play.study.frames`: the first pairs' labels, and the steps of every training.
        tuning: of the rate that all arms share.
    """
    right = 100 * rounds.loc[rounds["arm"] == FIRST, "label_accuracy"].mean()
    first, last = rounds["steps"].min(), rounds["steps"].max()
    told = f"Gold confirms {right:.0f} % of the labels of the first pairs; {first:.0f} to {last:.0f} steps."
    return {**selection_premises(right=right, steps=last, tuning=tuning), "figures": told}
