"""Runs of the study of objectives: rows of each kind, R-DPO's reference, and every trainer on a tiny base."""

import json
import math
from pathlib import Path
from typing import Any

import micro_base
import numpy as np
import pytest
import tiny
import torch

from rapo.relabelling.goals import COMPACT
from rapo.studies.common import micro_runs
from rapo.studies.common.micro_pairs import pairs
from rapo.studies.common.rows import training_rows
from rapo.studies.common.trainers import TRAINERS, train_rows
from rapo.studies.objectives_and_baselines import runs, study
from rapo.training import train as training
from rapo.world import data

TABLE = pairs(data.World(), 30, seed=3)
RECIPE = study.recipe_of("small")
ROWS = tiny.rows(6, longest=8).to_pylist()


def test_both_responses_are_imitated_under_their_own_scores() -> None:
    rows = training_rows(TABLE, "own score", placement="system")
    assert len(rows) == 2 * len(TABLE)
    expected = {
        (COMPACT.text(pair[f"score_{side}"]), pair["prompt"][0]["content"], pair[side][0]["content"])
        for pair in TABLE.to_pylist()
        for side in ("chosen", "rejected")
    }
    assert {
        (*(turn["content"] for turn in row["prompt"]), row["completion"][0]["content"]) for row in rows
    } == expected


def test_the_best_are_the_chosen_and_plain_pairs_stay_plain() -> None:
    best = training_rows(TABLE, "best", placement="system")
    assert [row["completion"] for row in best] == TABLE["chosen"].to_pylist()
    plain = training_rows(TABLE, "uf", placement="system")
    assert plain == TABLE.select(["prompt", "chosen", "rejected"]).to_pylist()
    with pytest.raises(ValueError, match="data is 'worst'"):
        training_rows(TABLE, "worst", placement="system")


def test_a_shifted_reference_makes_dpo_the_length_penalised_loss() -> None:
    model, alpha, beta = tiny.model(), 0.1, 0.5
    known = training.reference_logprobs(model, tiny.TOKENIZER, ROWS)
    options = {"beta": beta, "learning_rate": 1e-12, "warmup": 0.0, "schedule": "constant", "batch_size": 8}
    trainer = runs.trainer_of({"trainer": "dpo", "length_penalty": alpha})
    told = train_rows(model, tiny.TOKENIZER, ROWS, trainer=trainer, options=options, seed=0, reference=known)
    # The policy is the reference: what is left of R-DPO's margin is alpha (|y_w| - |y_l|), tokens with their end.
    tokens = {
        side: [len(ids) - start for ids, start in (tiny.token_ids(row, side) for row in ROWS)]
        for side in ("chosen", "rejected")
    }
    margins = [alpha * (won - lost) for won, lost in zip(tokens["chosen"], tokens["rejected"], strict=True)]
    expected = float(np.mean([math.log(1 + math.exp(-margin)) for margin in margins]))
    assert told["loss"][-1] == pytest.approx(expected, abs=1e-4)


def weights_after_one_step(loss: str, **options: Any) -> torch.Tensor:
    model = tiny.model()
    usual = {"learning_rate": 1e-3, "warmup": 0.0, "schedule": "constant", "batch_size": 8, "loss_type": [loss]}
    before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    train_rows(model, tiny.TOKENIZER, ROWS, trainer=TRAINERS["dpo"], options={**usual, **options}, seed=0)
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach() - before


def test_losses_of_margins_and_rewards_begin_with_the_step_of_dpo() -> None:
    """At the reference every pair weighs the same in each, and AdamW ignores the scale; IPO divides by length."""
    dpo = weights_after_one_step("sigmoid", beta=1.0)
    for name in ("exo", "aot", "nca", "sppo", "ipo"):
        method = RECIPE["objectives"][name]
        options = {key: method[key] for key in ("beta", "label_smoothing") if key in method}
        other = weights_after_one_step(method["loss_type"][0], **options)
        assert (torch.cosine_similarity(dpo, other, dim=0) > 0.999) == (name != "ipo")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base that has seen a few answers."""
    folder = tmp_path_factory.mktemp("base")
    micro_base.base(folder, "llama", n=320, learning_rate=1e-2)
    return folder


@pytest.mark.parametrize("name", [*RECIPE["objectives"], *RECIPE["baselines"]])
def test_every_method_of_the_recipe_trains(name: str, base: Path, tmp_path: Path) -> None:
    arm = study.arms_of(RECIPE, name)[-1]
    cell = study.Cell(name, arm, 0)
    run = study.model_run({**RECIPE, "pairs": 6}, cell, 1)
    config = json.loads(json.dumps(run.config))
    told = runs.train_objective(config, tmp_path, {"base": base})
    assert told["sequences"] == 4 * len(pairs(data.World(), 6, seed=config["seed"]))
    assert math.isfinite(told["loss"][-1])
    assert (tmp_path / "model").is_dir()


def test_the_base_is_scored_once_for_all_objectives_that_need_it(
    monkeypatch: pytest.MonkeyPatch, base: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}

    def keep(*_: object, reference: np.ndarray | None, **__: object) -> dict[str, Any]:
        given[name] = reference
        return {}

    monkeypatch.setattr(micro_runs, "train_rows", keep)
    for name in ("ipo", "kto", "r-dpo", "simpo", "orpo", "ld-dpo"):
        run = study.model_run({**RECIPE, "pairs": 6}, study.Cell(name, "UF", 0), 1)
        runs.train_objective(json.loads(json.dumps(run.config)), tmp_path, {"base": base})
    assert given["ipo"] is given["kto"] is given["r-dpo"] is not None
    assert given["simpo"] is given["orpo"] is given["ld-dpo"] is None  # LD-DPO weighs tokens before it sums them


def test_an_unknown_trainer_is_named() -> None:
    with pytest.raises(ValueError, match="trainer is 'ppo'"):
        runs.trainer_of({"trainer": "ppo", "arm": {"data": "uf"}})
