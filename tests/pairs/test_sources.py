import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapo.pairs import candidates, files, layouts, schema, sources
from rapo.pairs.candidates import Pairing
from rapo.pairs.faults import PairsError
from rapo.relabelling import relabel


def completion(response: str, score: float | None, **further: Any) -> dict[str, Any]:
    return {"response": response, "overall_score": score, **further}


def row(*completions: dict[str, Any], instruction: str = "q", **further: Any) -> dict[str, Any]:
    return {"instruction": instruction, "completions": list(completions), **further}


def texts(table: pa.Table, column: str) -> list[str]:
    return [turns[-1]["content"] for turns in table[column].to_pylist()]


def make(*rows: dict[str, Any], **options: Any) -> pa.Table:
    return candidates.to_pairs(pa.Table.from_pylist(list(rows)), Pairing(**options))


# --- candidates -> pairs ---------------------------------------------------------------------------------------

FOUR = [completion("a", 3.0), completion("b", 8.0), completion("c", 1.0), completion("d", 8.0)]


def test_the_best_is_chosen_and_of_equals_the_earlier():
    got = make(row(*FOUR))
    assert texts(got, "chosen") == ["b"]
    assert got["candidate_scores"].to_pylist() == [[3.0, 8.0, 1.0, 8.0]]


def test_the_best_against_the_worst():
    got = make(row(*FOUR), rule="worst")
    assert (texts(got, "rejected"), got["pair_id"].to_pylist()) == (["c"], ["row-1:2-3"])


def test_every_two_candidates_once():
    got = make(row(*FOUR), row(*FOUR[:2]), rule="all")
    # ranked b, d, a, c: six pairs, the tie b-d among them; then b over a
    expected = [("b", "d"), ("b", "a"), ("b", "c"), ("d", "a"), ("d", "c"), ("a", "c"), ("b", "a")]
    assert list(zip(texts(got, "chosen"), texts(got, "rejected"), strict=True)) == expected
    assert schema.summary(got).ties == 1
    assert len(set(got["pair_id"].to_pylist())) == 7


def test_the_random_other_is_each_of_the_others_equally_often():
    got = make(*[row(*FOUR, instruction=f"q{i}") for i in range(3000)])
    counts = Counter(texts(got, "rejected"))
    assert set(counts) == {"a", "c", "d"}
    # 3000 draws of probability 1/3: standard deviation 26, so 1000 +- 130 is five of them
    assert all(870 < count < 1130 for count in counts.values())


def test_the_random_other_depends_on_seed_and_prompt_and_not_on_the_order():
    rows = [row(*FOUR, instruction=f"q{i}") for i in range(50)]
    forth, back = make(*rows), make(*rows[::-1])
    assert texts(forth, "rejected") == texts(back, "rejected")[::-1]
    assert texts(forth, "rejected") != texts(make(*rows, seed=1), "rejected")


def test_ids_fields_and_columns_are_carried():
    two = [completion("a", 3, model="x"), completion("b", 8, model="y")]
    got = make(row(*two, prompt_id=7, source="s")).to_pylist()[0]
    assert (got["model_chosen"], got["model_rejected"], got["prompt_id"], got["source"]) == ("y", "x", "7", "s")


def test_attributes_are_read_as_numbers_or_as_ratings():
    plain = [completion("a", 3, annotations={"truth": 2}), completion("b", 8, annotations={"truth": 9})]
    rated = [
        completion("a", 3, annotations={"truth": {"Rating": "2", "Rationale": "r"}}),
        completion("b", 8, annotations={"truth": {"Rating": "9", "Rationale": "r"}}),
    ]
    for two in (plain, rated):
        got = make(row(*two)).to_pylist()[0]
        assert (got["attributes_chosen"], got["attributes_rejected"]) == ({"truth": 9.0}, {"truth": 2.0})


def rating(text: str) -> dict[str, Any]:
    return {"annotations": {"truth": {"Rating": text}}}


BAD = {
    r"score is no finite number in row 2 \(completion 1\)": completion("x", None),
    r"empty response in row 2 \(completion 1\)": completion(" ", 9.0),
    r"truth is not rated in row 2 \(completion 1\)": completion(
        "x", 9.0, annotations={"truth": {"Rating": "N/A"}}
    ),
}


