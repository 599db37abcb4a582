import math
from typing import Any

import pytest
from scored_pairs import last_text, many, pair, reward, table, turn

from rapo.relabelling.goals import COMPACT, OVERALL, GoalTemplate
from rapo.relabelling.relabel import Scheme, relabel


def test_one_pair_becomes_two_rows_and_the_second_is_swapped():
    keep, swap = relabel(table(pair())).to_pylist()
    assert keep == {
        "prompt": [turn("system", OVERALL.text(9)), turn("user", "2 + 2 ?")],
        "chosen": [turn("assistant", "4")],
        "rejected": [turn("assistant", "5")],
        "goal": 9.0,
        "goal_source": "chosen",
        "score_chosen": 9.0,
        "score_rejected": 2.0,
        "pair_id": "row-1",
    }
    assert swap == {
        "prompt": [turn("system", OVERALL.text(2)), turn("user", "2 + 2 ?")],
        "chosen": [turn("assistant", "5")],
        "rejected": [turn("assistant", "4")],
        "goal": 2.0,
        "goal_source": "rejected",
        "score_chosen": 2.0,
        "score_rejected": 9.0,
        "pair_id": "row-1",
    }


def test_prefix_goes_in_front_of_the_first_user_turn():
    talk = [turn("user", "hi"), turn("assistant", "hello"), turn("user", "2 + 2 ?")]
    (keep, _) = relabel(table(pair(prompt=talk)), placement="prefix", template=COMPACT).to_pylist()
    assert keep["prompt"] == [turn("user", "overall score : 9 .\n\nhi"), *talk[1:]]


def test_a_system_turn_that_is_there_follows_the_goal_after_a_blank_line():
    talk = [turn("system", "be kind"), turn("user", "hi")]
    (keep, _) = relabel(table(pair(prompt=talk)), template=COMPACT).to_pylist()
    assert keep["prompt"] == [turn("system", "overall score : 9 .\n\nbe kind"), talk[1]]
    (keep, _) = relabel(table(pair(prompt=talk)), placement="prefix", template=COMPACT).to_pylist()
    # prefix is for templates without a system role: its text comes between the goal and the user's
    assert keep["prompt"] == [turn("user", "overall score : 9 .\n\nbe kind\n\nhi")]


def test_columns_of_a_response_change_places_with_it_and_others_stay():
    row = pair(length_chosen=1, length_rejected=2, model="m", prompt_id="p", pair_id="q")
    keep, swap = relabel(table(row)).to_pylist()
    assert (keep["length_chosen"], keep["length_rejected"]) == (1, 2)
    assert (swap["length_chosen"], swap["length_rejected"]) == (2, 1)
    assert [(r["model"], r["prompt_id"], r["pair_id"]) for r in (keep, swap)] == [("m", "p", "q")] * 2


def test_log_probabilities_are_left_out_since_the_prompt_is_another():
    stale = (
        "ref_chosen_logps",
        "ref_rejected_logps",
        "ref_scored",
        "chosen_logprob_sum",
        "ref_rejected_logprob_sum",
    )
    got = relabel(table(pair(**dict.fromkeys(stale, -1.0), chosen_tokens=3, rejected_tokens=5)))
    assert not set(stale) & set(got.column_names)
    assert got["chosen_tokens"].to_pylist() == [3, 5]


def test_several_attributes_at_once_are_those_of_the_response_that_the_row_prefers():
    row = pair(attributes_chosen={"help": 9, "truth": 3}, attributes_rejected={"help": 2, "truth": 7})
    keep, swap = relabel(table(row), goal="attributes", template=COMPACT).to_pylist()
    assert last_text(keep["prompt"][:1]) == "help : 9 . truth : 3 ."
    assert last_text(swap["prompt"][:1]) == "help : 2 . truth : 7 ."
    assert keep["goal"] == {"help": 9.0, "truth": 3.0}
    assert swap["goal"] == swap["attributes_chosen"] == {"help": 2.0, "truth": 7.0}
    assert last_text(swap["chosen"]) == "5"


def test_implicit_rewards_become_goals_by_their_quantile():
    # pooled and sorted: -4, -3, -2, -1, 0, 1, 2, 3 nats; 4 levels of 2 values each, on a scale 1..4
    rows = [pair(implicit_chosen=c, implicit_rejected=r) for c, r in [(3, -4), (2, -3), (1, -2), (0, -1)]]
    scale = GoalTemplate("four", "{goals}", high=4)
    got = relabel(table(*rows), goal="implicit", template=scale, levels=4)
    assert got["goal"].to_pylist() == [4, 4, 3, 3, 1, 1, 2, 2]
    # where the implicit reward disagrees with the judge, its own order still follows its own goal
    assert got["goal_source"].to_pylist() == ["chosen"] * 4 + ["rejected"] * 4


def test_an_implicit_tie_is_two_rewards_in_one_class():
    # the median of -9, -8, -7, 2, 3, 5 is -2.5: the first two pairs lie on one side of it
    rows = [pair(implicit_chosen=c, implicit_rejected=r) for c, r in [(3, 2), (-8, -9), (5, -7)]]
    assert len(relabel(table(*rows), goal="implicit", levels=2)) == 2


