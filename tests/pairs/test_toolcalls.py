"""Calls of tools as text of their turns: what a chat template of Qwen's kind makes of them."""

import json
from typing import Any

import pyarrow as pa
import pytest
from scored_pairs import pair, turn

from rapo.pairs import messages
from rapo.pairs.door import open_pairs
from rapo.pairs.toolcalls import written

ASKED = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}
TOLD = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
ANSWERED = {"role": "tool", "content": "cold", "tool_call_id": "1", "name": "weather"}
# The part of Qwen 2.5's chat template that writes an assistant's turn, in our own words.
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.content %}\n{{ m.content }}{% endif %}"
    "{% for call in m.tool_calls or [] %}\n<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}'
    "\n</tool_call>{% endfor %}{% endfor %}"
)


def calling(*calls: Any, content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def said(*turns: dict[str, Any]) -> list[dict[str, str]]:
    """What becomes of a prompt of these turns, beside one without calls."""
    rows = [{"prompt": [turn("user", "hi")]}, {"prompt": [turn("user", "q"), *turns]}]
    found, _ = written(pa.Table.from_pylist(rows))
    assert found["prompt"][0].as_py() == [turn("user", "hi")]
    assert messages.lift(found["prompt"].combine_chunks(), role="user").type == messages.MESSAGES
    return list(found["prompt"][1].as_py()[1:])


@pytest.mark.parametrize(
    ("calls", "content", "expected"),
    [
        ([ASKED], None, TOLD),
        ([ASKED], "Let me look.", f"Let me look.\n{TOLD}"),
        ([ASKED, ASKED], "", f"{TOLD}\n{TOLD}"),
        ([{"function": {**ASKED["function"], "arguments": '{"city": "Oslo"}'}}], None, TOLD),
        ([ASKED["function"]], None, TOLD),
        (
            [{"name": "now", "arguments": None}],
            None,
            '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
        ),
    ],
    ids=["alone", "beside words", "two", "arguments as text", "without wrapping", "no arguments"],
)
def test_a_call_is_written_into_its_turn(calls: list[Any], content: str | None, expected: str) -> None:
    assert said(calling(*calls, content=content), ANSWERED) == [
        turn("assistant", expected),
        turn("tool", "cold"),
    ]


def test_calls_that_are_text_are_read_or_kept_as_they_are() -> None:
    for held, expected in ((json.dumps([ASKED]), TOLD), ("weather(Oslo)", "weather(Oslo)")):
        assert said({"role": "assistant", "content": None, "tool_calls": held}) == [turn("assistant", expected)]


def test_arguments_of_other_calls_are_not_taken_for_those_of_this_one() -> None:
    """Arrow gives every struct the fields of all: those that a call has not are null."""
    other = {"function": {"name": "now", "arguments": {"zone": "UTC"}}}
    wanted = TOLD.replace("weather", "now").replace('"city": "Oslo"', '"zone": "UTC"')
    assert said(calling(ASKED), ANSWERED, calling(other))[2] == turn("assistant", wanted)
    deep = [{"function": {"name": "find", "arguments": {"where": [{key: 1}]}}} for key in "ab"]
    got = said(calling(deep[0]), ANSWERED, calling(deep[1]))
    assert '{"where": [{"a": 1}]}' in got[0]["content"]
    assert '{"where": [{"b": 1}]}' in got[2]["content"]


def test_a_template_makes_the_same_of_the_text_as_of_the_call() -> None:
    jinja2 = pytest.importorskip("jinja2", reason="needs the extra 'train'")
    environment = jinja2.Environment()
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = environment.from_string(TEMPLATE)
    talk = [turn("user", "q"), calling(ASKED, content="Let me look."), calling(ASKED)]
    assert template.render(messages=said(*talk)) == template.render(messages=talk)


def test_pairs_with_calls_are_read_and_it_is_told() -> None:
    row = pair(prompt=[turn("user", "q"), calling(ASKED), ANSWERED], chosen=[calling(ASKED, content="again")])
    pairs = open_pairs([row, pair(prompt=[turn("user", "other")])])
    table = pairs.read()
    assert table["chosen"][0].as_py() == [turn("assistant", f"again\n{TOLD}")]
    assert [one["role"] for one in table["prompt"][0].as_py()] == ["user", "assistant", "tool"]
    assert any("<tool_call>" in line for line in pairs.told)


def test_a_name_of_somebody_who_is_no_tool_is_not_lost_silently() -> None:
    with pytest.raises(ValueError, match="further field 'name'"):
        open_pairs([pair(prompt=[{"role": "user", "content": "q", "name": "bob", "tool_calls": None}])]).read()


def test_messages_without_calls_stay_the_same_table() -> None:
    table = pa.Table.from_pylist([pair()])
    assert written(table) == (table, 0)
