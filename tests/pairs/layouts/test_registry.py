"""Every data set in the schema that it is published in: recognised without options, and what it becomes."""

from typing import Any

import pyarrow as pa
import pytest

from rapo.pairs.door import Pairs, open_pairs
from rapo.pairs.faults import PairsError
from rapo.pairs.layouts.registry import LAYOUTS, recognise

Row = dict[str, Any]


def said(turns: list[Row]) -> list[tuple[str, str]]:
    """Turns as (role, content)."""
    return [(turn["role"], turn["content"]) for turn in turns]


def opened(*rows: Row, **options: Any) -> Pairs:
    """Rows as pairs."""
    return open_pairs(pa.Table.from_pylist(list(rows)), **options)


def talk(*turns: str) -> list[Row]:
    """Turns of a user and an assistant, one after the other."""
    return [{"content": text, "role": ("user", "assistant")[at % 2]} for at, text in enumerate(turns)]


def rating(value: str) -> Row:
    return {"Rating": value, "Rationale": "because"}


def answer(text: str, score: float, honesty: str = "4") -> Row:
    return {
        "annotations": {"helpfulness": rating("5"), "honesty": rating(honesty)},
        "custom_system_prompt": "Be kind.",
        "principle": "helpfulness",
        "fine-grained_score": 4.5,
        "overall_score": score,
        "critique": "good",
        "model": "m",
        "response": text,
    }


ULTRAFEEDBACK = {
    "source": "evol_instruct",
    "instruction": "2 + 2 ?",
    "models": ["a", "b"],
    "completions": [answer("5", 2.0), answer("4", 9.0), answer("four", 10.0, honesty="N/A")],
    "correct_answers": ["None"],
    "incorrect_answers": ["None"],
}
BINARIZED = {
    "prompt": "2 + 2 ?",
    "prompt_id": "abc",
    "chosen": talk("2 + 2 ?", "4"),
    "rejected": talk("2 + 2 ?", "5"),
    "messages": talk("2 + 2 ?", "4"),
    "score_chosen": 9.0,
    "score_rejected": 2.0,
}
ARMORM = {
    "prompt_id": "abc",
    "prompt": "2 + 2 ?",
    "all_generated_responses": ["5", "4"],
    "all_rm_scores": [2.0, 9.0],
    "chosen": talk("2 + 2 ?", "4"),
    "rejected": talk("2 + 2 ?", "5"),
}
CLEANED = {
    "source": "evol_instruct",
    "prompt": "2 + 2 ?",
    "chosen": talk("2 + 2 ?", "4"),
    "chosen-rating": 9.0,
    "chosen-model": "a",
    "rejected": talk("2 + 2 ?", "5"),
    "rejected-rating": 2.0,
    "rejected-model": "b",
}
CAPYBARA = {
    "source": "Dove",
    "conversation": [{"input": "hi", "output": "hello"}, {"input": "2 + 2 ?", "output": "4"}],
    "original_response": "4",
    "generation_prompt": ["<s>"],
    "raw_generation_responses": ["5"],
    "new_generations": ["5"],
    "prompt": "hi\nhello\n2 + 2 ?",
    "chosen": talk("hi", "hello", "2 + 2 ?", "4"),
    "rejected": talk("hi", "hello", "2 + 2 ?", "5"),
    "rating_chosen": 9,
    "rating_rejected": 2,
    "chosen_model": "a",
    "rejected_model": "b",
}
SHP = {
    "post_id": "x1",
    "domain": "askmath_train",
    "upvote_ratio": 0.99,
    "history": "2 + 2 ?",
    "c_root_id_A": "a",
    "c_root_id_B": "b",
    "created_at_utc_A": 1,
    "created_at_utc_B": 2,
    "score_A": 2,
    "score_B": 9,
    "human_ref_A": "5",
    "human_ref_B": "4",
    "labels": 0,
    "seconds_difference": 1.0,
    "score_ratio": 4.5,
}
ORCA = {
    "system": "Be short.",
    "input": "2 + 2 ?",
    "chosen": "4",
    "rejected": "5",
    "generations": ["5", "4"],
    "order": ["rejected", "chosen"],
    "labelling_model": "gpt",
    "labelling_prompt": talk("rate"),
    "raw_labelling_response": "2 9",
    "rating": [2.0, 9.0],
    "rationale": "because",
    "status": "unchanged",
    "original_chosen": "4",
    "original_rejected": "5",
    "chosen_score": 9.0,
    "in_gsm8k_train": False,
}
NECTAR = {
    "prompt": "\n\nHuman: 2 + 2 ?\n\nAssistant: ",
    "answers": [{"answer": "4", "model": "a", "rank": 1.0}, {"answer": "5", "model": "b", "rank": 2.0}],
    "turns": 1,
    "num_responses": 2,
    "source": ["lmsys"],
    "good_natured": True,
}
WEBGPT = {
    "question": {"dataset": "eli5", "id": "q", "full_text": "2 + 2 ?"},
    "quotes_0": {"title": ["t"], "extract": ["e"]},
    "answer_0": "5",
    "tokens_0": {"prefix": [1], "completion": [2]},
    "score_0": -1.0,
    "quotes_1": {"title": ["t"], "extract": ["e"]},
    "answer_1": "4",
    "tokens_1": {"prefix": [1], "completion": [2]},
    "score_1": 1.0,
}
SCORED: dict[str, tuple[Row, float, float]] = {
    "openbmb/UltraFeedback": (ULTRAFEEDBACK, 9.0, 2.0),
    "HuggingFaceH4/ultrafeedback_binarized": (BINARIZED, 9.0, 2.0),
    "princeton-nlp/llama3-ultrafeedback-armorm": (ARMORM, 9.0, 2.0),
    "argilla/ultrafeedback-binarized-preferences-cleaned": (CLEANED, 9.0, 2.0),
    "argilla/distilabel-capybara-dpo-7k-binarized": (CAPYBARA, 9.0, 2.0),
    "stanfordnlp/SHP": (SHP, 9.0, 2.0),
    "argilla/distilabel-intel-orca-dpo-pairs": (ORCA, 9.0, 2.0),
    "berkeley-nest/Nectar": (NECTAR, 2.0, 1.0),
    "openai/webgpt_comparisons": (WEBGPT, 1.0, -1.0),
}


