import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scored_pairs import pair, table, turn

from rapo.pairs import files
from rapo.pairs.check import check
from rapo.relabelling.goals import COMPACT, OVERALL, GoalTemplate
from rapo.relabelling.relabel import Scheme, Tally, relabel, relabel_file


def text(column: list[dict[str, str]]) -> str:
    return column[-1]["content"]


def reward(goal: float, score: float) -> float:
    """R(x, y, g) of the paper."""
    return -((goal - score) ** 2)


# --- what one pair becomes -------------------------------------------------------------------------------------


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
    stale = ("ref_chosen_logps", "ref_rejected_logps", "chosen_logprob_sum", "ref_rejected_logprob_sum")
    got = relabel(table(pair(**dict.fromkeys(stale, -1.0), chosen_tokens=3, rejected_tokens=5)))
    assert not set(stale) & set(got.column_names)
    assert got["chosen_tokens"].to_pylist() == [3, 5]


def test_several_attributes_at_once_are_those_of_the_response_that_the_row_prefers():
    row = pair(attributes_chosen={"help": 9, "truth": 3}, attributes_rejected={"help": 2, "truth": 7})
    keep, swap = relabel(table(row), goal="attributes", template=COMPACT).to_pylist()
    assert text(keep["prompt"][:1]) == "help : 9 . truth : 3 ."
    assert text(swap["prompt"][:1]) == "help : 2 . truth : 7 ."
    assert keep["goal"] == {"help": 9.0, "truth": 3.0}
    assert swap["goal"] == swap["attributes_chosen"] == {"help": 2.0, "truth": 7.0}
    assert text(swap["chosen"]) == "5"


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


# --- ties ------------------------------------------------------------------------------------------------------


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


# --- faults of the official code -------------------------------------------------------------------------------


def test_official_fault_add_neg_goal_nosys_compares_the_user_turn():
    """The official script's `add_neg_goal_nosys` looks at `example["rejected"][0]`, the user turn, so that its
    negative-goal rows keep the order of the pair. Ours swap, with either placement and any number of turns."""
    talk = [turn("user", "hi"), turn("assistant", "hello"), turn("user", "2 + 2 ?")]
    whole = pair(chosen=[*talk, turn("assistant", "4")], rejected=[*talk, turn("assistant", "5")])
    for placement in ("system", "prefix"):
        for row in (pair(), pair(prompt=talk), whole):
            keep, swap = relabel(table(row), placement=placement).to_pylist()
            assert (text(keep["chosen"]), text(keep["rejected"])) == ("4", "5")
            assert (text(swap["chosen"]), text(swap["rejected"])) == ("5", "4")


def test_official_fault_add_neg_goal_nosys_can_be_had_for_parity():
    got = relabel(table(pair()), placement="prefix", official_fault="nosys_unswapped").to_pylist()
    assert [text(row["chosen"]) for row in got] == ["4", "4"]
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


# --- half ------------------------------------------------------------------------------------------------------


def many(n: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        pair(
            prompt=[turn("user", f"q{i}")],
            chosen=[turn("assistant", f"a{i}")],
            rejected=[turn("assistant", f"b{i}")],
            **changes,
        )
        for i in range(n)
    ]


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
        return {text(row["chosen"]) for row in relabel(table(*rows), half=True, seed=seed).to_pylist()}

    assert kept(rows, 1) == kept(rows[::-1], 1)
    assert len({frozenset(kept(rows, seed)) for seed in range(5)}) == 5


# --- properties ------------------------------------------------------------------------------------------------

words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=6).map(lambda tail: "x" + tail)
whole_scores = st.integers(2, 20).map(lambda value: value / 2)


@st.composite
def pair_rows(draw: st.DrawFn) -> dict[str, Any]:
    talk = [
        turn("user" if i % 2 == 0 else "assistant", draw(words)) for i in range(2 * draw(st.integers(0, 2)) + 1)
    ]
    if draw(st.booleans()):
        talk.insert(0, turn("system", draw(words)))
    low, high = sorted([draw(whole_scores), draw(whole_scores)])
    responses = {side: [turn("assistant", draw(words))] for side in ("chosen", "rejected")}
    return pair(prompt=talk, **responses, score_chosen=high, score_rejected=low)


