"""Near-duplicates within data, and prompts copied into responses: planted, and counted by hand."""

from typing import Any

from scored_pairs import of_texts as row
from scored_pairs import turn

from rapo.inspection.audit import audit
from rapo.inspection.finding import Finding

LONG = " ".join(f"word{i}" for i in range(60))  # 58 shingles
NEAR = LONG + " and more"  # 60 shingles, 58 shared: 0.97
FAR = " ".join(f"word{i}" for i in range(0, 120, 2))


def found(rows: list[dict[str, Any]], name: str, **options: Any) -> Finding:
    return audit(rows, **options).finding(name)


def test_near_prompts_count_once_a_group_less_one() -> None:
    rows = [
        row(LONG, "a", "b"),
        row(FAR, "c", "d"),
        row(NEAR, "e", "f"),
        row(NEAR, "g", "h"),
        row(LONG.upper(), "i", "j"),
    ]
    got = found(rows, "near-duplicate-prompts")
    # Four different prompts (NEAR stands there twice), of which three are one group: two too many.
    assert (got.count, got.n, got.unit, got.level) == (2, 4, "prompts", "serious")
    assert [(one.row, one.note) for one in got.examples] == [
        ("3", "nearly the same as row 1"),
        ("4", "nearly the same as row 1"),
        ("5", "nearly the same as row 1"),
    ]


def test_a_stricter_similarity_finds_less() -> None:
    rows = [row(LONG, "a", "b"), row(NEAR, "e", "f")]
    assert found(rows, "near-duplicate-prompts", similarity=0.9).count == 1
    assert found(rows, "near-duplicate-prompts", similarity=1.0).count == 0


def test_near_responses_count_only_between_prompts() -> None:
    rows = [row("p", LONG, "a"), row("p", NEAR, "b"), row("q", "c", FAR)]
    assert found(rows, "near-duplicate-responses").count == 0
    got = found([*rows, row("r", "d", NEAR + " yet")], "near-duplicate-responses")
    assert (got.count, got.n, got.level) == (3, 8, "serious")
    assert [(one.row, one.column) for one in got.examples] == [("4", "rejected")]


def test_equal_responses_to_other_prompts_are_no_near_ones() -> None:
    assert found([row("p", LONG, "a"), row("q", LONG, "b")], "near-duplicate-responses").count == 0


def test_nearly_identical_responses_of_a_pair() -> None:
    rows = [row("p", LONG, NEAR), row("q", LONG, LONG), row("r", LONG, FAR), row("s", "yes", "no")]
    got = found(rows, "near-identical-responses")
    assert (got.count, got.n, got.level) == (1, 4, "serious")
    assert [one.row for one in got.examples] == ["1"]
    assert got.examples[0].note.startswith("similarity 0.9")


def test_a_prompt_copied_into_a_response() -> None:
    asked = "What is the capital of France today?"
    rows = [
        row(asked, "Paris.", "You asked: what is the capital of  FRANCE today — it is Paris"),
        row(asked, "What is the capital of France", "Lyon"),  # one word is missing
        row("Hi there", "Hi there, friend", "Hi there"),  # too short to tell
        row(asked, f"{asked} Paris", f"{asked} Lyon"),
        row("Name the capital of Spain now", asked, "Madrid"),
    ]
    got = found(rows, "prompt-copied")
    assert (got.count, got.n, got.level) == (2, 5, "serious")
    assert "20.0 % of the chosen and 40.0 % of the rejected" in got.told
    assert [(one.row, one.column) for one in got.examples] == [
        ("1", "rejected"),
        ("4", "chosen"),
        ("4", "rejected"),
    ]


def test_a_copy_does_not_run_on_into_the_next_response() -> None:
    rows = [row("one two three four five six", "so one two three"), row("other", "four five six seven")]
    assert found(rows, "prompt-copied").count == 0
    assert found(rows[:1], "prompt-copied").count == 0


def test_only_the_last_turn_of_the_prompt_is_looked_for() -> None:
    first, last = "first tell me about old ships", "now tell me about new cars"
    talk = [turn("user", first), turn("assistant", "ok"), turn("user", last)]
    rows = [row("", f"{text}: fine") | {"prompt": talk} for text in (last, first)]
    got = found(rows, "prompt-copied")
    assert got.count == 1
    assert [one.row for one in got.examples] == ["1"]