@pytest.mark.parametrize("name", SCORED)
def test_scored_data_sets(name: str):
    row, high, low = SCORED[name]
    got = opened(row).read().to_pylist()[0]
    assert (said(got["chosen"]), said(got["rejected"])) == ([("assistant", "4")], [("assistant", "5")])
    assert said(got["prompt"])[-1] == ("user", "2 + 2 ?")
    assert (got["score_chosen"], got["score_rejected"]) == (high, low)


def test_what_else_the_scored_data_sets_say():
    pairs = opened(ULTRAFEEDBACK)
    assert pairs.read()["attributes_chosen"].to_pylist() == [{"helpfulness": 5.0, "honesty": 4.0}]
    assert "<table>: left out 1 completion without a rating of honesty" in pairs.told
    turns = opened(CAPYBARA).read()["prompt"].to_pylist()[0]
    assert said(turns) == [("user", "hi"), ("assistant", "hello"), ("user", "2 + 2 ?")]
    with_system, without = opened(ORCA, {**ORCA, "system": ""}).read()["prompt"].to_pylist()
    assert said(with_system) == [("system", "Be short."), ("user", "2 + 2 ?")]
    assert said(without) == [("user", "2 + 2 ?")]
    assert any("ranks become scores" in line for line in opened_and_read(NECTAR).told)


def opened_and_read(*rows: Row, **options: Any) -> Pairs:
    """Pairs that were read once, for what they tell."""
    pairs = opened(*rows, **options)
    pairs.read()
    return pairs


