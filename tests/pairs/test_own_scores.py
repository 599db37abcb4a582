"""Candidates without scores: shown, scored, and cut down to two a row."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs import own_scores
from rapo.pairs.door import open_pairs
from rapo.pairs.faults import PairsError


def table(*scores: list[float | None], field: str = "overall_score") -> pa.Table:
    rows = [
        {"prompt": f"q{row}", "completions": [{"response": f"{row}-{i}", field: s} for i, s in enumerate(held)]}
        for row, held in enumerate(scores)
    ]
    return pa.Table.from_pylist(rows)


def texts(found: pa.Table) -> list[list[str]]:
    return [[one["response"] for one in row] for row in found["completions"].to_pylist()]


def test_every_candidate_ends_its_conversation() -> None:
    talk = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]
    rows = pa.Table.from_pylist([{"prompt": talk, "completions": [{"response": "a"}, {"response": None}]},
                                 {"prompt": talk[1:], "completions": None}])  # fmt: skip
    said = [{"role": "assistant", "content": text} for text in ("a", "")]
    assert own_scores.talks(rows) == [[*talk, said[0]], [*talk, said[1]]]
    assert own_scores.talks(table([1.0]))[0][0] == {"role": "user", "content": "q0"}


def test_scores_stand_beside_the_responses() -> None:
    rows = table([0.0, 0.0], [], [0.0], field="seed")
    found = own_scores.with_scores(rows, [3.0, 1.0, 2.0], field="overall_score")
    assert [[one["overall_score"] for one in row] for row in found["completions"].to_pylist()] == [
        [3.0, 1.0],
        [],
        [2.0],
    ]
    assert found["completions"].to_pylist()[2] == [{"response": "2-0", "seed": 0.0, "overall_score": 2.0}]
    with pytest.raises(ValueError, match="have a field overall_score already; leave out --reward-model"):
        own_scores.with_scores(found, [0.0] * 3, field="overall_score")


@pytest.mark.parametrize(
    ("quantile", "kept"),
    [
        (0.0, ["0-1", "0-4"]),  # 9 is best; of the others 7, 5, 3, 1 the worst is the last
        (1.0, ["0-0", "0-1"]),
        (0.34, ["0-1", "0-3"]),
        (0.66, ["0-1", "0-2"]),
    ],
)
def test_the_best_and_the_one_at_a_quantile_of_the_others(quantile: float, kept: list[str]) -> None:
    rows = table([7.0, 9.0, 5.0, 3.0, 1.0])
    assert texts(own_scores.at_quantile(rows, quantile, field="overall_score")) == [kept]


def test_ties_scores_that_are_none_and_rows_of_one() -> None:
    rows = table([5.0, 5.0, 5.0], [None, 2.0, float("nan"), 1.0], [4.0], [])
    found = own_scores.at_quantile(rows, 0.0, field="overall_score", bad="drop")
    assert texts(found) == [["0-0", "0-2"], ["1-1", "1-3"], ["2-0"], []]
    with pytest.raises(PairsError, match=r"score is no finite number in row 2 \(completion 1\), row 2"):
        own_scores.at_quantile(rows, 0.0, field="overall_score")
    many = own_scores.at_quantile(table([5.0] * 40), 0.0, field="overall_score")
    assert texts(many) == [["0-0", "0-39"]]


def test_pairs_tell_the_places_and_the_scores_of_all_candidates() -> None:
    rows = table([9.0, 1.0, 8.0, 5.0], [2.0, 4.0])
    cut = own_scores.at_quantile(rows, 0.5, field="overall_score")
    got = open_pairs(cut).read()
    assert got["pair_id"].to_pylist() == ["row-1:1-4", "row-2:2-1"]
    assert got["candidate_scores"].to_pylist() == [[9.0, 1.0, 8.0, 5.0], [2.0, 4.0]]
    assert open_pairs(rows).read()["candidate_scores"] == got["candidate_scores"]


def test_an_answer_that_is_missing_is_nobodys_other(caplog: pytest.LogCaptureFixture) -> None:
    said = [{"response": text, "overall_score": score} for text, score in (("a", 9.0), (None, 8.0), ("c", 1.0))]
    rows = pa.Table.from_pylist([{"prompt": "q", "completions": said}])
    cut = own_scores.at_quantile(rows, 1.0, field="overall_score", bad="drop")
    assert texts(cut) == [["a", "c"]]
    assert "left out 1 completion: empty response" in caplog.text


@given(st.lists(st.integers(0, 5), min_size=2, max_size=7), st.floats(0, 1))
def test_the_other_is_never_better_and_grows_with_the_quantile(scores: list[int], quantile: float) -> None:
    rows = table([float(score) for score in scores])
    two = [
        one["overall_score"]
        for one in own_scores.at_quantile(rows, quantile, field="overall_score")["completions"].to_pylist()[0]
    ]
    worst = [
        one["overall_score"]
        for one in own_scores.at_quantile(rows, 0.0, field="overall_score")["completions"].to_pylist()[0]
    ]
    assert max(two) == max(scores)
    assert min(scores) == min(worst) <= min(two)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (pa.table({"a": [1]}), "holds no candidates"),
        (pa.table({"completions": [["text"]]}), "holds no candidates"),
        (pa.Table.from_pylist([{"completions": [{"response": "a"}]}]), "has no column prompt"),
        (
            pa.Table.from_pylist([{"prompt": "q", "completions": [{"text": "a"}]}]),
            "no field response; they have text",
        ),
        (pa.Table.from_pylist([{"prompt": 3, "completions": [{"response": "a"}]}]), "column prompt holds int64"),
    ],
)
def test_other_tables_are_refused(rows: pa.Table, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        own_scores.talks(rows, name="file")


def test_quantiles_that_are_none_and_fields_that_are_not_there() -> None:
    with pytest.raises(ValueError, match=r"--quantile 1\.5: give a number from 0"):
        own_scores.at_quantile(table([1.0]), 1.5, field="overall_score")
    with pytest.raises(
        ValueError, match="no field reward; they have response, overall_score; name it with --score"
    ):
        own_scores.at_quantile(table([1.0]), 0.5, field="reward")
