"""Premises: figures by hand, and the rules at their bounds."""

import numpy as np
import pandas as pd
import pytest

from rapo.stats.intervals import Interval
from rapo.studies.common import bases
from rapo.studies.common.bases import RULES, Rule
from rapo.world import premises as world_premises


def answers() -> pd.DataFrame:
    """Two architectures, two seeds, three prompts: base and UF, and the base under two goals."""
    rows = [
        {
            "architecture": architecture, "seed": seed, "prompt": f"p{prompt}", "arm": arm, "trained": trained,
            "goal": goal, "gold": gold + prompt, "length_controlled": lc, "count": count, "order": order,
        }
        for architecture, better in (("llama", 0.0), ("qwen2", 2.0))
        for seed in (1, 2)
        for prompt in range(3)
        for arm, trained, goal, gold, lc, count, order in (
            ("base", "base", np.nan, 4.0 + better, 50.0, 1.0, np.nan if prompt == 0 else 0.6),
            ("", "base", 2.0, 4.0, 50.0, 1.0, 1.0),
            ("base, g=10", "base", 10.0, 8.0, 50.0, 1.0, 1.0),
            ("UF", "UF", np.nan, 5.0 + better, 53.0, 1.0, 1.0),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_figures_of_the_bases() -> None:
    chosen = np.array([4.5, 5.5, 6.5, 7.5])
    found = bases.of_base(answers(), sides=["count", "order"], chosen=chosen).set_index(["base", "figure"])
    value = found["value"]
    assert value["all", "base's mean: count"] == 1.0
    assert value["llama", "base's mean: order"] == pytest.approx(
        0.4
    )  # (0 + .6 + .6) / 3: broken answers have none
    assert (value["all", bases.SIDES], value["all", bases.FULL]) == (1, 1)
    # Means of the base: llama 4 + (0 + 1 + 2) / 3 = 5, qwen2 7, both 6.
    assert value["llama", bases.WORSE] == 25.0
    assert value["qwen2", bases.WORSE] == 75.0
    assert value["all", bases.WORSE] == 50.0
    assert value["all", bases.GAIN_GOLD] == pytest.approx(1.0)
    assert value["all", bases.GAIN] == pytest.approx(3.0)
    assert value["all", bases.SLOPE] == pytest.approx(0.5)  # (8 - 4) / (10 - 2)


def test_a_base_that_is_its_own_reference_is_a_draw() -> None:
    table = answers()
    table.loc[table["arm"] == "base", "length_controlled"] = np.nan
    found = bases.of_base(table, sides=()).set_index(["base", "figure"])["value"]
    assert found["all", bases.GAIN] == pytest.approx(3.0)
    assert bases.SIDES not in found["all"]


@pytest.mark.parametrize(
    ("side", "value", "met"),
    [
        ("at least", 50.0, "met"),
        ("at least", 49.9, "in part"),
        ("at least", 24.9, "not met"),
        ("at most", 50.0, "met"),
        ("at most", 25.0, "met"),
    ],
)
def test_rules_at_their_bounds(side: str, value: float, met: str) -> None:
    assert Rule("f", side, 50.0, 25.0)(value) == met


def test_within_looks_at_both_signs() -> None:
    rule = Rule("f", "within", 4.0, 8.0)
    assert [rule(value) for value in (-2.9, 3.9, -4.1, 8.0, -8.1)] == [
        "met",
        "met",
        "in part",
        "in part",
        "not met",
    ]


def test_words_of_a_world() -> None:
    data = bases.of_data({world_premises.RIGHT: Interval(70.0, 68.0, 72.0, n=9)}, scored=0.45)
    models = bases.of_base(answers(), sides=["count", "order"], chosen=np.array([4.5, 5.5, 6.5, 7.5]))
    found = bases.words(pd.concat([data, models]))
    assert found == {
        "aligned": "met",  # 50 % over all bases
        "little_gain": "met",  # 3 points
        "many_sides": "not met",  # 1 side
        "numbers": "met",
        "untold": "not met",  # 45 % of its data
        "good_rejected": "",  # nobody looked
        "labels": "in part",
        "loose_length": "",
    }


def test_nothing_measured_is_nothing_said() -> None:
    assert bases.words(pd.DataFrame()) == dict.fromkeys(RULES, "")
