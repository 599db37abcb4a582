"""Duplicates and contradictions: planted, and counted by hand."""

from typing import Any

import numpy as np
import pytest
from scored_pairs import of_texts, turn

from rapo.inspection.audit import audit
from rapo.inspection.finding import Finding


def row(prompt: str, chosen: str, rejected: str, score: float = 9.0, other: float = 2.0) -> dict[str, Any]:
    return of_texts(prompt, chosen, rejected, score_chosen=score, score_rejected=other)


def found(rows: list[dict[str, Any]], name: str) -> Finding:
    return audit(rows).finding(name)


def numbers(got: Finding) -> list[str]:
    return [one.row for one in got.examples]


def test_identical_responses() -> None:
    got = found([row("p", "a", "b"), row("q", "c", "c"), row("r", "d", "D")], "identical-responses")
    assert (got.count, got.n, got.level, numbers(got)) == (1, 3, "serious", ["2"])


def test_a_repeated_pair_counts_from_its_second_place_on() -> None:
    rows = [row("p", "a", "b"), row("q", "a", "b"), row("p", "a", "b"), row("p", "b", "a"), row("p", "a", "b", 7)]
    got = found(rows, "duplicate-pairs")
    assert (got.count, got.n, got.level, numbers(got)) == (2, 5, "serious", ["3", "5"])
    assert {one.note for one in got.examples} == {"the same pair as row 1"}


def test_repeated_prompts_are_a_note() -> None:
    got = found(
        [row("p", "a", "b"), row("p", "c", "d"), row("q", "e", "f"), row("P", "g", "h")], "repeated-prompts"
    )
    assert (got.count, got.n, got.level, numbers(got)) == (1, 4, "note", ["2"])


def test_an_earlier_turn_makes_another_prompt() -> None:
    talk = row("p", "a", "b") | {"prompt": [turn("user", "x"), turn("assistant", "y"), turn("user", "p")]}
    assert found([row("p", "a", "b"), talk], "repeated-prompts").count == 0


def test_a_response_to_several_prompts_counts_wherever_it_stands() -> None:
    rows = [
        row("p", "sorry", "b"),
        row("q", "c", "sorry"),
        row("q", "sorry", "d"),
        row("r", "e", "f"),
        row("r", "e", "g"),
    ]
    got = found(rows, "same-response-to-other-prompts")
    assert (got.count, got.n, got.unit, got.level) == (3, 10, "responses", "serious")
    assert [(one.row, one.column, one.note) for one in got.examples] == [
        ("2", "rejected", "the same response, to another prompt, as row 1"),
        ("3", "chosen", "the same response, to another prompt, as row 1"),
    ]


def test_both_orders_of_one_prompt() -> None:
    rows = [row("p", "a", "b"), row("q", "b", "a"), row("p", "b", "a"), row("p", "a", "c"), row("p", "d", "d")]
    got = found(rows, "both-orders")
    assert (got.count, got.n, got.level, numbers(got)) == (2, 5, "serious", ["1", "3"])
    assert [one.note for one in got.examples] == ["the other way round in row 3", "the other way round in row 1"]


def test_a_circle_of_preferences() -> None:
    circle = [row("p", "a", "b"), row("p", "b", "c"), row("p", "c", "a")]
    got = found([*circle, row("p", "a", "d"), row("q", "b", "a"), row("q", "a", "c")], "preference-cycles")
    assert (got.count, got.n, got.level, numbers(got)) == (3, 6, "serious", ["1", "2", "3"])


def test_both_orders_are_no_circle_of_three() -> None:
    assert found([row("p", "a", "b"), row("p", "b", "a")], "preference-cycles").count == 0


def _reaches(edges: set[tuple[str, str, str]], prompt: str, goal: str, start: str) -> bool:
    """Whether a chain of preferences leads from ``start`` to ``goal``."""
    seen, todo = set[str](), [start]
    while todo:
        at = todo.pop()
        new = {y for p, x, y in edges if (p, x) == (prompt, at)} - seen
        seen |= new
        todo += new
    return goal in seen


@pytest.mark.parametrize("seed", range(3))
def test_orders_and_circles_against_brute_force(seed: int) -> None:
    draw = np.random.default_rng(seed)
    edges = [(f"p{p % 2}", f"a{x}", f"a{y}") for p, x, y in draw.integers(0, 8, size=(30, 3))]
    report = audit([row(*edge) for edge in edges])
    there = set(edges)
    both = [edge for edge in edges if (edge[0], edge[2], edge[1]) in there and edge[1] != edge[2]]
    assert report.finding("both-orders").count == len(both)

    circle = [edge for edge in edges if edge[1] != edge[2] and edge not in both and _reaches(there, *edge)]
    assert report.finding("preference-cycles").count == len(circle)


def test_one_response_with_two_scores() -> None:
    rows = [row("p", "a", "b", 9, 2), row("p", "a", "c", 8, 2), row("p", "b", "c", 2, 2), row("q", "a", "b", 5, 1)]
    got = found(rows, "scores-differ")
    # More than once to one prompt: a (9 and 8), b (2 and 2), c (2 and 2).
    assert (got.count, got.n, got.level, got.unit) == (1, 3, "serious", "repeated responses")
    assert [(one.row, one.column, one.note) for one in got.examples] == [
        ("1", "chosen", "scored otherwise in row 2")
    ]
