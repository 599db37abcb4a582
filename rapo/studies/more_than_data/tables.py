"""From answers and log-probabilities to the tables of `rapo.studies.more_than_data.study`. No training here."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rapo.pairs.candidates import Pairing, to_pairs
from rapo.relabelling.goals import COMPACT
from rapo.relabelling.relabel import relabel
from rapo.stats import intervals
from rapo.stats.intervals import Interval
from rapo.studies.common import tables
from rapo.studies.common.tables import estimates, mean, with_form
from rapo.world import data

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
OWN = "base's own"  # the side of answers that the base wrote itself
UNPROMPTED = ("half RA, unprompted", "RA, unprompted", "IRA, unprompted")
LINES = {
    ("UF", "plain"): "UF",
    ("UF", "g=10"): "UF, g=10",
    ("UF, RA's rate", "plain"): "UF, RA's rate",
    ("UF, RA's rate", "g=10"): "UF, RA's rate, g=10",
    ("RA", "own score"): "RA, own score",
    ("RA", "plain"): "RA, unprompted",
    ("RA", "g=10"): "RA, g=10",
}


def rivals(rows: int) -> list[str]:
    """Arms of plain pairs with as many rows (steps) as half RA (1) or RA (2)."""
    return [name for name, n in ROWS.items() if n == rows and "RA" not in name]


def arms(answers: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Gold, sentences and broken answers of arms over seeds and prompts.

    Returns:
        Columns arm, metric, estimate, low, high, n_seeds, n_prompts; arms in the order of ``names``.
    """
    frame = with_form(answers)
    return tables.cells(pd.concat([frame[frame["arm"] == name] for name in names]), ["arm"])


def gap(answers: pd.DataFrame, arm: str, other: str, *, metric: str = "gold") -> Interval:
    """One arm less another, paired by seed and prompt."""
    frame = with_form(answers)
    return tables.gap(frame[frame["arm"] == arm], frame[frame["arm"] == other], metric)


