import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_pairs import pair, table, turn

from rapo.pairs import schema
from rapo.pairs.check import check
from rapo.pairs.faults import PairsError


def test_canonical_schema_and_further_columns_carried():
    got = check(table(pair(model="m", prompt_id=3)))
    assert got.column_names == [
        "prompt",
        "chosen",
        "rejected",
        "score_chosen",
        "score_rejected",
        "model",
        "prompt_id",
    ]
    assert got.to_pylist() == [pair(model="m", prompt_id="3")]


def test_plain_text_and_whole_numbers_are_lifted():
    got = check(table(pair(prompt="2 + 2 ?", chosen="4", rejected="5", score_chosen=9, score_rejected=2)))
    assert got.to_pylist() == [pair()]


def test_plain_text_is_lifted_from_every_arrow_text_type():
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        texts = {
            name: pa.array([text]).cast(kind)
            for name, text in zip(schema.TEXTS, ("2 + 2 ?", "4", "5"), strict=True)
        }
        got = check(pa.table({**texts, "score_chosen": [9.0], "score_rejected": [2.0]}))
        assert got.to_pylist() == [pair()]


def test_whole_conversations_are_split_by_structure():
    before = [turn("user", "hi"), turn("assistant", "hello"), turn("user", "2 + 2 ?")]
    talk = pair(chosen=[*before, turn("assistant", "4")], rejected=[*before, turn("assistant", "5")])
    del talk["prompt"]
    assert check(table(talk)).to_pylist() == [pair(prompt=before)]
    # a prompt column beside whole conversations (as in ultrafeedback_binarized) is set aside
    assert check(table({**talk, "prompt": "hi"})).to_pylist() == [pair(prompt=before)]


def test_conversations_that_differ_before_the_last_turn_are_named():
    talk = pair(
        chosen=[turn("user", "a"), turn("assistant", "4")], rejected=[turn("user", "b"), turn("assistant", "5")]
    )
    del talk["prompt"]
    with pytest.raises(
        PairsError, match="rejected: the conversation differs from chosen before its last turn in row 1"
    ):
        check(table(talk))


def test_conversations_that_differ_before_the_last_turn_can_be_dropped():
    def talk(asked: str) -> dict[str, Any]:
        sides = {
            side: [turn("user", said), turn("assistant", side)]
            for side, said in (("chosen", "q"), ("rejected", asked))
        }
        return {**sides, "score_chosen": 9.0, "score_rejected": 2.0}

    kept = check(table(talk("q"), talk("other"), talk("q")), bad="drop")
    assert len(kept) == 2
    assert kept["prompt"].to_pylist() == [[turn("user", "q")]] * 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            ["9", "8"],
            r"holds text, not numbers in row 1 \('9'\)\. Write numbers, without quotes\.",
        ),
        ([True, False], r"score_chosen: holds bool, not numbers in row 1 \(True\)"),
    ],
)
def test_scores_of_the_wrong_type_are_named(values: list[Any], expected: str):
    with pytest.raises(PairsError, match=expected):
        check(table(*[pair(score_chosen=value) for value in values]))


def test_missing_columns_are_all_named_with_what_there_is():
    with pytest.raises(PairsError) as caught:
        check(pa.table({"question": ["q"], "chosen": ["a"], "rejected": ["b"], "score_chosen": [1.0]}))
    expected = (
        "prompt and score_rejected are missing. There is question, chosen, rejected, score_chosen; say which it is"
    )
    assert str(caught.value) == f"<table>: {expected} made of: --column prompt=... --column score_rejected=..."


def test_a_further_field_of_a_turn_is_never_lost_silently():
    bad = [{"role": "user", "content": "q", "name": "ann"}]
    with pytest.raises(PairsError, match="further field 'name'"):
        check(table(pair(prompt=bad)))
    empty = [{"role": "user", "content": "2 + 2 ?", "name": None}]
    assert check(table(pair(prompt=empty))).to_pylist() == [pair()]


def test_attributes_are_matched_by_name_and_must_be_finite():
    good = pair(attributes_chosen={"help": 1, "truth": 2}, attributes_rejected={"truth": 3, "help": 4})
    got = check(table(good))
    assert got["attributes_rejected"].to_pylist() == [{"help": 4.0, "truth": 3.0}]
    assert [field.name for field in got.schema.field("attributes_rejected").type] == ["help", "truth"]
    with pytest.raises(PairsError, match=r"attributes_chosen.help: not a finite number"):
        check(table(pair(attributes_chosen={"help": math.nan}, attributes_rejected={"help": 4.0})))
    with pytest.raises(PairsError, match="attributes_rejected is missing"):
        check(table(pair(attributes_chosen={"help": 1.0})))
    with pytest.raises(PairsError, match="names truth where attributes_chosen names help"):
        check(table(pair(attributes_chosen={"help": 1.0}, attributes_rejected={"truth": 1.0})))


