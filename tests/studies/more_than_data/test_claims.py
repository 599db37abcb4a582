"""Claims of half RA, implicit goals, unlearning and the fault: right numbers and verdicts."""

import numpy as np
import pandas as pd
import pytest

from rapo.claims import claim as saving
from rapo.claims import published
from rapo.studies.more_than_data import tables
from rapo.studies.more_than_data.claims import claims

ARMS = list(dict.fromkeys([*tables.ROWS, *tables.ROUNDS]))


def answers(effect: dict[str, float]) -> pd.DataFrame:
    """Every arm's gold is 5 plus its effect, whatever seed and prompt."""
    rows = [
        {"architecture": "qwen2", "arm": arm, "seed": seed, "goal": np.nan, "prompt": f"p{place}",
         "gold": 5 + effect.get(arm, 0.0), "length": 9, "sentences": 1.0, "parseable": arm != "UF" or place > 0}
        for arm in ARMS for seed in (1, 2) for place in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def unlearning() -> pd.DataFrame:
    """At the end UF has lost 6 nats (3 when asked for 10; 0.5 at RA's rate), RA 1, 2 and 4 under own score, no and the
    top goal. UF is then 8 nats from the base, RA 2: a quarter of UF's way."""
    lost = {("UF", "plain"): 6.0, ("UF", "g=10"): 3.0, ("UF, RA's rate", "plain"): 0.5, ("UF, RA's rate", "g=10"): 0.5,
            ("RA", "own score"): 1.0, ("RA", "plain"): 2.0, ("RA", "g=10"): 4.0}  # fmt: skip
    far = {"UF": 8.0, "UF, RA's rate": 1.0, "RA": 2.0}
    rows = [
        (arm, how, "rejected", seed, step, step / 5, -20.0 - (step == 5) * nats, 12)
        for (arm, how), nats in lost.items() for seed in (1, 2) for step in (0, 5)
    ]  # fmt: skip
    rows += [
        (arm, how, tables.OWN, seed, step, step / 5, -30.0 - (step == 5) * far[arm], 4)
        for arm, how in lost for seed in (1, 2) for step in (0, 5) if how != "own score"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["arm", "conditioning", "side", "seed", "step", "share", "logprob", "n"])


def fault() -> pd.DataFrame:
    """Slopes of gold on the goal: RA 0.4, base 0.1, with the fault 0."""
    rows = []
    for arm, slope in (("RA", 0.4), ("RA, faulty", 0.0), ("base", 0.1), ("UF, equal steps", 0.05)):
        rows += [(arm, goal, 5 + slope * (goal - 10)) for goal in (1.0, 10.0)]
    rows += [("UF", np.nan, 4.5), ("RA", np.nan, 4.0)]
    frame = pd.DataFrame(rows, columns=["arm", "goal", "gold"])
    parts = [
        frame.assign(architecture="gemma2", seed=seed, prompt=f"p{place}", length=9, sentences=0.0, parseable=True)
        for seed in (1, 2)
        for place in range(3)
    ]
    return pd.concat(parts, ignore_index=True)


def found(effect: dict[str, float]) -> dict[str, saving.Claim]:
    frames = {"answers": answers(effect), "unlearning": unlearning(), "fault": fault()}
    return {claim.id: claim for claim in claims(frames, {})}


def test_half_ra_is_compared_with_plain_pairs_of_as_many_rows() -> None:
    effect = {"half RA": 0.5, "UF, g=10": 0.2, "RA": 0.9, "UF, duplicated": 0.25, "UF, equal steps, g=10": 0.7}
    got = found(effect)
    assert got["RA-T5"].estimate == pytest.approx(0.5)
    assert got["RA-T5"].verdict == "holds"
    assert got["RA-T5/controls"].estimate == pytest.approx(0.3)
    assert "(UF, g=10)" in got["RA-T5/controls"].statistic
    assert got["RA-T5/equal-rows"].estimate == pytest.approx(0.2)
    assert got["RA-T5/more"].estimate == pytest.approx(0.4)
    assert got["RA-T5/duplicated"].verdict == "holds"  # 0.25 lies within 0.3


def test_implicit_goals_may_be_a_little_worse() -> None:
    got = found({"RA": 0.5, "IRA": 0.3, "UF, then UF again, g=10": 0.6})
    assert got["RA-T6"].estimate == pytest.approx(-0.2)
    assert got["RA-T6"].verdict == "holds"
    assert got["RA-T6/UF"].verdict == "holds"
    assert got["RA-T6/second-round"].estimate == pytest.approx(-0.3)
    assert got["RA-T6/second-round"].verdict == "does not hold"
    assert got["RA-T6/unparseable"].verdict == "holds"
    assert found({"RA": 0.5})["RA-T6"].verdict == "does not hold"
    # 32.61 - 31.17, 29.15 - 27.58 and 28.3 - 30.1 of the poster.
    assert got["RA-T6"].paper == "IRA - RA, Qwen2-7B: LC win rate +1.4, win rate +1.6, Arena-Hard -1.8"


def test_unlearning_is_compared_under_every_prompt() -> None:
    got = found({})
    expected = {
        "RA-F3": 5.0,
        "RA-F3/unprompted": 4.0,
        "RA-F3/g10": 2.0,
        "RA-F3/g10-both": -1.0,
        "RA-F3/UF": -6.0,
        "RA-F3/matched-rate": -0.5,  # -1 + 0.5
        "RA-F3/g10-matched-rate": -3.5,
        "RA-F3/matched-KL": 0.5,  # 2 nats from the base UF has lost 6 * 2 / 8
        "RA-F3/g10-matched-KL": -2.5,
    }
    assert {name: got[name].estimate for name in expected} == pytest.approx(expected)
    assert got["RA-F3/g10-both"].verdict == "does not hold"
    assert got["RA-F3/UF"].verdict == "holds"
    assert got["RA-F3"].n == "2 seeds x 12 responses"


def test_the_fault_is_told_by_slope_and_by_gold() -> None:
    got = found({})
    assert got["RA-fault"].estimate == pytest.approx(0.4)
    assert got["RA-fault/base"].estimate == pytest.approx(0.1)
    assert got["RA-fault/gold"].estimate == pytest.approx(0.0)  # all score 5 when asked for 10
    assert got["RA-fault/UF"].estimate == pytest.approx(0.5)
    assert got["RA-fault/prompted-UF"].verdict == "holds"


def test_every_claim_can_be_saved_and_names_its_row(rapo_root: object) -> None:
    got = found({})
    for claim in got.values():
        saving.save(claim, scale="smoke", notebook="test")
    rows = {name.split("/")[0] for name in got}
    assert {name for name in rows if published.entry(name)} == {"RA-T5", "RA-T6", "RA-F3"}
    assert rows - {"RA-T5", "RA-T6", "RA-F3"} == {"RA-fault"}
