"""Runs of the studies of goals: pairs, rows for any goal, a model's own answers, and any score prompt."""

from pathlib import Path
from typing import Any

import micro_base
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapo.relabelling.goals import COMPACT
from rapo.studies.common import micro_pairs
from rapo.studies.common.rows import training_rows
from rapo.studies.goals_and_scales import runs
from rapo.studies.goals_and_scales.scales import SCALES
from rapo.world import data, prompts

WORLD = data.World()
TABLE = runs.annotated_pairs(WORLD, 40, seed=3)


def rows_of(scale: str) -> list[dict[str, Any]]:
    table, template = runs.on_scale(TABLE, scale)
    return training_rows(table, "ra", placement="system", template=template)


def prompts_of(rows: list[dict[str, Any]]) -> list[str]:
    return [row["prompt"][0]["content"] for row in rows]


def test_pairs_are_the_central_ones_with_verdicts_before_rounding() -> None:
    central = micro_pairs.pairs(WORLD, 40, seed=3)
    assert central.equals(TABLE.select(central.column_names))
    for side in ("chosen", "rejected"):
        raw = TABLE[f"raw_score_{side}"].to_numpy()
        assert np.clip(np.rint(raw), 1, 10).tolist() == TABLE[f"score_{side}"].to_pylist()


def test_worst_takes_the_least_of_the_candidates() -> None:
    table = runs.annotated_pairs(WORLD, 30, seed=3, rule="worst")
    assert [min(scores) for scores in table["candidate_scores"].to_pylist()] == table["score_rejected"].to_pylist()


def test_repeated_answers_and_equal_scores_make_no_pair() -> None:
    turns = [[{"role": "assistant", "content": text}] for text in "aab"]
    table = pa.table(
        {
            "chosen": turns, "rejected": [turns[0], turns[2], turns[0]],
            "score_chosen": [5.0, 5.0, 6.0], "score_rejected": [4.0, 5.0, 2.0],
        }
    )  # fmt: skip
    assert micro_pairs.unlike(table).to_pylist() == table.slice(2, 1).to_pylist()


def test_own_answers_are_scored_as_the_annotators_are() -> None:
    table = data.candidates(WORLD, 6, seed=9)
    texts = [[answer["response"] for answer in row] for row in table["completions"].to_pylist()]
    own = micro_pairs.judged(WORLD, prompts.draw(6, split="train", seed=9), texts, seed=9)
    assert own["instruction"].equals(table["instruction"])
    for row, other in zip(own["completions"].to_pylist(), table["completions"].to_pylist(), strict=True):
        assert [{**answer, "model": ""} for answer in row] == [{**answer, "model": ""} for answer in other]


@pytest.mark.parametrize("scale", SCALES)
def test_training_words_a_goal_as_it_is_asked(scale: str) -> None:
    rows = rows_of(scale)
    goals = np.arange(SCALES[scale].low, SCALES[scale].high + 1)
    assert set(prompts_of(rows)) <= {SCALES[scale].wish(goal) for goal in goals}


def test_goals_on_one_to_ten_make_the_central_rows() -> None:
    assert rows_of("1-10") == training_rows(TABLE, "ra", placement="system")
    without = TABLE.drop_columns(["raw_score_chosen", "raw_score_rejected"])
    assert runs.on_scale(without, "1-10") == (without, COMPACT)


def test_a_coarse_scale_leaves_out_what_it_cannot_tell_apart() -> None:
    scores = {side: SCALES["1-5"].scores(TABLE[f"raw_score_{side}"].to_numpy()) for side in ("chosen", "rejected")}
    told = int((scores["chosen"] > scores["rejected"]).sum())
    rows = rows_of("1-5")
    assert len(rows) == 2 * told < 2 * len(TABLE)


def test_attribute_goals_name_the_scores_of_the_preferred_answer() -> None:
    rows = training_rows(TABLE, "attributes", placement="system")
    scored = {
        (pair["prompt"][0]["content"], pair[side][0]["content"]): COMPACT.text(pair[f"attributes_{side}"])
        for pair in TABLE.to_pylist()
        for side in ("chosen", "rejected")
    }
    assert rows
    for row in rows:
        wish, question = (turn["content"] for turn in row["prompt"])
        assert scored[question, row["chosen"][0]["content"]] == wish


def test_pairs_with_five_equal_scores_are_ties() -> None:
    row = TABLE.to_pylist()[0]
    same = pa.Table.from_pylist([{**row, "attributes_rejected": row["attributes_chosen"]}])
    assert training_rows(same, "attributes", placement="system") == []


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base that has seen a few answers."""
    folder = tmp_path_factory.mktemp("base")
    micro_base.base(folder, "qwen2", n=640, learning_rate=1e-2)
    return folder


COMMON = {"world": {}, "seed": 2}
TRAINING = {"batch_size": 8, "learning_rate": 1e-4, "beta": 1.0}


def test_own_answers_are_trained_on_and_asked_in_words(base: Path, tmp_path: Path) -> None:
    folders = micro_base.folders(tmp_path, "pairs", "arm", "answers")
    policy = {"prompts": 12, "pairs": 8, "candidates": 4, "temperature": 0.8, "wish": COMPACT.text(10)}
    told = runs.sample_pairs({**COMMON, **policy}, folders["pairs"], {"model": base})
    table = pq.read_table(folders["pairs"] / "pairs.parquet")
    assert told["pairs"] == len(table) <= 8
    assert (table["score_chosen"].to_numpy() > table["score_rejected"].to_numpy()).all()
    assert 0 <= told["parseable"] <= 1
    config = {**COMMON, "arm": {"data": "attributes"}, "training": TRAINING}
    told = runs.train_goals(config, folders["arm"], {"base": base, "pairs": folders["pairs"]})
    assert told["rows"] <= 2 * told["pairs"] == 2 * len(table)
    wishes = [None, SCALES["1-100"].wish(87)]
    asked = {"split": "test", "prompts": 5, "prompt_seed": 0, "temperature": 0.7, "wishes": wishes, "answers": 1}
    runs.answer_wishes({**COMMON, **asked}, folders["answers"], {"model": folders["arm"]})
    answers = pd.read_parquet(folders["answers"] / "answers.parquet")
    assert answers["wish"].tolist() == [""] * 5 + ["overall score of 100 : 87 ."] * 5
    assert answers["prompt"][:5].tolist() == answers["prompt"][5:].tolist()


def test_no_score_above_the_top_is_trained_on(base: Path, tmp_path: Path) -> None:
    source = {"prompts": 60, "pairs": 20, "rule": "random", "seed": 2, "top": 4}
    config = {**COMMON, "arm": {"data": "ra"}, "scale": "1-10", "source": source, "training": TRAINING}
    told = runs.train_goals(config, tmp_path, {"base": base})
    table = runs.annotated_pairs(WORLD, 60, seed=2)
    low = int((table["score_chosen"].to_numpy() <= 4).sum())
    assert told["pairs"] == min(low, 20)
    assert told["goals"] <= 4


def test_a_word_that_the_tokenizer_lacks_is_named(base: Path, tmp_path: Path) -> None:
    asked = {"split": "test", "prompts": 5, "prompt_seed": 0, "temperature": 0.7, "answers": 1}
    with pytest.raises(ValueError, match="no '187'"):
        runs.answer_wishes({**COMMON, **asked, "wishes": ["overall score : 187 ."]}, tmp_path, {"model": base})