HELPSTEER2 = [
    {"prompt": prompt, "response": text, "helpfulness": score, "correctness": 4 - score, "coherence": 4}
    | {"complexity": 1, "verbosity": 2}
    for prompt, text, score in (("q", "5", 1), ("q", "4", 4), ("r", "x", 3), ("r", "y", 3))
]


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_neighbouring_rows_of_helpsteer2_make_a_pair(rows: int):
    got = pa.concat_tables(opened(*HELPSTEER2).batches(rows)).to_pylist()
    assert [(said(row["chosen"])[0][1], said(row["rejected"])[0][1]) for row in got] == [("4", "5"), ("x", "y")]
    assert [(row["score_chosen"], row["score_rejected"]) for row in got] == [(4.0, 1.0), (3.0, 3.0)]
    assert got[0]["attributes_rejected"]["correctness"] == 3.0
    other = opened(*HELPSTEER2, columns={"score": "correctness"}).read().to_pylist()
    assert said(other[0]["chosen"])[0][1] == "5"


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_ids_of_helpsteer2_name_its_rows_whatever_the_batch(rows: int):
    data = [{**row, "prompt": f"{row['prompt']} {i}"} for i in range(2) for row in HELPSTEER2]
    got = pa.concat_tables(opened(*data).batches(rows))
    assert got["prompt_id"].to_pylist() == ["row-1", "row-3", "row-5", "row-7"]
    assert got["pair_id"].to_pylist() == ["row-1:2-1", "row-3:1-2", "row-5:2-1", "row-7:1-2"]
    data[5]["response"] = " "
    with pytest.raises(PairsError, match="empty response in row 5"):  # the first of its prompt's rows
        opened(*data).read()


def test_turns_in_prompts_of_helpsteer2():
    prompt = "hi\n<extra_id_1>Assistant\nhello\n<extra_id_1>User\n2 + 2 ?"
    got = opened(*({**row, "prompt": prompt} for row in HELPSTEER2[:2])).read()["prompt"].to_pylist()[0]
    assert said(got) == [("user", "hi"), ("assistant", "hello"), ("user", "2 + 2 ?")]


def helpsteer3(preference: int) -> Row:
    return {
        "domain": "general",
        "language": "english",
        "context": talk("2 + 2 ?"),
        "response1": "one",
        "response2": "two",
        "overall_preference": preference,
        "individual_preference": [{"score": preference, "reasoning": "r", "feedback1": "f", "feedback2": "g"}],
    }


def helpsteer2_preference(preference: int) -> Row:
    return {
        "split": "train",
        "prompt": "2 + 2 ?",
        "response_1": "one",
        "response_2": "two",
        "preference_strength": preference,
        "preference_statement": "s",
        "preference_elaboration": "e",
        "three_most_similar_preferences": [{"statement": "s", "elaboration": "e", "strength": preference}],
        "all_preferences_unprocessed": [{"strength": preference, "statement": "s", "elaboration": "e"}],
    }


@pytest.mark.parametrize("made", [helpsteer3, helpsteer2_preference])
def test_signed_preferences_become_an_order(made: Any):
    rows = [made(-3), made(2), made(0)]
    got = opened(*rows, scored=False).read().to_pylist()
    assert [said(row["chosen"])[0][1] for row in got] == ["one", "two", "one"]
    assert [row["preference"] for row in got] == [3.0, 2.0, 0.0]
    assert said(got[0]["prompt"]) == [("user", "2 + 2 ?")]
    with pytest.raises(PairsError, match="--column score_chosen=preference --column score_rejected=0"):
        opened(*rows).read()
    mapped = opened(*rows, columns={"score_chosen": "preference", "score_rejected": "0"}).read()
    assert mapped.select(["score_chosen", "score_rejected"]).to_pylist()[2] == {
        "score_chosen": 0,
        "score_rejected": 0,
    }


def pku(better: int, safer: int) -> Row:
    return {
        "prompt": "2 + 2 ?",
        "response_0": "zero",
        "response_1": "one",
        "prompt_source": "a",
        "response_0_source": "a",
        "response_1_source": "b",
        "is_response_0_safe": True,
        "is_response_1_safe": False,
        "better_response_id": better,
        "safer_response_id": safer,
    }


def test_pku_saferlhf_by_either_label():
    got = opened(pku(1, 0), scored=False).read().to_pylist()[0]
    assert (said(got["chosen"]), said(got["rejected"])) == ([("assistant", "one")], [("assistant", "zero")])
    safer = opened(pku(1, 0), scored=False, columns={"better_response_id": "safer_response_id"}).read()
    assert said(safer["chosen"].to_pylist()[0]) == [("assistant", "zero")]


def test_whole_dialogues_of_hh_rlhf():
    before = "\n\nHuman: hi\n\nAssistant: hello: you\n\nHuman: 2 + 2 ?\nplease\n\nAssistant:"
    got = opened({"chosen": before + " 4", "rejected": before + " 5"}, scored=False).read().to_pylist()[0]
    assert said(got["prompt"]) == [("user", "hi"), ("assistant", "hello: you"), ("user", "2 + 2 ?\nplease")]
    assert (said(got["chosen"]), said(got["rejected"])) == ([("assistant", "4")], [("assistant", "5")])


