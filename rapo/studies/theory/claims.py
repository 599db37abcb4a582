"""The claims RA-Th and AP-Th, computed from what `rates` and `study` measure."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import claim
from rapo.studies.common.tables import estimates, geometric_mean, groups
from rapo.studies.theory.tables import ratios, slopes

# A slope within this of -1/2 counts as -1/2.
TOLERANCE = 0.05


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `study.results`; "rates" of `rates.measure`, "heavy" the same with a supervised term ten times as
            heavy, "beyond" the shallowest of its problems at larger N, and "worst" of `rates.worst_case`.
        recipe: of the study.
    """
    counted = ratios(frames["updates"], "iterations", keys=["loss", "dimension", "condition"])
    return [
        rate(frames["rates"], anchor=recipe["anchor"]),
        heavy_anchor(frames["heavy"], frames["beyond"], anchor=10 * recipe["anchor"]),
        tight(frames["worst"]),
        uncovered(frames["rates"]),
        against_plain(frames["rates"]),
        sampling(counted),
        large_margins(ratios(frames["spreads"], "iterations", keys=["spread"])),
        noisy(ratios(frames["noises"], "error", keys=["noise"]), budget=recipe["budget"]),
    ]


def rate(measured: pd.DataFrame, *, anchor: float) -> Claim:
    """RA-Th: the shallowest slope over policy classes and coverages above 0 lies below -1/2.

    Args:
        measured: what `rates.measure` returns.
        anchor: weight of the supervised term it was fitted with, before division by sqrt(N).
    """
    found = slopes(measured)
    worst = _worst(found[(found["method"] == "RA") & (found["coverage"] > 0)])
    sizes = measured["n_pairs"]
    return claim(
        "RA-Th",
        "The sub-optimality of reward-augmented DPO falls at least as fast as N^-1/2",
        f"slope of log sub-optimality against log N, N = {sizes.min()} to {sizes.max()}; the shallowest of "
        f"{(found['coverage'] > 0).sum() // 2} problems",
        _interval(worst),
        unit="",
        direction="less",
        threshold=-0.5,
        n=f"{worst['n']:.0f} draws of data at each N",
        paper="O(N^-1/2), an upper bound",
        figures=["RA-Th_rates"],
        tables=["RA-Th_slopes"],
        note=f"shallowest: {worst['policy']} policy, best answer in {100 * worst['coverage']:g} % of draws. A bound "
        "agrees with any slope of -1/2 or steeper; on a fixed smooth problem theory expects -1 in the end. The weight "
        f"{anchor:g} / sqrt(N) of the supervised term is our choice: a heavier one delays the rate (RA-Th/anchor)",
    )


def heavy_anchor(measured: pd.DataFrame, beyond: pd.DataFrame, *, anchor: float) -> Claim:
    """RA-Th again with a heavier supervised term: are these N large enough for the rate to show?"""
    later, sizes = slopes(beyond).iloc[0], beyond["n_pairs"]
    light = rate(measured, anchor=anchor)
    return replace(
        light,
        id="RA-Th/anchor",
        statement=f"The same with a supervised term of weight {anchor:g} / sqrt(N), ten times as heavy",
        note=f"{light.note.split('. ')[0]}. From N = {sizes.min()} to {sizes.max()} the slope of that problem is "
        f"{later['estimate']:.2f} [{later['low']:.2f}, {later['high']:.2f}]: a heavy term delays the rate",
    )


def tight(worst_case: pd.DataFrame) -> Claim:
    """RA-Th, why not faster: over all problems of one kind, the worst one at each N falls exactly like N^-1/2."""
    worst = worst_case.groupby("n_pairs")["suboptimality"].max()
    steps = np.diff(np.log(worst)) / np.diff(np.log(worst.index.to_numpy(dtype=float))) + 0.5
    return claim(
        "RA-Th/tight",
        "For the greedy policy no faster rate holds for every problem: the worst one at each N falls like N^-1/2",
        "slope of log worst-case sub-optimality against log N, plus 1/2",
        Interval(float(np.mean(steps)), float(steps.min()), float(steps.max()), n=len(steps)),
        unit="",
        direction="equal",
        threshold=TOLERANCE,
        n=f"exact; {len(steps)} local slopes, of which the interval is the range",
        paper="O(N^-1/2)",
        figures=["RA-Th_rates"],
    )


