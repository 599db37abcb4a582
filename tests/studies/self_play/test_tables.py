"""Tables of self-play, against arithmetic by hand."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.self_play import tables
from rapo.studies.self_play.study import BASE, FIRST, LONGER

SEEDS, PROMPTS, LAST = (1, 2, 3), 4, 2
NOISE = np.random.default_rng(2).normal(0, 0.5, (len(SEEDS), PROMPTS))


def answers(effect: dict[tuple[str, int, str], float]) -> pd.DataFrame:
    """Gold is 4, plus what a seed and prompt add to every arm, plus the effect of (arm, round, asked)."""
    turns = [(BASE, 0), (FIRST, 0), (LONGER, LAST)]
    turns += [(arm, turn) for arm in tables.ORDER for turn in range(1, LAST + 1)]
    rows = [
        {"arm": arm, "round": turn, "asked": asked, "seed": seed, "architecture": "qwen2", "prompt": f"p{prompt}",
         "gold": 4 + NOISE[i, prompt] + effect.get((arm, turn, asked), 0.0), "pairs": 100 + 50 * turn,
         "sentences": np.nan if prompt == 0 else 2.0, "parseable": prompt > 0, "length": 10 + turn}
        for arm, turn in turns for asked in tables.ASKED for i, seed in enumerate(SEEDS) for prompt in range(PROMPTS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


EFFECT = {("MAP", 1, "test"): 0.5, ("MAP", 2, "test"): 0.8, ("M+", 2, "test"): 0.2, ("MAP", 2, "evolved"): -0.1}
FRAME = answers(EFFECT)


def test_round_zero_of_every_arm_is_the_model_of_the_first_pairs() -> None:
    for arm in tables.ORDER:
        assert set(tables.part(FRAME, arm, 0, "test")["arm"]) == {FIRST}
    assert set(tables.part(FRAME, BASE, 0, "test")["arm"]) == {BASE}


def test_an_arm_that_was_not_asked_is_named() -> None:
    with pytest.raises(ValueError, match="no answers of 'MAP' after round 9"):
        tables.part(FRAME, "MAP", 9, "test")


def test_gaps_are_paired() -> None:
    found = tables.gap(FRAME, "MAP", "M+")
    assert found.estimate == pytest.approx(0.6)
    # The noise is that of the seed and prompt, so it cancels.
    assert found.high - found.low == pytest.approx(0, abs=1e-9)
    assert tables.gap(FRAME, "MAP", "M+", turn=1).estimate == pytest.approx(0.5)
    assert tables.gap(FRAME, "MAP", LONGER).estimate == pytest.approx(0.8)
    table = tables.gaps(FRAME, "MAP", ["M+", "uniform"]).set_index(["group", "name"])["estimate"]
    assert table["test", "less uniform"] == pytest.approx(0.8)
    assert table["evolved", "less M+"] == pytest.approx(-0.1)


def test_slope_and_step_by_hand() -> None:
    # Rounds 0, 1, 2 with 0, 0.5, 0.8: the slope is (0.8 - 0) / 2.
    assert tables.slope(FRAME, "MAP").estimate == pytest.approx(0.4)
    assert tables.slope(FRAME, "MAP", asked="evolved").estimate == pytest.approx(-0.05)
    assert tables.step(FRAME, "MAP", 2).estimate == pytest.approx(0.3)
    growth = tables.growth(FRAME).set_index(["arm", "asked"])["estimate"]
    assert growth["M+", "test"] == pytest.approx(0.1)
    assert growth["uniform", "test"] == pytest.approx(0)


def test_curves_begin_together_and_carry_data_size() -> None:
    curves = tables.curves(FRAME)
    assert len(curves) == len(tables.ORDER) * 2 * (LAST + 1)
    start = curves[(curves["round"] == 0) & (curves["asked"] == "test")]
    assert start["estimate"].nunique() == 1
    assert set(curves["pairs"]) == {100, 150, 200}


def test_arms_tell_gold_sentences_and_broken_answers() -> None:
    found = tables.arms(FRAME).set_index(["arm", "quantity"])["estimate"]
    mean = 4 + NOISE.mean()
    assert found["MAP", "test prompts"] == pytest.approx(mean + 0.8)
    assert found["MAP", "evolved test prompts"] == pytest.approx(mean - 0.1)
    assert found[FIRST, "unparseable"] == pytest.approx(25)  # one prompt of four
    assert found[BASE, "sentences"] == pytest.approx(1.5)  # (0 + 2 + 2 + 2) / 4: a broken answer has none
    assert found[LONGER, "length"] == pytest.approx(12)


def test_what_models_wrote_is_averaged_over_seeds() -> None:
    own = {"prompts": 8.0, "made": 6.0, "added": 4.0, "sampled_parseable": 1.0, "made_label_accuracy": 0.5}
    rows = [{"arm": "MAP", "round": 1, "seed": seed, "sampled_gold": 4.0 + seed, **own} for seed in SEEDS]
    rows.append({"arm": "plain data", "round": 1, "seed": 1})
    (found,) = tables.sampled(pd.DataFrame(rows)).to_dict("records")
    assert found == {"arm": "MAP", "round": 1, "sampled_gold": 6.0, **own}


def test_quality_of_added_pairs() -> None:
    rows = [
        {"arm": arm, "round": turn, "seed": seed, "label_accuracy": 0.5 + 0.1 * seed, "gold_chosen": 6.0,
         "gold_rejected": 3.5, "items": 5.0 + turn}
        for arm, turn in (("first pairs", 0), ("plain data", 1), ("MAP", 1), ("MAP", 2)) for seed in SEEDS
    ]  # fmt: skip
    found = tables.quality(pd.DataFrame(rows))
    assert set(found["arm"]) == {"MAP"}
    by = found.set_index(["round", "quality"])
    assert by.loc[(1, "label_accuracy"), "estimate"] == pytest.approx(70)
    assert by.loc[(2, "gold_gap"), "estimate"] == pytest.approx(2.5)
    assert by.loc[(2, "items"), "estimate"] == pytest.approx(7)
    # Student's t with 2 degrees of freedom: 4.303 * 10 / sqrt(3)
    assert by.loc[(1, "label_accuracy"), "high"] == pytest.approx(70 + 4.3027 * 10 / 3**0.5, abs=1e-2)
