"""Runs beside the central study: repeated pairs, implicit goals, the fault, and weights kept on the way."""

from pathlib import Path

import micro_base
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from rapo.models import tiny
from rapo.relabelling.goals import COMPACT
from rapo.studies.common import micro_runs
from rapo.studies.common.micro_pairs import pairs
from rapo.studies.common.rows import ask, training_rows
from rapo.studies.more_than_data import runs
from rapo.studies.more_than_data.tables import OWN
from rapo.training import train as training
from rapo.world import data

TABLE = pairs(data.World(), 40, seed=3)
OPTIONS = {"learning_rate": 1e-3, "beta": 1.0, "batch_size": 8}
COMMON = {"architecture": "gemma2", "world": {}, "pairs": 40, "training": OPTIONS, "seed": 3}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    micro_base.base(folder, "gemma2")
    return folder


def test_duplicated_data_holds_every_pair_twice() -> None:
    plain = training_rows(TABLE, "uf", placement="system", seed=0)
    rows = training_rows(TABLE, "uf twice", placement="system")
    assert rows == [*plain, *plain]


def test_the_fault_leaves_the_pair_as_it_was_under_the_lower_goal() -> None:
    wrong = training_rows(TABLE, "faulty ra", placement="prefix")
    right = training_rows(TABLE, "ra", placement="prefix", seed=0)
    assert [row["prompt"] for row in wrong] == [row["prompt"] for row in right]
    n = len(TABLE)
    assert wrong[:n] == right[:n]  # first come the rows under the chosen response's score
    for one, other in zip(wrong[n:], right[n:], strict=True):
        assert (one["chosen"], one["rejected"]) == (other["rejected"], other["chosen"])


def test_the_fault_needs_goals_in_front_of_the_prompt() -> None:
    with pytest.raises(ValueError, match="prefix"):
        training_rows(TABLE, "faulty ra", placement="system")


def test_an_unknown_kind_of_data_is_named() -> None:
    with pytest.raises(ValueError, match="data is 'more'"):
        training_rows(TABLE, "more", placement="system")


def implicit_table() -> pa.Table:
    """Two pairs whose implicit rewards rank their responses the other way round in the second pair."""
    table = TABLE.slice(0, 2)
    table = table.append_column("implicit_chosen", pa.array([0.7, -0.2]))
    return table.append_column("implicit_rejected", pa.array([-0.9, 0.1]))


def test_implicit_goals_prefer_each_response_under_its_own_goal() -> None:
    # Four rewards in four classes: -0.9 -> 1, -0.2 -> 4, 0.1 -> 7, 0.7 -> 10 (steps of 9 / 3).
    rows = training_rows(implicit_table(), "implicit ra", placement="prefix", levels=4)
    first, second = TABLE.to_pylist()[:2]
    expected = [(first, "chosen", 10), (second, "chosen", 4), (first, "rejected", 1), (second, "rejected", 7)]
    for row, (pair, side, goal) in zip(rows, expected, strict=True):
        wish = COMPACT.text(goal)
        assert row["prompt"] == ask(pair["prompt"][-1]["content"], wish, placement="prefix")
        assert row["chosen"] == pair[side]


def test_goals_of_responses_stand_beside_their_scores() -> None:
    table = implicit_table()
    found = runs.goals_of(table, levels=4)
    assert found["goal"].tolist() == [10.0, 4.0, 1.0, 7.0]
    assert found["implicit"].tolist() == [0.7, -0.2, -0.9, 0.1]
    assert found["score"].tolist() == table["score_chosen"].to_pylist() + table["score_rejected"].to_pylist()


def test_implicit_rewards_are_beta_times_the_log_ratio(base: Path) -> None:
    policy, tokenizer = tiny.load(base / "model")
    reference, _ = tiny.load(base / "model")
    with torch.no_grad():
        policy.get_output_embeddings().weight.mul_(1.5)
    found = runs.with_implicit(TABLE.slice(0, 3), policy, reference, tokenizer, beta=0.5)
    for side in ("chosen", "rejected"):
        for pair in found.to_pylist():
            sums = [_by_hand(model, tokenizer, pair["prompt"], pair[side]) for model in (policy, reference)]
            assert pair[f"implicit_{side}"] == pytest.approx(0.5 * (sums[0] - sums[1]), abs=1e-3)


def _by_hand(model: torch.nn.Module, tokenizer: object, prompt: list, answer: list) -> float:
    """One sequence through the whole model, every logit, from the chat template's own text."""
    ids = tokenizer.apply_chat_template([*prompt, *answer], return_dict=False)  # type: ignore[attr-defined]
    start = len(tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False))  # type: ignore[attr-defined]
    with torch.no_grad():
        logprobs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return sum(float(logprobs[i - 1, ids[i]]) for i in range(start, len(ids)))


