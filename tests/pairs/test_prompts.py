"""Prompts of whatever a person has, each once."""

import json
import logging

import pytest

from rapo.pairs import prompts
from rapo.pairs.faults import PairsError

USER, ASSISTANT = ({"role": role, "content": f"{role} says"} for role in ("user", "assistant"))


def asked(rows: list[dict], **options) -> list[tuple[str, str]]:
    found = prompts.read(rows, **options).to_pylist()
    return [(row["prompt_id"], " / ".join(turn["content"] for turn in row["prompt"])) for row in found]


@pytest.mark.parametrize("name", ["prompt", "instruction", "question", "query", "input"])
def test_texts_become_questions_under_known_names(name: str) -> None:
    assert asked([{name: "a", "score": 1}, {name: "b", "score": 2}]) == [("row-1", "a"), ("row-2", "b")]


def test_conversations_are_asked_without_the_answer_that_ends_them() -> None:
    rows = [{"messages": [USER, ASSISTANT]}, {"messages": [USER, ASSISTANT, {**USER, "content": "and then ?"}]}]
    assert asked(rows) == [("row-1", "user says"), ("row-2", "user says / assistant says / and then ?")]


def test_a_prompt_is_asked_once_and_keeps_its_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rows = [{"prompt": "a", "prompt_id": 7}, {"prompt": "b", "prompt_id": 8}, {"prompt": "a", "prompt_id": 7}]
    assert asked(rows) == [("7", "a"), ("8", "b")]
    assert "1 row of 3 with a prompt from before" in caplog.text
    other = [{"ask": "a", "key": "x"}]
    assert asked(other, columns={"prompt": "ask", "prompt_id": "key"}) == [("x", "a")]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"text": "a"}], "no column of prompts; name it with --column prompt=... It has text"),
        ([{"prompt": "a"}, {"prompt": " "}], "column prompt: blank turn in row 2"),
        ([{"prompt": [USER, ASSISTANT]}], "does not end with a user turn in row 1"),
        ([{"prompt": 3}], "column prompt holds int64, neither text"),
        (
            [{"prompt": "a", "prompt_id": "x"}, {"prompt": "b", "prompt_id": "x"}],
            "belongs to another prompt before in row 2",
        ),
        ([{"prompt": "a", "prompt_id": "x"}, {"prompt": "b", "prompt_id": None}], "the id is missing in row 2"),
        ([{"prompt": "a", "prompt_id": 0.5}], "column prompt_id holds double"),
    ],
)
def test_what_cannot_be_asked_is_told(rows: list[dict], told: str) -> None:
    with pytest.raises(ValueError, match=r"^<table>") as error:
        prompts.read(rows)
    assert told in str(error.value)


def test_bad_prompts_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"prompt": "a"}, {"prompt": " "}, {"prompt": "c"}]
    assert asked(rows, bad="drop") == [("row-1", "a"), ("row-3", "c")]
    assert "left out 1 prompt: blank turn" in caplog.text
    with pytest.raises(ValueError, match="no prompt is left of 1 row"):
        prompts.read([{"prompt": ""}], bad="drop")
    with pytest.raises(PairsError, match="--bad drop"):
        prompts.read(rows)


def test_files_are_named(tmp_path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"prompt": ""}) + "\n")
    with pytest.raises(PairsError, match=r"p\.jsonl: column prompt"):
        prompts.read(str(file))
