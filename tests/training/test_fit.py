"""In which batches each objective reads its rows."""

from typing import Any

import pytest
import tiny

from rapo.training import fit, train
from rapo.training.batches import LengthBatches

ROWS = tiny.rows(4, longest=5).to_pylist()
ONE = {"max_steps": 1, "batch_size": 2, "accumulate": 2}


@pytest.mark.parametrize(
    ("run", "settings", "by_length"),
    [
        (train.train_dpo, train.DPOSettings(**ONE), True),
        (train.train_dpo, train.DPOSettings(**ONE, loss_type=("sft",)), False),
        (train.train_simpo, train.SimPOSettings(**ONE), True),
        (train.train_simpo, train.SimPOSettings(**ONE, sft_weight=0.5), False),
        (train.train_orpo, train.ORPOSettings(**ONE), False),
    ],
)
def test_rows_of_like_length_stand_together_unless_the_loss_is_a_mean_over_a_batchs_tokens(
    run: Any, settings: Any, by_length: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped = []

    class Seen(LengthBatches):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            grouped.append((self.batch_size, self.grouped))

    monkeypatch.setattr(fit, "LengthBatches", Seen)
    run(tiny.model(), tiny.TOKENIZER, ROWS, settings=settings, seed=0)
    assert grouped == [(4, by_length)]  # a step is two batches of two