def expected(row: dict[str, Any], placement: str, side: str) -> dict[str, Any]:
    """One row by plain Python."""
    goal, prompt = row[f"score_{side}"], [dict(message) for message in row["prompt"]]
    texts = [OVERALL.text(goal)]
    if prompt[0]["role"] == "system":
        texts.append(prompt.pop(0)["content"])
    if placement == "system":
        prompt = [turn("system", "\n\n".join(texts)), *prompt]
    else:
        prompt[0]["content"] = "\n\n".join([*texts, prompt[0]["content"]])
    other = "rejected" if side == "chosen" else "chosen"
    return {
        "prompt": prompt,
        "chosen": row[side],
        "rejected": row[other],
        "goal": goal,
        "goal_source": side,
        "score_chosen": goal,
        "score_rejected": row[f"score_{other}"],
    }


@given(st.lists(pair_rows(), min_size=1, max_size=6), st.sampled_from(["system", "prefix"]))
def test_columns_give_what_row_by_row_python_gives(rows: list[dict[str, Any]], placement: str):
    got = relabel(table(*rows), placement=placement).drop_columns(["pair_id"]).to_pylist()
    told = [row for row in rows if row["score_chosen"] != row["score_rejected"]]
    assert got == [expected(row, placement, side) for side in ("chosen", "rejected") for row in told]


@given(st.lists(pair_rows(), min_size=1, max_size=6), st.sampled_from(["system", "prefix"]))
def test_relabelling_never_edits_a_response_and_prefers_what_the_goal_asks_for(rows: list[Any], placement: str):
    got = relabel(table(*rows), placement=placement).to_pylist()
    sides = {row["goal_source"]: [] for row in got}
    for row in got:
        assert reward(row["goal"], row["score_chosen"]) > reward(row["goal"], row["score_rejected"])
        source = rows[int(row["pair_id"].removeprefix("row-")) - 1]
        ours, theirs = ("chosen", "rejected") if row["goal_source"] == "chosen" else ("rejected", "chosen")
        assert (row["chosen"], row["rejected"]) == (source[ours], source[theirs])
        sides[row["goal_source"]].append(row["pair_id"])
    assert len({tuple(ids) for ids in sides.values()}) <= 1


@given(st.lists(pair_rows(), min_size=1, max_size=6), st.randoms())
def test_shuffling_the_pairs_shuffles_the_rows(rows: list[dict[str, Any]], random: Any):
    order = list(range(len(rows)))
    random.shuffle(order)
    named = [{**row, "pair_id": str(i)} for i, row in enumerate(rows)]
    a = relabel(table(*named), half=True).to_pylist()
    b = relabel(table(*[named[i] for i in order]), half=True).to_pylist()
    key = lambda row: (row["pair_id"], row["goal_source"])  # noqa: E731
    assert sorted(a, key=key) == sorted(b, key=key)


def test_both_rows_share_the_responses_buffers_with_the_input():
    checked = check(table(*many(10)))
    made = relabel(checked)

    def address(table: pa.Table, column: str, chunk: int) -> int:
        return table[column].chunk(chunk).values.field("content").buffers()[2].address

    for side, other in (("chosen", "rejected"), ("rejected", "chosen")):
        assert address(made, side, 0) == address(checked, side, 0)
        assert address(made, side, 1) == address(checked, other, 0)


def test_the_input_is_left_as_it_was():
    rows = table(*many(3))
    before = rows.to_pylist()
    relabel(rows, half=True)
    assert rows.to_pylist() == before


# --- errors and warnings ---------------------------------------------------------------------------------------


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