def test_implicit_goals_run_end_to_end(base: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    micro_runs.train_arm({**COMMON, "arm": {"data": "uf"}}, source, {"base": base})
    config = {**COMMON, "arm": {"data": "implicit ra", "levels": 10}, "source_beta": 1.0}
    told = runs.train_implicit(config, tmp_path, {"base": base, "source": source})
    goals = pd.read_parquet(tmp_path / "goals.parquet")
    assert len(goals) == 2 * told["pairs"]
    assert set(goals["goal"]) == set(range(1, 11))
    assert goals.sort_values("implicit")["goal"].is_monotonic_increasing
    assert 0 < told["rows"] <= 2 * told["pairs"]
    assert (tmp_path / "model").is_dir()


DISTANCE = {"prompts": 4, "prompt_seed": 5}


@pytest.fixture(scope="module")
def watched(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    own = {"arm": {"data": "ra"}, "shares": [0, 0.5, 1], "watched": 3, "good": 2, "distance": DISTANCE}
    told = runs.watch({**COMMON, **own, "conditionings": ["plain", "own score", "g=10"]}, folder, {"base": base})
    assert told["watched"] == 3
    return folder


def test_the_start_is_the_base_under_each_prompt(base: Path, watched: Path) -> None:
    model, tokenizer = tiny.load(base / "model")
    found = pd.read_parquet(watched / "logprobs.parquet")
    pairs_ = found["side"] != OWN
    start = found[(found["step"] == 0) & pairs_].set_index(["conditioning", "side", "pair"])["logprob"]
    good = [pair for pair in TABLE.to_pylist() if pair["score_rejected"] >= 2][:3]
    assert len(start) == 3 * 2 * 3
    for pair in good:
        for side in ("chosen", "rejected"):
            own = COMPACT.text(pair[f"score_{side}"])
            for name, wish in {"plain": None, "own score": own, "g=10": COMPACT.text(10)}.items():
                prompt = ask(pair["prompt"][-1]["content"], wish, placement="prefix")
                expected = _by_hand(model, tokenizer, prompt, pair[side])
                assert start[name, side, pair["pair_id"]] == pytest.approx(expected, abs=1e-3)


def test_watching_changes_nothing_in_training(base: Path, watched: Path, tmp_path: Path) -> None:
    told = micro_runs.train_arm({**COMMON, "arm": {"data": "ra"}}, tmp_path, {"base": base})
    model, tokenizer = tiny.load(tmp_path / "model")
    good = TABLE.filter(pa.array([score >= 2 for score in TABLE["score_rejected"].to_pylist()])).slice(0, 3)
    expected = training.reference_logprobs(
        model, tokenizer, good.select(["prompt", "chosen", "rejected"]).to_pylist()
    )
    found = pd.read_parquet(watched / "logprobs.parquet")
    end = found[(found["step"] == told["steps"]) & (found["conditioning"] == "plain")]
    for place, side in enumerate(("chosen", "rejected")):
        got = end[end["side"] == side].set_index("pair")["logprob"].loc[good["pair_id"].to_pylist()]
        assert got.to_numpy() == pytest.approx(expected[:, place], abs=1e-3)
    moved = found.groupby(["conditioning", "side", "pair"])["logprob"].agg(np.ptp)
    assert (moved > 0.01).all()  # the test would pass without any training otherwise
    steps = told["steps"]
    assert sorted(set(found["share"])) == [0.0, round(steps / 2) / steps, 1.0]


def test_the_base_wrote_what_measures_the_distance_from_it(base: Path, watched: Path) -> None:
    model, tokenizer = tiny.load(base / "model")
    talks = runs.own_talks(
        model, tokenizer, data.World(), {"conditionings": ["own score", "g=10"], "distance": DISTANCE, "seed": 3}
    )
    assert [talk["conditioning"] for talk in talks] == ["g=10"] * 4
    assert {talk["side"] for talk in talks} == {OWN}
    found = pd.read_parquet(watched / "logprobs.parquet")
    own = found[found["side"] == OWN]
    assert set(own["conditioning"]) == {"plain", "g=10"}
    start = own[(own["step"] == 0) & (own["conditioning"] == "g=10")].set_index("pair")["logprob"]
    for talk in talks:
        by_hand = _by_hand(model, tokenizer, talk["prompt"], talk["completion"])
        assert start[talk["pair"]] == pytest.approx(by_hand, abs=1e-3)
    asked = {question.id for question in data.World().ask_distinct(4, split="tuning", seed=5)}
    assert set(start.index) == asked


def test_weights_are_kept_after_the_steps_asked_for(base: Path) -> None:
    model, tokenizer = tiny.load(base / "model")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = training_rows(TABLE, "uf", placement="prefix", seed=0)
    settings = training.DPOSettings(**OPTIONS)
    steps = -(-len(rows) // 8)
    with runs.snapshots(model, [0, 2, steps]) as states:
        training.train_dpo(model, tokenizer, rows, settings=settings, seed=0)
    assert sorted(states) == [0, 2, steps]
    assert all(torch.equal(states[0][name], value) for name, value in before.items())
    assert all(torch.equal(states[steps][name], value) for name, value in model.state_dict().items())
    name = "model.embed_tokens.weight"
    assert not torch.equal(states[0][name], states[2][name])
    assert not torch.equal(states[2][name], states[steps][name])
    assert not model._forward_pre_hooks


def test_scoring_in_evaluation_is_no_step(base: Path) -> None:
    model, _ = tiny.load(base / "model")
    ids = torch.tensor([[1, 2, 3]])
    with runs.snapshots(model, [0, 1]) as states:
        model.eval()
        model(ids)
        model.train()
        with torch.no_grad():
            model(ids)
        assert not states
    assert sorted(states) == [0]


def test_no_good_rejected_response_is_told(base: Path, tmp_path: Path) -> None:
    own = {"arm": {"data": "uf"}, "shares": [0, 1], "watched": 3, "good": 11, "conditionings": ["plain"]}
    own |= {"distance": DISTANCE}
    with pytest.raises(ValueError, match="no rejected response scores 11"):
        runs.watch({**COMMON, **own}, tmp_path, {"base": base})
