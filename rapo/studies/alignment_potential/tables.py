"""From scored pairs and judged answers to the tables of the selection study (AP-F1a to AP-A2). No training here.

``pairs`` has one row a pair, ``answers`` one row an answer, as `study` gives them; the map is `error_map`'s.
Where nothing can be computed (no pair that gold decides, fewer than two models) an estimate or its limits are NaN.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from rapo.selection import margins
from rapo.selection import select as selection
from rapo.stats.arrays import Floats
from rapo.stats.intervals import Interval
from rapo.studies.alignment_potential.error_map import accuracy
from rapo.studies.common.premises import selection_premises
from rapo.studies.common.tables import estimates, gap, matrix, mean, over_models

METRICS = {
    "uniform": "uniform",
    "M+": "explicit-margin",
    "small Mpi": "small-implicit-margin",
    "MAP": "alignment-potential",
}
SHARES = tuple(float(share) for share in np.round(np.arange(0.1, 1.01, 0.1), 1))
OBJECTIVES = {"dpo": "DPO", "simpo": "SimPO"}
QUADRANTS = ("both", "M+ alone", "small Mpi alone", "neither")


def ranked(
    pairs: pd.DataFrame, metric: str, share: float, *, weight: float = 1.0, seed: int = 0
) -> NDArray[np.bool_]:
    """Which pairs a metric selects; ``weight`` is that of the implicit margin in MAP. Shape: (n_pairs,)"""
    explicit, implicit = (pairs[name].to_numpy(dtype=float) for name in ("explicit", "implicit"))
    values = {
        "uniform": lambda: np.random.default_rng([seed, 31]).random(len(pairs)),
        "M+": lambda: np.abs(explicit),
        "small Mpi": lambda: -np.abs(implicit),
        "MAP": lambda: margins.alignment_potential(explicit, implicit, weight=weight),
    }[metric]()
    return selection.top(values, fraction=share, ids=pairs["pair_id"].tolist()).keep


def models(pairs: pd.DataFrame) -> list[pd.DataFrame]:
    """The parts that a metric ranks at once: one a policy (who wrote the answers), architecture and seed."""
    return [part for _, part in pairs.groupby(["policy", "architecture", "seed"], sort=False)]


def agreement(pairs: pd.DataFrame, *, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """How often gold agrees with the reward model's label among the selected pairs (AP-F3), for each policy.

    Returns:
        Columns policy, metric, share, estimate (%), low, high, n (models: architecture and seed).
    """
    rows = []
    for policy, group in pairs.groupby("policy", sort=False):
        parts = models(group)
        for metric, share in product(METRICS, shares):
            rows.append((policy, metric, share, mean(_agrees(parts, metric, share))))
    table = estimates(rows, ["policy", "metric", "share"]).assign(n=[found.n for *_, found in rows])
    return table.assign(low=table["low"].clip(lower=0), high=table["high"].clip(upper=100))


def _selected(parts: Sequence[pd.DataFrame], metric: str, share: float, *, weight: float = 1.0) -> list[Floats]:
    """Gold's margins of the pairs that a metric selects, an array a model."""
    kept = [ranked(part, metric, share, weight=weight, seed=place) for place, part in enumerate(parts)]
    return [part["gold"].to_numpy()[keep] for part, keep in zip(parts, kept, strict=True)]


def _agrees(
    parts: Sequence[pd.DataFrame], metric: str, share: float, *, weight: float = 1.0, ties: float | None = None
) -> Floats:
    """`accuracy` of the pairs that a metric selects; pairs that gold holds equal count ``ties`` (0 to 1) where that is
    given. Shape: (n_models,)
    """
    golds = _selected(parts, metric, share, weight=weight)
    if ties is None:
        return np.array([accuracy(gold) for gold in golds])
    return np.array([100 * np.where(gold == 0, ties, gold > 0).mean() for gold in golds])


def agreement_gap(
    pairs: pd.DataFrame, metric: str, other: str, share: float, *, ties: float | None = None
) -> Interval:
    """Agreement of one metric's pairs less another's, in points, paired by model; ``ties``: what a pair counts
    that gold holds equal, 0 to 1; None leaves it out.
    """
    parts = models(pairs)
    return mean(_agrees(parts, metric, share, ties=ties) - _agrees(parts, other, share, ties=ties))


def tied(pairs: pd.DataFrame, metric: str, share: float) -> float:
    """Share of the pairs that a metric selects whose answers gold holds equal, in %, a mean over models."""
    return float(np.mean([100 * (gold == 0).mean() for gold in _selected(models(pairs), metric, share)]))


