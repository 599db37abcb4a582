"""The course: reading order, and answers computed from kept claims."""

from dataclasses import replace
from pathlib import Path

import pytest

from rapo.reproduction import contents, notebook
from rapo.reproduction.report.cards import Card, card


def one(name: str, *, kind: str = "ours", low: float = 0.4, high: float = 0.6) -> Card:
    numbers = {"estimate": (low + high) / 2, "low": low, "high": high}
    return card({"id": name, "statement": f"What {name} says", "kind": kind, "unit": "points", **numbers})


@pytest.fixture(autouse=True)
def at_home(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(repository))


def test_the_course_is_every_notebook_in_its_place_and_the_index_first() -> None:
    names = [source.name for source in contents.course()]
    assert names[:2] == ["index", "quickstart"]
    assert sorted(names) == [source.name for source in notebook.find()]


def test_the_index_lists_every_notebook_but_itself_with_link_question_and_time() -> None:
    lines = contents.written().splitlines()
    assert len(lines) == 2 + len(notebook.find()) - 1
    assert lines[2].startswith("| 1 | [quickstart](quickstart.ipynb) | What does the library do")
    assert "[central_results](central_results.ipynb)" in contents.written()


def test_a_claim_itself_stands_for_its_id_else_one_that_the_paper_makes() -> None:
    cards = [one("RA-T1/a"), one("RA-T1"), one("RA-T2/a"), one("RA-T2/b", kind="paper's claim"), one("RA-X")]
    assert [card.id for card in contents.main("toy_policies", cards)] == ["RA-T1", "RA-T2/b"]


def test_sentences_are_computed_and_findings_are_not_said_twice() -> None:
    assert contents.sentences("toy_policies", [one("RA-T1")]) == [
        "What RA-T1 says: **holds** (0.50 points, interval [0.40, 0.60])."
    ]
    (said,) = contents.sentences("alignment_potential", [one("AP-map")])
    assert said.startswith("Does alignment potential select better pairs?")


def test_without_kept_claims_it_says_so() -> None:
    assert "Nothing is kept" in contents.told("toy_policies", [])
    assert contents.told("quickstart", []) == "**What does the library do with a file of preference pairs?**"


def test_one_row_a_claim_is_drawn_and_one_without_an_interval_too() -> None:
    exact = replace(one("RA-F1", low=0.0, high=0.0), strip=None)
    axes = contents.strips([one("RA-T1"), exact]).axes[0]
    words = [text.get_text() for text in axes.texts]
    assert words == ["What RA-T1 says", "holds\n0.50 points", "What RA-F1 says", "does not hold\n0 points"]
    assert len(axes.containers) == 1, "a grey side for the one with an interval"


def test_minutes_are_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"a": 3103.2, "b": 7.6}
    monkeypatch.setattr("rapo.runs.progress.kept_durations", lambda what: kept)
    assert [contents.minutes(name) for name in "abc"] == ["52\N{NO-BREAK SPACE}min", "8\N{NO-BREAK SPACE}s", ""]


def test_the_scoreboard_counts_kinds_by_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = [one("RA-T1"), one("RA-T2", kind="paper's claim, exact"), one("RA-T3", low=-1, high=1)]
    monkeypatch.setattr("rapo.reproduction.report.kept_cards", lambda: cards)
    board = contents.scoreboard()
    assert board.loc["ours"].to_dict() == {"holds": 1, "does not hold": 0, "equal": 0, "undecided": 1}
    assert board.loc["paper's claim", "holds"] == 1