@pytest.mark.parametrize("expected", BAD)
def test_a_bad_completion_is_named_or_left_out(expected: str, caplog: pytest.LogCaptureFixture):
    good = [completion("a", 3.0, **rating("3")), completion("b", 8.0, **rating("3"))]
    rows = [row(*good), row({**rating("3"), **BAD[expected]}, *good)]
    with pytest.raises(PairsError, match=expected) as caught:
        make(*rows)
    assert "does not hold scored candidates" in str(caught.value)
    with caplog.at_level(logging.WARNING):
        assert texts(make(*rows, bad="drop"), "chosen") == ["b", "b"]
    assert "left out 1 completions" in caplog.text


def test_rows_with_fewer_than_two_candidates_are_left_out_and_told(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        got = make(row(FOUR[0]), row(*FOUR), row(), row(completion("x", None), FOUR[1]), bad="drop")
    assert got["pair_id"].to_pylist()[0].startswith("row-2:")
    assert len(got) == 1
    assert "left out 3 rows with fewer than two candidates" in caplog.text


def test_sources_and_prompts_can_be_excluded():
    rows = [
        row(*FOUR, instruction="keep", source="a"),
        row(*FOUR, instruction="x", source="truthful_qa"),
        row(*FOUR, instruction=" Secret ", source="a"),
    ]
    got = make(*rows, exclude_sources=("truthful_qa",), exclude_prompts=["SECRET"])
    assert texts(got, "prompt") == ["keep"]
    with pytest.raises(ValueError, match="no column source"):
        make(row(*FOUR), exclude_sources=("truthful_qa",))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"completions": FOUR}], "neither a column instruction nor prompt"),
        ([{"instruction": "q", "completions": "a"}], "column completions is string"),
        (
            [{"instruction": "q", "completions": [{"response": "a", "score": 1}]}],
            "no field overall_score",
        ),
        ([row(completion("a", "high"))], "overall_score or annotations of completions holds text"),
        ([row({"response": 1, "overall_score": 1.0})], "field response of completions is int64"),
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
        row(*[completion(f"{i}.{j}", score) for j, score in enumerate(scores)], instruction=f"q{i}")
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


# --- files and layouts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.parquet", "in"])
def test_pairs_are_written_and_read_again(name: str, tmp_path: Path):
    made = make(*[row(*FOUR, instruction=f"q{i}") for i in range(5)])
    assert sources.write_pairs(made, tmp_path / name) == 5
    assert sources.read_pairs(tmp_path / name).to_pylist() == made.to_pylist()


def test_a_file_of_candidates_is_read_as_pairs_and_streamed_alike(tmp_path: Path):
    rows = [row(*FOUR, instruction=f"q{i}") for i in range(7)]
    files.write(pa.Table.from_pylist(rows), tmp_path / "in.jsonl")
    whole = sources.read_pairs(tmp_path / "in.jsonl", pairing=Pairing(rule="all"))
    n = sources.pairs_file(tmp_path / "in.jsonl", tmp_path / "out.parquet", Pairing(rule="all"), batch_rows=3)
    assert n == len(whole) == 42
    assert files.read(tmp_path / "out.parquet").to_pylist() == whole.to_pylist()
    with pytest.raises(ValueError, match="is the input itself"):
        sources.pairs_file(tmp_path / "in.jsonl", tmp_path / "in.jsonl")


def test_a_layout_with_all_reward_model_scores_is_understood():
    """As in princeton-nlp's data: whole conversations and the scores of all candidates."""
    talk = [{"role": "user", "content": "q"}]
    data = {
        "prompt_id": "p",
        "prompt": "q",
        "all_generated_responses": ["a", "b", "c"],
        "all_rm_scores": [0.1, 0.3, 0.2],
        "chosen": [*talk, {"role": "assistant", "content": "b"}],
        "rejected": [*talk, {"role": "assistant", "content": "a"}],
    }
    got = sources.as_pairs([data]).to_pylist()[0]
    assert (got["score_chosen"], got["score_rejected"]) == (0.3, 0.1)
    assert (got["prompt"], got["chosen"][0]["content"]) == (talk, "b")
    assert got["all_generated_responses"] == ["a", "b", "c"]


