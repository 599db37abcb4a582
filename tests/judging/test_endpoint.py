"""One question to servers that are full, slow, broken or far away; nobody waits here but on a clock of the test."""

import asyncio
import gzip
import json

import pytest
from fake_chat_server import Odd

from rapo.judging.endpoint import ChatServer, Endpoint, JudgeError, Refused

pytest.importorskip("openai", reason="openai is not installed (the judges extra)")

QUESTION = {"model": "judge", "messages": [{"role": "user", "content": "A or B?"}]}


class Clock:
    """Says how long was slept, and sleeps not at all."""

    def __init__(self):
        self.pauses = []

    async def sleep(self, seconds):
        self.pauses.append(seconds)


def ask(url, *, clock=None, api_key=None, question=QUESTION, **options):
    """The answer's text."""
    endpoint = Endpoint(ChatServer(url, **options), api_key, (clock or Clock()).sleep)

    async def asked():
        async with endpoint.client() as client:
            return await endpoint.ask(client, question)

    return asyncio.run(asked())["choices"][0]["message"]["content"]


def test_a_failing_server_is_asked_again(server):
    server.failures = [500, 503, 408]
    assert ask(server.url) == "A"
    assert len(server.requests) == 4
    server.failures = [500] * 3
    with pytest.raises(Refused, match=r"judge at http://127.* answered 500"):
        ask(server.url, max_retries=2)
    assert len(server.requests) == 7


def test_a_full_server_that_names_no_time_is_waited_for(server):
    server.hurry, clock = False, Clock()
    server.failures = [429] * 8
    assert ask(server.url, clock=clock, max_retries=0) == "A"
    # 1 + 2 + 4 + ... + 32 + 60 + 60 s, each up to a quarter longer.
    assert len(clock.pauses) == 8
    assert 183 <= sum(clock.pauses) <= 230
    assert clock.pauses[:3] == sorted(clock.pauses[:3])


def test_patience_ends(server):
    server.hurry, clock = False, Clock()
    server.failures = [429] * 99
    with pytest.raises(JudgeError, match=r"answered 429.*not waited for longer than 100 s"):
        ask(server.url, clock=clock, patience=100)
    assert 63 <= sum(clock.pauses) <= 100
    spent = {"error": {"message": "no money", "code": "insufficient_quota"}}
    server.failures = [Odd(json.dumps(spent).encode(), status=429)]
    with pytest.raises(JudgeError, match="no money"):
        ask(server.url)


def test_the_time_that_a_server_names_is_waited(server):
    clock = Clock()
    server.failures = [429, 500]
    assert ask(server.url, clock=clock) == "A"
    assert clock.pauses == [0.001, 0.001]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (Odd(b"<html>Bad  gateway</html>", kind="text/html"), "no whole JSON: <html>Bad gateway</html>"),
        (Odd(b""), "no whole JSON: nothing"),
        (Odd(b'{"choices": [{"message": {"con'), "no whole JSON"),
        (Odd(b"[]"), "without a choice"),
        (Odd(b"{}"), "without a choice"),
        (Odd(b'{"choices": []}'), "without a choice"),
        (Odd(b'{"choices": [{"text": "A"}]}'), "without a choice"),
        (Odd(b'{"choices": [{"message": {"content": 3}}]}'), "without a choice"),
        (Odd(b'{"choices": null, "error": {"message": "upstream is down"}}'), "upstream is down"),
    ],
    ids=lambda value: value.body.decode()[:20] or "nothing" if isinstance(value, Odd) else "",
)
def test_what_is_no_answer_is_asked_for_again_and_then_counted(server, body, told):
    server.failures = [body] * 2
    assert ask(server.url, max_retries=2) == "A"
    server.failures = [body] * 3
    with pytest.raises(Refused, match=told):
        ask(server.url, max_retries=2)
    assert len(server.requests) == 6


def test_a_server_that_drips_is_not_waited_for(server):
    server.odd = lambda body: Odd(json.dumps(server.answer(body)).encode(), drip=True)
    with pytest.raises(Refused, match=r"gave no whole answer within 0\.2 s"):
        ask(server.url, timeout=0.2, max_retries=0)


def test_a_body_that_never_ends_is_not_waited_for(server):
    server.failures = [Odd(b'{"choices": [', endless=True)]
    with pytest.raises(Refused, match=r"gave no whole answer within 0\.2 s"):
        ask(server.url, timeout=0.2, max_retries=0)


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_larger_than_any_answer_is_refused_and_not_held(server, packed):
    body = json.dumps({"choices": [{"message": {"content": "A" * 2**21}}]}).encode()
    also = (("Content-Encoding", "gzip"),) if packed else ()
    server.failures = [Odd(gzip.compress(body) if packed else body, also=also)]
    with pytest.raises(Refused, match="sent more than 1 MB, which no answer is"):
        ask(server.url, largest=1_000_000)
    assert ask(server.url) == "A"
    assert len(server.requests) == 2