def test_ties_are_dropped_by_default_and_can_be_kept_or_refused():
    rows = table(pair(), pair(score_chosen=2.0))
    assert relabel(rows)["pair_id"].to_pylist() == ["row-1", "row-1"]
    assert len(relabel(rows, ties="keep")) == 4
    with pytest.raises(ValueError, match=r"1 pairs are ties \(first: row-2\)"):
        relabel(rows, ties="raise")


def test_a_tie_is_two_goals_that_read_the_same():
    close = table(pair(score_chosen=7.504, score_rejected=7.501))
    assert len(relabel(close)) == 0
    assert len(relabel(close, template=GoalTemplate("fine", "{goals}", decimals=3))) == 2


def test_official_fault_add_neg_goal_nosys_compares_the_user_turn():
    """The official script's `add_neg_goal_nosys` looks at `example["rejected"][0]`, the user turn, so that its
    negative-goal rows keep the order of the pair. Ours swap, with either placement and any number of turns."""
    talk = [turn("user", "hi"), turn("assistant", "hello"), turn("user", "2 + 2 ?")]
    whole = pair(chosen=[*talk, turn("assistant", "4")], rejected=[*talk, turn("assistant", "5")])
    for placement in ("system", "prefix"):
        for row in (pair(), pair(prompt=talk), whole):
            keep, swap = relabel(table(row), placement=placement).to_pylist()
            assert (last_text(keep["chosen"]), last_text(keep["rejected"])) == ("4", "5")
            assert (last_text(swap["chosen"]), last_text(swap["rejected"])) == ("5", "4")


def test_official_fault_add_neg_goal_nosys_can_be_had_for_parity():
    got = relabel(table(pair()), placement="prefix", official_fault="nosys_unswapped").to_pylist()
    assert [last_text(row["chosen"]) for row in got] == ["4", "4"]
    assert [row["goal"] for row in got] == [9.0, 2.0]
    assert reward(got[1]["goal"], got[1]["score_chosen"]) < reward(got[1]["goal"], got[1]["score_rejected"])
    with pytest.raises(ValueError, match="placement='prefix' only"):
        Scheme(official_fault="nosys_unswapped")


def test_official_filter_keeps_ties_whose_rows_contradict_each_other():
    """The official filter is `>=`: a tie passes. Its two rows would say opposite things of one prompt."""
    first, second = relabel(table(pair(score_chosen=2.0)), ties="keep").to_pylist()
    assert first["prompt"] == second["prompt"]
    assert (first["chosen"], first["rejected"]) == (second["rejected"], second["chosen"])
    assert len(relabel(table(pair(score_chosen=2.0)))) == 0


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_half_keeps_half_of_the_prompts_and_both_rows(n: int):
    got = relabel(table(*many(n)) if n else table(pair()).slice(0, 0), half=True).to_pylist()
    assert len(got) == 2 * math.ceil(n / 2)
    assert sorted(row["goal_source"] for row in got) == ["chosen"] * math.ceil(n / 2) + ["rejected"] * math.ceil(
        n / 2
    )
    assert len({row["pair_id"] for row in got}) == math.ceil(n / 2)


def test_half_is_of_prompts_not_of_pairs_and_counts_no_tied_prompt():
    rows = [{**row, "prompt_id": f"p{i % 10}"} for i, row in enumerate(many(30))]
    ties = [{**row, "prompt_id": f"t{i}"} for i, row in enumerate(many(20, score_chosen=2.0))]
    got = relabel(table(*rows, *ties), half=True).to_pylist()
    assert len({row["prompt_id"] for row in got}) == 5
    assert len(got) == 5 * 3 * 2


def test_half_changes_with_the_seed_and_not_with_the_order():
    rows = many(40)

    def kept(rows: list[dict[str, Any]], seed: int) -> set[str]:
        return {last_text(row["chosen"]) for row in relabel(table(*rows), half=True, seed=seed).to_pylist()}

    assert kept(rows, 1) == kept(rows[::-1], 1)
    assert len({frozenset(kept(rows, seed)) for seed in range(5)}) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"placement": "user"}, "placement is 'user'; use one of 'system', 'prefix'"),
        ({"goal": "length"}, "goal is 'length'"),
        ({"ties": "split"}, "ties is 'split'"),
        ({"goal": "attributes"}, "no column attributes_chosen, which goal='attributes' needs"),
        ({"goal": "implicit"}, "no column implicit_chosen, which goal='implicit' needs"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        relabel(table(pair()), **options)


def test_an_implicit_reward_that_is_no_number_is_named():
    with pytest.raises(ValueError, match="pair row-1, column implicit_chosen: None is no finite number"):
        relabel(table(pair(implicit_chosen=None, implicit_rejected=1.0)), goal="implicit")


def test_relabelled_rows_are_not_relabelled_again():
    with pytest.raises(ValueError, match="relabelled before"):
        relabel(relabel(table(pair())), reversed_pairs="keep")
