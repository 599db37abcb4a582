"""A grader told as settings: what is asked of it, and what it may not know."""

import math

import numpy as np
import pandas as pd
import pytest

from rapo.judging import grading
from rapo.judging.server import JudgeError

pytest.importorskip("openai", reason="openai is not installed (the judges extra)")


pytestmark = pytest.mark.usefixtures("rapo_root")


def test_scores_that_are_not_clear_are_nan_and_never_made_up(server):
    answers = pd.DataFrame({"instruction": "q", "text": ["x" * (1 + i % 9) for i in range(39)] + [" "]})
    server.score = lambda text: "no idea" if len(text) == 9 else str(len(text))
    grader = {"model": "judge", "base_url": server.url, "graded": None}
    with pytest.raises(JudgeError, match=r"4 of 39 scores are unreadable.*at most 5%"):
        grading.scores(answers, grader)
    few = pd.concat([answers[answers["text"].str.len() != 9]] * 2 + [answers.iloc[8:9]], ignore_index=True)
    found = grading.scores(few, grader)
    # A blank answer has 1.
    expected = [1 if not text.strip() else len(text) for text in few["text"]]
    np.testing.assert_array_equal(found[:-1], expected[:-1])
    assert math.isnan(found[-1])


def test_preferences_that_are_not_clear_are_nan(server):
    outputs = [("a" * (2 + i), "b") for i in range(29)] + [("odd", "b")]
    pairs = pd.DataFrame(outputs, columns=["output_1", "output_2"]).assign(
        model="m", instruction=range(30), prompt="q"
    )
    server.odd = lambda body: 400 if "odd" in body["messages"][0]["content"] else None
    found = grading.preferences(pairs, {"model": "judge", "base_url": server.url})
    assert np.isnan(found).tolist() == [False] * 29 + [True]
    assert (found[:29] < 1.5).all()
    assert len(grading.preferences(pairs[:0], {"model": "judge", "base_url": server.url})) == 0


def test_the_check_asks_an_easy_pair(server, monkeypatch):
    server.favour = 1
    grading.check({"model": "judge", "base_url": server.url})
    assert len(server.requests) == 2
    server.reply = "Neither"
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    with pytest.raises(JudgeError, match="neither A nor B to an easy pair"):
        grading.check({"model": "other"})
    server.odd = lambda body: 404
    with pytest.raises(JudgeError, match=r"the judge does not work: .*404.*It was asked at http://127"):
        grading.check({"model": "third"})


def test_a_judge_must_be_named(server):
    with pytest.raises(JudgeError, match=r"set grader\.model"):
        grading.judge_of({"model": None})
    with pytest.raises(JudgeError, match="set OPENAI_API_KEY for OpenAI's own server"):
        grading.judge_of({"model": "judge"})
