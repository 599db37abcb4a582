"""Numbers behind the sliders, of results that are kept; each table is read once."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr

from rapo.runs.store import kept
from rapo.selection import margins, select
from rapo.stats.arrays import Floats

MODEL = ["architecture", "seed"]


@cache
def goal_answers() -> pd.DataFrame:
    """Answers of base and RA under every goal, in the main world: columns arm, goal, gold."""
    judged = kept("central_results_judged")
    asked = judged[judged["goal"].notna() & judged["trained"].isin(["base", "RA"])]
    here = (asked["world"] == asked["world"].iloc[0]) & (asked["temperature"] == asked["temperature"].iloc[0])
    return asked[here][["trained", "goal", "gold"]].rename(columns={"trained": "arm"})


@cache
def noise_arms() -> pd.DataFrame:
    """Mean true reward of each arm over the judge's noise: columns arm, x (points), estimate."""
    answers = kept("goals_and_scales_answers")
    part = answers[answers["study"] == "noise"]
    means = part.assign(x=part["x"].astype(float)).groupby(["arm", "x"], sort=False)["gold"].mean()
    return means.rename("estimate").reset_index()


@cache
def pairs() -> pd.DataFrame:
    """On-policy pairs with both margins and the true one; a model is an architecture and a seed."""
    found = kept("alignment_potential_pairs")
    return found[found["policy"] == "on"].reset_index(drop=True)


def labels(noise: float) -> pd.DataFrame:
    """Bins of the pairs' true margin, with how many a judge of this noise labels rightly and wrongly.

    Each of a pair's scores carries an error of its own, so the margin's is larger by the root of two.
    """
    size = _true_margins()
    right = ndtr(size / (2**0.5 * noise)) if noise else np.ones(len(size))
    edges = np.linspace(0, np.quantile(size, 0.99), 25)
    sides = {"right": right, "wrong": 1 - right}
    counted = {name: np.histogram(size, edges, weights=part)[0] for name, part in sides.items()}
    return pd.DataFrame({"margin": (edges[1:] + edges[:-1]) / 2, **counted})


def _true_margins() -> Floats:
    """Sizes of the true margins of the pairs that the truth decides."""
    size = pairs()["gold"].abs().to_numpy(float)
    return size[size > 0]


def selected(weight: float, share: float) -> pd.DataFrame:
    """The pairs with standardised ``explicit_size`` and ``implicit_size``, and whether each metric selects them.

    Selection is within each model, as in the study; columns MAP, M+, small Mpi.
    """
    parts = []
    for _, part in pairs().groupby(MODEL, sort=False):
        sizes = {name: margins.zscore(part[name].abs()) for name in ("explicit", "implicit")}
        values = {
            "MAP": margins.alignment_potential(part["explicit"], part["implicit"], weight=weight),
            "M+": sizes["explicit"],
            "small Mpi": -sizes["implicit"],
        }
        ids = part["pair_id"].tolist()
        kept_by = {name: select.top(value, fraction=share, ids=ids).keep for name, value in values.items()}
        parts.append(part.assign(**{f"{name}_size": size for name, size in sizes.items()}, **kept_by))
    return pd.concat(parts, ignore_index=True)


def right_labels(chosen: pd.DataFrame) -> pd.Series:
    """Labels that the truth confirms among each metric's pairs, in percent, a mean over models; "uniform": among all.

    Pairs that the truth does not decide are left out, as in the study.
    """
    decided = chosen[chosen["gold"] != 0].assign(uniform=True)
    means = {
        name: 100 * (decided["gold"] > 0)[decided[name]].groupby([decided[key] for key in MODEL]).mean().mean()
        for name in ("MAP", "M+", "small Mpi", "uniform")
    }
    return pd.Series(means)


def noise_of(kappa: float) -> float:
    """The error (in points, of a pair's margin) with which a judge agrees with the truth this far beyond chance.

    With sides drawn at random half of the verdicts are for either, so agreement is (1 + kappa) / 2.
    """
    size = _true_margins()
    return float(brentq(lambda spread: ndtr(size / spread).mean() - (1 + kappa) / 2, 1e-3, 1e3))
