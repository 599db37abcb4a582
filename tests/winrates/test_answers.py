"""Models' answers in the forms that benchmarks keep them in."""

import numpy as np
import pandas as pd
import pytest

from rapo.winrates import answers


@pytest.mark.parametrize(
    "row",
    [
        {"question_id": "q", "model_id": "m", "choices": [{"index": 0, "turns": ["one", "# two"]}]},  # MT-Bench
        {"question_id": "q", "model_id": "m", "choices": [{"index": 0, "turns": [{"content": "one"}, "# two"]}]},
        {"uid": "q", "model": "m", "messages": [{"role": "user", "content": "?"},
            {"role": "assistant", "content": {"answer": "one\n\n# two"}}]},  # Arena-Hard 2
        {"uid": "q", "model": "m", "messages": np.array([{"role": "assistant", "content": "one\n\n# two"}])},
        {"uid": "q", "model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "# two"}]}]},
        {"uid": "q", "model": "m", "output": np.array([{"text": "one", "type": "text"}, {"text": "# two"}])},
        {"instruction": "q", "generator": "m", "output": "one\n\n# two", "dataset": "d"},  # AlpacaEval
        {"prompt_id": "q", "prompt": [], "model": "m", "response": "one\n\n# two", "number": 1},  # rapo sample
    ],
)  # fmt: skip
def test_every_form_is_read_into_one(row: dict) -> None:
    found = answers.table(pd.DataFrame([row]), name="file")
    assert found.to_dict("records") == [{"model": "m", "instruction": "q", "text": "one\n\n# two"}]


def test_an_id_is_compared_as_text_and_nothing_said_is_nothing() -> None:
    found = answers.table(pd.DataFrame({"question_id": [81], "model": ["m"], "output": [None]}), name="file")
    assert found.to_numpy().tolist() == [["m", "81", ""]]


def test_an_answer_that_several_files_hold_counts_once_and_two_different_ones_are_refused() -> None:
    base = pd.DataFrame({"model": "base", "instruction": ["q", "r"], "text": ["yes", "no"]})
    own = base.assign(model="m", text="perhaps")
    one, two = pd.concat([own, base]), pd.concat([base[::-1], own.assign(model="n")])
    whole = answers.together({"a.jsonl": one, "b.jsonl": two})
    assert whole.to_numpy().tolist() == [
        *(["m", "q", "perhaps"], ["m", "r", "perhaps"], ["base", "q", "yes"], ["base", "r", "no"]),
        *(["n", "q", "perhaps"], ["n", "r", "perhaps"]),
    ]
    told = "a.jsonl and c.jsonl hold different answers of base to 'r'; leave one of them out"
    with pytest.raises(ValueError, match=told):
        answers.together({"a.jsonl": one, "b.jsonl": two, "c.jsonl": base.assign(text=["yes", "No"])})


def test_what_is_refused() -> None:
    frame = pd.DataFrame({"model": ["m", "m"], "uid": ["q", "q"], "output": ["a", "b"]})
    with pytest.raises(ValueError, match="file: m answers 'q' more than once"):
        answers.table(frame, name="file")
    picture = [
        {"role": "assistant", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "text": None}]}
    ]
    frame = pd.DataFrame({"model": ["m", "m"], "uid": ["q", "r"], "output": [picture[:0], picture]})
    with pytest.raises(
        ValueError, match="file, column output, row 1 holds a part of the type 'image_url', which is no"
    ):
        answers.table(frame, name="file")
    for lacking, told in (("model", "model"), ("uid", "question_id or instruction"), ("output", "output")):
        with pytest.raises(ValueError, match=f"file holds no answers: it has no column {told}; it has"):
            answers.table(frame.drop(columns=lacking), name="file")