def test_marked_turns_of_a_prompt_beside_its_responses():
    row = {"prompt": "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: 2 + 2 ?\n\nAssistant:", "response": " 4"}
    got = opened({**row, "chosen": " 4", "rejected": " 5"}, scored=False).read().to_pylist()[0]
    assert said(got["prompt"]) == [("user", "hi"), ("assistant", "hello"), ("user", "2 + 2 ?")]
    assert said(got["chosen"]) == [("assistant", " 4")]


def arena(winner: str, **talks: Any) -> Row:
    return {
        "question_id": "q",
        "model_a": "m",
        "model_b": "n",
        "winner": winner,
        "judge": "j",
        "conversation_a": talk("2 + 2 ?", "A"),
        "conversation_b": talk("2 + 2 ?", "B"),
        "turn": 1,
        "anony": True,
        "language": "English",
        "tstamp": 1.0,
        **talks,
    }


def test_battles_of_the_chatbot_arena():
    parted = {"conversation_a": talk("q", "A", "r", "x"), "conversation_b": talk("q", "B", "r", "y")}
    winners = ("model_a", "model_b", "tie", "tie (bothbad)")
    pairs = opened(*map(arena, winners), arena("model_a", **parted), arena("model_b"), scored=False)
    got = pairs.read().to_pylist()
    assert [said(row["chosen"])[0][1] for row in got] == ["A", "B", "A", "A", "B"]
    assert [row["preference"] for row in got] == [1, 1, 0, 0, 1]
    assert any(
        line.endswith("left out 1 row whose two conversations differ before the last answer")
        for line in pairs.told
    )


def test_arena_contents_in_parts():
    parts = [{"type": "text", "text": "2 + 2 ?", "image": None}]
    both = [
        [{"role": "user", "content": parts}, {"role": "assistant", "content": [{**parts[0], "text": text}]}]
        for text in "AB"
    ]
    row = arena("model_b", conversation_a=both[0], conversation_b=both[1])
    assert said(opened(row, scored=False).read()["chosen"].to_pylist()[0]) == [("assistant", "B")]


def test_a_winner_is_read_as_a_leaderboard_reads_it_and_never_guessed():
    rows = [arena(who) for who in ("B", "n", "m", None, "nobody", "left")]
    pairs = opened(*rows, scored=False, bad="drop")
    got = pairs.read().to_pylist()
    assert [(said(row["chosen"])[0][1], row["preference"]) for row in got] == [
        ("B", 1),
        ("B", 1),
        ("A", 1),
        ("A", 1),
    ]
    assert [row["pair_id"] for row in got] == ["row-1", "row-2", "row-3", "row-6"]
    with pytest.raises(PairsError, match=r"column winner: is no winner in row 5 \('nobody'\)\. Write model_a"):
        opened(*rows, scored=False).read()


def test_arena_contents_with_pictures_are_no_pairs():
    words = [{"type": "text", "text": "What is it?"}]
    seen = [*words, {"type": "image", "text": None}]
    talks = {f"conversation_{side}": [{"role": "user", "content": seen}, {"role": "assistant", "content": words}]
             for side in "ab"}  # fmt: skip
    plain = {side: [{**turn, "content": words} for turn in talk] for side, talk in talks.items()}
    rows = [arena("model_a", **plain), arena("model_b", **talks)]
    assert len(opened(*rows, scored=False, bad="drop").read()) == 1
    with pytest.raises(PairsError, match="column conversation_a: holds a turn or a part that is no text in row 2"):
        opened(*rows, scored=False).read()


