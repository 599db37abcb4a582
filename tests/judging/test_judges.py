"""Verdicts of a judge on this machine whose liking for length and for the first place is known."""

import logging
import math

import numpy as np
import pandas as pd
import pytest
from fake_chat_server import running

from rapo.judging import bias, judgements, votes
from rapo.judging.judges import Judge, JudgeError, judge_pairs

pytest.importorskip("openai", reason="openai is not installed (the judges extra)")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with running() as found:
        yield found


def pairs(*outputs):
    """Pairs of a baseline's and a model's output."""
    frame = pd.DataFrame(outputs, columns=["output_1", "output_2"])
    return frame.assign(
        model="m", instruction=range(len(frame)), prompt="Say {first} and {second} {instruction} ."
    )


def sigmoid(x):
    return 1 / (1 + math.exp(-x / 4))


def test_graded_preference_is_the_mean_of_both_orders(server, tmp_path):
    server.favour = 1
    judge = Judge("judge", server.url, price_in=10.0, price_out=30.0)
    table, cost = judge_pairs(pairs(("xx", "xxxxx"), ("xxxx", "x")), judge=judge, cache=tmp_path)
    # The judge's chance for the answer shown first: sigmoid((its length - the other's + 1) / 4).
    assert table["forward"].tolist() == pytest.approx([1 + sigmoid(4), 1 + sigmoid(-2)])
    assert table["backward"].tolist() == pytest.approx([2 - sigmoid(-2), 2 - sigmoid(4)])
    assert table["preference"].tolist() == pytest.approx(
        [(3 + sigmoid(4) - sigmoid(-2)) / 2, (3 + sigmoid(-2) - sigmoid(4)) / 2]
    )
    assert table[["length_model", "length_baseline"]].to_numpy().tolist() == [[5, 2], [1, 4]]
    assert (cost.n_pairs, cost.n_asked, cost.tokens_in, cost.tokens_out) == (2, 4, 400, 4)
    # 200 tokens in at 10 and 2 out at 30 a million, a pair: 0.00206; a thousand pairs 2.06.
    assert cost.price_per_1000 == pytest.approx(2.06)


def test_judgements_are_read_as_they_are(server, tmp_path):
    table, _ = judge_pairs(pairs(("a", "abc"), ("ab", "a")), judge=Judge("judge", server.url), cache=tmp_path)
    assert judgements.table(table)["preference"].tolist() == table["preference"].tolist()


def test_position_bias_of_the_judge_is_found(server, tmp_path):
    rng = np.random.default_rng(0)
    outputs = [("x" * a, "x" * b) for a, b in rng.integers(1, 12, size=(40, 2))]
    server.favour = 4
    table, _ = judge_pairs(pairs(*outputs), judge=Judge("judge", server.url, graded=False), cache=tmp_path)
    forward, backward = (votes.of(table[order], middle=1.5) for order in ("forward", "backward"))
    # With 4 characters of favour every pair within 4 characters goes to the first place, in both orders.
    close = np.mean([abs(len(a) - len(b)) <= 4 for a, b in outputs])
    found = bias.position_bias(forward, backward)
    assert found.second.estimate == 0
    assert found.first.estimate == pytest.approx(close, abs=0.08)
    assert found.first.low > 0


def test_kept_judgements_cost_nothing_and_tell_their_price(server, tmp_path):
    judge = Judge("judge", server.url, price_in=1.0, price_out=1.0)
    first, cost = judge_pairs(pairs(("a", "ab")), judge=judge, cache=tmp_path)
    again, free = judge_pairs(pairs(("a", "ab")), judge=judge, cache=tmp_path)
    pd.testing.assert_frame_equal(first, again)
    assert (cost.n_asked, free.n_asked) == (2, 0)
    assert free.price_per_1000 == cost.price_per_1000
    # The letter is another question than the log-probs.
    assert (
        judge_pairs(pairs(("a", "ab")), judge=Judge("judge", server.url, graded=False), cache=tmp_path)[1].n_asked
        == 2
    )


