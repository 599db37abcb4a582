"""What the claims RA-Th and AP-Th rest on, computed from what `rates` and `study` measure; their words: claims.yaml."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rapo.claims.claim import Claim
from rapo.stats.intervals import Interval
from rapo.studies.common.claims import Found, join
from rapo.studies.common.tables import estimates, geometric_mean, groups
from rapo.studies.theory.tables import ratios, slopes


def claims(frames: Mapping[str, pd.DataFrame], recipe: Mapping[str, Any]) -> list[Claim]:
    """Every claim of the notebook.

    Args:
        frames: of `study.results`; "rates" of `rates.measure`, "heavy" the same with a supervised term ten times as
            heavy, "beyond" the shallowest of its problems at larger N, and "worst" of `rates.worst_case`.
        recipe: of the study.
    """
    rates, beyond = frames["rates"], frames["beyond"]["n_pairs"]
    later = {
        "anchor": 10 * recipe["anchor"],
        "later_least": beyond.min(),
        "later_most": beyond.max(),
        "later": _shown(slopes(frames["beyond"]).iloc[0]),
    }
    found: dict[str, Interval | Found] = {
        "RA-Th": _shallowest(rates),
        "RA-Th/anchor": _shallowest(frames["heavy"], later),
        "RA-Th/tight": _tight(frames["worst"]),
        "RA-Th/coverage": _uncovered(rates),
        "RA-Th/plain": _against_plain(rates),
        "AP-Th": _sampling(ratios(frames["updates"], "iterations", keys=["loss", "dimension", "condition"])),
        **_limits(frames),
    }
    return join("theory", found, recipe)


def _found(row: "pd.Series[Any]", words: Mapping[str, Any] | None = None) -> Found:
    n = int(row["n"])
    interval = Interval(float(row["estimate"]), float(row["low"]), float(row["high"]), n=n)
    return Found(interval, {"n": n, **(words or {})})


def _shown(row: "pd.Series[Any]") -> str:
    return f"{row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _worst(found: pd.DataFrame) -> "pd.Series[Any]":
    """The row whose interval reaches highest."""
    return found.sort_values("high").iloc[-1]


def _shallowest(measured: pd.DataFrame, words: Mapping[str, Any] | None = None) -> Found:
    """RA's shallowest slope over policy classes and coverages above 0."""
    found, sizes = slopes(measured), measured["n_pairs"]
    worst = _worst(found[(found["method"] == "RA") & (found["coverage"] > 0)])
    about = {
        "least": sizes.min(),
        "most": sizes.max(),
        "problems": (found["coverage"] > 0).sum() // 2,
        "policy": worst["policy"],
        "percent": 100 * worst["coverage"],
    }
    return _found(worst, {**about, **(words or {})})


def _tight(worst_case: pd.DataFrame) -> Found:
    """Over all problems of one kind, the local slopes of the worst one at each N, less those of N^-1/2."""
    worst = worst_case.groupby("n_pairs")["suboptimality"].max()
    steps = np.diff(np.log(worst)) / np.diff(np.log(worst.index.to_numpy(dtype=float))) + 0.5
    interval = Interval(float(np.mean(steps)), float(steps.min()), float(steps.max()), n=len(steps))
    return Found(interval, {"n": len(steps)})


def _uncovered(measured: pd.DataFrame) -> Found:
    """A tabular policy that never sees the best answer."""
    found = slopes(measured)
    bare = found[(found["coverage"] == 0) & (found["method"] == "RA")]
    row, shared = (bare[bare["policy"] == policy].iloc[0] for policy in ("tabular", "log-linear"))
    return _found(row, {"shared": _shown(shared)})


def _against_plain(measured: pd.DataFrame) -> Found:
    """The largest ratio of sub-optimalities, RA over plain DPO, at the largest N and coverage above 0."""
    most = measured[(measured["n_pairs"] == measured["n_pairs"].max()) & (measured["coverage"] > 0)]
    keys, rows = ["policy", "coverage"], []
    for kind, part in groups(most.sort_values(keys), keys):
        wide = part.pivot(index="seed", columns="method", values="suboptimality")
        rows.append((*kind, len(wide), geometric_mean(wide["RA"] / wide["UF"])))
    worst = _worst(estimates(rows, [*keys, "n"]))
    about = {"policy": worst["policy"], "percent": 100 * worst["coverage"]}
    return _found(worst, {"most": most["n_pairs"].max(), "problems": len(rows), **about})


def _sampling(found: pd.DataFrame) -> Found:
    """The largest ratio of updates, adversarial over uniform."""
    found = found[found["sampling"] == "adversarial"]
    return _found(_worst(found), {"kinds": len(found), "smallest": found["estimate"].min()})


def _limits(frames: Mapping[str, pd.DataFrame]) -> dict[str, Found]:
    """Where target margins are largest, and where they are noisiest."""
    spreads = ratios(frames["spreads"], "iterations", keys=["spread"]).sort_values("spread")
    noises = ratios(frames["noises"], "error", keys=["noise"]).sort_values("noise")
    margin, pull = (spreads[spreads["sampling"] == how].iloc[-1] for how in ("adversarial", "largest pull"))
    noisy = noises[noises["sampling"] == "adversarial"].iloc[-1]
    return {
        "AP-Th/large-margins": _found(margin, {"spread": margin["spread"], "pull": _shown(pull)}),
        "AP-Th/noise": _found(noisy, {"noise": noisy["noise"]}),
    }
