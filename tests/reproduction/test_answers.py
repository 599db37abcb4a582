"""Answers: a sentence follows the verdict of the claim its question asks for; claims are counted by whose they are."""

from typing import Any

import pytest

from rapo.claims import published
from rapo.reproduction.report import answers, kept_cards
from rapo.reproduction.report.cards import VERDICTS, Card, card
from rapo.runs import store


def one(name: str = "RA-T9", low: float = 0.5, high: float = 1.5, **changes: Any) -> Card:
    plain = {"id": name, "estimate": (low + high) / 2, "low": low, "high": high, "unit": "of 10", "margin": "gold"}
    return card({**plain, "statement": "a statement", "statistic": "a difference", **changes})


@pytest.mark.parametrize(
    ("interval", "sentence"),
    [
        ((0.5, 1.5), "Yes: true reward less plain DPO's is 1.0 of 10 [0.5, 1.5]."),
        ((-1.5, -0.5), "No: true reward less plain DPO's is −1.0 of 10 [−1.5, −0.5]."),
        ((-0.2, 0.1), "No difference that matters: true reward less plain DPO's is −0.05 of 10 [−0.20, 0.10]."),
        ((-1.0, 2.0), "Not decided: true reward less plain DPO's is 0.5 of 10 [−1.0, 2.0]."),
    ],
)
def test_a_sentence_follows_the_verdict(interval: tuple[float, float], sentence: str) -> None:
    found = answers.answer("RA-T9", "a title", [one("RA-T9/controls"), one("RA-T9", *interval)])
    assert found.sentence == sentence
    assert found.lead is not None
    assert found.lead.id == "RA-T9"
    assert (found.name, found.question[:4]) == ("On the model's own answers", "Does")


def test_what_the_untrained_base_meets_too_is_said() -> None:
    told = answers.answer("RA-T9", "", [one(base_meets_it=True)]).sentence
    assert told.endswith("[0.5, 1.5]. The untrained base, asked alike, meets this too.")
    assert answers.answer("RA-T9", "", [one(base_meets_it=False)]).sentence.endswith("[0.5, 1.5].")


def test_a_control_that_an_answer_needs_stands_beside_it() -> None:
    alone = answers.answer("RA-F3", "", [one("RA-F3")])
    both = answers.answer("RA-F3", "", [one("RA-F3"), one("RA-F3/matched-KL", -0.5, 1.0)])
    added = " Where both are equally far from the base it is 0.2 of 10 [−0.5, 1.0] (undecided)."
    assert both.sentence == alone.sentence + added
    assert both.lead == alone.lead


def test_a_group_without_a_question_is_told_in_the_words_of_its_first_claim() -> None:
    cards = [one("W-1/b"), one("W-1/a", kind="paper's claim"), one("W-1", kind="stricter control")]
    found = answers.answer("W-1", "", cards)
    assert found.lead == cards[1]  # the paper's own goes before the shortest id
    assert (found.name, found.question) == ("W-1", "a statement")
    assert found.sentence == "Yes: a difference: 1.0 of 10 [0.5, 1.5]."
    assert answers.answer("W-1", "a title", [cards[0], cards[2]]).lead == cards[2]
    assert answers.answer("W-1", "a title", []) == answers.Answer("a title", "a title", "", None, "")


def test_claims_are_counted_by_whose_they_are() -> None:
    cards = [
        one("RA-T9/a", kind="paper's claim"),
        one("RA-T9/b", kind="paper's claim", could_fail=False),  # exact ones are the paper's, too
        one("RA-T9/c", -2.0, -1.0, kind="stricter control"),
        one("RA-T9/d", kind=""),
    ]
    counted = {
        kind: {verdict: len(some) for verdict, some in by_verdict}
        for kind, by_verdict in answers.tally(cards).items()
    }
    assert counted == {
        "paper's claim": {"holds": 2},
        "stricter control": {"does not hold": 1},
        "ours": {"holds": 1},
    }


def test_every_verdict_opens_a_sentence_and_every_row_of_the_papers_has_a_question() -> None:
    assert set(answers.OPENINGS) == set(VERDICTS)
    assert {row.ids[0] for row in published.CLAIMS} <= set(answers.questions())


def test_every_claim_that_answers_is_kept() -> None:
    entries = answers.questions().values()
    asked = {entry[name] for entry in entries for name in ("claim", "also") if name in entry}
    measured = asked & {card.id for card in kept_cards()}
    assert measured == asked or (measured and store.outdated()), "or was measured under an earlier plan"