def test_headers_that_stand_twice(server):
    clock, server.hurry = Clock(), False
    server.failures = [Odd(b"{}", status=429, also=(("Retry-After", "2"), ("Retry-After", "7")))]
    assert ask(server.url, clock=clock) == "A"
    assert clock.pauses == [7]
    server.failures = [Odd(b"{}", also=(("Content-Length", "3"),))]
    assert ask(server.url, clock=clock) == "A"  # two lengths of one body: lost, and asked again


def test_who_says_come_at_once_for_ever_is_asked_less_and_less(server):
    clock = Clock()
    server.failures = [429] * 9
    assert ask(server.url, clock=clock) == "A"
    # A millisecond each time, as the server asks; from the fourth on at least 1, 2, 4 ... 7.5 s.
    assert clock.pauses[:3] == [0.001] * 3
    assert 1 + 2 + 4 + 7.5 * 3 <= sum(clock.pauses[3:]) <= 1.25 * (1 + 2 + 4 + 7.5 * 3)


def test_nobody_is_waited_for_longer_than_patience_whatever_the_status(server):
    clock, server.hurry = Clock(), False
    server.failures = [Odd(b"{}", status=500, also=(("Retry-After", "86400"),))]
    with pytest.raises(JudgeError, match=r"answered 500.* not waited for longer than 600 s"):
        ask(server.url, clock=clock)
    assert clock.pauses == []


def test_no_server_is_told(server):
    nobody = server.url.replace(str(server.server_port), "9")
    with pytest.raises(Refused, match=r"judge at http://127\.0\.0\.1:9/v1 cannot be reached \(APIConnectionError"):
        ask(nobody, max_retries=1)


@pytest.mark.parametrize("status", [301, 401, 404])
def test_what_every_question_would_be_told_ends_it(server, status):
    server.failures = [status]
    with pytest.raises(JudgeError, match=f"answered {status}"):
        ask(server.url)
    assert len(server.requests) == 1


def test_nobody_is_followed_elsewhere(server):
    for place in (f"{server.url}/elsewhere", "http://judge.example/v1"):
        server.failures = [Odd(b"{}", status=307, location=place)]
        with pytest.raises(JudgeError, match="answered 307"):
            ask(server.url, api_key="secret-1")
    assert server.paths == ["/v1/chat/completions"] * 2


def test_keys_are_sent(server, monkeypatch):
    ask(server.url, api_key="secret-1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-2")
    ask(server.url)
    monkeypatch.setenv("OTHER_KEY", "secret-3")
    ask(server.url, key_variable="OTHER_KEY")
    ask(server.url, key_variable="NO_SUCH_KEY")
    assert server.keys == ["Bearer secret-1", "Bearer secret-2", "Bearer secret-3", "Bearer none"]


def test_openai_needs_a_key(server):
    with pytest.raises(JudgeError, match=r"set OPENAI_API_KEY, or name another server with --server"):
        Endpoint(ChatServer())


@pytest.mark.parametrize("host", ["judge.example", "10.0.0.7", "localhost.example"])
def test_no_key_goes_where_others_can_listen(server, monkeypatch, host):
    far = ChatServer(f"http://{host}:8000/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-2")
    assert Endpoint(far).key == "none"
    assert Endpoint(ChatServer(f"https://{host}/v1")).key == "secret-2"
    with pytest.raises(ValueError, match=rf"a key is never sent to http://{host}:8000/v1: .* use https"):
        Endpoint(far, "secret-1")
    with pytest.raises(ValueError, match="is never sent there: its address is plain http"):
        Endpoint(ChatServer(f"http://{host}/v1?api_key=secret-4"))
    with pytest.raises(JudgeError, match="X-Api-Key is never sent to http://"):
        ask(far.base_url, question={**QUESTION, "extra_headers": {"X-Api-Key": "secret-3"}})


def test_no_proxy_is_asked_for_this_machine(server, monkeypatch):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert ask(server.url, max_retries=0) == "A"


def test_a_key_that_was_held_back_is_told_when_it_is_missed(server, monkeypatch):
    # All names lead to this machine here, as through a proxy.
    monkeypatch.setenv("OPENAI_API_KEY", "secret-2")
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    server.failures = [401]
    with pytest.raises(JudgeError, match=r"the key in OPENAI_API_KEY was not sent: its address is plain http"):
        ask("http://judge.example/v1")
    assert server.keys == ["Bearer none"]
