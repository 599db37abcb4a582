"""What stands beside a question and belongs to the prompt: nothing of it is lost, whatever shape the data have."""

from typing import Any

import pyarrow as pa
import pytest
from scored_pairs import FOUR, asked, turn

from rapo.pairs import own_scores, prompts
from rapo.pairs.door import open_pairs
from rapo.pairs.faults import PairsError

SIDES = {"chosen": "4", "rejected": "5", "score_chosen": 9.0, "score_rejected": 2.0}
TALK = [turn("user", "2 + 2 ?"), turn("assistant", "4")]


def said(row: dict[str, Any], **options: Any) -> list[str]:
    """The prompt that is read, as "role: content"."""
    (prompt,) = open_pairs([row], **options).read()["prompt"].to_pylist()
    return [f"{one['role']}: {one['content']}" for one in prompt]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "2 + 2 ?", **SIDES},
        {"prompt": [turn("user", "2 + 2 ?")], **SIDES},
        {**SIDES, "chosen": TALK, "rejected": [TALK[0], turn("assistant", "5")]},
        {"prompt": "2 + 2 ?", **SIDES, "chosen": TALK, "rejected": [TALK[0], turn("assistant", "5")]},
        {**SIDES, "conversations": [{"from": "human", "value": "2 + 2 ?"}]}
        | {side: {"from": "gpt", "value": SIDES[side]} for side in ("chosen", "rejected")},
        asked(*FOUR, instruction="2 + 2 ?"),
    ],
    ids=["question", "messages", "conversations", "both", "sharegpt", "candidates"],
)
def test_a_column_system_is_the_prompts_first_turn_in_every_shape(row: dict[str, Any]) -> None:
    assert said({"system": "Be brief.", **row}) == ["system: Be brief.", "user: 2 + 2 ?"]
    assert said({"system": " ", **row}) == ["user: 2 + 2 ?"]


def test_a_prompt_with_a_systems_turn_keeps_it_and_others_get_theirs() -> None:
    rows = [
        {"system": "A", "prompt": [turn("system", "own"), turn("user", "q")], **SIDES},
        {"system": "B", "prompt": [turn("user", "r")], **SIDES},
        {"system": None, "prompt": [turn("user", "s")], **SIDES},
        {"system": "D", "prompt": [turn("user", "t"), turn("assistant", "u"), turn("user", "v")], **SIDES},
    ]
    got = open_pairs(rows).read()
    prompts = [[one["content"] for one in prompt] for prompt in got["prompt"].to_pylist()]
    assert prompts == [["own", "q"], ["B", "r"], ["s"], ["D", "t", "u", "v"]]
    assert "system" not in got.column_names
    (look,) = open_pairs(rows).looks()
    assert look.table["prompt"] == got["prompt"]


def test_instruction_input_and_history_are_one_prompt() -> None:
    row = {"instruction": "Translate.", "input": "the cat", **SIDES}
    assert said(row) == ["user: Translate.\nthe cat"]
    assert said({**row, "input": None}) == ["user: Translate."]
    earlier = [["hi", "hello"], ["and now ?", "yes"]]
    before = ["user: hi", "assistant: hello", "user: and now ?", "assistant: yes"]
    assert said({**row, "history": earlier}) == [*before, "user: Translate.\nthe cat"]
    assert said({**row, "history": earlier, "system": "S"}) == ["system: S", *before, "user: Translate.\nthe cat"]
    with pytest.raises(PairsError, match=r"column prompt: .* in row 1"):
        said({**row, "history": [["hi"]]})  # a question without an answer
    pairs = open_pairs([{**row, "history": earlier}])
    pairs.read()
    assert "<table>: prompt is instruction, input and history" in pairs.told


def test_a_prompt_of_its_own_or_one_that_is_named_is_the_prompt() -> None:
    row = {"instruction": "Translate.", "input": "the cat", **SIDES}
    assert said({**row, "prompt": "q"}) == ["user: q"]
    assert said(row, columns={"prompt": "input"}) == ["user: the cat"]


def test_prompts_that_are_asked_and_candidates_that_are_scored_are_the_same_prompts() -> None:
    row = {"instruction": "Translate.", "input": "the cat", "system": "S"}
    wanted = [turn("system", "S"), turn("user", "Translate.\nthe cat")]
    assert prompts.read([row])["prompt"].to_pylist() == [wanted]
    (talk,) = own_scores.talks(pa.Table.from_pylist([{**row, "completions": [{"response": "die Katze"}]}]))
    assert talk == [*wanted, turn("assistant", "die Katze")]