def test_names_of_the_schema_win_over_known_ones_and_given_ones_over_both():
    data = {
        "prompt": "q",
        "chosen": "a",
        "rejected": "b",
        "score_chosen": 2,
        "score_rejected": 1,
        "chosen_score": 9,
    }
    assert sources.as_pairs([data])["score_chosen"].to_pylist() == [2.0]
    assert sources.as_pairs([data], columns={"score_chosen": "chosen_score"})["score_chosen"].to_pylist() == [9.0]
    assert layouts.known(["messages", "question"]) == {}


def test_candidates_given_as_pairs_are_told_what_they_are(tmp_path: Path):
    files.write(pa.Table.from_pylist([row(*FOUR)]), tmp_path / "in.jsonl")
    with pytest.raises(PairsError, match=r"hold candidates: make pairs of them first \(`rapo pairs`\)"):
        relabel.relabel_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl")


def test_data_in_memory_of_every_kind():
    data = {"prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": 2.0, "score_rejected": 1.0}
    datasets = pytest.importorskip("datasets")
    expected = sources.as_pairs([data]).to_pylist()
    for kind in (pa.Table.from_pylist([data]), pd.DataFrame([data]), datasets.Dataset.from_list([data])):
        assert sources.as_pairs(kind).to_pylist() == expected
    with pytest.raises(TypeError, match="int is no Arrow table"):
        sources.as_pairs(3)


def test_a_bad_file_is_told_with_its_row(tmp_path: Path):
    good = {"prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": 2, "score_rejected": 1}
    rows = [good, {**good, "score_rejected": float("nan")}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(PairsError, match=r"in\.jsonl[\s\S]*score_rejected: not a finite number in row 2 \(nan\)"):
        sources.read_pairs(tmp_path / "in.jsonl")
    assert len(sources.read_pairs(tmp_path / "in.jsonl", bad="drop")) == 1
    with pytest.raises(FileNotFoundError, match="read it from the hub"):
        sources.read_pairs("owner/name")
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl does not exist$"):
        sources.read_pairs(tmp_path / "none.jsonl")


def test_held_out_prompts_are_in_one_part_only():
    made = make(*[row(*FOUR, instruction=f"q{i}") for i in range(40)], rule="all").drop_columns(["prompt_id"])
    train, test = sources.hold_out(made, prompts=10)
    assert (len(train), len(test)) == (30 * 6, 10 * 6)
    assert not set(texts(train, "prompt")) & set(texts(test, "prompt"))
    again = sources.hold_out(made.take(pa.array(np.random.default_rng(0).permutation(len(made)))), prompts=10)[1]
    assert set(texts(again, "prompt")) == set(texts(test, "prompt"))
    with pytest.raises(ValueError, match="cannot hold out 40 of 40 prompts"):
        sources.hold_out(made, prompts=40)


# --- real data -------------------------------------------------------------------------------------------------


def test_real_judged_answers_become_pairs_and_rows(shared_data: Path, tmp_path: Path):
    source = shared_data / "alpaca_eval" / "ultrafeedback_shaped.jsonl.gz"
    made = sources.read_pairs(source)
    told = schema.summary(made)
    raw = [json.loads(line) for line in files.gzip.open(source, "rt", encoding="utf-8")]
    assert (told.n, told.prompts, told.score_high) == (403, 403, 10.0)
    best = [max(c["overall_score"] for c in line["completions"]) for line in raw]
    assert made["score_chosen"].to_pylist() == best
    by_text = [{c["response"]: c["overall_score"] for c in line["completions"]} for line in raw]
    assert all(text in scores for text, scores in zip(texts(made, "rejected"), by_text, strict=True))
    sources.write_pairs(made, tmp_path / "pairs.parquet")
    tally = relabel.relabel_file(tmp_path / "pairs.parquet", tmp_path / "rows.jsonl", batch_rows=100)
    assert tally.rows == 2 * (403 - told.ties)
    rows = files.read(tmp_path / "rows.jsonl")
    responses = {response for scores in by_text for response in scores}
    assert set(texts(rows, "chosen")) <= responses
    assert set(texts(rows, "rejected")) <= responses
