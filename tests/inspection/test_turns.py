"""Malformed turns and leftovers: planted, and counted by hand."""

import pytest
from scored_pairs import many, pair, turn

from rapo.inspection.audit import audit


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"prompt": [turn("user", "a"), turn("user", "b")]}, "prompt: user and assistant do not take turns"),
        (
            {"prompt": [turn("user", "a"), turn("assistant", "b"), turn("assistant", "c"), turn("user", "d")]},
            "prompt: user and assistant do not take turns",
        ),
        (
            {"prompt": [turn("user", "a"), turn("system", "b"), turn("user", "c")]},
            "prompt: system turn after the first",
        ),
        ({"prompt": [turn("human", "a")]}, "prompt: unknown role"),
        ({"prompt": [turn("user", "a"), turn("assistant", "b")]}, "prompt: does not end with a user turn"),
        ({"prompt": [turn("user", " ")]}, "prompt: blank turn"),
        ({"chosen": [turn("assistant", "")]}, "chosen: empty response"),
        ({"rejected": [turn("user", "a")]}, "rejected: a turn that is not the assistant's"),
        ({"score_rejected": None}, "score_rejected: not a finite number"),
    ],
)
def test_what_the_check_refuses_is_a_finding(changes: dict[str, object], name: str) -> None:
    report = audit([*many(3), pair(**changes), *many(1)])
    (got,) = [one for one in report.findings if one.name.startswith(f"malformed: {name}")]
    assert (got.count, got.n, got.level, got.unit) == (1, 5, "serious", "rows")
    assert [one.row for one in got.examples] == ["4"]
    assert "bad rows in all: 1" in got.told
    assert "--bad drop" in got.advice


def test_well_formed_turns_are_one_finding() -> None:
    (got,) = [one for one in audit(many(4)).findings if one.name.startswith("malformed")]
    assert (got.name, got.count, got.n, got.level) == ("malformed", 0, 4, "ok")


def test_conversations_that_part_early_are_told_too() -> None:
    good, bad = (
        pair(
            chosen=[turn("user", "a"), turn("assistant", "b")],
            rejected=[turn("user", asked), turn("assistant", "c")],
        )
        for asked in ("a", "other")
    )
    for row in (good, bad):
        del row["prompt"]
    report = audit([good, bad, good])
    got = report.finding("malformed: rejected: the conversation differs from chosen before its last turn")
    assert (got.count, got.n) == (1, 3)
    assert [one.row for one in got.examples] == ["2"]


@pytest.mark.parametrize(
    "mark",
    [
        "<|im_end|>",
        "</s>",
        "<|eot_id|>",
        "[INST]",
        "<end_of_turn>",
        "<|endoftext|>",
        "<｜end▁of▁sentence｜>",
        "<<SYS>>",
    ],
)
def test_leftover_tokens_of_templates(mark: str) -> None:
    rows = many(3)
    rows[1]["rejected"] = [turn("assistant", f"fine {mark} more")]
    got = audit(rows).finding("leftover-template-tokens")
    assert (got.count, got.n, got.level) == (1, 3, "serious")
    assert [(one.row, one.column, one.note) for one in got.examples] == [
        ("2", "rejected", f"… fine {mark} more …")
    ]


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "<b>bold</b>", "x[INSTANCE]", "<p> | <s1>", "<|not a mark", "|>"]
)
def test_what_is_no_mark(text: str) -> None:
    rows = many(2)
    rows[0]["chosen"] = [turn("assistant", text)]
    assert audit(rows).finding("leftover-template-tokens").count == 0


def test_a_row_with_marks_in_two_columns_counts_once() -> None:
    rows = many(4)
    rows[3] |= {"chosen": [turn("assistant", "a</s>")], "rejected": [turn("assistant", "b</s>")]}
    assert audit(rows).finding("leftover-template-tokens").count == 1


@pytest.mark.parametrize(
    ("text", "count"), [("Yes.\nHuman: and", 1), ("Assistant: yes", 1), ("The human: a being", 0)]
)
def test_speakers_in_responses(text: str, count: int) -> None:
    rows = many(2)
    rows[0]["chosen"] = [turn("assistant", text)]
    assert audit(rows).finding("leftover-speakers").count == count


def test_several_turns_in_a_response() -> None:
    rows = many(2)
    rows[1]["rejected"] = [turn("assistant", "a"), turn("assistant", "b")]
    got = audit(rows).finding("several-turns-in-a-response")
    assert (got.count, got.n, got.level) == (1, 2, "warning")
    assert [one.row for one in got.examples] == ["2"]