def second_judge_gap(
    pairs: pd.DataFrame, metric: str, other: str, share: float, *, noise: float, length_bias: float
) -> Interval:
    """`agreement_gap` under a judge that errs by itself: the expected share of labels that it confirms, exactly.

    It sees gold's difference, the words that one answer has more, and a normal error of each answer.

    Args:
        pairs: with gold and words, both of chosen less rejected.
        metric, other, share: as in `agreement_gap`.
        noise: standard deviation of the error of an answer's score, in score points; above 0.
        length_bias: score points for every ten words.
    """
    parts = models(pairs)
    chances = [_confirmed(part, noise=noise, length_bias=length_bias) for part in parts]

    def share_confirmed(chosen_by: str) -> Floats:
        kept = [ranked(part, chosen_by, share, seed=place) for place, part in enumerate(parts)]
        return np.array([100 * chance[keep].mean() for chance, keep in zip(chances, kept, strict=True)])

    return mean(share_confirmed(metric) - share_confirmed(other))


def _confirmed(part: pd.DataFrame, *, noise: float, length_bias: float) -> Floats:
    """The chance that a judge with errors prefers the chosen answer. Shape: (n_pairs,)"""
    apart = part["gold"].to_numpy(dtype=float) + length_bias * part["words"].to_numpy(dtype=float) / 10
    return np.asarray(ndtr(apart / (noise * np.sqrt(2))))


def agreement_by_weight(pairs: pd.DataFrame, *, share: float, weights: Sequence[float]) -> pd.DataFrame:
    """Agreement of gold with the label among the pairs that MAP selects, over the weight (AP-A1).

    Returns:
        Columns arm ("MAP"), x (the weight; 0 is M+), estimate (%), low, high.
    """
    parts = models(pairs)
    rows = [("MAP", weight, mean(_agrees(parts, "MAP", share, weight=weight))) for weight in weights]
    return estimates(rows, ["arm", "x"])


def placed(part: pd.DataFrame, *, share: float) -> pd.DataFrame:
    """Pairs of one model, each with its ``quadrant`` (who selects it: one of `QUADRANTS`) and ``picked`` by MAP."""
    plus, small = ranked(part, "M+", share), ranked(part, "small Mpi", share)
    quadrant = np.select([plus & small, plus, small], QUADRANTS[:3], QUADRANTS[3])
    return part.assign(quadrant=quadrant, picked=ranked(part, "MAP", share))


def quadrants(pairs: pd.DataFrame, *, share: float) -> pd.DataFrame:
    """How many pairs lie in each quadrant, how right their labels are, and how many MAP selects.

    Returns:
        Columns quadrant, quantity ("pairs", "label right" or "selected by MAP", all in %), estimate, low, high.
    """
    parts = [placed(part, share=share) for part in models(pairs)]
    rows = []
    for name in QUADRANTS:
        inside = [part[part["quadrant"] == name] for part in parts]
        quantities = {
            "pairs": [100 * len(some) / len(part) for some, part in zip(inside, parts, strict=True)],
            "label right": [accuracy(some["gold"].to_numpy()) for some in inside],
            "selected by MAP": [_percent(some["picked"]) for some in inside],
        }
        rows += [(name, quantity, mean(values)) for quantity, values in quantities.items()]
    return estimates(rows, ["quadrant", "quantity"])


def _percent(picked: "pd.Series[bool]") -> float:
    return 100 * float(picked.mean()) if len(picked) else float("nan")


def contradiction(pairs: pd.DataFrame, *, share: float) -> pd.DataFrame:
    """AP-F1a: do the two margins call the same pairs good? One row a model.

    Returns:
        Columns architecture, seed, contradiction (% of pairs that exactly one of M+ and small Mpi selects),
        expected (% if the two were independent), correlation (Spearman's, of the two sizes), aligned_low (% of
        pairs with both margins among the largest that MAP does not select).
    """
    rows = []
    for part in models(pairs):
        plus, small = ranked(part, "M+", share), ranked(part, "small Mpi", share)
        sizes = part["explicit"].abs(), part["implicit"].abs()
        both = plus & (sizes[1] >= sizes[1].quantile(1 - share)).to_numpy()
        aligned = _percent(pd.Series(~ranked(part, "MAP", share)[both]))
        constant = any(size.nunique() < 2 for size in sizes)
        correlation = np.nan if constant else sizes[0].corr(sizes[1], method="spearman")
        key = part["architecture"].iloc[0], part["seed"].iloc[0]
        rows.append((*key, 100 * (plus != small).mean(), 200 * share * (1 - share), correlation, aligned))
    columns = ["architecture", "seed", "contradiction", "expected", "correlation", "aligned_low"]
    return pd.DataFrame(rows, columns=columns)


def corner_examples(part: pd.DataFrame, *, share: float) -> pd.DataFrame:
    """The pair of one model that stands furthest out in each quadrant, for reading."""
    frame = placed(part, share=share)
    ranks = [frame[name].abs().rank(pct=True) for name in ("explicit", "implicit")]
    signs = {"both": (1, -1), "M+ alone": (1, 1), "small Mpi alone": (-1, -1), "neither": (-1, 1)}
    found = []
    for name in QUADRANTS:
        extremeness = signs[name][0] * ranks[0] + signs[name][1] * ranks[1]
        found.append(extremeness[frame["quadrant"] == name].nlargest(1).index)
    return frame.loc[np.concatenate(found)]


