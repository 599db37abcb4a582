import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scored_pairs import FOUR, asked, last_texts

from rapo.pairs import audit, files, sources, writing
from rapo.pairs.candidates import Pairing
from rapo.pairs.door import open_pairs
from rapo.pairs.faults import PairsError
from rapo.relabelling import relabel


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.parquet", "in"])
def test_pairs_are_written_and_read_again(name: str, tmp_path: Path):
    made = sources.as_pairs([asked(*FOUR, instruction=f"q{i}") for i in range(5)])
    assert writing.write(made, tmp_path / name) == 5
    assert sources.read_pairs(tmp_path / name).to_pylist() == made.to_pylist()


def test_a_file_of_candidates_is_read_as_pairs_and_streamed_alike(tmp_path: Path):
    rows = [asked(*FOUR, instruction=f"q{i}") for i in range(7)]
    writing.write(pa.Table.from_pylist(rows), tmp_path / "in.jsonl")
    whole = sources.read_pairs(tmp_path / "in.jsonl", pairing=Pairing(rule="all"))
    pairs = open_pairs(tmp_path / "in.jsonl", pairing=Pairing(rule="all"))
    n = writing.write(pairs.batches(3), tmp_path / "out.parquet")
    assert n == len(whole) == 42
    assert files.read(tmp_path / "out.parquet").to_pylist() == whole.to_pylist()


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
    assert sources.read_pairs([data], columns={"score_chosen": "chosen_score"})["score_chosen"].to_pylist() == [
        9.0
    ]


def test_candidates_are_made_into_pairs_by_every_command(tmp_path: Path):
    writing.write(pa.Table.from_pylist([asked(*FOUR)]), tmp_path / "in.jsonl")
    assert relabel.relabel_file(tmp_path / "in.jsonl", tmp_path / "out.jsonl").pairs == 1


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
    with pytest.raises(FileNotFoundError, match=r"none\.jsonl does not exist$"):
        sources.read_pairs(tmp_path / "none.jsonl")


def test_held_out_prompts_are_in_one_part_only():
    drawn = [asked(*FOUR, instruction=f"q{i}") for i in range(40)]
    made = sources.as_pairs(drawn, pairing=Pairing(rule="all")).drop_columns(["prompt_id"])
    train, test = sources.hold_out(made, prompts=10)
    assert (len(train), len(test)) == (30 * 6, 10 * 6)
    assert not set(last_texts(train, "prompt")) & set(last_texts(test, "prompt"))
    again = sources.hold_out(made.take(pa.array(np.random.default_rng(0).permutation(len(made)))), prompts=10)[1]
    assert set(last_texts(again, "prompt")) == set(last_texts(test, "prompt"))
    others = sources.hold_out(made, prompts=10, seed=43)[1]
    assert set(last_texts(others, "prompt")) != set(last_texts(test, "prompt"))
    with pytest.raises(ValueError, match="cannot hold out 40 of 40 prompts"):
        sources.hold_out(made, prompts=40)


def test_real_judged_answers_become_pairs_and_rows(shared_data: Path, tmp_path: Path):
    source = shared_data / "alpaca_eval" / "ultrafeedback_shaped.jsonl.gz"
    made = sources.read_pairs(source)
    told = audit.summary(made)
    raw = [json.loads(line) for line in gzip.decompress(source.read_bytes()).decode("utf-8").splitlines()]
    assert (told.n, told.prompts, told.score_high) == (403, 403, 10.0)
    best = [max(c["overall_score"] for c in line["completions"]) for line in raw]
    assert made["score_chosen"].to_pylist() == best
    by_text = [{c["response"]: c["overall_score"] for c in line["completions"]} for line in raw]
    assert all(text in scores for text, scores in zip(last_texts(made, "rejected"), by_text, strict=True))
    writing.write(made, tmp_path / "pairs.parquet")
    tally = relabel.relabel_file(tmp_path / "pairs.parquet", tmp_path / "rows.jsonl", batch_rows=100)
    assert tally.rows == 2 * (403 - told.ties)
    rows = files.read(tmp_path / "rows.jsonl")
    responses = {response for scores in by_text for response in scores}
    assert set(last_texts(rows, "chosen")) <= responses
    assert set(last_texts(rows, "rejected")) <= responses
