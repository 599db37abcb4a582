"""Findings: sentences have the words of their claims' verdicts."""

from string import Formatter

import pytest

from rapo.claims.claim import VERDICTS
from rapo.claims.compare import replication
from rapo.reproduction.report import findings, kept_cards
from rapo.reproduction.report.cards import Card, card
from rapo.runs import store


def one(low: float, high: float, name: str = "RA-F2/gold") -> Card:
    middle = (low + high) / 2
    return card({"id": name, "estimate": middle, "low": low, "high": high, "unit": "of 10", "margin": "gold"})


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0.4, 0.6), "In true reward it is ahead (+0.50 of 10 [0.40, 0.60])."),
        ((-0.6, -0.4), "In true reward it is behind (−0.50 of 10 [−0.60, −0.40])."),
        ((-0.1, 0.2), "In true reward both are level (+0.05 of 10 [−0.10, 0.20])."),
        ((-1.0, 2.0), "In true reward nothing is decided (+0.5 of 10 [−1.0, 2.0])."),
    ],
)
def test_a_sentence_follows_the_verdict(interval: tuple[float, float], words: str) -> None:
    (found,) = findings.findings([one(*interval)])
    assert found.answer == words
    assert found.question == "Does relabelling beat plain DPO, as the paper says?"


def test_every_sentence_has_words_for_every_verdict_and_tells_value_and_interval() -> None:
    for entry in findings.written():
        for sentence in entry["sentences"]:
            assert set(sentence) == {"of", *VERDICTS}
            for verdict in VERDICTS:
                sure = {"slight"} if verdict in ("holds", "does not hold") else set()
                told = {name for _, name, *_ in Formatter().parse(sentence[verdict]) if name}
                assert told - {"base"} == {"value", "interval", *sure}


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0.1, 0.2), "; less than the 0.3 that would matter)."),
        ((-0.29, -0.1), "; less than the 0.3 that would matter)."),
        ((0.1, 0.3), "0.30])."),
        ((-0.1, 0.1), "0.10])."),
    ],
)
def test_a_sure_difference_within_the_margin_is_told_so(interval: tuple[float, float], words: str) -> None:
    (found,) = findings.findings([one(*interval)])
    assert found.answer.endswith(words)


def test_a_verdict_that_moved_when_it_was_measured_anew_is_told_with_its_sentence() -> None:
    old, moved, level = (
        {
            "id": "RA-F2/gold",
            "estimate": (low + high) / 2,
            "low": low,
            "high": high,
            "unit": "of 10",
            "margin": "gold",
        }
        for low, high in ((0.4, 0.6), (-1.0, 2.0), (0.5, 0.9))
    )
    told = [card(old, anew=replication([new], [old])["claims"]) for new in (moved, level)]
    answers = [findings.findings([one])[0].answer for one in told]
    assert answers[0].endswith("[0.40, 0.60]; anew 0.5 [−1.0, 2.0], undecided).")
    assert answers[1].endswith("[0.40, 0.60]).")
    assert [one.anew for one in told] == ["0.5 [−1.0, 2.0], undecided", "0.70 [0.50, 0.90], holds"]
    other = card(old | {"high": 0.7}, anew=replication([moved], [old])["claims"])
    assert (other.anew, other.moved) == ("", False), "held against other numbers"


def test_a_finding_begins_with_its_answer_in_short() -> None:
    (found,) = findings.findings([one(0.4, 0.6, "RA-F2/length-controlled"), one(0.4, 0.6)])
    assert found.short == "Yes."
    assert found.answer.startswith("Yes. By length-controlled win rate")
    (alone,) = findings.findings([one(0.4, 0.6)])
    assert alone.short == ""
    for entry in findings.written():
        first = findings.Finding("", ((entry["sentences"][0]["equal"], ""),))
        assert 3 < len(first.short) < 30


def test_what_was_not_measured_is_not_told() -> None:
    assert findings.findings([]) == []
    assert findings.findings([one(0.1, 0.2, "RA-T4")]) == []


def test_every_claim_that_is_told_is_kept() -> None:
    told = {sentence["of"] for entry in findings.written() for sentence in entry["sentences"]}
    measured = told & {card.id for card in kept_cards()}
    assert measured == told or (measured and store.outdated()), "or was measured under an earlier plan"


def test_what_holms_correction_takes_back_and_what_the_base_does_as_well_is_told_with_its_sentence() -> None:
    record = {"id": "RA-A3/mean", "estimate": 0.4, "low": 0.35, "high": 0.45, "unit": "of 10", "margin": "gold"}
    (plain,) = findings.findings([card(record | {"base_meets_it": False})])
    assert "asked plainly (+0.40 of 10 [0.35, 0.45])" in plain.answer
    (told,) = findings.findings([card(record | {"base_meets_it": True}, {"RA-A3/mean": "undecided"})])
    words = "asked plainly, as the untrained base is (+0.40 of 10 [0.35, 0.45]; undecided after Holm)"
    assert words in told.answer