def test_battles_as_json_lists_in_cells():
    row = {"id": 1, "model_a": "m", "model_b": "n", "prompt": '["2 + 2 ?"]', "response_a": '["A"]'}
    row |= {"response_b": '["B"]', "winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0}
    got = opened(row, scored=False).read().to_pylist()[0]
    assert (said(got["prompt"]), said(got["chosen"])) == ([("user", "2 + 2 ?")], [("assistant", "B")])


def test_turns_of_sharegpt():
    before = [{"from": "system", "value": "Be short."}, {"from": "human", "value": "2 + 2 ?"}]
    sides = {"chosen": {"from": "gpt", "value": "4"}, "rejected": {"from": "gpt", "value": "5"}}
    expected = [("system", "Be short."), ("user", "2 + 2 ?")]
    apart = opened({"conversations": before, **sides}, scored=False).read().to_pylist()[0]
    joined = {side: [*before, last] for side, last in sides.items()}
    together = opened(joined, scored=False).read().to_pylist()[0]
    for got in (apart, together):
        assert (said(got["prompt"]), said(got["chosen"])) == (expected, [("assistant", "4")])


TRL = {
    "explicit, plain": {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5"},
    "explicit, conversational": {
        "prompt": talk("2 + 2 ?"),
        "chosen": talk("", "4")[1:],
        "rejected": talk("", "5")[1:],
    },
    "implicit, conversational": {"chosen": talk("2 + 2 ?", "4"), "rejected": talk("2 + 2 ?", "5")},
    "implicit, plain": {"chosen": "2 + 2 ? 4", "rejected": "2 + 2 ? 5"},
}


@pytest.mark.parametrize("form", TRL)
def test_the_forms_that_trl_takes(form: str):
    got = opened(TRL[form], scored=False).read().to_pylist()[0]
    assert said(got["prompt"]) == [("user", "2 + 2 ?")]
    assert [said(got[side])[0][1].strip() for side in ("chosen", "rejected")] == ["4", "5"]


def test_two_answers_without_a_prompt_are_no_implicit_prompt():
    with pytest.raises(PairsError, match="prompt is missing"):
        opened({"chosen": "4", "rejected": "5"}, scored=False).read()
    with pytest.raises(PairsError, match="prompt is missing"):
        opened({"asked": "2 + 2 ?", "chosen": "It is 4", "rejected": "It is 5"}, scored=False).read()


def test_a_layout_can_be_named_and_its_name_is_its_own():
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert recognise(pa.table({}), "pairs").name == "pairs"


def test_candidates_without_a_prompt_or_an_id_are_told_or_named_after_their_row():
    rows = [ULTRAFEEDBACK, {**ULTRAFEEDBACK, "instruction": None}]
    with pytest.raises(PairsError, match="column prompt: blank turn in row 2"):
        opened(*rows).read()
    assert len(opened(*rows, bad="drop").read()) == 1
    named = opened({**ULTRAFEEDBACK, "prompt_id": 7}, {**ULTRAFEEDBACK, "prompt_id": None}).read()
    assert named["prompt_id"].to_pylist() == ["7", "row-2"]


def test_half_of_a_character_in_a_cell_is_a_fault_of_its_row():
    row = {"id": 1, "prompt": '["q"]', "response_a": '["A"]', "response_b": '["B"]'}
    row |= {"winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0}
    rows = [row, {**row, "response_b": '["half \\ud83d"]'}]
    with pytest.raises(PairsError, match=r"column prompt: a turn holds half of a character .* in row 2"):
        opened(*rows, scored=False).read()
    assert len(opened(*rows, scored=False, bad="drop").read()) == 1


def other_types(kind: pa.DataType, text: pa.DataType) -> pa.DataType:
    """A type with other texts and lists at every depth."""
    if pa.types.is_string(kind):
        return text
    if pa.types.is_list(kind):
        return pa.large_list(other_types(kind.value_type, text))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, other_types(field.type, text)) for field in kind])
    return kind


@pytest.mark.parametrize("name", SCORED)
@pytest.mark.parametrize("text", [pa.large_string(), pa.string_view()], ids=["large", "view"])
def test_types_that_other_tools_write_change_nothing(name: str, text: pa.DataType):
    table = pa.Table.from_pylist([SCORED[name][0]])
    kinds = [(field.name, other_types(field.type, text)) for field in table.schema]
    got = open_pairs(table.cast(pa.schema(kinds))).read()
    assert got.to_pylist() == open_pairs(table).read().to_pylist()


def test_texts_in_dictionaries_are_texts():
    table = pa.Table.from_pylist(HELPSTEER2)
    coded = table.set_column(1, "response", table["response"].dictionary_encode())
    assert open_pairs(coded).read().to_pylist() == open_pairs(table).read().to_pylist()
