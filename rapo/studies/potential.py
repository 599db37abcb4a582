"""Alignment potential (AP-F1a to AP-A2): margins, agreement with gold, and training on selected pairs."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rapo import config as settings
from rapo import intervals, margins, selection
from rapo.studies import central
from rapo.study import Run, kept, run_all, store

METRICS = {
    "uniform": "uniform",
    "M+": "explicit-margin",
    "small Mpi": "small-implicit-margin",
    "MAP": "alignment-potential",
}
SHARES = tuple(np.round(np.arange(0.1, 1.01, 0.1), 1))


def recipe_of(scale: str) -> dict[str, Any]:
    """The study's settings, with the central recipe of the same scale under ``central``: base models are shared."""
    return {**settings.recipe("potential", scale), "central": settings.recipe("central", scale)}


def scored_run(recipe: Mapping[str, Any], architecture: str, fault: Mapping[str, Any], seed: int) -> Run:
    """Pairs made by a reward model with a fault, scored by the base."""
    config = {"world": {**recipe["central"]["world"], **fault}, "pairs": recipe["pairs"], "seed": seed}
    base = central.base_run(recipe["central"], architecture)
    return Run(
        "rapo.studies.selected:score_pairs", config, {"base": base}, label=f"{architecture} scored pairs {seed}"
    )


def selected_run(
    recipe: Mapping[str, Any],
    architecture: str,
    seed: int,
    rule: Mapping[str, Any],
    *,
    objective: str = "dpo",
    data: str = "uf",
    epochs: int = 1,
) -> Run:
    """The base trained on selected pairs."""
    config = {
        "architecture": architecture,
        "selection": dict(rule),
        "objective": objective,
        "data": data,
        "epochs": epochs,
        "training": recipe[objective],
        "seed": seed,
    }
    scored = scored_run(recipe, architecture, recipe["fault"], seed)
    needs = {"base": scored.needs["base"], "scored": scored}
    label = f"{architecture} {objective} {rule['metric']} {rule['fraction']:g} {data} seed {seed}"
    return Run("rapo.studies.selected:train_selected", config, needs, label)


