"""From answers and log-probabilities to the tables of `rapo.studies.more_than_data.study`. No training here."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from rapo.pairs.candidates import Pairing, to_pairs
from rapo.relabelling.goals import COMPACT
from rapo.relabelling.relabel import relabel
from rapo.stats import intervals
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import matrix, over_models
from rapo.world import data

METRICS = ("gold", "sentences", "unparseable")
# Arms of RA-T5 from top to bottom, with the rows each is trained on, for every pair of the data.
ROWS = {
    "base": 0,
    "base, g=10": 0,
    "UF": 1,
    "UF, g=10": 1,
    "half RA": 1,
    "UF, equal steps": 2,
    "UF, equal steps, g=10": 2,
    "UF, duplicated": 2,
    "UF, duplicated, g=10": 2,
    "RA": 2,
}
ROUNDS = ("UF", "UF, g=10", "UF, then UF again", "UF, then UF again, g=10", "RA", "IRA")
UNPROMPTED = ("half RA, unprompted", "RA, unprompted", "IRA, unprompted")
LINES = {
    ("UF", "plain"): "UF",
    ("UF", "g=10"): "UF, g=10",
    ("RA", "own score"): "RA, own score",
    ("RA", "plain"): "RA, unprompted",
    ("RA", "g=10"): "RA, g=10",
}


def rivals(rows: int) -> list[str]:
    """Arms of plain pairs with as many rows (steps) as half RA (1) or RA (2)."""
    return [name for name, n in ROWS.items() if n == rows and "RA" not in name]


def arms(answers: pd.DataFrame, names: Sequence[str], *, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Metrics of arms over seeds and prompts.

    Returns:
        Columns arm, metric, estimate, low, high, n_seeds, n_prompts.
    """
    frame, rows = _told(answers), []
    for name, metric in product(names, metrics):
        values = matrix(frame[frame["arm"] == name], metric)
        found = over_models(values)
        rows.append((name, metric, found.estimate, found.low, found.high, *values.shape))
    return pd.DataFrame(rows, columns=["arm", "metric", "estimate", "low", "high", "n_seeds", "n_prompts"])


def _told(answers: pd.DataFrame) -> pd.DataFrame:
    """With ``unparseable`` in percent; an unparseable answer has no sentences."""
    sentences = answers["sentences"].fillna(0.0)
    return answers.assign(unparseable=100.0 * ~answers["parseable"].astype(bool), sentences=sentences)


def gap(answers: pd.DataFrame, arm: str, other: str, *, metric: str = "gold") -> Interval:
    """One arm less another, paired by seed and prompt."""
    frame = _told(answers)
    first, second = (matrix(frame[frame["arm"] == name], metric) for name in (arm, other))
    return over_models(first - second)


