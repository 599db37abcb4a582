"""Answers of a chat server, asked over a real connection."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_chat_server import FakeServer

from rapo.judging.answering import ServerAnswers
from rapo.judging.server import ChatServer, JudgeError
from rapo.models.answers import Answer, Ask


class Parrot(FakeServer):
    """Says what it is asked, and the seed; says nothing to "silence"."""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = body["messages"][-1]["content"]
        text = None if asked == "silence" else f"{asked} {body['seed']}"
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "length" if asked == "long" else "stop"}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }


@pytest.fixture
def server() -> Iterator[Parrot]:
    with Parrot() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def engine(server: FakeServer, folder: Path) -> ServerAnswers:
    where = ChatServer(base_url=server.url, concurrency=2, max_retries=0)
    return ServerAnswers("m", where, temperature=0.7, top_p=0.9, max_new_tokens=5, folder=folder)


def asks(*texts: str) -> list[Ask]:
    return [Ask(text, [{"role": "user", "content": text}], place) for place, text in enumerate(texts)]


def test_every_answer_has_its_own_seed_and_what_was_asked_for(server: Parrot, tmp_path: Path) -> None:
    made = engine(server, tmp_path)(asks("one", "long", "one"))
    assert made == [Answer("one 0", 2, False), Answer("long 1", 2, True), Answer("one 2", 2, False)]
    sent = [
        {key: body[key] for key in ("model", "temperature", "top_p", "max_tokens")} for body in server.requests
    ]
    assert sent == [{"model": "m", "temperature": 0.7, "top_p": 0.9, "max_tokens": 5}] * 3
    one = asks("one")
    assert engine(server, tmp_path)([*one, *one]) == [Answer("one 0", 2, False)] * 2
    assert len(server.requests) == 4  # nothing is asked twice


def test_what_was_answered_is_asked_anew_for_another_model_may_be_served_there(
    server: Parrot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = engine(server, tmp_path)(asks("one", "two"))
    first = server.answer
    server.answer = lambda body: first({**body, "seed": "of another model"})  # type: ignore[method-assign]
    assert engine(server, tmp_path)(asks("one", "two")) != made
    assert (len(server.requests), [file for file in tmp_path.rglob("*") if file.is_file()]) == (4, [])
    assert not caplog.text


def test_replies_of_a_batch_that_was_interrupted_are_not_asked_twice_and_told(
    server: Parrot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.odd = lambda body: 401 if body["messages"][0]["content"] == "last" else None
    with pytest.raises(JudgeError, match="2 of 3 answers are kept; run again for the rest"):
        engine(server, tmp_path)(asks("one", "two", "last"))
    server.odd = lambda body: None
    assert len(engine(server, tmp_path)(asks("one", "two", "last"))) == 3
    assert len(server.requests) == 4
    assert (
        f"2 replies are those that a run got before it was interrupted; to ask for them anew, remove {tmp_path}"
        in (caplog.text)
    )
    engine(server, tmp_path)(asks("one", "two", "last"))
    assert len(server.requests) == 7


def test_a_reply_without_a_text_is_none(server: Parrot, tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="answered without a text"):
        engine(server, tmp_path)(asks("silence"))
    made = engine(server, tmp_path)(asks("one", "silence", "two"))
    assert made == [Answer("one 0", 2, False), None, Answer("two 2", 2, False)]


def test_what_the_server_refuses_has_no_answer_and_is_told(
    server: Parrot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.odd = lambda body: 400 if body["messages"][0]["content"] == "bad" else None
    made = engine(server, tmp_path)(asks("one", "bad", "two"))
    assert made == [Answer("one 0", 2, False), None, Answer("two 2", 2, False)]
    assert "1 prompts got no answer, the first: " in caplog.text