def test_goals_outside_the_shown_scale_are_told(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        relabel(table(pair(score_chosen=11.0), pair()))
    assert "1 of 4 rows have a goal outside the scale 1-10" in caplog.text


# --- files -----------------------------------------------------------------------------------------------------


def key(row: dict[str, Any]) -> tuple[str, str]:
    return row["pair_id"], row["goal_source"]


@pytest.mark.parametrize("source", ["in.jsonl", "in.jsonl.gz", "in.parquet", "in"])
@pytest.mark.parametrize("batch_rows", [3, 100])
@pytest.mark.parametrize("half", [False, True])
def test_a_file_gives_the_same_rows_as_a_table(source: str, batch_rows: int, half: bool, tmp_path: Path):
    rows = table(*many(8), *many(2, score_chosen=2.0))
    files.write(check(rows), tmp_path / source)
    tally = relabel_file(
        tmp_path / source, tmp_path / "out.parquet", Scheme(half=half, seed=3), batch_rows=batch_rows
    )
    got, whole = files.read(tmp_path / "out.parquet"), relabel(rows, half=half, seed=3)
    assert got.schema == whole.schema
    assert sorted(got.to_pylist(), key=key) == sorted(whole.to_pylist(), key=key)
    assert tally == Tally(pairs=10, ties=2, rows=8 if half else 16)


def test_implicit_goals_of_a_file_are_cut_over_the_whole_file(tmp_path: Path):
    drawn = np.random.default_rng(0).normal(size=(20, 2)).tolist()
    rows = [
        {**row, "implicit_chosen": c, "implicit_rejected": r} for row, (c, r) in zip(many(20), drawn, strict=True)
    ]
    files.write(table(*rows), tmp_path / "in.jsonl")
    relabel_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", Scheme(goal="implicit", half=True), batch_rows=3)
    whole = relabel(table(*rows), goal="implicit", half=True)
    assert sorted(files.read(tmp_path / "out.jsonl").to_pylist(), key=key) == sorted(whole.to_pylist(), key=key)


def test_a_bad_row_in_a_file_is_named_and_nothing_is_written(tmp_path: Path):
    files.write(table(*many(5), pair(score_chosen=None)), tmp_path / "in.parquet")
    with pytest.raises(ValueError, match=r"in\.parquet does not hold scored pairs[\s\S]*row 6 \(no value\)"):
        relabel_file(tmp_path / "in.parquet", tmp_path / "out.parquet", batch_rows=2)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]
    tally = relabel_file(tmp_path / "in.parquet", tmp_path / "out.parquet", batch_rows=2, bad="drop")
    assert tally.pairs == 5


def test_ids_count_the_rows_of_the_file_even_where_rows_are_dropped(tmp_path: Path):
    files.write(table(pair(score_chosen=None), *many(2)), tmp_path / "in.parquet")
    relabel_file(tmp_path / "in.parquet", tmp_path / "out.parquet", batch_rows=2, bad="drop")
    assert set(files.read(tmp_path / "out.parquet")["pair_id"].to_pylist()) == {"row-2", "row-3"}


def test_columns_are_mapped_on_the_way(tmp_path: Path):
    row = {"q": "2 + 2 ?", "a": "4", "b": "5", "rm": [9.0, 2.0]}
    files.write(table(row), tmp_path / "in.jsonl")
    columns = {
        "prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": "max(rm)", "score_rejected": "min(rm)"
    }  # fmt: skip
    relabel_file(tmp_path / "in.jsonl", tmp_path / "out.parquet", columns=columns)
    got = files.read(tmp_path / "out.parquet").drop_columns(["rm"])
    assert got.to_pylist() == relabel(table(pair())).to_pylist()


def test_the_input_is_never_the_output(tmp_path: Path):
    files.write(table(pair()), tmp_path / "in.jsonl")
    with pytest.raises(ValueError, match="is the input itself"):
        relabel_file(tmp_path / "in.jsonl", tmp_path / "in.jsonl")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(pair_rows(), min_size=1, max_size=6), st.sampled_from(["system", "prefix"]))
def test_a_file_of_json_lines_keeps_every_text(tmp_path: Path, rows: list[dict[str, Any]], placement: str):
    files.write(check(table(*rows)), tmp_path / "in.jsonl")
    relabel_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl", Scheme(placement=placement), batch_rows=2)
    whole = relabel(table(*rows), placement=placement)
    assert sorted(files.read(tmp_path / "out.jsonl").to_pylist(), key=key) == sorted(whole.to_pylist(), key=key)
