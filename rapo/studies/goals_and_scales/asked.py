"""What the studies of goals ask of which model: every `Cell` of the studies of several attributes (RA-T8), scales and
noisy judges (RA-A1), goals outside the seen range (RA-A2) and data that the model wrote itself (RA-T9).

A model is named by its arm and a variant: ("RA", "1-100") is RA with goals on that scale, ("UF", "noise 3") is UF on
a noisier judge's pairs, ("RA", "") the arm as the central study trains it, here on fewer pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from rapo.relabelling.goals import COMPACT
from rapo.studies.goals_and_scales.scales import SCALES
from rapo.world import data

# What an arm is trained on, and the goal it is asked for.
METHODS: dict[str, tuple[str, int | None]] = {
    "UF": ("uf", None),
    "UF, g=10": ("uf", 10),
    "RA": ("ra", 10),
    "RA, attributes": ("attributes", None),
}
THREE = ("UF", "UF, g=10", "RA")
SOURCES = ("off-policy", "on-policy")
Name = tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """One thing that one model is asked.

    Attributes:
        study: "attributes", "scale", "noise", "outside" or "on-policy".
        arm: what results call the model.
        x: where it stands in the study: a scale, a judge's noise, a source and round.
        asked: the goal in short ("all 10", "truth 4", "11"), "" for none.
        goal: the goal as a number; that of the one attribute that differs; NaN for none.
        model: arm and variant.
        wish: the score prompt, None for none.
    """

    study: str
    arm: str
    x: str
    asked: str
    goal: float
    model: Name
    wish: str | None


def cells(recipe: Mapping[str, Any]) -> list[Cell]:
    """Everything that is asked, in the order of the studies."""
    return [
        *_attribute_cells(recipe),
        *_scale_cells(recipe),
        *_noise_cells(recipe),
        *_outside_cells(recipe),
        *_policy_cells(recipe),
    ]


def sides_of(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """The sides of quality in the recipe's world: what a goal of several attributes names."""
    return data.make_world(recipe["central"]["world"]).gold.sides


def profile(sides: Sequence[str], attribute: str | None = None, level: float = 10) -> dict[str, float]:
    """A goal of 10 for every side but one.

    >>> profile(["truth", "count"], "truth", 4)
    {'truth': 4, 'count': 10.0}
    """
    return {**dict.fromkeys(sides, 10.0), **({attribute: level} if attribute else {})}


def _plain(study: str, arm: str, x: str, goal: int | None, model: Name) -> Cell:
    """A model asked plainly, or for one overall score on 1-10."""
    if goal is None:
        return Cell(study, arm, x, "", np.nan, model, None)
    return Cell(study, arm, x, f"{goal}", float(goal), model, COMPACT.text(goal))


def _attribute_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    study, sides = "attributes", sides_of(recipe)
    best = COMPACT.best(sides)
    found = [_plain(study, "base", "", None, ("base", "")), _plain(study, "base, g=10", "", 10, ("base", ""))]
    found += [_plain(study, arm, "", METHODS[arm][1], (arm, "")) for arm in THREE]
    found.append(Cell(study, "UF, all 10", "", "all 10", 10.0, ("UF, g=10", ""), best))
    levels = sorted({*recipe["levels"], recipe["low"]} - {10})
    for arm in ("base", "RA, attributes"):
        name = "base, all 10" if arm == "base" else arm
        found.append(Cell(study, name, "", "all 10", 10.0, (arm, ""), best))
        for attribute, level in product(sides, levels):
            wish = COMPACT.text(profile(sides, attribute, level))
            found.append(Cell(study, name, attribute, f"{attribute} {level:g}", float(level), (arm, ""), wish))
    return found


def _on_scale(study: str, arm: str, scale: str, goals: Sequence[float], model: Name) -> list[Cell]:
    wishes = {goal: SCALES[scale].wish(goal) for goal in goals}
    return [Cell(study, arm, scale, f"{goal:g}", float(goal), model, wish) for goal, wish in wishes.items()]


def ra_model(scale: str) -> Name:
    """The RA model whose goals are on a scale."""
    return "RA", "" if scale == "1-10" else scale


def _scale_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    found = [_plain("scale", arm, "", METHODS[arm][1], (arm, "")) for arm in ("UF", "UF, g=10")]
    for scale in recipe["scales"]:
        goals = [SCALES[scale].at(share) for share in recipe["shares"]]
        for arm, model in (("base", ("base", "")), ("RA", ra_model(scale))):
            found += _on_scale("scale", arm, scale, goals, model)
    return found


def variant_of(recipe: Mapping[str, Any], noise: float) -> str:
    """The variant trained on a judge's pairs: "" for the noise that the world has anyway."""
    return "" if data.make_world(recipe["central"]["world"]).noise == noise else f"noise {noise:g}"


def noises_of(recipe: Mapping[str, Any]) -> list[float]:
    """The judge's noises, rising; the world's own is one of them."""
    return sorted({*map(float, recipe["noises"]), data.make_world(recipe["central"]["world"]).noise})


def _noise_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    return [
        _plain("noise", arm, f"{noise:g}", METHODS[arm][1], (arm, variant_of(recipe, noise)))
        for noise, arm in product(noises_of(recipe), THREE)
    ]


def _outside_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    found = []
    for scale, beyond in recipe["outside"].items():
        if scale not in recipe["scales"]:
            continue
        inside = recipe["goals"] if scale == "1-10" else [SCALES[scale].at(share) for share in recipe["shares"]]
        goals = sorted({*inside, *beyond, SCALES[scale].high})
        models = {"base": ("base", ""), "RA": ra_model(scale)}
        if scale == "1-10":
            models["RA, no top"] = ("RA", "top")
        for arm, model in models.items():
            found += _on_scale("outside", arm, scale, goals, model)
    return found


def _policy_cells(recipe: Mapping[str, Any]) -> list[Cell]:
    turns = range(1, recipe["on_policy"]["rounds"] + 1)
    found = [
        _plain("on-policy", arm, x, METHODS[arm][1], (arm, x))
        for source, number, arm in product(SOURCES, turns, THREE)
        for x in [f"{source}, round {number}"]
    ]
    name, x = "RA, attributes", "on-policy, round 1"
    found.append(Cell("on-policy", name, x, "all 10", 10.0, (name, x), COMPACT.best(sides_of(recipe))))
    base = [_plain("on-policy", arm, "", goal, ("base", "")) for arm, goal in (("base", None), ("base, g=10", 10))]
    return [*base, *found]
