"""Battles from the tables that people have."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rapo.winrates import shapes
from rapo.winrates.shapes import Reading

PLAIN = Reading(columns={})
TALK = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "# yes"}]


def outcomes(frame: pd.DataFrame, reading: Reading = PLAIN) -> list[float]:
    return shapes.read(frame, reading, name="file")[0]["outcome"].tolist()


@pytest.mark.parametrize("sides", [("model_a", "model_b"), ("left", "right"), ("model_1", "model_2")])
def test_who_won_is_understood_in_the_words_of_arenas(sides: tuple[str, str]) -> None:
    said = [sides[0], sides[1], "tie", "tie (bothbad)", "A", "b", "x", "y"]
    frame = pd.DataFrame({sides[0]: "x", sides[1]: "y", "winner": said})
    assert outcomes(frame) == [1, 0, 0.5, 0.5, 1, 0, 1, 0]


def test_winners_in_a_column_each_and_outcomes_as_numbers() -> None:
    each = pd.DataFrame({"model_a": "x", "model_b": "y", "winner_model_a": [1, 0, 0], "winner_tie": [0, 1, 0]})
    assert outcomes(each) == [1, 0.5, 0]
    assert outcomes(each.assign(winner_model_b=[0, 0, 1])) == [1, 0.5, 0]
    # Nobody said to have won is no win of the second model.
    with pytest.raises(ValueError, match=r"file, row 2: .* are 0, 0 and 0, which is no verdict"):
        outcomes(each.assign(winner_model_b=0))
    numbers = pd.DataFrame({"first": ["x"], "second": ["y"], "won": [0.25], "votes": [3]})
    given = {"model_a": "first", "model_b": "second", "outcome": "won", "weight": "votes"}
    found, told = shapes.read(numbers, Reading(columns=given), name="file")
    assert found.to_dict("records") == [{"model_a": "x", "model_b": "y", "outcome": 0.25, "weight": 3}]
    assert told == ["file: one battle a row"]


def test_a_winner_that_is_none_and_one_that_is_missing() -> None:
    frame = pd.DataFrame({"model_a": "x", "model_b": "y", "winner": ["tie", "nobody"]})
    with pytest.raises(
        ValueError, match="file, column winner, row 1: 'nobody' is no winner; use model_a, model_b, tie"
    ):
        outcomes(frame)
    frame["winner"] = ["model_a", None]
    with pytest.raises(ValueError, match="1 battles have no outcome, the first in row 1; say --missing drop"):
        outcomes(frame)
    found, told = shapes.read(frame, Reading(columns={}, missing="drop"), name="file")
    assert found["outcome"].tolist() == [1]
    assert "file: 1 battles without an outcome are left out" in told
    with pytest.raises(ValueError, match="no column winner or outcome"):
        outcomes(frame[["model_a", "model_b"]])
    with pytest.raises(ValueError, match="file has no column 'won'; it has model_a, model_b, winner"):
        outcomes(frame, Reading(columns={"winner": "won"}))


JUDGED = pd.DataFrame(
    {
        "generator_1": ["base", "base", "other", "base"],
        "generator_2": ["m", "m", "m", "base"],
        "instruction": ["p", "q", "p", "p"],
        "preference": [1.75, 1.0, 2.0, 1.5],
        "output_1": ["one", "", "three", "-"],
        "output_2": ["**two**", "x", None, "-"],
    }
)


def test_judgements_keep_their_answers_and_lose_the_baseline_against_itself() -> None:
    found, told = shapes.read(JUDGED, PLAIN, name="file")
    assert found[["model_a", "model_b", "outcome"]].to_numpy().tolist() == [
        ["m", "base", 0.75],
        ["m", "base", 0.0],
        ["m", "other", 1.0],
    ]
    assert found["text_a"].tolist() == ["**two**", "x", ""]
    assert found["length_b"].tolist() == [3, 0, 5]
    assert "file: 1 judgements of the baseline against itself are left out" in told
    assert any("preferences read as alpaca_eval" in note for note in told)


def test_judgements_that_repeat_or_lack_a_preference() -> None:
    repeated = pd.concat([JUDGED.iloc[:2], JUDGED.iloc[:1].assign(preference=1.0)])
    with pytest.raises(
        ValueError, match="1 rows repeat a model's instruction, the first is m, instruction p; say --dup"
    ):
        outcomes(repeated)
    assert outcomes(repeated, Reading(columns={}, duplicates="keep")) == [0.75, 0, 0]
    assert outcomes(repeated, Reading(columns={}, duplicates="first")) == [0.75, 0]
    lacking = JUDGED.iloc[:3].assign(preference=[np.nan, 1.0, 2.0])
    found, told = shapes.read(lacking, Reading(columns={}, missing="drop"), name="file")
    assert found["text_a"].tolist() == ["x", ""]  # the answers of the rows that are left
    assert "file: 1 judgements without a preference are left out" in told
    with pytest.raises(ValueError, match="no preference"):
        outcomes(lacking)


def test_a_baseline_without_a_name_is_told() -> None:
    frame = pd.DataFrame({"model": ["m"], "instruction": [1], "won": [1.0]})
    reading = Reading(columns={"preference": "won"}, encoding="0/1", opponent="gpt")
    found, told = shapes.read(frame, reading, name="file")
    assert found["model_b"].tolist() == ["gpt"]
    assert "file does not name the baseline; it is called 'gpt'" in told


def test_arena_hards_records() -> None:
    frame = pd.DataFrame([{"uid": "q", "model": "m", "games": [{"score": "A>>B"}, {"score": "B>A"}]}])
    found, told = shapes.read(frame, Reading(columns={}, opponent="gpt"), name="file")
    assert found[["model_b", "outcome", "weight"]].to_numpy().tolist() == [["gpt", 0.0, 3.0], ["gpt", 0.0, 1.0]]
    assert "Arena-Hard" in told[0]


def test_mt_benchs_pairs_are_won_by_who_wins_both_games() -> None:
    won = [
        ("model_1", "model_1"),
        ("model_2", "model_2"),
        ("model_1", "model_2"),
        ("tie", "model_1"),
        ("tie", "tie"),
    ]
    frame = pd.DataFrame(won, columns=["g1_winner", "g2_winner"])
    frame = frame.assign(model_1="x", model_2="y", question_id=[81, 81, 82, 83, 84], turn=1, g1_judgment="...")
    found, _ = shapes.read(frame, PLAIN, name="file")
    assert found["outcome"].tolist() == [1, 0, 0.5, 0.5, 0.5]
    assert found["instruction"].tolist() == [81, 81, 82, 83, 84]
    frame.loc[1, "g2_winner"] = "error"
    with pytest.raises(ValueError, match="1 battles have no outcome, the first in row 1"):
        outcomes(frame)
    assert outcomes(frame, Reading(columns={}, missing="drop")) == [1, 0.5, 0.5, 0.5]
    human = pd.DataFrame({"model_a": "x", "model_b": "y", "winner": ["tie (inconsistent)"], "question_id": [81]})
    assert outcomes(human) == [0.5]


def test_answers_come_from_files_of_their_own() -> None:
    fought = pd.DataFrame({"model_a": ["x", "y"], "model_b": "base", "outcome": 1.0, "instruction": [81, 82]})
    known = pd.DataFrame({"model": ["x", "base", "y", "base", "x"], "instruction": ["81", "81", "82", "82", "82"],
                          "text": ["a", "bb", "# c", "", "-"]})  # fmt: skip
    found = shapes.with_answers(fought, known)
    assert found[["text_a", "text_b"]].to_numpy().tolist() == [["a", "bb"], ["# c", ""]]
    assert shapes.with_answers(found, known.iloc[:0]) is found
    with pytest.raises(ValueError, match="--answers: 1 of 2 battles lack an answer, the first is base's to '82'"):
        shapes.with_answers(fought, known.drop(3))
    with pytest.raises(ValueError, match="--column instruction="):
        shapes.with_answers(fought.drop(columns="instruction"), known)


def test_mt_bench_is_known_by_its_columns() -> None:
    scored = pd.DataFrame({"model": ["m"], "question_id": [81], "turn": [1], "score": [9]})
    assert shapes.is_mt_bench(scored)
    assert not shapes.is_mt_bench(scored.assign(preference=1.0))
    assert not shapes.is_mt_bench(JUDGED)


def test_tables_together_have_an_instruction_and_a_weight_for_every_battle() -> None:
    one = pd.DataFrame(
        {"model_a": "x", "model_b": "y", "outcome": [1.0, 0.0], "instruction": [7, 7], "weight": 3.0}
    )
    other = pd.DataFrame({"model_a": "x", "model_b": "z", "outcome": [1.0, 0.0]})
    whole = shapes.together({"one": one, "other": other})
    assert whole["instruction"].tolist() == [7, 7, "battle 2", "battle 3"]
    assert whole["weight"].tolist() == [3, 3, 1, 1]
    texts = one.assign(model_b="z", instruction=["7", "8"])
    whole = shapes.together({"one": one, "texts": texts, "other": other})
    assert whole["instruction"].tolist() == ["7", "7", "7", "8", "battle 4", "battle 5"]
    # A weight that its own file leaves out is not 1.
    assert np.isnan(shapes.together({"one": one.assign(weight=[3.0, np.nan]), "other": other})["weight"][1])
    with pytest.raises(ValueError, match="no battle is left"):
        shapes.together({"one": one.iloc[:0]})


def test_ids_that_mean_other_instructions_in_another_file_are_refused() -> None:
    ours = pd.DataFrame({"instruction": range(4), "length_b": [10.0, 20.0, 30.0, 40.0], "outcome": 0.5})
    one = ours.assign(model_a="x", model_b="base")
    same = one.assign(model_a="z", length_b=[10.0, 20.0, 30.0, 41.0])
    assert (
        len(shapes.together({"one": one, "same": same, "other base": one.assign(model_b="b", length_b=1.0)})) == 12
    )
    turned = one.assign(model_a="z", length_b=one["length_b"].to_numpy()[::-1])
    with pytest.raises(
        ValueError, match=r"one and turned mean other instructions.*'0' has 10 characters.* 40 in the"
    ):
        shapes.together({"one": one, "turned": turned})


def test_style_comes_from_texts_or_for_length_from_lengths() -> None:
    frame = pd.DataFrame({"model_a": "x", "model_b": "y", "winner": ["a", "b"]})
    talks = frame.assign(conversation_a=[TALK, TALK[:1]], conversation_b=[np.array(TALK[:1]), TALK])
    found, _ = shapes.read(talks, PLAIN, name="file")
    assert found["text_a"].tolist() == ["# yes", ""]
    assert found["text_b"].tolist() == ["", "# yes"]
    # 5 characters against 0 and the reverse: +-1, whose standard deviation is sqrt(2).
    assert shapes.style(found, ["length"])["length"].tolist() == pytest.approx([0.5**0.5, -(0.5**0.5)])
    given = Reading(columns={"response_a": "tokens_a", "response_b": "tokens_b"})
    counted, _ = shapes.read(frame.assign(tokens_a=[3, 1], tokens_b=[1, 3]), given, name="file")
    assert shapes.style(counted, ["length"])["length"].tolist() == pytest.approx([0.5**0.5, -(0.5**0.5)])
    with pytest.raises(ValueError, match="style control for length, bold needs both answers"):
        shapes.style(counted, ["length", "bold"])
    bare, _ = shapes.read(frame, PLAIN, name="file")
    with pytest.raises(ValueError, match="--column response_a"):
        shapes.style(bare, ["length"])
    with pytest.raises(ValueError, match="needs both answers of every battle"):
        shapes.style(shapes.together({"counted": counted, "bare": bare}), ["length"])


def test_conversations_survive_a_file_of_json_lines(tmp_path) -> None:
    from rapo.judging import judgements

    row = {"model_a": "x", "model_b": "y", "winner": "tie", "conversation_a": TALK, "conversation_b": TALK}
    (tmp_path / "arena.jsonl").write_text(json.dumps(row) + "\n")
    found, _ = shapes.read(judgements.load(tmp_path / "arena.jsonl"), PLAIN, name="arena.jsonl")
    assert found["text_b"].tolist() == ["# yes"]


def test_answers_in_parts_are_their_texts_and_another_part_is_refused_by_its_row() -> None:
    def talk(kind: str) -> list[dict[str, Any]]:
        return [{"role": "assistant", "content": [{"type": "text", "text": "# yes"}, {"type": kind, kind: "no"}]}]

    sides = {"conversation_a": [talk("text")] * 2, "conversation_b": [talk("text"), talk("image")]}
    frame = pd.DataFrame({"model_a": "x", "model_b": "y", "winner": "tie", **sides})
    assert shapes.read(frame[:1], PLAIN, name="file")[0]["text_b"].tolist() == ["# yes\n\nno"]
    told = "file, column conversation_b, row 1 holds a part of the type 'image', which is no text; leave such rows out"
    with pytest.raises(ValueError, match=told):
        shapes.read(frame, PLAIN, name="file")
    # Who holds no style equal needs no texts.
    assert "text_a" not in shapes.read(frame, Reading(columns={}, texts=False), name="file")[0]
    judged = pd.DataFrame(
        {"model": "m", "instruction": [1, 2, 3], "preference": [None, 1.2, 1.8], "baseline": "b"}
    )
    judged = judged.assign(output_1="no", output_2=["yes", "yes", talk("image")])
    with pytest.raises(ValueError, match="file, column output_2, row 2 holds a part"):
        shapes.read(judged, Reading(columns={}, encoding="1..2", missing="drop"), name="file")