def noise_examples(part: pd.DataFrame, *, share: float, n: int = 3) -> pd.DataFrame:
    """AP-F2: pairs of one model that the reward model labels wrongly, that M+ selects and MAP does not; worst first."""
    wrong = part[(part["gold"] < 0) & ranked(part, "M+", share) & ~ranked(part, "MAP", share)]
    return wrong.sort_values("gold", kind="stable").head(n)


def noise(pairs: pd.DataFrame, *, share: float) -> pd.DataFrame:
    """AP-F2 counted: what MAP leaves out of the pairs that M+ selects. One row a model.

    Returns:
        Columns architecture, seed, found (how many of M+'s pairs are labelled wrongly and left out by MAP), wrong
        and right (% of M+'s wrongly and of its rightly labelled pairs that MAP leaves out; NaN where there is none).
    """
    rows = []
    for part in models(pairs):
        plus, left = part[ranked(part, "M+", share)], ~ranked(part, "MAP", share)
        out = pd.Series(left[ranked(part, "M+", share)], index=plus.index)
        wrong, right = plus["gold"] < 0, plus["gold"] > 0
        key = part["architecture"].iloc[0], part["seed"].iloc[0]
        rows.append((*key, int((out & wrong).sum()), _percent(out[wrong]), _percent(out[right])))
    return pd.DataFrame(rows, columns=["architecture", "seed", "found", "wrong", "right"])


def gold(answers: pd.DataFrame, study: str) -> pd.DataFrame:
    """Mean gold reward of a study's arms over seeds and prompts.

    Returns:
        Columns architecture, objective, arm, x, estimate, low, high, label_accuracy (%).
    """
    part = answers[answers["study"] == study]
    groups = list(part.groupby(["architecture", "objective", "arm", "x"], sort=False))
    found = estimates(
        [(*key, over_models(matrix(group))) for key, group in groups],
        ["architecture", "objective", "arm", "x"],
    )
    return found.assign(label_accuracy=[100 * group["label_accuracy"].mean() for _, group in groups])


def gold_gap(answers: pd.DataFrame, study: str, arm: str, other: str) -> Interval:
    """Gold reward of one arm less another's, paired by model and prompt, over all that the study holds."""
    part = answers[answers["study"] == study]
    return gap(part[part["arm"] == arm], part[part["arm"] == other])


def gold_gaps(answers: pd.DataFrame, study: str, arm: str, others: Sequence[str]) -> pd.DataFrame:
    """`gold_gap` for each architecture and objective, and over all.

    Returns:
        Columns group ("all" or "llama, DPO"), name ("less uniform"), estimate (of 10), low, high.
    """
    part = answers[answers["study"] == study]
    groups = {
        f"{a}, {OBJECTIVES[str(o)]}": some
        for (a, o), some in part.groupby(["architecture", "objective"], sort=False)
    }
    rows = [
        (group, f"less {other}", gold_gap(some, study, arm, other))
        for (group, some), other in product({"all": part, **groups}.items(), others)
    ]
    return estimates(rows, ["group", "name"])


def left_out(table: pd.DataFrame) -> pd.DataFrame:
    """Columns wrong and right of `noise`, averaged over models.

    Returns:
        Columns arm ("label wrong", "label right"), estimate (%), low, high.
    """
    return estimates([(f"label {name}", mean(table[name])) for name in ("wrong", "right")], ["arm"])


def scores_vary(answers: pd.DataFrame) -> bool:
    """Whether the models are good enough for their answers to differ in gold at all."""
    return bool(np.ptp(answers["gold"].to_numpy(dtype=float)) > 0)


def premises(pairs: pd.DataFrame, answers: pd.DataFrame, tuning: pd.DataFrame) -> dict[str, str]:
    """Whether the paper's premises are met here, by the figures alone: words for the register of claims.

    Args:
        pairs: the on-policy pairs that are trained on.
        answers: of all arms.
        tuning: of the metrics' rates.
    """
    right = float(np.mean([accuracy(part["gold"].to_numpy()) for part in models(pairs)]))
    trained = answers[answers["study"].isin(["metric", "long"])]
    steps = trained.groupby("study")["steps"].median()
    short, long = steps["metric"], steps.max()
    words = selection_premises(right=right, steps=short, tuning=tuning)
    most = selection_premises(right=right, steps=long, tuning=tuning)
    equal = 100 * float((pairs["gold"] == 0).mean())
    told = (
        f"Gold confirms {right:.0f} % of the labels that it decides ({equal:.0f} % of the pairs it holds equal); "
        f"{short:.0f} steps in one epoch, {long:.0f} at most."
    )
    return {**words, "longest": most["long_enough"], "figures": told}
