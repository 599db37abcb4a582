"""Replies of servers with habits of their own."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rapo.judging import replies, verdicts
from rapo.judging.replies import Fault


def reply(content, **choice):
    return {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop", **choice}]}


def read(found):
    return replies.read(found if isinstance(found, str) else json.dumps(found), {})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("A", "A"),
        ([{"type": "text", "text": "A"}], "A"),
        (
            [{"type": "thinking", "thinking": "B?"}, {"type": "text", "text": "A"}, {"type": "text", "text": "."}],
            "A.",
        ),
        ([], ""),
        (None, None),
        ("half \ud800", "half ?"),
    ],
)
def test_a_content_becomes_one_text(content, found):
    assert read(reply(content))["choices"][0]["message"]["content"] == found


def test_what_has_a_form_of_its_own_is_none():
    assert read(reply("A", logprobs=[-0.1]))["choices"][0]["logprobs"] is None
    held = {"content": [{"token": "A", "top_logprobs": []}]}
    assert read(reply("A", logprobs=held))["choices"][0]["logprobs"] == held
    assert read({**reply("A"), "usage": [3]})["usage"] is None
    assert read({**reply("A"), "usage": {"prompt_tokens": 3}})["usage"] == {"prompt_tokens": 3}
    assert read("\ufeff" + json.dumps(reply("A")))["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("sent", "kind", "told"),
    [
        (
            'data: {"choices": [{"delta": {"content": "A"}}]}\n\ndata: [DONE]\n',
            "refused",
            "try --set stream=false",
        ),
        (": waiting\n", "again", "no whole JSON: : waiting"),
        ("[" * 100_000, "again", "no whole JSON"),
        ({"choices": []}, "again", "without a choice"),
        ({"choices": {"message": {}}}, "again", "without a choice"),
        ({"choices": ["A"]}, "again", "without a choice"),
        (reply([{"type": "image_url"}, "A"]), "again", "without a choice"),
        (reply([{"type": "text", "text": 3}]), "again", "without a choice"),
        (reply(3), "again", "without a choice"),
        ({"error": "upstream is down"}, "again", "upstream is down"),
        (
            {"error": {"message": "slow down", "code": 429}},
            "full",
            "answered 429: slow down, within a reply of 200",
        ),
        ({"error": {"message": "no money", "code": "402"}}, "never", "answered 402: no money"),
        ({"error": {"message": "no", "code": 429, "type": "insufficient_quota"}}, "never", "answered 429: no"),
        ({"error": {"message": "filtered", "status": 400, "code": "x"}}, "refused", "answered 400: filtered"),
        ({"error": {"code": 502}}, "again", "answered 502"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_answer(sent, kind, told):
    found = read(sent)
    assert isinstance(found, Fault)
    assert found.kind == kind
    assert told in found.told
    assert len(found.told) < 450


def waits(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replies.fault(429, "full", None, named).after


def test_how_long_to_wait_is_said_in_seconds_milliseconds_or_as_a_date():
    assert waits(retry_after="2") == 2
    assert waits(retry_after="1.5", retry_after_ms="20") == pytest.approx(0.02)
    assert waits(retry_after="1, 30") == 30  # a header that stands twice
    assert waits() is None
    assert waits(retry_after="soon") is None
    assert waits(retry_after="-5") is None
    due = datetime.now(UTC) + timedelta(seconds=100)
    for date in (format_datetime(due, usegmt=True), format_datetime(due.replace(tzinfo=None))):
        assert 95 < waits(retry_after=date) <= 100
    assert waits(retry_after=format_datetime(due - timedelta(days=1), usegmt=True)) == 0


def graded(*tokens, text="A"):
    return verdicts.first_is_better(reply(text, logprobs={"content": list(tokens)}), graded=True)


def top(token, logprob):
    return {"token": token, "logprob": logprob}


def test_log_probs_of_a_strange_form_are_no_verdict():
    assert graded({"token": "A", "top_logprobs": [top("A", -0.1), top("B", -2.5)]}) == pytest.approx(
        0.917, abs=1e-3
    )
    for odd in (
        {"token": "A"},
        {"token": "A", "top_logprobs": None},
        {"token": "A", "top_logprobs": [top("A", None)]},
        {"token": "A", "top_logprobs": [top("A", 1000.0)]},
        {"token": "A", "top_logprobs": [{"logprob": -0.1}]},
        {"token": None},
        "A",
    ):
        assert graded(odd) != graded(odd), odd
    assert verdicts.first_is_better(reply("A", logprobs={"content": None}), graded=True) != 0.5


def test_a_date_of_another_zone_counts_from_there():
    text = format_datetime(datetime.now(UTC) + timedelta(seconds=50)).replace("+0000", "-0100")
    assert re.search("-0100", text)
    assert 3640 < waits(retry_after=text) <= 3650
