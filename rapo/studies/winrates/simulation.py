"""Judgements made up from a known truth, so that win rates and their intervals can be checked against it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from rapo.stats.arrays import Floats, sigmoid
from rapo.winrates import calibration, length_control

GAMED = ("baseline, verbose", "baseline, concise")


@dataclass(frozen=True)
class Simulated:
    """A benchmark with known truth.

    Attributes:
        judgements: as `rapo.judging.judgements.table` makes them; the baseline is called "baseline".
        truth: per model ``quality`` and ``verbosity`` (log ratio of lengths) that it was made with, and
            ``win_rate``: percent at equal lengths, the mean over the instructions.
        difficulty: of each instruction, in log-odds; index: instruction.
    """

    judgements: pd.DataFrame
    truth: pd.DataFrame
    difficulty: pd.Series


def judgements(
    *,
    n_models: int = 12,
    n_instructions: int = 400,
    length_bias: float = 1.0,
    difficulty: float = 1.0,
    verbosity: float = 0.5,
    gamed: bool = False,
    seed: int = 0,
) -> Simulated:
    """Make up a judge with a length bias who compares models with a baseline.

    P(model wins) = sigmoid(quality + difficulty of the instruction + length_bias * tanh(2 * log length ratio)).
    Qualities are spread over -2 ... 1, verbosities like the quantiles of a normal; which model has which is drawn.
    The length term is none of the formulas' own (they see characters, scaled per model), so the check is fair.

    Args:
        n_models: models beside the baseline.
        n_instructions: judgements of each.
        length_bias: log-odds that a much longer answer gains.
        difficulty: standard deviation of the instructions' difficulty, log-odds.
        verbosity: standard deviation of the models' mean log length ratio.
        gamed: add the baseline's own answers made verbose and concise, named `GAMED`; no truth is given for them.
        seed: of every draw.
    """
    rng = np.random.default_rng(seed)
    names = [f"model {m + 1:02d}" for m in range(n_models)] + list(GAMED if gamed else ())
    quality = np.concatenate([np.linspace(-2.0, 1.0, n_models), np.zeros(2 * gamed)])
    wordy = np.concatenate(
        [verbosity * rng.permutation(_normal_quantiles(n_models)), [1.0, -1.0] if gamed else []]
    )
    hard = rng.normal(0.0, difficulty, n_instructions)
    base = np.exp(rng.normal(6.0, 0.6, n_instructions)).round()
    shape = (len(names), n_instructions)
    ratio = wordy[:, None] + rng.normal(0.0, 0.35, shape)
    length = np.maximum((base * np.exp(ratio)).round(), 1.0)
    # The gamed baselines know the answers as well as the baseline itself, whatever the instruction.
    equal = quality[:, None] + hard * np.array([name not in GAMED for name in names])[:, None]
    chance = sigmoid(equal + length_bias * np.tanh(2 * np.log(length / base)))
    frame = pd.DataFrame(
        {
            "model": np.repeat(names, n_instructions),
            "instruction": np.tile(np.arange(n_instructions), shape[0]),
            "preference": 1.0 + (rng.random(shape) < chance).ravel(),
            "length_model": length.ravel(),
            "length_baseline": np.tile(base, shape[0]),
            "baseline": "baseline",
        }
    )
    truth = pd.DataFrame(
        {"model": names, "quality": quality, "verbosity": wordy, "win_rate": 100 * sigmoid(equal).mean(axis=1)}
    )
    return Simulated(frame, truth.iloc[:n_models], pd.Series(hard, name="difficulty"))


def recovery(*, n_repeats: int, n_models: int = 12, n_instructions: int = 400, seed: int = 0) -> pd.DataFrame:
    """Estimate win rates in many made-up benchmarks and set them beside the truth.

    Difficulty is estimated from the pool of models; the formula has its two gamed baselines.

    Returns:
        One row a benchmark and model: ``repeat``, ``model``, ``verbosity``, ``truth``, ``win_rate``,
        ``length_controlled_winrate``, ``lc_low``, ``lc_high``; percent.
    """
    found = []
    for repeat in range(n_repeats):
        made = judgements(n_models=n_models, n_instructions=n_instructions, gamed=True, seed=seed + repeat)
        frame = made.judgements
        known = calibration.from_pool(frame, gamed=GAMED)
        table = length_control.length_controlled(frame[~frame["model"].isin(GAMED)], calibration=known)
        found.append(
            made.truth.rename(columns={"win_rate": "truth"}).merge(table, on="model").assign(repeat=repeat)
        )
    rates = ["truth", "win_rate", "length_controlled_winrate", "lc_low", "lc_high"]
    return pd.concat(found, ignore_index=True)[["repeat", "model", "verbosity", *rates]]


def summary(recovered: pd.DataFrame) -> pd.DataFrame:
    """How well each made-up benchmark was recovered, one row a benchmark.

    Args:
        recovered: of `recovery`.

    Returns:
        ``raw_error``, ``lc_error``: root mean square errors, points; ``raw_follows``, ``lc_follows``: absolute
        correlation of the error with wordiness; ``covered``: share of intervals that hold the truth.
    """
    rows = {}
    for repeat, part in recovered.groupby("repeat"):
        raw, controlled = (part[name] - part["truth"] for name in ("win_rate", "length_controlled_winrate"))
        rows[repeat] = {
            "raw_error": float(np.sqrt((raw**2).mean())),
            "lc_error": float(np.sqrt((controlled**2).mean())),
            "raw_follows": abs(raw.corr(part["verbosity"])),
            "lc_follows": abs(controlled.corr(part["verbosity"])),
            "covered": part["truth"].between(part["lc_low"], part["lc_high"]).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("repeat")


def _normal_quantiles(n: int) -> Floats:
    """Evenly spread draws of a standard normal, ascending."""
    return ndtri((np.arange(n) + 0.5) / n)
