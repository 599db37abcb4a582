"""KTO and ORPO on the fast path: what TRL is fed, and that its losses are what the papers say."""

import math

import numpy as np
import pytest
import tiny

from rapo.training.objectives import KTOSettings, ORPOSettings, train_kto, train_orpo, unpaired
from rapo.training.train import reference_logprobs

IDS = {
    "prompt_ids": [[1], [2, 2], [3]],
    "chosen_ids": [[11], [12], [13, 13]],
    "rejected_ids": [[21], [22, 22], [23]],
}
ROWS = tiny.rows(6, longest=8).to_pylist()
NEVER = {"learning_rate": 1e-12, "schedule": "constant", "warmup": 0.0, "batch_size": 8}


def test_kto_reads_chosen_then_rejected_of_each_batch() -> None:
    reference = np.array([[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0]])
    columns = unpaired(IDS, reference, [2, 0, 1], batch_size=2)
    assert columns["prompt_ids"] == [[3], [1], [3], [1], [2, 2], [2, 2]]
    assert columns["completion_ids"] == [[13, 13], [11], [23], [21], [12], [22, 22]]
    assert columns["label"] == [True, True, False, False, True, False]
    assert columns["ref_logps"] == [-5.0, -1.0, -6.0, -2.0, -3.0, -4.0]
    # Each batch rotated by one, so that a response meets another prompt.
    assert columns["KL_completion_ids"] == [[21], [13, 13], [11], [23], [22, 22], [12]]


def test_ktos_loss_against_a_shifted_reference() -> None:
    model = tiny.model()
    known = reference_logprobs(model, tiny.TOKENIZER, ROWS)
    settings = KTOSettings(**NEVER, beta=0.5)
    log = train_kto(
        model, tiny.TOKENIZER, ROWS, settings=settings, seed=0, reference=known + np.array([2.0, -1.0])
    )
    # The policy is the model that estimates the KL term, so that is 0. Chosen log-ratio -2: 1 - sigmoid(-1) = .7311;
    # rejected log-ratio 1: 1 - sigmoid(-.5) = .6225; as many of each.
    assert log.history[-1]["loss"] == pytest.approx((0.7311 + 0.6225) / 2, abs=1e-3)
    assert log.steps == 1


def test_kto_scores_its_own_reference() -> None:
    settings = KTOSettings(**NEVER)
    log = train_kto(tiny.model(), tiny.TOKENIZER, ROWS, settings=settings, seed=0)
    assert log.history[-1]["loss"] == pytest.approx(0.5, abs=1e-4)  # 1 - sigmoid(0)


def test_orpos_loss_is_likelihood_and_odds_ratio() -> None:
    model, rows = tiny.model(), ROWS[:1]
    means, likelihood = {}, 0.0
    for side in ("chosen", "rejected"):
        ids, start = tiny.token_ids(rows[0], side)
        means[side] = tiny.brute_force(model, ids, start) / (len(ids) - start)
        if side == "chosen":  # of every token but the first, the prompt's included
            likelihood = -tiny.brute_force(model, ids, 1) / (len(ids) - 1)
    odds = {side: mean - math.log(1 - math.exp(mean)) for side, mean in means.items()}
    ratio = math.log(1 / (1 + math.exp(odds["rejected"] - odds["chosen"])))
    settings = ORPOSettings(**NEVER, beta=0.7)
    log = train_orpo(model, tiny.TOKENIZER, rows, settings=settings, seed=0)
    assert log.history[-1]["loss"] == pytest.approx(likelihood - 0.7 * ratio, abs=1e-3)


def test_a_reference_of_another_shape_is_refused() -> None:
    settings = KTOSettings(**NEVER)
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        train_kto(tiny.model(), tiny.TOKENIZER, ROWS, settings=settings, seed=0, reference=np.zeros(2))
