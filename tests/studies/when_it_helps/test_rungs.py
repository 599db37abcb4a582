"""The ladder's arithmetic by hand, and its claims."""

import pytest
from made_up_ladder import LADDER

from rapo.studies.when_it_helps import claims, rungs


def test_the_control_is_chosen_on_the_tuning_prompts_of_each_rung() -> None:
    found = rungs.gains(LADDER).set_index(["scored", "pairs"])
    assert found["control"].tolist() == ["UF, equal steps", "UF, equal steps, g=10", "base, g=10"]
    assert found["estimate"].tolist() == pytest.approx([-0.1, 0.5, 0.25])
    assert found["unparseable"].tolist() == pytest.approx([100 / 3] * 3)
    lucky = LADDER.copy()
    lucky.loc[(lucky["trained"] == "base") & (lucky["split"] == "test"), "gold"] += 100
    assert rungs.gains(lucky)["control"].tolist() == found["control"].tolist()


def test_slopes_by_hand() -> None:
    found = rungs.slopes(LADDER).set_index(["scored", "pairs"])["estimate"]
    assert found.to_dict() == pytest.approx(
        {(0.0, 0): 0.0, (0.0, 40): 0.1, (0.0, 80): 0.5, (0.45, 0): 5 / 9, (0.45, 40): 5.25 / 9}
    )


def test_the_map_has_a_row_a_share_and_a_column_a_number() -> None:
    cells = rungs.heat_map(rungs.gains(LADDER))
    assert cells[["row", "column"]].to_numpy().tolist() == [["0 %", "40"], ["0 %", "80"], ["45 %", "40"]]
    assert cells["estimate"].tolist() == pytest.approx([-0.1, 0.5, 0.25])


def test_claims_by_hand() -> None:
    found = claims.ladder_claims(LADDER)
    assert {name.removeprefix("RA-map/"): one.interval.estimate for name, one in found.items()} == pytest.approx(
        {"ladder-slope": 0.5, "ladder-slope-fewest": 0.1, "ladder-slope-base": 0.5, "ladder-gain": 0.5,
         "ladder-gain-known": 0.25, "ladder-pairs": 0.6, "ladder-knowledge": 0.35, "ladder": 0.65 / 3}
    )  # fmt: skip
    words = found["RA-map/ladder-knowledge"].words
    assert words["rates"] == "RA 1.6e-04, UF, equal steps 1.6e-04"
    assert (words["fewest"], words["most"], words["common"], words["none"], words["best"]) == (
        "40",
        "80",
        "40",
        0,
        0.45,
    )


def test_the_whole_ladder_has_one_interval_over_its_rungs() -> None:
    found = claims.over_rungs(LADDER)
    assert found.estimate == pytest.approx((-0.1 + 0.5 + 0.25) / 3)
    assert found.low <= found.estimate <= found.high


def test_the_answer_counts_rungs() -> None:
    text = rungs.answer(LADDER)
    assert "a score on 0 % of its answers, after RA the reward follows the goal from 40 prompts on (0.10" in text
    assert "surely ahead of its best control on 2 of 3 rungs" in text
    assert "surely behind on 1 (0 % scored, 40 prompts: -0.10)" in text
    deaf = LADDER.assign(gold=5.0)
    assert "with none of the numbers of prompts, up to 80." in rungs.answer(deaf)
