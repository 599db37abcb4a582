"""What replies say, and what nobody can read off them."""

import math

import pytest

from rapo.judging import verdicts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A", "A"),
        (" B.\n", "B"),
        ("(A)", "A"),
        ("[[B]]", "B"),
        ("**B**, for it is shorter", "B"),
        ("Answer: B", "B"),
        ("Answer A", "A"),
        ("The answer", None),
        ("Final verdict: **A**", "A"),
        ("A\n\nAnswer B is longer, but wrong.", "A"),
        ("<think>A or B? B has 3 faults.</think>\nA", "A"),
        ("A. It is as good as a reply can be", "A"),
        ("A tie", None),
        ("A and B are equally good", None),
        ("A careful reading shows B", None),
        ("A, B", None),
        ("A/B", None),
        ("A. Both are fine", None),
        ("A, a draw", None),
        ("A\nB", None),
        ("A: 7/10\nB: 9/10", None),
        ("A - 7 of 10", None),
        ("a", None),
        ("Answer A and answer B are alike", None),
        ("I'm sorry, but I can't help with that.", None),
        ("Apple", None),
        ("Both", None),
        ("<think>A", None),
        ("", None),
        ("\uff21", "A"),
        ("\u0412", "B"),
        ("\U0001d400.", "A"),
        ("\u0391, \u0412", None),
        ("A, better than \u0412", None),
        ("[[A]] [[B]]", None),
        ("### Verdict: **B**", "B"),
        ("__A__", "A"),
        ("\u00c4", None),
    ],
)
def test_letters(text, found):
    assert verdicts.letter(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("A", "A"), ("**B**\n\nIt", "B"), ("B. It is", "B"), ("A, but on the other", None), ("A - the first", None)],
)
def test_a_letter_whose_reason_was_cut_may_have_ended_otherwise(text, found):
    assert verdicts.letter(text, cut=True) == found
    assert verdicts.letter(text) is not None
    reply_of = verdicts.first_is_better(reply(text, finish="length"), graded=False)
    assert math.isnan(reply_of) if found is None else reply_of == float(found == "A")


def test_a_1_that_was_cut_may_be_10():
    assert math.isnan(verdicts.score("Score: 1", cut=True))
    assert (verdicts.score("Score: 1"), verdicts.score("Score: 7", cut=True)) == (1, 7)
    assert verdicts.score("Score: 10", cut=True) == 10


def test_a_reply_of_thoughts_alone_is_told_with_its_remedy():
    thought = {"choices": [{"finish_reason": "length", "message": {"content": "", "reasoning_content": "A or"}}]}
    assert math.isnan(verdicts.first_is_better(thought, graded=False))
    assert verdicts.shown(thought).startswith(
        "'', cut at the limit of tokens; let it say more with --set max_tokens"
    )
    assert verdicts.shown(reply("A tie")) == "'A tie'"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10", 10),
        ("7.", 7),
        ("**8**", 8),
        ("Score: 7.5", 7.5),
        ("Rating: [[9]]", 9),
        ("6/10", 6),
        ("I would give it 8 out of 10.", 8),
        ("1-10: 9", 9),
        ("Score (1 to 10): 3", 3),
        ("4\n\nIt names 2 of 3 points.", 4),
        ("Score: 5. The answer is short", 5),
        ("7,5", 7.5),
        ("7-8", None),
        ("11", None),
        ("0", None),
        ("-3", None),
        ("10.5", None),
        ("100", None),
        ("8/10 or 9/10", None),
        ("8\n9", None),
        ("There is 1 fault", None),
        ("1. The answer", None),
        ("Score: 5, then 7", None),
        ("n/a", None),
        ("1-10", None),
        ("", None),
    ],
)
def test_scores(text, found):
    got = verdicts.score(text)
    assert math.isnan(got) if found is None else got == found


def reply(text, tokens=None, finish="stop"):
    """A completion whose tokens are given with the probabilities of what might have stood there."""
    content = [
        {"token": said, "top_logprobs": [{"token": name, "logprob": math.log(p)} for name, p in tops.items()]}
        for said, tops in tokens or []
    ]
    return {"choices": [{"finish_reason": finish, "message": {"content": text}, "logprobs": {"content": content}}]}


def test_a_graded_verdict_is_the_share_of_a():
    first = ("A", {"A": 0.5, " A": 0.1, "B": 0.2, "The": 0.2})
    assert verdicts.first_is_better(reply("A", [first]), graded=True) == pytest.approx(0.6 / 0.8)
    second = ("B", {"A": 0.25, "B": 0.75})
    spread = [("Answer", {"Answer": 1.0}), (":", {":": 1.0}), second]
    assert verdicts.first_is_better(reply("Answer: B", spread), graded=True) == pytest.approx(0.25)


def test_a_trace_of_a_letter_in_a_refusal_is_no_verdict():
    tops = {"I": 0.9998, "A": math.exp(-9.2)}
    assert math.isnan(verdicts.first_is_better(reply("I can't judge", [("I", tops)]), graded=True))
    assert math.isnan(verdicts.first_is_better(reply("A", [("A", {"A": 0.3, "B": 0.1, "I": 0.6})]), graded=True))
    tie = [("A", {"A": 0.9, "B": 0.1}), (" tie", {" tie": 1.0})]
    assert math.isnan(verdicts.first_is_better(reply("A tie", tie), graded=True))


@pytest.mark.parametrize("graded", [True, False])
def test_no_reply_is_no_verdict(graded):
    assert math.isnan(verdicts.first_is_better(None, graded=graded))
    assert math.isnan(verdicts.first_is_better({"choices": [{"message": {"content": None}}]}, graded=graded))
    assert math.isnan(verdicts.first_is_better(reply("A", finish="content_filter"), graded=graded))
