"""The map of alignment potential (AP-map): which errors of a reward model make which metric select right labels.

No training, and no model either: ``map`` frames have one row a cell, metric and base, as `study` gives them: policy
("on" or "off": who wrote the answers), lean, noise and length_bias of the reward model, architecture, seed, metric,
right (% of the selected labels that gold confirms), agrees (% of all pairs whose better-scored response the policy
finds likelier, too) and pairs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rapo.selection import margins
from rapo.selection.select import count
from rapo.stats.arrays import Floats
from rapo.stats.intervals import Interval
from rapo.studies.common.tables import estimates, groups, mean

METRICS = ("uniform", "M+", "small Mpi", "MAP", "MAP signed")
AXES = ("policy", "length_bias", "lean", "noise")
POLICIES = {"on": "on-policy", "off": "off-policy"}
NEAR = 5.0  # percentage points: cells as alike as this to somebody's pairs speak for them


def accuracy(gold: Floats) -> float:
    """Share of the pairs whose label gold confirms, in %; those that gold holds equal are left out.

    >>> accuracy(np.array([2.0, -1.0, 0.0, 3.0, 1.0]))
    75.0
    """
    decided = gold[gold != 0]
    return 100 * float((decided > 0).mean()) if len(decided) else float("nan")


def selected_right(explicit: Floats, implicit: Floats, gold: Floats, *, share: float) -> dict[str, float]:
    """`accuracy` of the share that each of `METRICS` selects; "uniform" is what a random share has on average.

    Args:
        explicit, implicit, gold: signed margins. Shape of each: (n_pairs,)
        share: 0 to 1. Equal values keep their order: scores are not rounded, so that none are expected.
    """
    values = {
        "M+": np.abs(explicit),
        "small Mpi": -np.abs(implicit),
        "MAP": margins.alignment_potential(explicit, implicit),
        "MAP signed": margins.alignment_potential(explicit, implicit, signed_implicit=True),
    }
    n = count(len(gold), None, share)
    found = {name: accuracy(gold[np.argsort(-each, kind="stable")[:n]]) for name, each in values.items()}
    return {"uniform": accuracy(gold), **found}


def gap(part: pd.DataFrame, metric: str, other: str) -> Interval:
    """One metric's right labels less another's, in points: a mean over the cells given, its interval over bases."""
    cells = part.pivot_table(
        index=["architecture", "seed"], columns=["metric", *AXES], values="right", dropna=False
    )
    apart = pd.DataFrame(cells[metric] - cells[other])
    return mean(apart.mean(axis=1).to_numpy())


def gaps(table: pd.DataFrame, metric: str = "MAP", other: str = "M+") -> pd.DataFrame:
    """`gap` of every cell: columns `AXES`, estimate (points), low, high."""
    return estimates(((*key, gap(part, metric, other)) for key, part in groups(table, AXES)), AXES)


def where(
    table: pd.DataFrame, *, policy: str = "on", lean: Sequence[float], unbiased: bool | None = None
) -> pd.DataFrame:
    """The cells of a policy and of some leans; ``unbiased``: only those without, or only those with a length bias."""
    kept = (table["policy"] == policy) & table["lean"].isin(lean)
    if unbiased is not None:
        kept &= (table["length_bias"] == 0) == unbiased
    return table[kept]


def leans(table: pd.DataFrame, sign: int) -> list[float]:
    """The leans of one sign: -1, 0 or 1."""
    return [float(lean) for lean in sorted(table["lean"].unique()) if np.sign(lean) == sign]


def right(table: pd.DataFrame) -> pd.DataFrame:
    """Every metric over the lean: columns policy, metric, lean, estimate (%), low, high.

    A mean over noise and length bias; intervals over bases.
    """
    rows = []
    for (policy, metric, lean), part in groups(table, ["policy", "metric", "lean"]):
        rows.append((policy, metric, lean, mean(part.groupby(["architecture", "seed"])["right"].mean())))
    found = estimates(rows, ["policy", "metric", "lean"])
    return found.assign(low=found["low"].clip(lower=0), high=found["high"].clip(upper=100))  # shares


def alike(table: pd.DataFrame, agrees: float) -> pd.DataFrame:
    """`gaps` of the cells whose policy agrees with the labels about as often as told: within `NEAR`, or the nearest."""
    cells = gaps(table).merge(table.groupby(list(AXES))["agrees"].mean().reset_index(), on=list(AXES))
    away = (cells["agrees"] - agrees).abs()
    near = cells[away <= NEAR]
    return near if len(near) else cells[away == away.min()]


def advice(table: pd.DataFrame, agrees: float) -> str:
    """What the map says to someone whose policy finds ``agrees`` % of the better-scored responses likelier, too."""
    cells = alike(table, agrees)
    ahead, behind = int((cells["low"] > 0).sum()), int((cells["high"] < 0).sum())
    gained = cells["estimate"]
    seen = cells["agrees"]
    return (
        f"The policy finds the better-scored response likelier in {agrees:.0f} % of the pairs. In the {len(cells)} "
        f"setting{'s' * (len(cells) != 1)} of the micro world most like that ({seen.min():.0f} to {seen.max():.0f} %), "
        f"alignment potential selected {gained.mean():+.1f} points more right labels than the explicit margin (from "
        f"{gained.min():+.1f} to {gained.max():+.1f}; surely more in {ahead}, surely fewer in {behind}). See "
        "notebooks/alignment_potential.ipynb."
    )


def corner(table: pd.DataFrame) -> str:
    """What the map says as a whole, in plain words made of its numbers."""
    words = []
    for sign, told in ((-1, "against"), (0, "neither way on"), (1, "towards")):
        part = where(table, lean=leans(table, sign))
        if part.empty:
            continue
        found, signed, agrees = gap(part, "MAP", "M+"), gap(part, "MAP signed", "M+"), part["agrees"].mean()
        words.append(
            f"Where the reward model's error leans {told} what the policy finds likely (it agrees with {agrees:.0f} % "
            f"of the labels), M_AP selects {found.estimate:+.1f} points more right labels than M_+ "
            f"[{found.low:.1f}, {found.high:.1f}], signed {signed.estimate:+.1f} [{signed.low:.1f}, {signed.high:.1f}]."
        )
    return "\n".join(words)
