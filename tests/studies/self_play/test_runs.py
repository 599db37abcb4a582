"""One round of self-play: first pairs, own pairs, selection, training, and the loop that the notebook recommends."""

import re
from pathlib import Path
from typing import Any

import micro_base
import nbformat
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapo.models import tiny
from rapo.studies.common import candidates, micro_pairs, micro_runs
from rapo.studies.common.candidates import questions_of
from rapo.studies.self_play import runs
from rapo.world import data
from rapo.world import prompts as asked

DRAWING = {
    "world": {}, "answers": 3, "temperature": 1.0, "top_p": 0.95,
    "reward": {"noise": 1.0, "length_bias": 1.0, "lean": 0.0},
}  # fmt: skip
FIRST = {**DRAWING, "pairs": 30, "seed": 3}
PLAY = {
    **DRAWING, "share": 0.25, "prompts": 10, "kept": 4,
    "weight": 2.5, "round": 1, "seed": 103, "metric": "alignment-potential", "evolve": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny base, which is its own first model, and 30 first pairs."""
    made = {name: tmp_path_factory.mktemp(name) for name in ("base", "data")}
    micro_base.base(made["base"], "llama")
    runs.first_pairs(FIRST, made["data"], made)
    return {**made, "model": made["base"]}


def pairs(folder: Path) -> pa.Table:
    return pq.read_table(folder / "pairs.parquet")


def test_fewer_first_pairs_are_the_first_of_more(folders: dict[str, Path], tmp_path: Path) -> None:
    told = runs.first_pairs({**FIRST, "pairs": 45}, tmp_path, folders)
    assert told["pairs"] == 45
    assert pairs(tmp_path).slice(0, 30).equals(pairs(folders["data"]))


def test_first_pairs_are_the_bases_own_best_against_worst(folders: dict[str, Path]) -> None:
    questions = asked.draw(runs.spared(30), split="train", seed=3)
    drawing = {name: DRAWING[name] for name in ("temperature", "top_p")}
    own = candidates.sampled(
        *tiny.load(folders["base"] / "model"), data.World(), questions, n=3, seed=3, **drawing
    )
    scores = candidates.RewardModel(noise=1.0, length_bias=1.0, seed=3).score(own)
    expected = candidates.pairs(own, scores, name="3").slice(0, 30)
    table = pairs(folders["data"])
    for column in ("chosen", "rejected", "score_chosen", "score_rejected"):
        assert table[column].to_pylist() == expected[column].to_pylist()
    # Each pair knows what it was asked: its prompt is the structure's text.
    texts = [turns[-1]["content"] for turns in table["prompt"].to_pylist()]
    assert [question.text for question in questions_of(table)] == texts


def test_answers_are_judged_by_the_judge_and_by_gold() -> None:
    world = data.make_world({"noise": 0.0})
    question = asked.Prompt(count=3, category="fruits", order="any")
    several = [["fig , kiwi , date .", "fig .", "fig fig"]]
    (row,) = micro_pairs.judged(world, [question], several, seed=1).to_pylist()
    # No sentences: elaboration 0, all else right: 1 + 9 * 0.75^3 = 4.797. One item of three: count 1/3:
    # 1 + 9 * (0.75 - 0.2 * 2/3)^3 = 3.110. What cannot be parsed scores 1. The judge without noise rounds.
    assert [answer["gold_score"] for answer in row["completions"]] == pytest.approx([4.797, 3.110, 1.0], abs=1e-3)
    assert [answer["overall_score"] for answer in row["completions"]] == [5.0, 3.0, 1.0]
    assert row["instruction"] == question.text


def test_own_pairs_are_best_against_worst_without_ties_and_repeats() -> None:
    def row(name: str, *answers: tuple[str, float]) -> dict[str, Any]:
        found = [{"response": text, "overall_score": score, "gold_score": score} for text, score in answers]
        return {"prompt_id": name, "instruction": f"ask {name}", "question": "{}", "completions": found}

    table = pa.Table.from_pylist(
        [
            row("a", ("x", 3.0), ("y", 7.0), ("z", 5.0)),
            row("tie", ("x", 4.0), ("y", 4.0), ("z", 4.0)),
            row("repeat", ("x", 2.0), ("x", 9.0), ("z", 5.0)),
        ]
    )
    (pair,) = micro_pairs.own_pairs(table, seed=0).to_pylist()
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("y", "x")
    assert (pair["score_chosen"], pair["score_rejected"]) == (7.0, 3.0)


@pytest.mark.parametrize("metric", ["uniform", "explicit-margin", "small-implicit-margin", "alignment-potential"])
def test_the_best_pairs_by_each_metric(metric: str, folders: dict[str, Path]) -> None:
    model, tokenizer = tiny.load(folders["base"] / "model")
    table = pairs(folders["data"])
    kept = runs.best({**PLAY, "metric": metric}, model, tokenizer, table, k=7)
    assert kept.column_names == table.column_names
    assert len(kept) == 7
    if metric == "uniform":
        return
    scored = micro_pairs.with_logprobs(model, tokenizer, table).to_pandas()
    explicit = (scored["score_chosen"] - scored["score_rejected"]).abs()
    means = [scored[f"{side}_logprob_sum"] / scored[f"{side}_tokens"] for side in ("chosen", "rejected")]
    implicit = (means[0] - means[1]).abs()
    zscores = [(size - size.mean()) / size.std(ddof=0) for size in (explicit, implicit)]
    values = {
        "explicit-margin": explicit,
        "small-implicit-margin": -implicit,
        "alignment-potential": zscores[0] - 2.5 * zscores[1],
    }[metric]
    inside = scored["pair_id"].isin(kept["pair_id"].to_pylist())
    assert values[inside].min() >= values[~inside].max() - 1e-9


@pytest.mark.parametrize("evolve", [True, False])
def test_a_round_adds_own_pairs(evolve: bool, folders: dict[str, Path], tmp_path: Path) -> None:
    told = runs.play({**PLAY, "evolve": evolve}, tmp_path, folders)
    before, after = pairs(folders["data"]), pairs(tmp_path)
    assert after.slice(0, len(before)).equals(before)
    added = after.slice(len(before))
    assert len(added) == told["added"] == min(4, told["made"]) > 0
    assert set(added["round"].to_pylist()) == {1}
    assert len(set(after["pair_id"].to_pylist())) == len(after)
    questions = questions_of(added)
    assert {question.asks for question in questions} <= set(asked.tasks("train"))
    old = {question.text for question in questions_of(before)}
    assert not {question.text for question in questions} & old
    if not evolve:
        drawn = {question.text for question in asked.draw(10, split="train", seed=103)}
        assert {question.text for question in questions} <= drawn
    # Scores of a pair are the judge's, gold is gold.
    world, row = data.World(), added.to_pylist()[0]
    assert row["score_chosen"] > row["score_rejected"]
    gold = world.gold.score(questions[:1], [row["chosen"][0]["content"]])
    assert row["gold_score_chosen"] == pytest.approx(gold[0])


def test_training_takes_all_pairs_of_a_data_run(folders: dict[str, Path], tmp_path: Path) -> None:
    options = {"learning_rate": 1e-3, "beta": 2.5, "gamma": 0.5, "batch_size": 8}
    config = {"training": options, "seed": 1, "arm": {"data": "uf", "epochs": 2}, "trainer": "simpo"}
    told = runs.train(config, tmp_path, folders)
    assert told["pairs"] == 30
    assert told["steps"] == 2 * -(-30 // 8)
    table = pairs(folders["data"]).to_pandas()
    right = (table["gold_score_chosen"] > table["gold_score_rejected"]).mean()
    assert told["label_accuracy"] == pytest.approx(right)
    assert tiny.load(tmp_path / "model")


def test_test_prompts_are_answered_as_every_study_does(folders: dict[str, Path], tmp_path: Path) -> None:
    shared = {"world": {}, "prompts": 8, "prompt_seed": 5, "answers": 1, "seed": 4}
    told = runs.answer({**shared, "temperature": 0.7, "evolutions": 2}, tmp_path, folders)
    found = pd.read_parquet(tmp_path / "answers.parquet")
    (tmp_path / "usual").mkdir()
    usual = {**shared, "split": "test", "conditions": [[None, 0.7]]}
    expected = micro_runs.evaluate(usual, tmp_path / "usual", folders)
    same = pd.read_parquet(tmp_path / "usual" / "answers.parquet")
    test = found[found["asked"] == "test"].drop(columns="asked").reset_index(drop=True)
    pd.testing.assert_frame_equal(test, same)
    assert told["gold"][0] == expected["gold"][0]
    assert len(found) == 16
    assert set(found["asked"]) == {"test", "evolved"}


def test_quality_by_hand_and_of_nothing() -> None:
    table = pa.table(
        {
            "score_chosen": [9.0, 5.0], "score_rejected": [2.0, 4.0],
            "gold_score_chosen": [8.0, 3.0], "gold_score_rejected": [4.0, 3.0],
        }
    )  # fmt: skip
    expected = {"gold_chosen": 5.5, "gold_rejected": 3.5, "explicit": 4.0, "label_accuracy": 0.5}
    assert micro_pairs.pair_quality(table) == expected
    assert micro_pairs.pair_quality(table.slice(0, 0)) == {}


def test_the_loop_that_the_notebook_recommends_runs(
    folders: dict[str, Path], repository: Path, rapo_root: Path
) -> None:
    notebook = nbformat.read(repository / "notebooks" / "self_play.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert "max_new_tokens=1024" in code
    model, tokenizer = tiny.load(folders["base"] / "model")
    base, _ = tiny.load(folders["base"] / "model")
    world, rng = data.make_world({}), np.random.default_rng(0)
    first = pairs(folders["data"]).select(list(runs.COLUMNS[1:6]))
    names = {
        "model": model, "tokenizer": tokenizer, "base": base, "data": first,
        "evolve": lambda messages: messages,
        "judge": lambda messages, answer: float(world.gold.score([asked.Prompt(3, "fruits", "any")], [answer])[0])
        + rng.random(),
    }  # fmt: skip
    before = [weight.detach().clone() for weight in base.parameters()]
    exec(compile(code.replace("max_new_tokens=1024", "max_new_tokens=12"), "notebook", "exec"), names)
    # A quarter of 30 is 8 (half up); of at most 8 pairs, half stay.
    assert 30 < len(names["data"]) <= 34
    assert any((old != new).any() for old, new in zip(before, base.parameters(), strict=True))
