"""Control of single attributes: arithmetic by hand."""

import numpy as np
import pandas as pd
import pytest

from rapo.studies.goals_and_scales import attributes as goal_attributes
from rapo.world.reward import ATTRIBUTES


def answers() -> pd.DataFrame:
    """RA's realised attributes are 1, but an attribute asked for 4 falls to 1/3 and truth to 2/3 whenever order is
    asked low; the base's fall by half of that. Two seeds, two prompts, no spread."""
    rows = []
    for arm, strength in zip(goal_attributes.ARMS, (0.5, 1.0), strict=True):
        for asked in ("all 10", *(f"{name} 4" for name in ATTRIBUTES)):
            name = asked.split()[0]
            values = {each: 1 - strength * (2 / 3 if each == name else 0) for each in ATTRIBUTES}
            values["truth"] -= strength / 3 if name == "order" else 0
            cell = {"study": "attributes", "arm": arm, "asked": asked, "x": "" if name == "all" else name}
            cell |= {"goal": 10.0 if name == "all" else 4.0, "sentences": 3.0, "parseable": True, **values}
            rows += [
                {**cell, "architecture": "qwen2", "seed": s, "prompt": f"p{p}"} for s in (1, 2) for p in (1, 2)
            ]
    return pd.DataFrame(rows)


FRAME = answers()


def test_falls_by_hand() -> None:
    found = goal_attributes.falls(FRAME, "RA, attributes", 4).set_index(["asked", "realised"])["estimate"]
    assert found["count", "count"] == pytest.approx(6)  # 9 * 2/3
    assert found["order", "truth"] == pytest.approx(3)
    assert found["count", "truth"] == pytest.approx(0)
    assert list(dict.fromkeys(found.index.get_level_values("asked"))) == list(ATTRIBUTES)


def test_selectivity_counts_what_falls_along() -> None:
    def at(**options: object) -> float:
        return goal_attributes.selectivity(FRAME, "RA, attributes", 4, **options).estimate  # type: ignore[arg-type]

    assert at(attributes=["count"]) == pytest.approx(6)
    assert at(attributes=["order"]) == pytest.approx(6 - 3 / 4)  # truth falls by 3, the three others not at all
    assert at() == pytest.approx(6 - 3 / 20)
    assert at(less="base, all 10") == pytest.approx((6 - 3 / 20) / 2)


def test_curves_hold_the_common_end() -> None:
    found = goal_attributes.curves(FRAME).set_index(["arm", "attribute", "goal", "metric"])["estimate"]
    assert found["RA, attributes", "order", 4, "score"] == pytest.approx(4)
    assert found["RA, attributes", "order", 10, "score"] == pytest.approx(10)
    assert found["base, all 10", "order", 4, "score"] == pytest.approx(7)
    assert found["base, all 10", "elaboration", 10, "sentences"] == 3
    assert found.index[0][0] == "base, all 10"


def test_sentences_are_shown_where_their_number_is_a_side() -> None:
    found = goal_attributes.curves(FRAME)
    assert set(found.loc[found["metric"] == "sentences", "attribute"]) == {"elaboration"}
    without = FRAME[~FRAME["asked"].str.startswith("elaboration")]
    assert goal_attributes.asked_sides(without) == ["count", "truth", "unique", "order"]
    assert set(goal_attributes.curves(without)["metric"]) == {"score"}


def test_only_the_sides_that_were_asked_count() -> None:
    without = FRAME[~FRAME["asked"].str.startswith("elaboration")].drop(columns="elaboration")
    found = goal_attributes.selectivity(without, "RA, attributes", 4, attributes=["order"])
    assert found.estimate == pytest.approx(6 - 3 / 3)  # truth falls by 3, the two others not at all


def test_a_broken_answer_is_no_control() -> None:
    broken = FRAME["asked"] == "count 4"
    frame = FRAME.assign(parseable=~broken, **{name: FRAME[name].where(~broken, np.nan) for name in ATTRIBUTES})
    found = goal_attributes.selectivity(frame, "RA, attributes", 4, attributes=["count"])
    assert found.estimate == pytest.approx(0)  # all five fall by 9
