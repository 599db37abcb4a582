"""From the answers of `ladder.climb` to what RA gains and how it follows goals on every rung. No training here."""

import pandas as pd

from rapo.stats.intervals import Interval
from rapo.studies.common import tables
from rapo.studies.common.tables import matrix, over_models

# What is trained, and the goal that it is asked for.
ARMS: dict[str, tuple[str, int | None]] = {
    "base": ("base", None),
    "base, g=10": ("base", 10),
    "UF, equal steps": ("UF, equal steps", None),
    "UF, equal steps, g=10": ("UF, equal steps", 10),
    "RA": ("RA", 10),
}
CONTROLS = ("base, g=10", "UF, equal steps", "UF, equal steps, g=10")


def pairs_at(ladder: pd.DataFrame, scored: float) -> list[int]:
    """The numbers of prompts that arms were trained with where the corpus has that share of scores, rising."""
    part = ladder[(ladder["scored"] == scored) & (ladder["pairs"] > 0)]
    return sorted(map(int, part["pairs"].unique()))


def every(ladder: pd.DataFrame) -> list[tuple[float, int]]:
    """The rungs that arms were trained on: the share of scores and the number of prompts, both rising."""
    return [(scored, n) for scored in sorted(ladder["scored"].unique()) for n in pairs_at(ladder, scored)]


def rung(ladder: pd.DataFrame, scored: float, pairs: int, split: str = "test") -> pd.DataFrame:
    """The answers of one rung, those of its base among them."""
    here = (ladder["scored"] == scored) & ladder["pairs"].isin([0, pairs]) & (ladder["split"] == split)
    return ladder[here]


def arm(part: pd.DataFrame, name: str) -> pd.DataFrame:
    """The answers of one of `ARMS`."""
    trained, goal = ARMS[name]
    asked = part["goal"].isna() if goal is None else part["goal"] == goal
    return part[(part["trained"] == trained) & asked]


def best_control(ladder: pd.DataFrame, scored: float, pairs: int) -> str:
    """The control with the highest mean gold on the tuning prompts of one rung."""
    part = rung(ladder, scored, pairs, "tuning")
    return max(CONTROLS, key=lambda name: float(arm(part, name)["gold"].mean()))


def lead(ladder: pd.DataFrame, scored: float, pairs: int) -> pd.DataFrame:
    """Gold of RA less its best control. Shape: (n_models, n_prompts)"""
    part = rung(ladder, scored, pairs)
    return matrix(arm(part, "RA")) - matrix(arm(part, best_control(ladder, scored, pairs)))


def slope(ladder: pd.DataFrame, scored: float, pairs: int) -> pd.DataFrame:
    """Least-squares slope of gold on the goal, points a point, of RA, or of the base (0 pairs).

    Shape: (n_models, n_prompts)
    """
    part = rung(ladder, scored, pairs)
    return tables.goal_slopes(part[part["trained"] == ("RA" if pairs else "base")])


def gains(ladder: pd.DataFrame) -> pd.DataFrame:
    """What RA gains on every rung.

    Returns:
        Columns scored, pairs, control (the best on the tuning prompts), estimate, low, high (gold of RA less that
        control, of 10), unparseable (RA's answers that break the form, %).
    """
    rows = []
    for scored, pairs in every(ladder):
        found, part = over_models(lead(ladder, scored, pairs)), arm(rung(ladder, scored, pairs), "RA")
        broken = 100 * (1 - part["parseable"].mean())
        control = best_control(ladder, scored, pairs)
        rows.append((scored, pairs, control, found.estimate, found.low, found.high, broken))
    return pd.DataFrame(rows, columns=["scored", "pairs", "control", "estimate", "low", "high", "unparseable"])


def slopes(ladder: pd.DataFrame) -> pd.DataFrame:
    """`slope` of the base (0 pairs) and of RA on every rung.

    Returns:
        Columns scored, pairs, estimate, low, high (points a point).
    """
    rows: list[tuple[float, int, Interval]] = []
    for scored in sorted(ladder["scored"].unique()):
        for pairs in (0, *pairs_at(ladder, scored)):
            rows.append((scored, pairs, over_models(slope(ladder, scored, pairs))))
    return tables.estimates(rows, ["scored", "pairs"])


def heat_map(found: pd.DataFrame) -> pd.DataFrame:
    """`gains` as `plots.plot_heat_map` takes them: rows are shares of scored examples, columns numbers of prompts."""
    cells = found.sort_values(["scored", "pairs"], ignore_index=True)
    rows, columns = [f"{100 * share:g} %" for share in cells["scored"]], [f"{n:,}" for n in cells["pairs"]]
    return cells.assign(row=rows, column=columns)[["row", "column", "estimate", "low", "high"]]


def answer(ladder: pd.DataFrame) -> str:
    """What the ladder says, in plain words made of its numbers."""
    found, followed = gains(ladder), slopes(ladder)
    trained = followed[followed["pairs"] > 0]
    none = trained[trained["scored"] == trained["scored"].min()]
    taught = none[none["low"] > 0]
    ahead, behind = found[found["low"] > 0], found[found["high"] < 0]
    share = f"{100 * none['scored'].iloc[0]:g} %"
    start = f"On bases whose corpus shows a score on {share} of its answers, after RA the reward"
    if taught.empty:
        follows = (
            f"{start} surely follows the goal with none of the numbers of prompts, up to {none['pairs'].max():,}."
        )
    else:
        pairs, rise = taught["pairs"].iloc[0], taught["estimate"].iloc[0]
        follows = f"{start} follows the goal from {pairs:,} prompts on ({rise:.2f} points a point)."
    leads = (
        f"RA is surely ahead of its best control on {len(ahead)} of {len(found)} rungs ({_named(ahead)}) and surely "
        f"behind on {len(behind)} ({_named(behind)})."
    )
    return f"{follows}\n{leads}"


def _named(part: pd.DataFrame) -> str:
    told = [
        f"{100 * scored:g} % scored, {pairs:,} prompts: {estimate:+.2f}"
        for scored, pairs, estimate in part[["scored", "pairs", "estimate"]].itertuples(index=False)
    ]
    return "; ".join(told) or "none"