def gaps(answers: pd.DataFrame, pairs: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Gold of each arm less that of each of its rivals.

    Returns:
        Columns group ("half RA less"), name (the rival), estimate (of 10), low, high.
    """
    rows = []
    for arm, others in pairs.items():
        for other in others:
            found = gap(answers, arm, other)
            rows.append((f"{arm} less", other, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["group", "name", "estimate", "low", "high"])


def hardest(answers: pd.DataFrame, arm: str, others: Sequence[str]) -> tuple[str, Interval]:
    """The rival that an arm beats by least on these very prompts (hindsight in its disfavour), and by how much."""
    found = {other: gap(answers, arm, other) for other in others}
    name = min(found, key=lambda other: found[other].estimate)
    return name, found[name]


def implicit_goals(goals: pd.DataFrame) -> pd.DataFrame:
    """Mean gold of the responses that a goal stands for, by implicit reward and by the judge; Student's t over seeds.

    Args:
        goals: of `rapo.studies.more_than_data.study.new_arms`.

    Returns:
        Columns arm ("IRA" for implicit goals, "RA" for the judge's), goal, estimate, low, high, share (% of the
        responses). A goal that one seed alone knows has no limits (NaN).
    """
    rows = []
    for (kind, goal), part in goals.groupby(["kind", "goal"], sort=False):
        whole = goals[(goals["kind"] == kind) & goals["seed"].isin(part["seed"])]
        found = _over_seeds(part["gold"])
        share = 100 * part["n"].sum() / whole["n"].sum()
        arm = {"implicit": "IRA", "judge": "RA"}[str(kind)]
        rows.append((arm, goal, found.estimate, found.low, found.high, share))
    return pd.DataFrame(rows, columns=["arm", "goal", "estimate", "low", "high", "share"])


def correlations(goals: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of each kind of goal with gold, one row a seed. Columns seed, implicit, judge."""
    return goals.drop_duplicates(["kind", "seed"]).pivot(index="seed", columns="kind", values="correlation")


def _over_seeds(values: "pd.Series[float]") -> Interval:
    given = values.to_numpy(dtype=float)
    if len(given) > 1:
        return intervals.t_interval(given)
    return Interval(float(given[0]), np.nan, np.nan, n=1)


def changes(unlearning: pd.DataFrame) -> pd.DataFrame:
    """Log-probability less that of the base under the same prompt, nats a response.

    Args:
        unlearning: of `rapo.studies.more_than_data.study.watch`.

    Returns:
        Columns line (a value of `LINES`), side, seed, share, change.
    """
    keys = ["arm", "conditioning", "side", "seed"]
    start = unlearning[unlearning["step"] == 0].set_index(keys)["logprob"]
    frame = unlearning.set_index(keys)
    change = frame["logprob"] - start.reindex(frame.index)
    table = frame.assign(change=change).reset_index()
    line = [LINES[str(arm), str(how)] for arm, how in zip(table["arm"], table["conditioning"], strict=True)]
    return table.assign(line=line)[["line", "side", "seed", "share", "change"]]


def curves(unlearning: pd.DataFrame) -> pd.DataFrame:
    """`changes` over the seeds (Student's t). Columns line, side, share (mean of the seeds'), estimate, low, high."""
    table = changes(unlearning)
    place = table.groupby(["line", "side", "seed"])["share"].rank(method="first").astype(int)
    rows = []
    for (line, side, _), part in table.assign(place=place).groupby(["line", "side", "place"], sort=False):
        found = _over_seeds(part["change"])
        rows.append((line, side, part["share"].mean(), found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["line", "side", "share", "estimate", "low", "high"])


def final_change(unlearning: pd.DataFrame, line: str, side: str = "rejected") -> "pd.Series[float]":
    """Change at the end of training, nats a response; index: seed."""
    table = changes(unlearning)
    part = table[(table["line"] == line) & (table["side"] == side)]
    return part.loc[part.groupby("seed")["share"].idxmax()].set_index("seed")["change"]


def kept_gap(unlearning: pd.DataFrame, line: str, other: str, side: str = "rejected") -> Interval:
    """`final_change` of one line less another's, paired by seed; Student's t over the seeds."""
    gap_ = final_change(unlearning, line, side) - final_change(unlearning, other, side)
    return intervals.t_interval(gap_.to_numpy(dtype=float))


def slope(fault: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Each model's and prompt's least-squares slope of gold on the goal, points a point. Shape: (n_models, n_prompts)

    Args:
        fault: of `rapo.studies.more_than_data.study.faulty`.
        arm: whose answers.
    """
    asked = fault[fault["goal"].notna() & (fault["arm"] == arm)]
    goals = np.sort(asked["goal"].unique())
    centred = goals - goals.mean()
    weights = centred / (centred @ centred)
    parts = [matrix(asked[asked["goal"] == goal], "gold") * weight
             for goal, weight in zip(goals, weights, strict=True)]  # fmt: skip
    return sum(parts[1:], start=parts[0])


def goal_curve(fault: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Gold against the goal asked for. Columns arm, goal, estimate, low, high."""
    rows = []
    asked = fault[fault["goal"].notna()]
    for (arm, goal), part in asked[asked["arm"].isin(names)].groupby(["arm", "goal"], sort=False):
        found = over_models(matrix(part, "gold"))
        rows.append((arm, goal, found.estimate, found.low, found.high))
    return pd.DataFrame(rows, columns=["arm", "goal", "estimate", "low", "high"])


def at_top(fault: pd.DataFrame) -> pd.DataFrame:
    """The fault's arms as they are used: named with their goal where it is 10 ("UF, equal steps, g=10"), other goals
    left out. RA keeps its bare name when it is asked for 10, and is "RA, unprompted" when it is not."""
    frame = fault[fault["goal"].isna() | (fault["goal"] == 10)]
    plain, arm = frame["goal"].isna(), frame["arm"].str.removesuffix(", g=10")
    ra = arm.str.startswith("RA")
    suffix = np.select([ra & plain, ~ra & ~plain], [", unprompted", ", g=10"], "")
    return frame.assign(arm=arm + suffix)


def pair_rows(world: data.World, *, seed: int) -> pd.DataFrame:
    """One pair's rows as they should be and as the official code makes them for models without a system turn.

    Returns:
        Columns data ("correct" or "faulty"), goal (the score prompt's words), preferred, not preferred.
    """
    pair = to_pairs(data.candidates(world, 20, seed=seed), Pairing(seed=seed))
    rows: list[dict[str, Any]] = []
    for name, fault in (("correct", None), ("faulty", "nosys_unswapped")):
        new = relabel(pair, placement="prefix", template=COMPACT, official_fault=fault).to_pylist()
        first = new[0]["pair_id"]
        for row in (row for row in new if row["pair_id"] == first):
            sides = {"preferred": row["chosen"], "not preferred": row["rejected"]}
            rows.append({"data": name, "goal": COMPACT.text(row["goal"]),
                         **{side: turns[-1]["content"] for side, turns in sides.items()}})  # fmt: skip
    return pd.DataFrame(rows)
