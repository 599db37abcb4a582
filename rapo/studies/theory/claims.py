"""The claims RA-Th and AP-Th, computed from what `rates` and `updates` measure."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import t_interval
from rapo.studies.theory.rates import slopes

# A slope within this of -1/2 counts as -1/2.
TOLERANCE = 0.05


def rate(measured: pd.DataFrame, *, anchor: float) -> Claim:
    """RA-Th: the shallowest slope over policy classes and coverages above 0 lies below -1/2.

    Args:
        measured: what `rates.measure` returns.
        anchor: weight of the supervised term it was fitted with, before division by sqrt(N).
    """
    found = slopes(measured)
    worst = _worst(found[(found["method"] == "RA") & (found["coverage"] > 0)])
    sizes = measured["n_pairs"]
    return Claim(
        "RA-Th",
        "The sub-optimality of reward-augmented DPO falls at least as fast as N^-1/2",
        f"slope of log sub-optimality against log N, N = {sizes.min()} to {sizes.max()}; the shallowest of "
        f"{(found['coverage'] > 0).sum() // 2} problems",
        **_interval(worst),
        direction="less",
        threshold=-0.5,
        n=f"{worst['n']:.0f} draws of data at each N",
        paper="O(N^-1/2), an upper bound",
        figures=("RA-Th_rates",),
        tables=("RA-Th_slopes",),
        note=f"shallowest: {worst['policy']} policy, best answer in {100 * worst['coverage']:g} % of draws. A bound "
        "agrees with any slope of -1/2 or steeper; on a fixed smooth problem theory expects -1 in the end. The weight "
        f"{anchor:g} / sqrt(N) of the supervised term is our choice: a heavier one delays the rate (RA-Th/anchor)",
    )


def heavy_anchor(measured: pd.DataFrame, beyond: pd.DataFrame, *, anchor: float) -> Claim:
    """RA-Th again with a heavier supervised term: are these N large enough for the rate to show?

    Args:
        measured: the same as for `rate`, fitted with the heavier term.
        beyond: the shallowest of its problems at larger N.
        anchor: weight of the supervised term, before division by sqrt(N).
    """
    later, sizes = slopes(beyond).iloc[0], beyond["n_pairs"]
    claim = rate(measured, anchor=anchor)
    return replace(
        claim,
        id="RA-Th/anchor",
        statement=f"The same with a supervised term of weight {anchor:g} / sqrt(N), ten times as heavy",
        note=f"{claim.note.split('. ')[0]}. From N = {sizes.min()} to {sizes.max()} the slope of that problem is "
        f"{later['estimate']:.2f} [{later['low']:.2f}, {later['high']:.2f}]: a heavy term delays the rate",
    )


def tight(worst_case: pd.DataFrame) -> Claim:
    """RA-Th, why not faster: over all problems of one kind, the worst one at each N falls exactly like N^-1/2."""
    worst = worst_case.groupby("n_pairs")["suboptimality"].max()
    steps = np.diff(np.log(worst)) / np.diff(np.log(worst.index.to_numpy(dtype=float))) + 0.5
    return Claim(
        "RA-Th/tight",
        "For the greedy policy no faster rate holds for every problem: the worst one at each N falls like N^-1/2",
        "slope of log worst-case sub-optimality against log N, plus 1/2",
        estimate=float(np.mean(steps)),
        low=float(steps.min()),
        high=float(steps.max()),
        direction="equal",
        threshold=TOLERANCE,
        n=f"exact; {len(steps)} local slopes, of which the interval is the range",
        paper="O(N^-1/2)",
        figures=("RA-Th_rates",),
    )


def uncovered(measured: pd.DataFrame) -> Claim:
    """RA-Th, what coverage is for: a tabular policy that never sees the best answer does not improve."""
    found = slopes(measured)
    bare = found[(found["coverage"] == 0) & (found["method"] == "RA")]
    row, shared = (bare[bare["policy"] == policy].iloc[0] for policy in ("tabular", "log-linear"))
    return Claim(
        "RA-Th/coverage",
        "Without coverage of the best answer a tabular policy does not improve with N",
        "slope of log sub-optimality against log N at coverage 0",
        **_interval(row),
        direction="equal",
        threshold=TOLERANCE,
        n=f"{row['n']:.0f} draws of data at each N",
        paper="coverage is assumed",
        figures=("RA-Th_rates",),
        tables=("RA-Th_slopes",),
        note="nothing in such data speaks of goal 10. A log-linear policy learns it from other goals: its slope "
        f"is {shared['estimate']:.2f} [{shared['low']:.2f}, {shared['high']:.2f}]",
    )


def against_plain(measured: pd.DataFrame) -> Claim:
    """RA-Th beside plain DPO: the largest ratio of sub-optimalities at the largest N, coverage above 0."""
    most = measured[(measured["n_pairs"] == measured["n_pairs"].max()) & (measured["coverage"] > 0)]
    rows = []
    for (policy, coverage), part in most.groupby(["policy", "coverage"]):
        wide = part.pivot(index="seed", columns="method", values="suboptimality")
        interval = t_interval(np.log(wide["RA"] / wide["UF"]))
        ends = {name: float(np.exp(getattr(interval, name))) for name in ("estimate", "low", "high")}
        rows.append({"policy": policy, "coverage": coverage, "n": interval.n, **ends})
    worst = _worst(pd.DataFrame(rows))
    return Claim(
        "RA-Th/plain",
        "With many pairs, reward-augmented DPO comes nearer to the goal-conditioned optimum than plain DPO",
        f"ratio of sub-optimalities, RA over plain DPO, at N = {most['n_pairs'].max()}; the largest of "
        f"{len(rows)} problems",
        **_interval(worst),
        direction="less",
        threshold=1.0,
        n=f"{worst['n']:.0f} draws of data",
        paper="no rate is claimed for plain DPO",
        figures=("RA-Th_rates",),
        note=f"largest: {worst['policy']} policy, coverage {100 * worst['coverage']:g} %. Measured in RA's own "
        "objective: plain DPO, at the beta that suits it best, tends to exp(r / beta), which is not exp(R)",
    )


def sampling(ratios: pd.DataFrame) -> Claim:
    """AP-Th: the largest ratio of updates, adversarial over uniform, lies below 1."""
    found = ratios[ratios["sampling"] == "adversarial"]
    worst = _worst(found)
    return Claim(
        "AP-Th",
        "Taking the pair with the largest remaining gap needs no more updates than taking pairs at random",
        f"T_adversarial / T_uniform, the largest of {len(found)} kinds of problems",
        **_interval(worst),
        direction="less",
        threshold=1.0,
        n=f"{worst['n']:.0f} problems of each kind",
        paper="T_adv <= T_u",
        figures=("AP-Th_updates",),
        tables=("AP-Th_ratios",),
        note=f"exact targets; smallest ratio {found['estimate'].min():.2f}. Updates, not time: to find the "
        "largest gap costs a look at every pair",
    )


def large_margins(ratios: pd.DataFrame) -> Claim:
    """AP-Th where margins saturate the sigmoid of the logistic loss."""
    row = ratios[ratios["sampling"] == "adversarial"].sort_values("spread").iloc[-1]
    pull = ratios[ratios["sampling"] == "largest pull"].sort_values("spread").iloc[-1]
    return Claim(
        "AP-Th/large-margins",
        "It still holds for the logistic (DPO) loss when target margins are large",
        f"T_adversarial / T_uniform at target margins of {row['spread']:g} nats",
        **_interval(row),
        direction="less",
        threshold=1.0,
        n=f"{row['n']:.0f} problems",
        paper="T_adv <= T_u",
        figures=("AP-Th_limits",),
        note="the largest gap may belong to a pair that saturates the sigmoid and hardly moves theta; taking "
        f"the largest pull instead gives {pull['estimate']:.2f} [{pull['low']:.2f}, {pull['high']:.2f}]",
    )


def noisy(ratios: pd.DataFrame, *, budget: int) -> Claim:
    """AP-Th where target margins are noisy: the error left after a budget of updates."""
    row = ratios[ratios["sampling"] == "adversarial"].sort_values("noise").iloc[-1]
    return Claim(
        "AP-Th/noise",
        "It still pays when the target margins are noisy",
        f"error after {budget} updates, adversarial over uniform; noise {row['noise']:g} times the targets' own",
        **_interval(row),
        direction="less",
        threshold=1.0,
        n=f"{row['n']:.0f} problems",
        paper="exact margins are assumed",
        figures=("AP-Th_limits",),
        note="the largest gap is then often the largest error of a target",
    )


def _worst(found: pd.DataFrame) -> "pd.Series[Any]":
    """The row whose interval reaches highest."""
    return found.sort_values("high").iloc[-1]


def _interval(row: "pd.Series[Any]") -> dict[str, Any]:
    """Fields of a claim."""
    return {name: float(row[name]) for name in ("estimate", "low", "high")}
