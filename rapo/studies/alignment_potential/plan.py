"""Which arms the selection study trains: a plain mapping each, that `study` makes runs of."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from rapo.studies.alignment_potential.tables import METRICS

TOLD = ("study", "architecture", "objective", "arm", "x")  # of an arm, in its answers


def rule(recipe: Mapping[str, Any], metric: str, *, share: float | None = None) -> dict[str, Any]:
    """What selects an arm's pairs."""
    return {"metric": METRICS[metric], "fraction": recipe["fraction"] if share is None else share}


def plan(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every arm: its study, what varies, whose rate it takes, how it is trained and the goal it is asked for."""
    return [*_metrics(recipe), *_contrasts(recipe), *_ablations(recipe), *_joined(recipe)]


def _metrics(recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every metric on every base model under both objectives; some metrics for more epochs."""
    kinds = {"metric": (METRICS, 1), "long": (recipe["long"]["metrics"], recipe["long"]["epochs"])}
    for study, (metrics, epochs) in kinds.items():
        for architecture, objective, metric in product(recipe["architectures"], ("dpo", "simpo"), metrics):
            yield {
                "study": study, "architecture": architecture, "objective": objective, "arm": metric,
                "metric": metric, "x": recipe["fraction"], "epochs": epochs, "rule": rule(recipe, metric),
            }  # fmt: skip


def _first(recipe: Mapping[str, Any], study: str, arm: str, metric: str, x: float) -> dict[str, Any]:
    """An arm on the first base model, under DPO."""
    return {
        "study": study, "architecture": recipe["architectures"][0], "objective": "dpo", "arm": arm,
        "metric": metric, "x": x, "rule": rule(recipe, metric),
    }  # fmt: skip


def _contrasts(recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """M+ against MAP on annotators' pairs, and at the corners of the map."""
    for metric in recipe["long"]["metrics"]:
        yield {**_first(recipe, "off-policy", metric, metric, recipe["fraction"]), "policy": "off"}
        for reward in recipe["corners"]:
            yield {**_first(recipe, "corner", metric, metric, reward["lean"]), "reward": reward}


def _ablations(recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The weight of the implicit margin, and the share that is selected: all pairs are the same whoever selects."""
    for weight in recipe["weights"]:
        one = _first(recipe, "weight", "MAP", "MAP", weight)
        yield {**one, "rule": one["rule"] | ({} if weight == 1 else {"weight": weight})}
    for metric, share in product(("uniform", "MAP"), recipe["fractions"]):
        selects = rule(recipe, "uniform" if share == 1 else metric, share=share)
        yield {**_first(recipe, "share", metric, metric, share), "rule": selects}


def _joined(recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Select, relabel, both or neither: as many pairs and steps each."""
    arms_of = {"uniform, 2 epochs": ("uniform", "uf", 2), "MAP, 2 epochs": ("MAP", "uf", 2),
               "RA": ("uniform", "ra", 1), "MAP + RA": ("MAP", "ra", 1)}  # fmt: skip
    for name, (metric, kind, epochs) in arms_of.items():
        yield {
            **_first(recipe, "join", name, metric, recipe["fraction"]),
            "data": kind, "epochs": epochs, "goal": 10,
        }  # fmt: skip


def bases(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The untrained models, as `plan` describes trained ones: plain, and asked for the top score."""
    named = {"base": None, "base, g=10": 10}
    return [
        {"study": "base", "architecture": a, "objective": "none", "arm": name, "x": 0.0, "goal": goal}
        for a, (name, goal) in product(recipe["architectures"], named.items())
    ]
