"""Candidates and the reward models that make pairs of them, by hand."""

from pathlib import Path

import micro_base
import numpy as np
import pyarrow as pa
import pytest

from rapo.models import tiny
from rapo.pairs.check import check
from rapo.selection import select
from rapo.studies.common import candidates
from rapo.studies.common.candidates import Candidates, RewardModel
from rapo.studies.common.micro_pairs import with_logprobs
from rapo.world import data, prompts

WORLD = data.make_world({"regime": "many-sided"})
SAMPLING = {"n": 3, "temperature": 0.8, "top_p": 0.95, "seed": 2}


def made(texts: list[list[str]], **numbers: list[list[float]]) -> Candidates:
    """Candidates whose numbers are 1 where they are not given."""
    ones = np.ones((len(texts), len(texts[0])))
    given = [np.array(numbers[name], dtype=float) if name in numbers else ones for name in candidates.NUMBERS]
    return Candidates(prompts.draw(len(texts), split="train", seed=1), texts, *given)


TWO = made(
    [["a", "b", "c"], ["d", "d", "e"]],
    gold=[[3.0, 5.0, 4.0], [2.0, 2.0, 6.0]],
    words=[[15, 25, 5], [15, 15, 15]],
    logprob_sum=[[-4.0, -6.0, -8.0], [-3.0, -3.0, -3.0]],
    tokens=[[2, 2, 2], [3, 3, 3]],
)


def test_a_reward_model_without_faults_is_gold() -> None:
    assert RewardModel().score(TWO).tolist() == TWO.gold.tolist()


def test_faults_by_hand() -> None:
    # Ten words more are two points more, at a bias of 2.
    assert RewardModel(length_bias=2).score(TWO)[0].tolist() == [3.0, 7.0, 2.0]
    # Means -2, -3, -4 and -1, -1, -1: 1, 0, -1 and 0 from the prompts' means, whose SD over all six is sqrt(2 / 6).
    found = RewardModel(lean=-1).score(TWO)
    assert found[0] == pytest.approx([3 - 3**0.5, 5, 4 + 3**0.5])
    assert found[1].tolist() == [2, 2, 6]


def test_noise_is_unrounded_of_its_size_and_alike_for_equal_answers() -> None:
    texts = [[f"{i} a", f"{i} a", f"{i} b"] for i in range(2000)]
    errors = RewardModel(noise=2.0, seed=5).score(made(texts)) - 1
    assert (errors[:, 0] == errors[:, 1]).all()
    assert (errors[:, 0] != errors[:, 2]).all()
    assert errors[:, [0, 2]].std() == pytest.approx(2.0, rel=0.05)
    assert RewardModel(noise=2.0, seed=5).score(made(texts[:7]))[3].tolist() == (errors[3] + 1).tolist()
    assert (RewardModel(noise=2.0, seed=6).score(made(texts)) != errors + 1).any()


def test_best_against_worst_passes_over_blanks_and_ties() -> None:
    found = made([["x", "y", " "], ["x", "x", "x"], ["x", "", ""], ["p", "q", "r"]])
    scores = np.array([[2.0, 3.0, 9.0], [4, 4, 4], [5, 1, 2], [1, 7, 3]])
    rows, best, worst = candidates.extremes(found, scores)
    assert (rows.tolist(), best.tolist(), worst.tolist()) == ([0, 3], [1, 1], [0, 0])


def test_pairs_hold_what_selection_and_training_read() -> None:
    table = candidates.pairs(TWO, RewardModel(length_bias=2).score(TWO), name="seed")
    check(table)
    one, two = table.to_pylist()
    assert (one["chosen"][0]["content"], one["rejected"][0]["content"]) == ("b", "c")
    assert (one["score_chosen"], one["score_rejected"], one["gold_score_rejected"]) == (7.0, 2.0, 4.0)
    assert two["pair_id"] == "seed-1"
    assert one["prompt"][-1]["content"] == candidates.questions_of(table)[0].text == TWO.questions[0].text
    options = select.Options(implicit="simpo", spread=True)
    # Explicit: the spread of all candidates. Implicit: -6/2 + 8/2, and none between equally likely answers.
    assert select.explicit(table, options).tolist() == [5.0, 4.0]
    assert select.implicit(table, options).tolist() == [1.0, 0.0]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp("base")
    micro_base.base(folder, "gemma2")
    return tiny.load(folder / "model")


def test_own_answers_are_scored_by_gold_and_the_policy(base: tuple, tmp_path: Path) -> None:
    questions = WORLD.ask(6, split="train", seed=4)
    found = candidates.sampled(*base, WORLD, questions, **SAMPLING)
    assert found.gold.shape == (6, 3)
    for row, question in enumerate(questions):
        assert found.gold[row] == pytest.approx(WORLD.gold.score([question] * 3, found.texts[row]))
    table = candidates.pairs(found, RewardModel(noise=1.0).score(found), name="x")
    again = with_logprobs(*base, table.select(["prompt", "chosen", "rejected"]))
    for column in ("chosen_logprob_sum", "rejected_logprob_sum", "chosen_tokens", "rejected_tokens"):
        assert table[column].to_numpy() == pytest.approx(again[column].to_numpy(), rel=1e-5)
    candidates.keep(found, tmp_path / "c.parquet")
    same = candidates.read(tmp_path / "c.parquet")
    assert (same.questions, same.texts) == (found.questions, found.texts)
    assert same.likelihood.tolist() == found.likelihood.tolist()


def test_annotators_answers_are_those_of_the_world(base: tuple) -> None:
    found = candidates.of_annotators(*base, WORLD, 5, seed=3)
    rows = data.candidates(WORLD, 5, seed=3).to_pylist()
    assert [question.text for question in found.questions] == [row["instruction"] for row in rows]
    assert found.texts == [[answer["response"] for answer in row["completions"]] for row in rows]
    gold = [[answer["gold_score"] for answer in row["completions"]] for row in rows]
    assert found.gold == pytest.approx(np.array(gold))
    assert candidates.quality(found)["gold"] == pytest.approx(np.mean(gold))


def test_prompts_come_back_from_their_text() -> None:
    asked = prompts.draw(20, split="tuning", seed=2)
    texts = [candidates.written(prompt) for prompt in asked]
    assert candidates.questions_of(pa.table({"question": texts})) == asked
    assert len(set(texts)) > 15
