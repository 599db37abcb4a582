"""One run in the micro world: prompts at training and at inference agree, rows per kind of data, metrics."""

from pathlib import Path
from typing import Any

import micro_base
import numpy as np
import pandas as pd
import pytest
import tiny as small

from rapo.models import tiny
from rapo.pairs.candidates import Pairing, to_pairs
from rapo.relabelling.goals import COMPACT, out_of
from rapo.studies.common import micro_runs
from rapo.studies.common.micro_pairs import apart, pairs
from rapo.studies.common.rows import ask, training_rows
from rapo.studies.common.trainers import TRAINERS, train_rows
from rapo.training.train import reference_logprobs
from rapo.world import data, lexicon, prompts

TABLE = pairs(data.World(), 40, seed=3)


@pytest.mark.parametrize("placement", ["system", "prefix"])
def test_training_and_inference_word_a_goal_alike(placement: str) -> None:
    rows = training_rows(TABLE, "ra", placement=placement, seed=0)
    first = TABLE.to_pylist()[0]
    question = first["prompt"][-1]["content"]
    asked = ask(question, COMPACT.text(first["score_chosen"]), placement=placement)
    assert asked in [row["prompt"] for row in rows]


def test_relabelled_rows_swap_the_responses_under_the_lower_goal() -> None:
    rows = training_rows(TABLE, "ra", placement="system", seed=0)
    pair = TABLE.to_pylist()[0]
    lower = ask(pair["prompt"][-1]["content"], COMPACT.text(pair["score_rejected"]))
    row = next(row for row in rows if row["prompt"] == lower)
    assert (row["chosen"], row["rejected"]) == (pair["rejected"], pair["chosen"])
    assert len(rows) == 2 * len(TABLE)


def test_half_ra_has_about_as_many_rows_as_there_are_pairs() -> None:
    rows = training_rows(TABLE, "half ra", placement="system", seed=0)
    assert abs(len(rows) - len(TABLE)) <= 2


def test_pairs_hold_no_tie_and_the_better_judged_is_chosen() -> None:
    assert (TABLE["score_chosen"].to_numpy() > TABLE["score_rejected"].to_numpy()).all()


def test_an_unknown_kind_of_data_is_named() -> None:
    with pytest.raises(ValueError, match="data is 'worst'"):
        training_rows(TABLE, "worst", placement="system", seed=0)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_base_arm_and_evaluation_run_end_to_end(architecture: str, tmp_path: Path) -> None:
    common, folders = {"world": {}, "seed": 1}, micro_base.folders(tmp_path, "base", "arm", "answers")
    assert micro_base.base(folders["base"], architecture)["steps"] == 2
    arm = {**common, "pairs": 40, "arm": {"data": "ra"}, "training": {"batch_size": 32, "beta": 0.5}}
    told = micro_runs.train_arm(arm, folders["arm"], {"base": folders["base"]})
    assert told["rows"] == 2 * told["pairs"]
    asked = {**common, "split": "test", "prompts": 5, "prompt_seed": 0, "conditions": [[None, 0.7], [10, 0.7]]}
    asked["answers"] = 2
    told = micro_runs.evaluate({**asked, "quizzes": 6}, folders["answers"], {"model": folders["arm"]})
    answers = pd.read_parquet(folders["answers"] / "answers.parquet")
    assert len(answers) == 20
    assert np.isnan(answers["goal"]).sum() == 10
    assert told["gold"] == pytest.approx([answers["gold"][:10].mean(), answers["gold"][10:].mean()])
    assert len(told["skills"]) == 6
    # Draws depend on the seed, the prompt and the answer's number: fewer prompts, in another order, one answer.
    model, tokenizer = tiny.load(folders["arm"] / "model")
    questions = prompts.draw_distinct(5, split="test", seed=0)[4:1:-1]
    again = micro_runs.answered(
        model, tokenizer, data.World(), questions, wish=COMPACT.text(10), temperature=0.7, seed=1, about={}
    )
    first = answers[(answers["goal"] == 10) & (answers["answer"] == 0)].set_index("prompt")["text"]
    assert again["text"].tolist() == first[again["prompt"]].tolist()
    assert len(again) == 3


