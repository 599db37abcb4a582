"""Requests, kept answers and faults, against a server on this machine."""

import threading

import pytest
from fake_chat_server import running

from rapo.judging.server import ChatServer, JudgeError, ask_all

pytest.importorskip("openai", reason="openai is not installed (the judges extra)")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with running() as found:
        yield found


def question(first, second, **fields):
    content = f"# Answer A\n{first}\n\n# Answer B\n{second}\n\nReply"
    return {"model": "judge", "messages": [{"role": "user", "content": content}], **fields}


def letters(answers):
    return [answer["choices"][0]["message"]["content"] for answer in answers]


def test_answers_come_in_the_order_of_questions_and_are_kept(server, tmp_path):
    questions = [question("x" * (i % 7), "xxx") for i in range(20)]
    where = ChatServer(server.url)
    answers, n_asked = ask_all(questions, server=where, folder=tmp_path)
    assert letters(answers) == ["A" if i % 7 >= 3 else "B" for i in range(20)]
    # Twenty questions, seven different ones.
    assert (n_asked, len(server.requests)) == (7, 7)
    again, n_asked = ask_all(questions, server=where, folder=tmp_path)
    assert again == answers
    assert (n_asked, len(server.requests)) == (0, 7)


def test_any_difference_in_the_request_is_another_question(server, tmp_path):
    where = ChatServer(server.url)
    for fields in ({}, {"temperature": 0.5}, {"max_tokens": 3}, {"model": "other"}):
        assert ask_all([question("a", "b") | fields], server=where, folder=tmp_path)[1] == 1
    elsewhere = ChatServer(server.url.replace("127.0.0.1", "localhost"))
    assert ask_all([question("a", "b")], server=elsewhere, folder=tmp_path)[1] == 1


def test_damaged_answers_are_asked_for_again(server, tmp_path, caplog):
    where = ChatServer(server.url)
    ask_all([question("a", "b")], server=where, folder=tmp_path)
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text(kept.read_text(encoding="utf-8")[:40], encoding="utf-8")
    assert ask_all([question("a", "b")], server=where, folder=tmp_path)[1] == 1
    assert "is damaged" in caplog.text
    assert ask_all([question("a", "b")], server=where, folder=tmp_path)[1] == 0


def test_an_answer_kept_for_another_request_is_no_answer_to_this_one(server, tmp_path):
    where = ChatServer(server.url)
    ask_all([question("a", "b")], server=where, folder=tmp_path)
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text(kept.read_text(encoding="utf-8").replace("Answer B", "Answer C"), encoding="utf-8")
    assert ask_all([question("a", "b")], server=where, folder=tmp_path)[1] == 1


def test_keys_are_sent_and_not_kept(server, tmp_path, monkeypatch):
    where = ChatServer(server.url)
    ask_all([question("a", "b")], server=where, folder=tmp_path, api_key="secret-1")
    monkeypatch.setenv("OPENAI_API_KEY", "secret-2")
    ask_all([question("a", "c")], server=where, folder=tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY")
    ask_all([question("a", "d")], server=where, folder=tmp_path)
    assert server.keys == ["Bearer secret-1", "Bearer secret-2", "Bearer none"]
    assert not any("secret" in file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.json"))
    with pytest.raises(JudgeError, match="set OPENAI_API_KEY, or give base_url"):
        ask_all([question("a", "b")], server=ChatServer(), folder=tmp_path)


def test_so_many_at_a_time(server, tmp_path):
    # The first three requests wait for one another; were fewer sent at a time, the barrier would break.
    server.gate = threading.Barrier(3, timeout=20)
    where = ChatServer(server.url, concurrency=3)
    answers, _ = ask_all([question("a", "b" * i) for i in range(6)], server=where, folder=tmp_path)
    assert len(answers) == 6
    assert server.most_at_once == 3


def test_a_busy_or_failing_server_is_asked_again(server, tmp_path):
    server.failures = [429, 500, 503]
    answers, _ = ask_all([question("aa", "b")], server=ChatServer(server.url), folder=tmp_path)
    assert letters(answers) == ["A"]
    assert len(server.requests) == 4


def test_a_fault_keeps_what_was_answered(server, tmp_path):
    one_by_one = ChatServer(server.url, concurrency=1, max_retries=0)
    questions = [question("a", "b" * i) for i in range(4)]
    ask_all(questions[:1], server=one_by_one, folder=tmp_path)
    server.failures = [401]
    with pytest.raises(JudgeError, match=r"judge at http.* gave no answer: AuthenticationError.*run again"):
        ask_all(questions, server=one_by_one, folder=tmp_path)
    answered = len(list(tmp_path.rglob("*.json")))
    assert answered >= 1
    assert ask_all(questions, server=one_by_one, folder=tmp_path)[1] == 4 - answered


def test_no_server_is_told(server, tmp_path):
    nobody = server.url.replace(str(server.server_port), "9")
    with pytest.raises(JudgeError, match=r"APIConnectionError.*0 of 1 answers are kept"):
        ask_all([question("a", "b")], server=ChatServer(nobody, max_retries=0), folder=tmp_path)


def test_what_is_not_accepted_is_not_kept(server, tmp_path):
    def refuse(answer):
        raise JudgeError("not this one")

    with pytest.raises(JudgeError, match="not this one"):
        ask_all([question("a", "b")], server=ChatServer(server.url), folder=tmp_path, accept=refuse)
    assert not list(tmp_path.rglob("*.json"))
