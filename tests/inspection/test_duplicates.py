"""Pairs that repeat others, by hand and against what the audit counts."""

import numpy as np
import pytest
from scored_pairs import many, of_texts, pair, table, turn

from rapo.inspection.audit import audit
from rapo.inspection.duplicates import repeated, without
from rapo.pairs.check import check

LONG = "one two three four five six seven eight nine ten eleven twelve"
AGAIN = LONG.replace("twelve", "thirteen")  # 9 of 11 distinct shingles are shared: 0.82


def kept(*rows: dict, kind: str = "exact", similarity: float = 0.8, parts: int = 1) -> list[int]:
    """Places of the pairs that stay."""
    whole = check(table(*rows))
    size = -(-len(rows) // parts)
    tables = [whole.slice(at, size) for at in range(0, len(rows), size)]
    return np.flatnonzero(repeated(tables, kind=kind, similarity=similarity).keep).tolist()


@pytest.mark.parametrize("parts", [1, 3])
def test_the_first_of_equal_pairs_stays(parts: int) -> None:
    one, other = of_texts("q"), of_texts("q", rejected="other")
    assert kept(one, other, one, of_texts("r"), {**one, "score_chosen": 5.0}, parts=parts) == [0, 1, 3]


def test_pairs_of_one_text_teach_nothing() -> None:
    assert kept(of_texts("q", "same", "same"), of_texts("r")) == [1]


def test_a_pair_the_other_way_round_is_no_repetition() -> None:
    assert kept(of_texts("q", "a", "b"), of_texts("q", "b", "a")) == [0, 1]


def test_near_duplicates_stay_where_exact_ones_are_asked_for() -> None:
    assert kept(of_texts(LONG), of_texts(AGAIN, "a", "b")) == [0, 1]


def test_of_prompts_that_are_nearly_the_same_the_first_stays_with_all_its_pairs() -> None:
    rows = [of_texts(LONG), of_texts(AGAIN), of_texts(LONG, "a", "b"), of_texts("another question altogether")]
    assert kept(*rows, kind="near") == [0, 2, 3]
    assert kept(*rows, kind="near", similarity=0.95) == [0, 1, 2, 3]


def test_responses_that_are_nearly_the_same_are_left_out() -> None:
    assert kept(of_texts("q", LONG, AGAIN), of_texts("r", LONG, "short"), kind="near") == [1]


def test_a_pair_counts_under_the_first_reason() -> None:
    found = repeated([check(table(of_texts("q", "s", "s"), of_texts("q", "s", "s"), of_texts("r")))])
    assert found.counts == {"pairs equal to an earlier one": 1, "pairs whose responses are the same": 1}


def test_talks_of_several_turns_and_plain_texts_are_told_apart_alike() -> None:
    talk = [turn("user", "q"), turn("assistant", "a"), turn("user", "q")]
    assert kept(pair(prompt=talk), pair(), pair(prompt=talk)) == [0, 1]
    plain = table({"prompt": "q", "chosen": "a", "rejected": "b"}, {"prompt": "q", "chosen": "a", "rejected": "b"})
    assert repeated([plain]).keep.tolist() == [True, False]


def test_nothing_is_found_by_the_audit_in_what_is_left() -> None:
    rows = [*many(20), *many(5), of_texts(LONG), of_texts(AGAIN, "a", "b"), of_texts("q", LONG, AGAIN)]
    whole = check(table(*({**row, "pair_id": str(i)} for i, row in enumerate(rows))))
    (left,) = without([whole], repeated([whole], kind="near"))
    report = audit(left)
    for name in ("duplicate-pairs", "identical-responses", "near-duplicate-prompts", "near-identical-responses"):
        assert report.finding(name).count == 0
        assert audit(whole).finding(name).count > 0 or name == "identical-responses"


@pytest.mark.parametrize(
    ("options", "told"),
    [({"kind": "fuzzy"}, "kind is 'fuzzy'; use one of exact, near"), ({"similarity": 0.0}, "similarity is 0.0")],
)
def test_unknown_options_are_told(options: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        repeated([check(table(pair()))], **options)
