import logging
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_pairs import FOUR, asked, completion, last_texts

from rapo.pairs import audit, candidates
from rapo.pairs.candidates import Pairing
from rapo.pairs.faults import PairsError


def make(*rows: dict[str, Any], **options: Any) -> pa.Table:
    return candidates.to_pairs(pa.Table.from_pylist(list(rows)), Pairing(**options))


def test_the_best_is_chosen_and_of_equals_the_earlier():
    got = make(asked(*FOUR))
    assert last_texts(got, "chosen") == ["b"]
    assert got["candidate_scores"].to_pylist() == [[3.0, 8.0, 1.0, 8.0]]


def test_the_best_against_the_worst():
    got = make(asked(*FOUR), rule="worst")
    assert (last_texts(got, "rejected"), got["pair_id"].to_pylist()) == (["c"], ["row-1:2-3"])


def test_every_two_candidates_once():
    got = make(asked(*FOUR), asked(*FOUR[:2]), rule="all")
    # ranked b, d, a, c: six pairs, the tie b-d among them; then b over a
    expected = [("b", "d"), ("b", "a"), ("b", "c"), ("d", "a"), ("d", "c"), ("a", "c"), ("b", "a")]
    assert list(zip(last_texts(got, "chosen"), last_texts(got, "rejected"), strict=True)) == expected
    assert audit.summary(got).ties == 1
    assert len(set(got["pair_id"].to_pylist())) == 7


def test_the_random_other_is_each_of_the_others_equally_often():
    got = make(*[asked(*FOUR, instruction=f"q{i}") for i in range(3000)])
    counts = Counter(last_texts(got, "rejected"))
    assert set(counts) == {"a", "c", "d"}
    # 3000 draws of probability 1/3: standard deviation 26, so 1000 +- 130 is five of them
    assert all(870 < count < 1130 for count in counts.values())


def test_the_random_other_depends_on_seed_and_prompt_and_not_on_the_order():
    rows = [asked(*FOUR, instruction=f"q{i}") for i in range(50)]
    forth, back = make(*rows), make(*rows[::-1])
    assert last_texts(forth, "rejected") == last_texts(back, "rejected")[::-1]
    assert last_texts(forth, "rejected") != last_texts(make(*rows, seed=1), "rejected")


def test_ids_fields_and_columns_are_carried():
    two = [completion("a", 3, model="x"), completion("b", 8, model="y")]
    got = make(asked(*two, prompt_id=7, source="s")).to_pylist()[0]
    assert (got["model_chosen"], got["model_rejected"], got["prompt_id"], got["source"]) == ("y", "x", "7", "s")


def test_attributes_are_read_as_numbers_or_as_ratings():
    plain = [completion("a", 3, annotations={"truth": 2}), completion("b", 8, annotations={"truth": 9})]
    rated = [
        completion("a", 3, annotations={"truth": {"Rating": "2", "Rationale": "r"}}),
        completion("b", 8, annotations={"truth": {"Rating": "9", "Rationale": "r"}}),
    ]
    for two in (plain, rated):
        got = make(asked(*two)).to_pylist()[0]
        assert (got["attributes_chosen"], got["attributes_rejected"]) == ({"truth": 9.0}, {"truth": 2.0})


def rating(text: str) -> dict[str, Any]:
    return {"annotations": {"truth": {"Rating": text}}}


BAD = {
    r"score is no finite number in row 2 \(completion 1\)": completion("x", None),
    r"empty response in row 2 \(completion 1\)": completion(" ", 9.0),
}


@pytest.mark.parametrize("expected", BAD)
def test_a_bad_completion_is_named_or_left_out(expected: str, caplog: pytest.LogCaptureFixture):
    good = [completion("a", 3.0, **rating("3")), completion("b", 8.0, **rating("3"))]
    rows = [asked(*good), asked({**rating("3"), **BAD[expected]}, *good)]
    with pytest.raises(PairsError, match=expected):
        make(*rows)
    with caplog.at_level(logging.WARNING):
        assert last_texts(make(*rows, bad="drop"), "chosen") == ["b", "b"]
    assert "left out 1 completions" in caplog.text


def test_a_completion_without_a_rating_is_left_out_and_told(caplog: pytest.LogCaptureFixture):
    good = [completion("a", 3.0, **rating("3")), completion("b", 8.0, **rating("3"))]
    with caplog.at_level(logging.WARNING):
        assert last_texts(make(asked(completion("x", 9.0, **rating("N/A")), *good)), "chosen") == ["b"]
    assert "left out 1 completions without a rating of truth" in caplog.text


def test_rows_with_fewer_than_two_candidates_are_left_out_and_told(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        got = make(asked(FOUR[0]), asked(*FOUR), asked(), asked(completion("x", None), FOUR[1]), bad="drop")
    assert got["pair_id"].to_pylist()[0].startswith("row-2:")
    assert len(got) == 1
    assert "left out 3 rows with fewer than two candidates" in caplog.text


def test_sources_and_prompts_can_be_excluded():
    rows = [
        asked(*FOUR, instruction="keep", source="a"),
        asked(*FOUR, instruction="x", source="truthful_qa"),
        asked(*FOUR, instruction=" Secret ", source="a"),
    ]
    got = make(*rows, exclude_sources=("truthful_qa",), exclude_prompts=["SECRET"])
    assert last_texts(got, "prompt") == ["keep"]
    with pytest.raises(ValueError, match="no column source"):
        make(asked(*FOUR), exclude_sources=("truthful_qa",))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"completions": FOUR}], "neither a column instruction nor prompt"),
        ([{"instruction": "q", "completions": "a"}], "column completions is string"),
        (
            [{"instruction": "q", "completions": [{"response": "a", "score": 1}]}],
            "no field overall_score",
        ),
        ([asked(completion("a", "high"))], "overall_score or annotations of completions holds text"),
        ([asked({"response": 1, "overall_score": 1.0})], "field response of completions is int64"),
    ],
)
def test_a_wrong_shape_is_told(rows: list[dict[str, Any]], message: str):
    with pytest.raises(ValueError, match=message):
        make(*rows)


def test_unknown_options_are_told():
    with pytest.raises(ValueError, match="rule is 'best'; use one of random, worst, all"):
        Pairing(rule="best")


scored = st.lists(st.integers(1, 10).map(float), min_size=2, max_size=6)


@given(st.lists(scored, min_size=1, max_size=5), st.sampled_from(candidates.RULES), st.integers(0, 3))
def test_chosen_never_scores_below_rejected_and_texts_keep_their_scores(rows: list[Any], rule: str, seed: int):
    data = [
        asked(*[completion(f"{i}.{j}", score) for j, score in enumerate(scores)], instruction=f"q{i}")
        for i, scores in enumerate(rows)
    ]
    got = make(*data, rule=rule, seed=seed)
    sizes = [len(scores) for scores in rows]
    assert len(got) == (sum(n * (n - 1) // 2 for n in sizes) if rule == "all" else len(rows))
    for made in got.to_pylist():
        for side in ("chosen", "rejected"):
            i, j = map(int, made[side][0]["content"].split("."))
            assert made[f"score_{side}"] == rows[i][j]
            assert made["prompt"][0]["content"] == f"q{i}"
        assert made["score_chosen"] >= made["score_rejected"]
        assert rule == "all" or made["score_chosen"] == max(rows[i])
