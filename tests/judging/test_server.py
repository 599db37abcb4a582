"""Many questions: order, kept answers, what is counted, what stops, against a server on this machine."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_chat_server import Odd, texts_of

from rapo.judging.questions import fenced
from rapo.judging.server import ChatServer, JudgeError, ask_all, look_up

pytest.importorskip("openai", reason="openai is not installed (the judges extra)")


def question(first, second, **fields):
    shown = fenced({"first": first, "second": second})
    content = f"# Answer A\n{shown['first']}\n\n# Answer B\n{shown['second']}\n\nReply"
    return {"model": "judge", "messages": [{"role": "user", "content": content}], **fields}


def letters(replies):
    return [answer and answer["choices"][0]["message"]["content"] for answer in replies.answers]


def kept(folder):
    return list(folder.rglob("*.json"))


def test_answers_come_in_the_order_of_questions_and_are_kept(server, tmp_path):
    questions = [question("x" * (i % 7), "xxx") for i in range(20)]
    where = ChatServer(server.url)
    assert look_up(questions, server=where, folder=tmp_path) == (questions[:7], 7)
    replies = ask_all(questions, server=where, folder=tmp_path)
    assert letters(replies) == ["A" if i % 7 >= 3 else "B" for i in range(20)]
    # Twenty questions, seven different ones.
    assert (replies.n_asked, len(server.requests)) == (7, 7)
    assert replies.sent == [True] * 7 + [False] * 13
    again = ask_all(questions, server=where, folder=tmp_path)
    assert again.answers == replies.answers
    assert (again.n_asked, len(server.requests)) == (0, 7)
    assert look_up(questions, server=where, folder=tmp_path) == ([], 7)
    assert not list(tmp_path.rglob("*.lock"))


def test_any_difference_in_the_request_is_another_question(server, tmp_path):
    where = ChatServer(server.url)
    different = (
        {},
        {"temperature": 0.5},
        {"max_tokens": 3},
        {"model": "other"},
        {"thinking_token_budget": 2000, "stop_token_ids": [7]},
        {"thinking_token_budget": 4000, "stop_token_ids": [7]},
        {"thinking_token_budget": 4000, "stop_token_ids": [8]},
        {"extra_headers": {"X-Route": "b"}},
    )
    for fields in different:
        assert ask_all([question("a", "b") | fields], server=where, folder=tmp_path).n_asked == 1
    for url in (server.url.replace("127.0.0.1", "localhost"), f"{server.url}?deployment=b"):
        assert ask_all([question("a", "b")], server=ChatServer(url), folder=tmp_path).n_asked == 1
    assert len(kept(tmp_path)) == len(different) + 2


def test_the_address_of_the_environment_is_part_of_the_request(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert ask_all([question("a", "b")], server=ChatServer(), folder=tmp_path).n_asked == 1
    assert ask_all([question("a", "b")], server=ChatServer(server.url), folder=tmp_path).n_asked == 0
    monkeypatch.delenv("OPENAI_BASE_URL")
    # What another server answered is no answer of OpenAI's own.
    assert len(look_up([question("a", "b")], server=ChatServer(), folder=tmp_path)[0]) == 1


def test_damaged_answers_are_asked_for_again(server, tmp_path, caplog):
    where = ChatServer(server.url)
    ask_all([question("a", "b")], server=where, folder=tmp_path)
    (file,) = kept(tmp_path)
    file.write_text(file.read_text(encoding="utf-8")[:40], encoding="utf-8")
    assert ask_all([question("a", "b")], server=where, folder=tmp_path).n_asked == 1
    assert "is damaged" in caplog.text
    assert ask_all([question("a", "b")], server=where, folder=tmp_path).n_asked == 0


def test_an_answer_kept_for_another_request_is_no_answer_to_this_one(server, tmp_path, caplog):
    where = ChatServer(server.url)
    ask_all([question("a", "b")], server=where, folder=tmp_path)
    (file,) = kept(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("Answer B", "Answer C"), encoding="utf-8")
    assert ask_all([question("a", "b")], server=where, folder=tmp_path).n_asked == 1
    assert "it answers another request" in caplog.text


def test_two_judges_at_once_pay_once(server, tmp_path):
    # Each has asked its first question before either is answered.
    server.gate = threading.Barrier(2, timeout=20)
    questions = [question("a", "b" * i) for i in range(4)]
    sets = [questions, questions[::-1]]
    where = ChatServer(server.url, concurrency=1)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda some: ask_all(some, server=where, folder=tmp_path), sets))
    assert both[0].answers == both[1].answers[::-1]
    assert sum(one.n_asked for one in both) == len(server.requests) == 4


def test_ctrl_c_stops_sending_and_keeps_what_was_answered(server, tmp_path):
    server.on_request = lambda n: os.kill(os.getpid(), signal.SIGINT) if n == 8 else None
    questions = [question("a", "b" * i) for i in range(80)]
    where = ChatServer(server.url, concurrency=4)
    with pytest.raises(KeyboardInterrupt):
        ask_all(questions, server=where, folder=tmp_path)
    sent, done = len(server.requests), len(kept(tmp_path))
    # The signal may take as long as a few answers; without a stop all 80 would have gone.
    assert 8 <= sent < 60
    assert sent - 4 <= done <= sent
    assert not list(tmp_path.rglob("*.lock"))
    assert ask_all(questions, server=where, folder=tmp_path).n_asked == 80 - done


def test_a_judge_that_is_killed_pays_nothing_twice_but_what_was_under_way(server, tmp_path):
    questions = [question("a", "b" * i) for i in range(30)]
    (tmp_path / "questions.json").write_text(json.dumps(questions))
    code = """if True:
        import json, sys
        from pathlib import Path
        from rapo.judging.server import ChatServer, ask_all
        ask_all(json.loads(Path(sys.argv[1]).read_text()), server=ChatServer(sys.argv[2], concurrency=3),
                folder=Path(sys.argv[3]))
    """
    words = [str(tmp_path / "questions.json"), server.url, str(tmp_path / "kept")]
    process = subprocess.Popen([sys.executable, "-c", code, *words])
    server.on_request = lambda n: process.kill() if n == 8 else None
    assert process.wait(timeout=120) == -signal.SIGKILL
    sent, where = len(server.requests), ChatServer(server.url, concurrency=3)
    done = len(kept(tmp_path / "kept"))
    assert 8 <= sent <= done + 3
    replies = ask_all(questions, server=where, folder=tmp_path / "kept")
    assert (replies.n_asked, len(server.requests)) == (30 - done, sent + 30 - done)
    assert None not in replies.answers


def test_half_a_character_is_kept_too(server, tmp_path):
    odd = {"role": "assistant", "content": "A", "reasoning_content": "\ud83d"}
    body = {"choices": [{"message": odd, "finish_reason": "stop"}]}
    server.failures = [Odd(json.dumps(body).encode())]
    asked, where = [question("a", "b")], ChatServer(server.url)
    assert letters(ask_all(asked, server=where, folder=tmp_path)) == ["A"]
    (again,) = ask_all(asked, server=where, folder=tmp_path).answers
    assert (again["choices"][0]["message"], len(server.requests)) == (odd, 1)


def test_so_many_at_a_time(server, tmp_path):
    # The first three requests wait for one another; were fewer sent at a time, the barrier would break.
    server.gate = threading.Barrier(3, timeout=20)
    where = ChatServer(server.url, concurrency=3)
    replies = ask_all([question("a", "b" * i) for i in range(6)], server=where, folder=tmp_path)
    assert len(replies.answers) == 6
    assert server.most_at_once == 3


def test_it_works_where_a_loop_runs_already_as_in_a_notebook(server, tmp_path):
    async def cell():
        return ask_all([question("aa", "b")], server=ChatServer(server.url), folder=tmp_path)

    assert letters(asyncio.run(cell())) == ["A"]


def test_a_fault_for_all_keeps_what_was_answered(server, tmp_path):
    one_by_one = ChatServer(server.url, concurrency=1, max_retries=0)
    questions = [question("a", "b" * i) for i in range(4)]
    ask_all(questions[:1], server=one_by_one, folder=tmp_path)
    server.failures = [401]
    with pytest.raises(JudgeError, match=r"judge at http.* answered 401: .*0 of 3 answers are kept; run again"):
        ask_all(questions, server=one_by_one, folder=tmp_path)
    assert len(server.requests) == 2
    assert ask_all(questions, server=one_by_one, folder=tmp_path).n_asked == 3


def test_one_filtered_prompt_is_counted_and_blocks_nothing(server, tmp_path):
    server.odd = lambda body: 400 if "poison" in body["messages"][0]["content"] else None
    questions = [question("aaaa", "poison" if i == 3 else "b" * i) for i in range(8)]
    replies = ask_all(questions, server=ChatServer(server.url), folder=tmp_path)
    assert [answer is None for answer in replies.answers] == [i == 3 for i in range(8)]
    (why,) = replies.failures
    assert "answered 400: Error code: 400 - status 400" in why
    assert len(server.requests) == 8
    # It is not kept, and asked again next time.
    server.odd = lambda body: None
    assert ask_all(questions, server=ChatServer(server.url), folder=tmp_path).n_asked == 1


def test_where_nothing_is_answered_the_others_are_not_asked(server, tmp_path):
    server.odd = lambda body: 400
    questions = [question("a", "b" * i) for i in range(60)]
    with pytest.raises(JudgeError, match=r"10 questions in a row got no answer; the last: .* 400"):
        ask_all(questions, server=ChatServer(server.url, concurrency=2), folder=tmp_path)
    assert len(server.requests) <= 12
    with pytest.raises(JudgeError, match=r"no question was answered; the first: .* 400"):
        ask_all(questions[:2], server=ChatServer(server.url), folder=tmp_path)


def test_what_is_not_accepted_is_not_kept(server, tmp_path):
    def refuse(answer):
        raise JudgeError("not this one")

    with pytest.raises(JudgeError, match="not this one"):
        ask_all([question("a", "b")], server=ChatServer(server.url), folder=tmp_path, accept=refuse)
    assert not kept(tmp_path)


def test_secrets_are_in_no_file_and_no_message(server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    words = [
        "sk-password-1",
        "sk-parameter-2",
        "sk-header-3",
        "sk-plain-header-4",
        "sk-key-5",
        "sk-field-6",
        "sk-deep-7",
    ]
    url = server.url.replace("//", f"//me:{words[0]}@") + f"?api_key={words[1]}&version=7"
    beside = {"extra_headers": {"X-Api-Key": words[2], "X-Other": words[3]}, "extra_body": {"api_key": words[5]}}
    beside["user_config"] = {"routes": [{"litellm_params": {"api_key": words[6]}}]}
    where = ChatServer(url)
    asked = [question("aa", "b", **beside)]
    ask_all(asked, server=where, folder=tmp_path, api_key=words[4])
    assert server.paths == [f"/v1/chat/completions?api_key={words[1]}&version=7"]
    assert (server.headers[0]["x-api-key"], server.headers[0]["x-other"]) == (words[2], words[3])
    assert server.requests[0]["api_key"] == words[5]
    assert server.requests[0]["user_config"] == beside["user_config"]
    # Another key is the same question.
    other = {**beside, "extra_headers": {**beside["extra_headers"], "X-Api-Key": "another-one"}}
    assert ask_all([question("aa", "b", **other)], server=where, folder=tmp_path, api_key="another").n_asked == 0
    # A server that repeats all that it was told, in an answer and in an error.
    server.reply = " ".join(["A", *words[:3], *words[4:]])
    ask_all([question("a", "bbb", **beside)], server=where, folder=tmp_path, api_key=words[4])
    echo = Odd(json.dumps({"error": {"message": " ".join(words)}}).encode(), status=401)
    server.failures = [echo]
    with pytest.raises(JudgeError) as told:
        ask_all([question("a", "bb", **beside)], server=where, folder=tmp_path, api_key=words[4])
    assert "127.0.0.1" in str(told.value)
    written = "".join(file.read_text(encoding="utf-8") for file in kept(tmp_path)) + str(told.value) + caplog.text
    assert not [word for word in words if word in written]


def test_a_full_disk_is_told_as_what_it_is(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        ask_all([question("a", "b")], server=ChatServer(server.url), folder=tmp_path / "file")


def test_texts_are_found_again_by_the_server(server):
    assert texts_of(question("x\n\n# Answer B\ny", "z"), "Answer A", "Answer B") == ["x\n\n# Answer B\ny", "z"]