def arms(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every arm: its study, what varies, how it is trained and the goal it is asked for."""
    share, first = recipe["fraction"], recipe["architectures"][0]
    found = [
        {"study": "metric", "architecture": a, "objective": o, "arm": name, "x": share,
         "rule": {"metric": metric, "fraction": share}}
        for a, o, (name, metric) in product(recipe["architectures"], ("dpo", "simpo"), METRICS.items())
    ]  # fmt: skip
    found += [
        {"study": "weight", "architecture": first, "objective": "dpo", "arm": "MAP", "x": weight,
         "rule": {"metric": "alignment-potential", "fraction": share, "weight": weight}}
        for weight in recipe["weights"]
    ]  # fmt: skip
    found += [
        {"study": "share", "architecture": first, "objective": "dpo", "arm": name, "x": fraction,
         "rule": {"metric": METRICS[name], "fraction": fraction}}
        for name, fraction in product(("uniform", "MAP"), recipe["fractions"])
    ]  # fmt: skip
    joined = {"uniform": ("uniform", "uf", 1), "uniform, 2 epochs": ("uniform", "uf", 2), "MAP": ("MAP", "uf", 1),
              "MAP, 2 epochs": ("MAP", "uf", 2), "RA": ("uniform", "ra", 1), "MAP + RA": ("MAP", "ra", 1)}  # fmt: skip
    found += [
        {"study": "join", "architecture": first, "objective": "dpo", "arm": name, "x": share, "data": kind,
         "epochs": epochs, "goal": 10, "rule": {"metric": METRICS[metric], "fraction": share}}
        for name, (metric, kind, epochs) in joined.items()
    ]  # fmt: skip
    return found


def train(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Train every arm on every seed and sample the test prompts.

    Returns:
        One row an answer: study, architecture, objective, arm, x (share or weight), seed, prompt, gold, length,
        sentences, parseable, label_accuracy (of the pairs that were trained on).
    """
    cells = list(product(arms(recipe), recipe["seeds"]))
    models = [
        selected_run(
            recipe, arm["architecture"], seed, arm["rule"], objective=arm["objective"],
            data=arm.get("data", "uf"), epochs=arm.get("epochs", 1),
        )
        for arm, seed in cells
    ]  # fmt: skip
    base = recipe["central"]
    runs = [
        central.evaluate_run(base, model, [(arm.get("goal"), base["temperature"])], split="test", seed=seed)
        for model, (arm, seed) in zip(models, cells, strict=True)
    ]
    results = run_all([*runs, *models], name="potential", jobs=jobs)
    frames = []
    for (arm, seed), answers, trained in zip(cells, results[: len(runs)], results[len(runs) :], strict=True):
        frame = pd.read_parquet(answers.folder / "answers.parquet")
        named = {name: arm[name] for name in ("study", "architecture", "objective", "arm", "x")}
        frame = frame[["prompt", "gold", "length", "sentences", "parseable"]]
        frames.append(frame.assign(**named, seed=seed, label_accuracy=trained.metrics["label_accuracy"]))
    return pd.concat(frames, ignore_index=True)


def scored_pairs(recipe: Mapping[str, Any], *, jobs: int) -> pd.DataFrame:
    """Every pair of every reward model, with its margins: one row a pair.

    Returns:
        fault, architecture, seed, pair_id, prompt, chosen, rejected (texts, of the first group only), explicit,
        implicit (signed; nats a token), gold (signed margin), potential, and the lengths in tokens.
    """
    faults = {"main": recipe["fault"], **recipe["faults"]}
    first = recipe["architectures"][0]
    cells = [("main", a, seed) for a, seed in product(recipe["architectures"], recipe["seeds"])]
    cells += [(fault, first, seed) for fault, seed in product(recipe["faults"], recipe["seeds"])]
    runs = [scored_run(recipe, a, faults[fault], seed) for fault, a, seed in cells]
    results = run_all(runs, name="potential-scores", jobs=jobs)
    frames = []
    for place, (result, (fault, a, seed)) in enumerate(zip(results, cells, strict=True)):
        frame = _margins(pq.read_table(result.folder / "pairs.parquet"))
        frame = frame if place == 0 else frame.drop(columns=["prompt", "chosen", "rejected"])
        frames.append(frame.assign(fault=fault, architecture=a, seed=seed))
    return pd.concat(frames, ignore_index=True)


def _margins(table: pa.Table) -> pd.DataFrame:
    options = selection.Options(implicit="simpo")
    explicit, implicit = selection.explicit(table, options), selection.implicit(table, options)
    gold = margins.explicit_margin(table["gold_score_chosen"].to_numpy(), table["gold_score_rejected"].to_numpy())
    sides = ("prompt", "chosen", "rejected")
    texts = {name: [turns[-1]["content"] for turns in table[name].to_pylist()] for name in sides}
    return pd.DataFrame(
        {
            "pair_id": table["pair_id"].to_pylist(),
            **texts,
            "explicit": explicit,
            "implicit": implicit,
            "gold": gold,
            "potential": margins.alignment_potential(explicit, implicit),
            "chosen_tokens": table["chosen_tokens"].to_numpy(),
            "rejected_tokens": table["rejected_tokens"].to_numpy(),
        }
    )


def ranked(
    pairs: pd.DataFrame, metric: str, share: float, *, seed: int = 0
) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which pairs a metric selects. Shape: (n_pairs,) of bool"""
    values = {
        "uniform": np.random.default_rng([seed, 31]).random(len(pairs)),
        "M+": pairs["explicit"].abs().to_numpy(),
        "small Mpi": -pairs["implicit"].abs().to_numpy(),
        "MAP": pairs["potential"].to_numpy(),
    }[metric]
    return selection.top(values, fraction=share, ids=pairs["pair_id"].tolist()).keep


def agreement(pairs: pd.DataFrame, *, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """How often gold agrees with the reward model's label among the selected pairs (AP-F3), for each fault.

    Pairs that gold holds equal are left out. Intervals are Student's over (architecture, seed).

    Returns:
        Columns fault, metric, share, estimate (%), low, high, n.
    """
    rows = []
    for fault, group in pairs.groupby("fault", sort=False):
        parts = [part for _, part in group.groupby(["architecture", "seed"])]
        for metric, share in product(METRICS, shares):
            found = [_agree(part, metric, share, place) for place, part in enumerate(parts)]
            interval = intervals.t_interval(found)
            rows.append((fault, metric, share, interval.estimate, interval.low, interval.high, interval.n))
    return pd.DataFrame(rows, columns=["fault", "metric", "share", "estimate", "low", "high", "n"])


def _agree(part: pd.DataFrame, metric: str, share: float, seed: int) -> float:
    gold = part["gold"].to_numpy()[ranked(part, metric, share, seed=seed)]
    return 100 * float((gold[gold != 0] > 0).mean())


def agreement_gap(pairs: pd.DataFrame, metric: str, other: str, share: float) -> intervals.Interval:
    """Agreement of one metric's pairs less another's, in points, paired by (architecture, seed)."""
    parts = [part for _, part in pairs.groupby(["fault", "architecture", "seed"])]
    gaps = [_agree(part, metric, share, i) - _agree(part, other, share, i) for i, part in enumerate(parts)]
    return intervals.t_interval(gaps)


def contradiction(pairs: pd.DataFrame, *, share: float) -> pd.DataFrame:
    """AP-F1a: do the two margins call the same pairs good? One row an (architecture, seed).

    Returns:
        Columns architecture, seed, contradiction (% of pairs that exactly one of M+ and small Mpi selects),
        expected (% if the two were independent), correlation (Spearman's, of the two sizes), aligned_low (% of
        pairs with both margins large that M_AP does not select).
    """
    rows = []
    for key, part in pairs.groupby(["architecture", "seed"]):
        plus, small = ranked(part, "M+", share), ranked(part, "small Mpi", share)
        potential = ranked(part, "MAP", share)
        both = plus & (part["implicit"].abs() >= part["implicit"].abs().quantile(1 - share)).to_numpy()
        correlation = part["explicit"].abs().corr(part["implicit"].abs(), method="spearman")
        aligned = 100 * float((~potential[both]).mean()) if both.any() else np.nan
        rows.append((*key, 100 * (plus != small).mean(), 200 * share * (1 - share), correlation, aligned))
    columns = ["architecture", "seed", "contradiction", "expected", "correlation", "aligned_low"]
    return pd.DataFrame(rows, columns=columns)


def noise_examples(pairs: pd.DataFrame, *, share: float, n: int = 3) -> pd.DataFrame:
    """AP-F2: pairs that the reward model labels wrongly, that M+ selects and M_AP does not; the worst first."""
    wrong = pairs[(pairs["gold"] < 0) & ranked(pairs, "M+", share) & ~ranked(pairs, "MAP", share)]
    return wrong.sort_values("gold", kind="stable").head(n)


def results(*, scale: str, measure: bool, jobs: int) -> dict[str, pd.DataFrame]:
    """Everything the notebook shows: "pairs" and "answers", measured now or as kept with the project."""
    if not measure:
        return {name: kept(f"potential_{name}") for name in ("pairs", "answers")}
    recipe = recipe_of(scale)
    frames = {"pairs": scored_pairs(recipe, jobs=jobs), "answers": train(recipe, jobs=jobs)}
    for name, frame in frames.items():
        store(frame, f"potential_{name}", scale=scale, config=recipe)
    return frames


def gold(answers: pd.DataFrame, study: str) -> pd.DataFrame:
    """Mean gold reward of a study's arms over seeds and prompts.

    Returns:
        Columns architecture, objective, arm, x, estimate, low, high, label_accuracy (%).
    """
    part = answers[answers["study"] == study]
    rows = []
    for key, group in part.groupby(["architecture", "objective", "arm", "x"], sort=False):
        found = intervals.crossed(_matrix(group))
        rows.append((*key, found.estimate, found.low, found.high, 100 * group["label_accuracy"].mean()))
    columns = ["architecture", "objective", "arm", "x", "estimate", "low", "high", "label_accuracy"]
    return pd.DataFrame(rows, columns=columns)


def _matrix(group: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Gold by (architecture, objective, seed) x prompt."""
    index = ["architecture", "objective", "seed"]
    return group.pivot(index=index, columns="prompt", values="gold").to_numpy(dtype=float)


def gold_gap(answers: pd.DataFrame, study: str, arm: str, other: str) -> intervals.Interval:
    """Gold reward of one arm less another's, paired by model and prompt, over all that the study holds."""
    part = answers[answers["study"] == study]
    first, second = (_matrix(part[part["arm"] == name]) for name in (arm, other))
    return intervals.difference(first, second)
