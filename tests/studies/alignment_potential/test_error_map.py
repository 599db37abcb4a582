"""The map of errors: what selects right labels by hand, and what it says to somebody with pairs of their own."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.alignment_potential import error_map


def test_right_labels_of_each_metric_by_hand() -> None:
    # Half of four: M+ takes 8 and 6, small Mpi .1 and .2. z(explicit): 1.31, .61, -.79, -1.14; z of the sizes of the
    # implicit margin (mean .825, sd .76): 1.54, -.95, .23, -.82. MAP: -.23, 1.56, -1.02, -.32: the first two. z of the
    # implicit margin itself (mean -.175, sd 1.11): -1.64, .25, 1.06, .34. MAP signed: 2.95, .36, -1.85, -1.48.
    explicit, implicit = np.array([8.0, 6, 2, 1]), np.array([-2.0, 0.1, 1.0, 0.2])
    gold = np.array([-3.0, 2, 0, 1])
    found = error_map.selected_right(explicit, implicit, gold, share=0.5)
    assert found.pop("uniform") == pytest.approx(200 / 3)  # -3, 2, 1; the 0 is out
    assert found == {"M+": 50, "small Mpi": 100, "MAP": 50, "MAP signed": 50}


def test_the_sign_keeps_pairs_that_the_policy_ranks_the_other_way_round() -> None:
    explicit, implicit = np.ones(4), np.array([-3.0, 3.0, -1.0, 1.0])
    gold = np.where(implicit < 0, 1.0, -1.0)
    found = error_map.selected_right(explicit, implicit, gold, share=0.5)
    assert (found["MAP"], found["MAP signed"]) == (50, 100)


def cells(gain: dict[float, float], agrees: dict[float, float]) -> pd.DataFrame:
    """MAP ahead of M+ by ``gain`` at each lean, on two bases that differ in level alone."""
    rows = []
    for policy in ("on", "off"):
        for lean, noise, bias, seed in (
            (x, n, b, s) for x in gain for n in (1, 3) for b in (0, 3) for s in (1, 2)
        ):
            about = {"policy": policy, "lean": lean, "noise": noise, "length_bias": bias, "seed": seed,
                     "architecture": "llama", "agrees": agrees[lean], "pairs": 100}  # fmt: skip
            lead = gain[lean] if policy == "on" else 0.5
            values = {"M+": 70.0 + seed, "MAP": 70 + seed + lead, "MAP signed": 71 + seed + lead, "small Mpi": 60.0,
                      "uniform": 65.0}  # fmt: skip
            rows += [{**about, "metric": metric, "right": right} for metric, right in values.items()]
    return pd.DataFrame(rows)


MAP = cells({-2.0: 8.0, 0.0: -2.0, 2.0: -3.0}, {-2.0: 40.0, 0.0: 66.0, 2.0: 80.0})


def test_gaps_of_cells_and_of_parts() -> None:
    table = error_map.gaps(MAP).set_index(list(error_map.AXES))["estimate"]
    assert len(table) == 2 * 2 * 3 * 2
    assert table["on", 0, -2.0, 1] == pytest.approx(8)
    assert table["off", 3, 2.0, 3] == pytest.approx(0.5)
    part = error_map.where(MAP, lean=[0.0, 2.0], unbiased=True)
    found = error_map.gap(part, "MAP", "M+")
    assert found.estimate == pytest.approx(-2.5)
    assert found.high - found.low < 1e-9  # the bases differ in level alone
    assert error_map.leans(MAP, -1) == [-2.0]
    assert set(part["length_bias"]) == {0}
    assert set(error_map.where(MAP, lean=[0.0], unbiased=False)["length_bias"]) == {3}
    assert set(error_map.where(MAP, policy="off", lean=[0.0])["policy"]) == {"off"}


def test_lines_over_the_lean() -> None:
    table = error_map.right(MAP).set_index(["policy", "metric", "lean"])["estimate"]
    assert table["on", "MAP", -2.0] == pytest.approx(79.5)
    assert table["off", "M+", 2.0] == pytest.approx(71.5)


def test_advice_speaks_of_the_cells_that_look_like_the_pairs() -> None:
    # Within 5 points of 43 %: lean -2; four cells on-policy (8 ahead), four off-policy (0.5).
    told = error_map.advice(MAP, 43.0)
    assert "likelier in 43 % of the pairs" in told
    assert "In the 8 settings" in told
    assert "(40 to 40 %)" in told
    assert "+4.2 points" in told  # (8 + 0.5) / 2
    assert "from +0.5 to +8.0; surely more in 8, surely fewer in 0" in told
    # Nothing within 5 points of 5 %: the nearest cells speak.
    assert "(40 to 40 %)" in error_map.advice(MAP, 5.0)
    assert "surely more in 4, surely fewer in 4" in error_map.advice(MAP, 78.0)


def test_the_whole_map_in_words() -> None:
    told = error_map.corner(MAP).splitlines()
    assert len(told) == 3
    assert "leans against" in told[0]
    assert "+8.0 points" in told[0]
    assert "signed +9.0" in told[0]
    assert error_map.corner(MAP[MAP["lean"] > 0]).count("\n") == 0