def gaps(answers: pd.DataFrame, pairs: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Gold of each arm less that of each of its rivals.

    Returns:
        Columns group ("half RA less"), name (the rival), estimate (of 10), low, high.
    """
    rows = [(f"{arm} less", other, gap(answers, arm, other)) for arm, others in pairs.items() for other in others]
    return estimates(rows, ["group", "name"])


def implicit_goals(goals: pd.DataFrame) -> pd.DataFrame:
    """Mean gold of the responses that a goal stands for, by implicit reward and by the judge; Student's t over seeds.

    Args:
        goals: of `rapo.studies.more_than_data.study.new_arms`.

    Returns:
        Columns arm ("IRA" for implicit goals, "RA" for the judge's), goal, estimate, low, high, share (% of the
        responses). A goal that one seed alone knows has no limits (NaN).
    """
    rows, shares = [], []
    for (kind, goal), part in goals.groupby(["kind", "goal"], sort=False):
        rows.append(({"implicit": "IRA", "judge": "RA"}[str(kind)], goal, mean(part["gold"])))
        whole = goals[(goals["kind"] == kind) & goals["seed"].isin(part["seed"])]
        shares.append(100 * part["n"].sum() / whole["n"].sum())
    return estimates(rows, ["arm", "goal"]).assign(share=shares)


def correlations(goals: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of each kind of goal with gold, one row a seed. Columns seed, implicit, judge."""
    return goals.drop_duplicates(["kind", "seed"]).pivot(index="seed", columns="kind", values="correlation")


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
    rows = [
        (line, side, part["share"].mean(), mean(part["change"]))
        for (line, side, _), part in table.assign(place=place).groupby(["line", "side", "place"], sort=False)
    ]
    return estimates(rows, ["line", "side", "share"])


def final_change(unlearning: pd.DataFrame, line: str) -> "pd.Series[float]":
    """Change of the rejected responses at the end of training, nats a response; index: seed."""
    table = changes(unlearning)
    part = table[(table["line"] == line) & (table["side"] == "rejected")]
    return part.loc[part.groupby("seed")["share"].idxmax()].set_index("seed")["change"]


def distances(unlearning: pd.DataFrame) -> pd.DataFrame:
    """How far from the base each line is: the mean of log pi_base - log pi over answers that the base wrote to the
    tuning prompts, asked alike; an estimate of the Kullback-Leibler divergence KL(pi_base || pi).

    A line under a response's own score has the distance of the same model asked for 10, as it is used.

    Returns:
        Columns line, seed, share, distance (nats an answer).
    """
    table = changes(unlearning)
    own = table[table["side"] == OWN]
    own = own.assign(distance=-own["change"])[["line", "seed", "share", "distance"]]
    return pd.concat([own, own[own["line"] == "RA, g=10"].assign(line="RA, own score")], ignore_index=True)


def at_distance(unlearning: pd.DataFrame, line: str, distance: "pd.Series[float]") -> "pd.Series[float]":
    """Change of the rejected responses where a line first is so far from the base; index: seed.

    Between two checkpoints both are taken as straight lines; a line that never gets so far gives its last change.

    Args:
        unlearning: of `rapo.studies.more_than_data.study.watch`.
        line: a value of `LINES`.
        distance: nats an answer, by seed.
    """
    found, table = distances(unlearning), changes(unlearning)
    table = table[(table["line"] == line) & (table["side"] == "rejected")]
    both = table.merge(found[found["line"] == line], on=["line", "seed", "share"], validate="one_to_one")
    places = {}
    for seed, part in both.sort_values("share").groupby("seed"):
        far = np.maximum.accumulate(part["distance"].to_numpy())
        first = np.concatenate([[True], np.diff(far) > 0])  # where it comes back it is as far as it was
        places[seed] = float(np.interp(distance[seed], far[first], part["change"].to_numpy()[first]))
    return pd.Series(places, dtype=float)


def reached(unlearning: pd.DataFrame, line: str) -> "pd.Series[float]":
    """The furthest that a line is from the base, nats an answer; index: seed."""
    table = distances(unlearning)
    return table[table["line"] == line].groupby("seed")["distance"].max()


def common_distance(unlearning: pd.DataFrame, line: str, other: str) -> "pd.Series[float]":
    """How far from the base the nearer of two lines gets, nats an answer; index: seed."""
    return pd.concat([reached(unlearning, line), reached(unlearning, other)], axis=1).min(axis=1)


def told_distance(nats: float) -> str:
    """A distance in words; below a hundredth of a nat an estimate from a few hundred answers says no more than that."""
    return f"{nats:.2f}" if nats >= 0.01 else "under 0.01"


def matched_gap(unlearning: pd.DataFrame, line: str, other: str) -> Interval:
    """Change of the rejected responses of one line less another's where both are equally far from the base: as far
    as the nearer one gets. Paired by seed; Student's t over the seeds."""
    common = common_distance(unlearning, line, other)
    gap_ = at_distance(unlearning, line, common) - at_distance(unlearning, other, common)
    return intervals.t_interval(gap_.to_numpy(dtype=float))


def paths(unlearning: pd.DataFrame) -> pd.DataFrame:
    """Change of the rejected responses over the distance from the base, means over seeds checkpoint by checkpoint.

    Returns:
        Columns line, distance, estimate, low, high (nats a response).
    """
    table = changes(unlearning)
    both = table[table["side"] == "rejected"].merge(distances(unlearning), on=["line", "seed", "share"])
    place = both.groupby(["line", "seed"])["share"].rank(method="first").astype(int)
    rows = [
        (line, part["distance"].mean(), mean(part["change"]))
        for (line, _), part in both.assign(place=place).groupby(["line", "place"], sort=False)
    ]
    return estimates(rows, ["line", "distance"])


def kept_gap(unlearning: pd.DataFrame, line: str, other: str) -> Interval:
    """`final_change` of one line less another's, paired by seed; Student's t over the seeds."""
    gap_ = final_change(unlearning, line) - final_change(unlearning, other)
    return intervals.t_interval(gap_.to_numpy(dtype=float))


def slope(fault: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Each model's and prompt's least-squares slope of gold on the goal, points a point. Shape: (n_models, n_prompts)

    Args:
        fault: of `rapo.studies.more_than_data.study.faulty`.
        arm: whose answers.
    """
    return tables.goal_slopes(fault[fault["arm"] == arm])


def goal_curve(fault: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Gold against the goal asked for. Columns arm, goal, estimate, low, high."""
    asked = fault[fault["goal"].notna() & fault["arm"].isin(names)]
    return tables.cells(asked, ["arm", "goal"], ["gold"]).drop(columns=["metric", "n_seeds", "n_prompts"])


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
