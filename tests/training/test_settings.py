"""What a training run says of itself."""

import math

from rapo.training.settings import TrainLog


def test_rate_is_tokens_over_seconds() -> None:
    assert TrainLog(tokens=300, seconds=1.5).tokens_per_second == 200  # 300 / 1.5
    assert math.isnan(TrainLog().tokens_per_second)


def test_curve_holds_the_steps_at_which_a_number_was_logged() -> None:
    log = TrainLog(history=[{"step": 2, "loss": 0.7}, {"step": 4, "loss": 0.5, "rewards/margins": 0.1}])
    assert log.curve() == [(2, 0.7), (4, 0.5)]
    assert log.curve("rewards/margins") == [(4, 0.1)]
