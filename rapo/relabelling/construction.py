"""Relabelled rows held against the pairs they were made of, without the code that made them (RA-F1)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa

from rapo.pairs.schema import COLUMNS, SIDES, partner
from rapo.relabelling.goals import GoalTemplate
from rapo.relabelling.placement import SEPARATOR


def criteria(table: pa.Table, rows: pa.Table, *, template: GoalTemplate) -> pd.DataFrame:
    """How many rows are built as the paper says.

    Args:
        table: scored pairs, with ``pair_id``.
        rows: what `rapo.relabel` made of them, with the overall score as the goal.
        template: how the goals are worded.

    Returns:
        One row a criterion: ``criterion``, ``correct`` (rows that meet it), ``n`` (rows). The first counts pairs.
    """
    source = {pair["pair_id"]: pair for pair in table.select([*COLUMNS, "pair_id"]).to_pylist()}
    told = [
        name for name, pair in source.items() if len({template.show(pair[f"score_{side}"]) for side in SIDES}) == 2
    ]
    made: Counter[tuple[str, str]] = Counter()
    correct: Counter[str] = Counter()
    for row in _slim(rows):
        made[row["pair_id"], row["goal_source"]] += 1
        correct.update(_met(row, source[row["pair_id"]], template))
    twice = sum(made[name, "chosen"] == made[name, "rejected"] == 1 for name in told)
    first = {"criterion": "pairs that are no tie have two rows", "correct": twice, "n": len(told)}
    return pd.DataFrame([first, *({"criterion": c, "correct": correct[c], "n": len(rows)} for c in CRITERIA)])


CRITERIA = (
    "responses are those of the pair, unchanged",
    "the goal's own response is preferred",
    "the prompt says the goal and is otherwise unchanged",
)


def _met(row: dict[str, Any], pair: dict[str, Any], template: GoalTemplate) -> Iterator[str]:
    """Which of the criteria a row meets.

    R(x, y, g) = -(g - r)^2 is to be zero for the row's chosen response, by its score in the pair, and above the
    other's. Where both responses are the same text, either score may be that of the chosen one.
    """
    preferred = row["goal_source"]
    if row["chosen"] == pair[preferred] and row["rejected"] == pair[partner(preferred)]:
        yield CRITERIA[0]
    reward = {side: -((row["goal"] - pair[f"score_{side}"]) ** 2) for side in SIDES}
    if any(reward[side] == 0 > reward[partner(side)] for side in SIDES if row["chosen"] == pair[side]):
        yield CRITERIA[1]
    with_goal, without = (SEPARATOR.join(turn["content"] for turn in held["prompt"]) for held in (row, pair))
    said = template.text(row["goal"]) + SEPARATOR
    if with_goal.count(said) == without.count(said) + 1 and with_goal.replace(said, "", 1) == without:
        yield CRITERIA[2]


def _slim(rows: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows a thousand at a time, with the columns that are looked at."""
    for batch in rows.select([*COLUMNS, "goal", "goal_source", "pair_id"]).to_batches(max_chunksize=1000):
        yield from batch.to_pylist()
