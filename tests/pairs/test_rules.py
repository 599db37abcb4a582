import math

import pytest
from scored_pairs import pair, table, turn

from rapo.pairs.check import check
from rapo.pairs.faults import PairsError

BAD = {
    "score_chosen: not a finite number": {"score_chosen": math.nan},
    r"score_rejected: not a finite number in row 2 \(inf\)": {"score_rejected": math.inf},
    r"score_chosen: not a finite number in row 2 \(no value\)": {"score_chosen": None},
    "chosen response scores below the rejected": {"score_chosen": 1.0},
    r"prompt: unknown role in row 2 \(human: 'x'": {"prompt": [turn("human", "x"), turn("user", "q")]},
    "prompt: user and assistant do not take turns in row 2": {"prompt": [turn("tool", "x"), turn("user", "q")]},
    "chosen: two assistant turns in a row": {"chosen": [turn("assistant", "a"), turn("assistant", "b")]},
    "rejected: a tool's turn that answers no assistant": {"rejected": [turn("tool", "x"), turn("assistant", "b")]},
    "prompt: system turn after the first": {"prompt": [turn("user", "q"), turn("system", "s"), turn("user", "q")]},
    "prompt: user and assistant do not take turns": {"prompt": [turn("user", "q"), turn("user", "q")]},
    "prompt: does not end with a user turn": {"prompt": [turn("user", "q"), turn("assistant", "a")]},
    "prompt: has no turn": {"prompt": []},
    "prompt: blank turn": {"prompt": [turn("user", " \n\t ")]},
    "prompt: turn without content": {"prompt": [turn("user", None)]},
    "chosen: has no turn": {"chosen": []},
    "rejected: a turn that is not the assistant's": {"rejected": [turn("user", "x")]},
    "rejected: empty response": {"rejected": [turn("assistant", "")]},
    "chosen: empty response": {"chosen": [turn("assistant", None)]},
}


@pytest.mark.parametrize("expected", BAD)
def test_a_bad_row_is_named_with_row_column_and_remedy(expected: str):
    with pytest.raises(PairsError, match=expected) as caught:
        check(table(pair(), pair(**BAD[expected]), pair()), name="mine.jsonl")
    assert "mine.jsonl" in str(caught.value)
    assert all(fault.rows.tolist() == [2] for fault in caught.value.faults)
    assert all(fault.remedy.endswith(".") for fault in caught.value.faults)


@pytest.mark.parametrize("expected", BAD)
def test_bad_rows_can_be_dropped(expected: str):
    if "scores below" in expected:
        got = check(table(pair(), pair(**BAD[expected]), pair()), reversed_pairs="drop")
    else:
        got = check(table(pair(), pair(**BAD[expected]), pair()), bad="drop")
    assert got.to_pylist() == [pair(), pair()]


def test_turns_of_tools_are_kept():
    call = [turn("assistant", "look up"), turn("tool", "4"), turn("tool", "four")]
    good = pair(prompt=[turn("user", "2 + 2 ?"), *call], chosen=[*call, turn("assistant", "4")])
    assert check(table(good, good)).to_pylist() == [good, good]


def test_one_foreign_turn_does_not_make_a_table_of_conversations():
    bad = pair(chosen=[turn("user", "x")], rejected=[turn("user", "x")])
    with pytest.raises(PairsError) as caught:
        check(table(pair(), pair(), bad))
    assert {(fault.column, tuple(fault.rows)) for fault in caught.value.faults} == {
        ("chosen", (3,)),
        ("rejected", (3,)),
    }


def test_repeated_pair_ids_are_refused():
    with pytest.raises(PairsError, match=r"pair_id: the id occurs before in row 3 \('a'\)"):
        check(table(pair(pair_id="a"), pair(pair_id="b"), pair(pair_id="a")))