def test_reversed_pairs_can_be_kept_swapped_or_dropped():
    two = table(
        pair(note_chosen="n", note_rejected="o"), pair(score_chosen=1.0, note_chosen="m", note_rejected="k")
    )
    assert len(check(two, reversed_pairs="keep")) == 2
    assert len(check(two, reversed_pairs="drop")) == 1
    got = check(two, reversed_pairs="swap").to_pylist()[1]
    assert (got["score_chosen"], got["score_rejected"]) == (2.0, 1.0)
    assert (got["chosen"][0]["content"], got["rejected"][0]["content"]) == ("5", "4")
    assert (got["note_chosen"], got["note_rejected"]) == ("k", "m")
    with pytest.raises(ValueError, match="use one of raise, keep, swap, drop"):
        check(two, reversed_pairs="flip")


@pytest.mark.parametrize("rule", ["swap", "drop"])
def test_a_row_without_a_score_is_named_beside_reversed_pairs(rule: str):
    with pytest.raises(PairsError, match="score_rejected: not a finite number in row 2"):
        check(table(pair(score_chosen=1.0), pair(score_rejected=None)), reversed_pairs=rule)


def test_an_empty_table_is_legal():
    got = check(table(pair()).slice(0, 0))
    assert len(got) == 0
    assert got.schema == check(table(pair())).schema


words = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1).filter(lambda text: text.strip() != "")

scores = st.floats(-1e6, 1e6)


@st.composite
def scored(draw: st.DrawFn) -> dict[str, Any]:
    turns = draw(st.integers(1, 3))
    prompt = [turn("user" if i % 2 == 0 else "assistant", "x" + draw(words)) for i in range(2 * turns - 1)]
    if draw(st.booleans()):
        prompt.insert(0, turn("system", draw(words)))
    low, high = sorted([draw(scores), draw(scores)])
    return pair(
        prompt=prompt,
        chosen=[turn("assistant", "x" + draw(words))],
        rejected=[turn("assistant", "x" + draw(words))],
        score_chosen=high,
        score_rejected=low,
    )


@given(st.lists(scored(), min_size=1, max_size=5))
def test_a_legal_table_passes_unchanged_and_checking_twice_changes_nothing(rows: list[dict[str, Any]]):
    got = check(table(*rows))
    assert got.to_pylist() == rows
    assert check(got).equals(got)


def test_a_good_table_is_checked_without_copying_its_responses():
    lifted = check(table(*[pair() for _ in range(10)]))
    again = check(lifted)
    text = [t["chosen"].chunk(0).values.field("content").buffers()[2].address for t in (lifted, again)]
    assert text[0] == text[1]


def test_a_sliced_table_is_read_from_its_own_offset():
    rows = [
        pair(score_chosen=float(i), score_rejected=0.0, chosen=[turn("assistant", f"a{i}")]) for i in range(10)
    ]
    got = check(check(table(*rows)).slice(4, 3))
    assert got.to_pylist() == rows[4:7]
    assert np.array_equal(got["score_chosen"].to_numpy(), [4, 5, 6])


def test_scores_are_not_looked_at_where_they_are_not_asked_for():
    bare = {name: value for name, value in pair().items() if not name.startswith("score")}
    assert check(table(bare), scored=False).to_pylist() == [bare]
    strange = pair(score_chosen="high", score_rejected="low", model="m")
    assert check(table(strange), scored=False).to_pylist() == [strange]
    with pytest.raises(PairsError, match="chosen: empty response"):
        check(table({**bare, "chosen": ""}), scored=False)
    with pytest.raises(PairsError, match="rejected is missing"):
        check(table({"prompt": "q", "chosen": "a"}), scored=False)


def test_a_table_that_has_passed_is_not_looked_at_again_and_any_other_is():
    good, kept = check(table(pair())), check(table(pair(score_chosen=1.0)), reversed_pairs="keep")
    bare = check(table(pair(score_chosen=math.nan)), scored=False)
    assert check(good) is good
    for other in (kept, bare, good.set_column(3, "score_chosen", [[math.nan]])):
        with pytest.raises(PairsError):
            check(other)