def test_texts_with_braces_stay_as_they_are(server, tmp_path):
    judge_pairs(pairs(("{second}", "{x}")), judge=Judge("judge", server.url), cache=tmp_path)
    shown = [body["messages"][0]["content"] for body in server.requests]
    assert any("# Answer A\n{x}\n\n# Answer B\n{second}\n" in content for content in shown)
    assert all("# Instruction\nSay {first} and {second} {instruction} .\n" in content for content in shown)


def test_missing_logprobs_are_an_error(server, tmp_path):
    server.logprobs = False
    with pytest.raises(JudgeError, match=r"asked for log-probs and returned none.*Judge\(graded=False\)"):
        judge_pairs(pairs(("a", "ab")), judge=Judge("judge", server.url), cache=tmp_path)
    assert not list(tmp_path.rglob("*.json"))
    assert all(body["logprobs"] is True for body in server.requests)


@pytest.mark.parametrize(
    ("reply", "forward"),
    [
        ("A", 2.0),
        (" **B**, for it is shorter", 1.0),
        ("(A)", 2.0),
        ("Answer A", None),
        ("Better", None),
        ("", None),
    ],
)
def test_letters_are_read_from_text(server, tmp_path, caplog, reply, forward):
    server.reply = reply or " "
    table, _ = judge_pairs(pairs(("a", "ab")), judge=Judge("judge", server.url, graded=False), cache=tmp_path)
    if forward is None:
        assert math.isnan(table["preference"][0])
        assert "1 of 1 pairs have an unreadable verdict" in caplog.text
        with pytest.raises(ValueError, match="1 judgements have no preference"):
            judgements.table(table)
    else:
        # Always the same letter: the first place, or the second, wins in both orders, which is a draw.
        assert (table["forward"][0], table["preference"][0]) == (forward, 1.5)


def test_options_are_sent_or_left_out(server, tmp_path):
    judge = Judge(
        "judge", server.url, options={"max_tokens": None, "max_completion_tokens": 5, "temperature": 1.0}
    )
    judge_pairs(pairs(("a", "ab")), judge=judge, cache=tmp_path)
    body = server.requests[0]
    assert (body["max_completion_tokens"], body["temperature"], "max_tokens" in body) == (5, 1.0, False)


def test_unknown_price_is_none(server, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        _, cost = judge_pairs(pairs(("a", "ab")), judge=Judge("judge", server.url), cache=tmp_path)
    assert cost.price_per_1000 is None
    assert "price per 1,000 pairs not known" in caplog.text
    server.usage = False
    _, cost = judge_pairs(
        pairs(("a", "abc")), judge=Judge("judge", server.url, price_in=1.0, price_out=1.0), cache=tmp_path
    )
    assert (cost.tokens_in, cost.price_per_1000) == (None, None)


def test_answers_are_kept_in_the_project(server, rapo_root):
    judge_pairs(pairs(("a", "ab")), judge=Judge("judge", server.url))
    assert len(list((rapo_root / "build" / "judgements").rglob("*.json"))) == 2


@pytest.mark.parametrize(
    ("frame", "changes", "message"),
    [
        (pairs(("a", "b")).drop(columns="prompt"), {}, "no column 'prompt'"),
        (pairs(), {}, "no pair to judge"),
        (pairs(("a", None)), {}, "column output_2, row 0: None is no text"),
        (pairs(("a", "b")), {"prompt": "{first} or {second}?"}, r"has no \{instruction\}"),
        (pairs(("a", "b")), {"concurrency": 0}, "concurrency is 0"),
    ],
)
def test_bad_input_is_named(frame, changes, message):
    with pytest.raises(ValueError, match=message):
        judge_pairs(frame, judge=Judge("judge", "http://127.0.0.1:9/v1", **changes))