def test_tokenizer_reads_and_writes_every_word() -> None:
    tokenizer = tiny.build_tokenizer(lexicon.vocabulary())
    text = " ".join(lexicon.vocabulary())
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_a_reference_that_is_given_is_the_one() -> None:
    rows = small.rows(4, longest=6).to_pylist()
    known = reference_logprobs(small.model(), small.TOKENIZER, rows)
    options = {"learning_rate": 1e-12, "beta": 1.0, "batch_size": 4}
    moved = known - np.array([2.0, 0.0])  # the chosen response's margin grows by 2 nats
    told = train_rows(
        small.model(), small.TOKENIZER, rows, trainer=TRAINERS["dpo"], options=options, seed=0, reference=moved
    )
    assert told["loss"][0] == pytest.approx(np.log1p(np.exp(-2.0)), abs=1e-3)
    assert (told["rows"], told["sequences"]) == (4, 8)


def test_reference_sums_are_those_of_the_base_and_the_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: list[np.ndarray] = []

    def keep(model: Any, tokenizer: Any, rows: list[Any], *, reference: np.ndarray, **_: object) -> dict[str, Any]:
        assert reference == pytest.approx(reference_logprobs(model, tokenizer, rows), abs=1e-4)
        given.append(reference)
        return {}

    folders = micro_base.folders(tmp_path, "base", "other")
    micro_base.base(folders["base"], "qwen2")
    micro_base.base(folders["other"], "llama")  # its template is the same, its rows so, too
    monkeypatch.setattr(micro_runs, "train_rows", keep)
    for base, kind in [("base", "uf"), ("other", "uf"), ("base", "ra"), ("base", "uf")]:
        config = {"world": {}, "seed": 1, "pairs": 20, "arm": {"data": kind}, "training": {}}
        micro_runs.train_arm(config, tmp_path, {"base": folders[base]})
    assert given[0] is given[3]  # made once
    config["training"] = {"ld_alpha": 0.5}  # weighs tokens before it sums them
    monkeypatch.setattr(micro_runs, "train_rows", lambda *_, reference, **__: given.append(reference) or {})
    micro_runs.train_arm(config, tmp_path, {"base": folders["base"]})
    assert given[4] is None


def test_pairs_are_made_once_of_each_world_number_seed_and_rule() -> None:
    worlds = [{}, {"noise": 2.0}, {"gold": {"weights": dict(reversed(data.World().gold.weights.items()))}}]
    asked = [(data.make_world(world), 12, 3, "random") for world in worlds]
    asked += [(data.World(), 13, 3, "random"), (data.World(), 12, 4, "random"), (data.World(), 12, 3, "worst")]
    made = [pairs(world, n, seed=seed, rule=rule) for world, n, seed, rule in asked]
    for (world, n, seed, rule), table in zip(asked, made, strict=True):
        assert pairs(world, n, seed=seed, rule=rule) is table
        alone = to_pairs(data.candidates(world, n, seed=seed), Pairing(rule=rule, seed=seed), name="alone")
        assert apart(alone).equals(table)
    assert made[0].column_names == made[2].column_names
    assert made[0]["attributes_chosen"].type != made[2]["attributes_chosen"].type  # another order of the sides


def test_a_base_reads_each_score_on_the_scale_that_it_is_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[str] = []

    def keep(model: object, tokenizer: object, rows: list, **_: object) -> dict:
        seen.extend(row["prompt"][0]["content"] for row in rows if row["prompt"][0]["role"] == "system")
        return {}

    monkeypatch.setattr(micro_runs, "train_rows", keep)
    config: dict[str, Any] = {
        "architecture": "qwen2", "world": {}, "seed": 1, "size": micro_base.SIZE, "training": {},
        "corpus": {"n": 200, "scored": 0.8, "scales": {"100": 0.5}},
    }  # fmt: skip
    micro_runs.train_base(config, tmp_path, {})
    named = [text for text in seen if text.startswith("overall score of 100 : ")]
    assert 0 < len(named) < len(seen)
    assert {int(text.split()[5]) > 10 for text in named} == {True, False}
    assert all(text.startswith("overall score : ") for text in seen if text not in named)
    seen.clear()
    config["corpus"] = {"n": 100, "scored": 0.4, "attributes": 0.4, "scales": {"100": 0.5}}
    micro_runs.train_base(config, tmp_path, {})
    examples = data.corpus(data.World(), seed=1, **config["corpus"])
    assert seen == [out_of(one.top).text(one.goal) for one in examples if one.goal is not None]
