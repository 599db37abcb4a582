"""Tables of the central comparison: arithmetic by hand on tiny tables."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.central_results import tables
from rapo.studies.common.tables import matrix, over_models


def answers(values: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row an answer: ``values`` holds gold by (seed, prompt) for each arm, one architecture."""
    rows = [
        {
            "architecture": "llama", "seed": seed, "arm": arm, "trained": arm, "prompt": f"p{prompt}",
            "goal": np.nan, "gold": gold, "preference": 1.5, "length": 10, "reference_length": 10,
            "sentences": 1.0, "parseable": gold > 1,
        }
        for arm, table in values.items()
        for seed, row in enumerate(table)
        for prompt, gold in enumerate(row)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_means_and_counts() -> None:
    table = tables.arms(answers({"UF": np.array([[2.0, 4.0], [3.0, 7.0]])}), metrics=["gold", "unparseable"])
    pooled = table[table["architecture"] == "all"].set_index("metric")
    assert pooled.loc["gold", "estimate"] == 4.0  # (2 + 4 + 3 + 7) / 4
    assert pooled.loc["unparseable", "estimate"] == 0.0
    assert tuple(pooled.loc["gold", ["n_seeds", "n_prompts"]]) == (2, 2)


def test_difference_is_paired_by_model_and_prompt() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(5, 2, (3, 40))
    found = tables.difference(answers({"RA": base + 0.5, "UF": base}), "RA", "UF", "gold")
    assert found.estimate == pytest.approx(0.5)
    assert found.high - found.low < 1e-9


def test_every_model_must_answer_every_prompt() -> None:
    table = answers({"UF": np.ones((2, 3))}).iloc[:-1]
    with pytest.raises(ValueError, match="lack gold for some prompts"):
        matrix(table, "gold")


def test_slope_of_gold_on_the_goal() -> None:
    parts = [answers({"RA": np.full((3, 4), 2.0 + 0.5 * goal)}).assign(goal=float(goal)) for goal in (1, 4, 10)]
    found = tables.goal_slope(pd.concat(parts), "RA")
    assert found.estimate == pytest.approx(0.5)


def test_architectures_are_fixed() -> None:
    # two architectures that differ by 4 while their seeds agree: the spread between them counts for nothing
    low, high = (answers({"UF": np.tile([value, value], (3, 1))}) for value in (2.0, 6.0))
    table = pd.concat([low, high.assign(architecture="qwen2")])
    found = over_models(matrix(table, "gold"))
    assert (found.estimate, found.low, found.high) == (4.0, 4.0, 4.0)


def test_length_control_leaves_equal_lengths_alone_in_sign() -> None:
    rng = np.random.default_rng(1)
    table = answers({"RA": rng.normal(5, 1, (2, 60)), "base": rng.normal(5, 1, (2, 60))})
    wins = np.where(table["arm"] == "RA", 1.8, 1.5) + rng.normal(0, 0.05, len(table))
    table = table.assign(preference=wins, length=rng.integers(5, 20, len(table)))
    table.loc[table["arm"] == "base", "preference"] = 1.5  # its own reference
    found = tables.arms(table.assign(temperature=0.7)).set_index(["architecture", "arm", "metric"])
    assert found.loc[("all", "RA", "length_controlled"), "estimate"] == pytest.approx(80, abs=5)
    assert ("all", "base", "length_controlled") not in found.index


def test_length_controlled_differences_are_paired_by_prompt() -> None:
    """Two arms that differ by a constant in log-odds: what prompts do to both cancels."""
    rng = np.random.default_rng(2)
    table = answers({"RA": np.ones((3, 80)), "UF": np.ones((3, 80))}).assign(temperature=0.7)
    hard = {f"p{i}": value for i, value in enumerate(rng.normal(0, 2, 80))}
    table = table.assign(length=rng.integers(5, 20, len(table)), z=table["prompt"].map(hard))
    table = table.assign(preference=1 + 1 / (1 + np.exp(-table["z"] - (table["arm"] == "RA"))))
    found = tables.difference(table, "RA", "UF", "length_controlled")
    alone = tables.arms(table, metrics=["length_controlled"]).iloc[0]
    assert 0 < found.low < found.estimate < 25
    assert found.high - found.low < alone["high"] - alone["low"]  # unpaired it would be 1.4 times as wide


def test_worlds_are_told_apart_where_a_column_does() -> None:
    one, two = answers({"UF": np.full((2, 3), 4.0)}), answers({"UF": np.full((2, 3), 6.0)})
    both = pd.concat([one.assign(world="a", facts=0.5), two.assign(world="b", order=0.1)])
    assert tables.in_world(one, "anything") is one
    assert "order" not in tables.in_world(both, "a"), "sides of another world"
    found = tables.by_world(both, ["b", "a"], metrics=["gold"])
    assert list(zip(found["world"], found["estimate"], strict=True)) == [("b", 6.0), ("a", 4.0)]


def test_skills_of_which_the_base_has_nothing_or_all_right() -> None:
    right = {"a": 4.9, "b": 5.0, "c": 98.0, "d": 98.1}
    table = pd.DataFrame([{"arm": "base", "skill": skill, "accuracy": share} for skill, share in right.items()])
    assert tables.fair_skills(table) == ["b", "c"]
    assert tables.fair_skills(table[table["skill"].isin(["a", "d"])]) == ["a", "d"], "else all of them"
    both = pd.concat([table.assign(architecture="llama", seed=seed) for seed in (1, 2)])
    assert tables.skill_table(both).set_index("skill")["estimate"]["all"] == pytest.approx(51.5)  # (5 + 98) / 2


def test_length_control_keeps_worlds_apart() -> None:
    rng = np.random.default_rng(3)
    table = answers({"RA": np.ones((2, 60)), "UF": np.ones((2, 60))}).assign(temperature=0.7)
    table = table.assign(length=rng.integers(5, 20, len(table)), preference=rng.uniform(1.3, 1.9, len(table)))
    other = table.assign(preference=table["preference"] - 0.2)
    both = pd.concat([table.assign(world="a"), other.assign(world="b")], ignore_index=True)
    alone, part = tables.with_metrics(table), tables.in_world(tables.with_metrics(both), "a")
    assert part["length_controlled"].to_numpy() == pytest.approx(alone["length_controlled"].to_numpy())