def uncovered(measured: pd.DataFrame) -> Claim:
    """RA-Th, what coverage is for: a tabular policy that never sees the best answer does not improve."""
    found = slopes(measured)
    bare = found[(found["coverage"] == 0) & (found["method"] == "RA")]
    row, shared = (bare[bare["policy"] == policy].iloc[0] for policy in ("tabular", "log-linear"))
    return claim(
        "RA-Th/coverage",
        "Without coverage of the best answer a tabular policy does not improve with N",
        "slope of log sub-optimality against log N at coverage 0",
        _interval(row),
        unit="",
        direction="equal",
        threshold=TOLERANCE,
        n=f"{row['n']:.0f} draws of data at each N",
        paper="coverage is assumed",
        figures=["RA-Th_rates"],
        tables=["RA-Th_slopes"],
        note="nothing in such data speaks of goal 10. A log-linear policy learns it from other goals: its slope "
        f"is {shared['estimate']:.2f} [{shared['low']:.2f}, {shared['high']:.2f}]",
    )


def against_plain(measured: pd.DataFrame) -> Claim:
    """RA-Th beside plain DPO: the largest ratio of sub-optimalities at the largest N, coverage above 0."""
    most = measured[(measured["n_pairs"] == measured["n_pairs"].max()) & (measured["coverage"] > 0)]
    keys, rows = ["policy", "coverage"], []
    for kind, part in groups(most.sort_values(keys), keys):
        wide = part.pivot(index="seed", columns="method", values="suboptimality")
        rows.append((*kind, len(wide), geometric_mean(wide["RA"] / wide["UF"])))
    worst = _worst(estimates(rows, [*keys, "n"]))
    return claim(
        "RA-Th/plain",
        "With many pairs, reward-augmented DPO comes nearer to the goal-conditioned optimum than plain DPO",
        f"ratio of sub-optimalities, RA over plain DPO, at N = {most['n_pairs'].max()}; the largest of "
        f"{len(rows)} problems",
        _interval(worst),
        unit="",
        direction="less",
        threshold=1.0,
        n=f"{worst['n']:.0f} draws of data",
        paper="no rate is claimed for plain DPO",
        figures=["RA-Th_rates"],
        note=f"largest: {worst['policy']} policy, coverage {100 * worst['coverage']:g} %. Measured in RA's own "
        "objective: plain DPO, at the beta that suits it best, tends to exp(r / beta), which is not exp(R)",
    )


# Ratios to uniform sampling; below 1 is better.
_ratio = partial(claim, unit="", direction="less", threshold=1.0)


def sampling(found: pd.DataFrame) -> Claim:
    """AP-Th: the largest ratio of updates, adversarial over uniform, lies below 1."""
    found = found[found["sampling"] == "adversarial"]
    worst = _worst(found)
    return _ratio(
        "AP-Th",
        "Taking the pair with the largest remaining gap needs no more updates than taking pairs at random",
        f"T_adversarial / T_uniform, the largest of {len(found)} kinds of problems",
        _interval(worst),
        n=f"{worst['n']:.0f} problems of each kind",
        paper="T_adv <= T_u",
        figures=["AP-Th_updates"],
        tables=["AP-Th_ratios"],
        note=f"exact targets; smallest ratio {found['estimate'].min():.2f}. Updates, not time: to find the "
        "largest gap costs a look at every pair",
    )


def large_margins(found: pd.DataFrame) -> Claim:
    """AP-Th where margins saturate the sigmoid of the logistic loss."""
    row = found[found["sampling"] == "adversarial"].sort_values("spread").iloc[-1]
    pull = found[found["sampling"] == "largest pull"].sort_values("spread").iloc[-1]
    return _ratio(
        "AP-Th/large-margins",
        "It still holds for the logistic (DPO) loss when target margins are large",
        f"T_adversarial / T_uniform at target margins of {row['spread']:g} nats",
        _interval(row),
        n=f"{row['n']:.0f} problems",
        paper="T_adv <= T_u",
        figures=["AP-Th_limits"],
        note="the largest gap may belong to a pair that saturates the sigmoid and hardly moves theta; taking "
        f"the largest pull instead gives {pull['estimate']:.2f} [{pull['low']:.2f}, {pull['high']:.2f}]",
    )


def noisy(found: pd.DataFrame, *, budget: int) -> Claim:
    """AP-Th where target margins are noisy: the error left after a budget of updates."""
    row = found[found["sampling"] == "adversarial"].sort_values("noise").iloc[-1]
    return _ratio(
        "AP-Th/noise",
        "It still pays when the target margins are noisy",
        f"error after {budget} updates, adversarial over uniform; noise {row['noise']:g} times the targets' own",
        _interval(row),
        n=f"{row['n']:.0f} problems",
        paper="exact margins are assumed",
        figures=["AP-Th_limits"],
        note="the largest gap is then often the largest error of a target",
    )


def _worst(found: pd.DataFrame) -> "pd.Series[Any]":
    """The row whose interval reaches highest."""
    return found.sort_values("high").iloc[-1]


def _interval(row: "pd.Series[Any]") -> Interval:
    return Interval(float(row["estimate"]), float(row["low"]), float(row["high"]), n=int(row["n"]))
