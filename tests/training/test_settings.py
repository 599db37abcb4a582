"""What a training run says of itself."""

import dataclasses
import math

import pytest

from rapo.training.settings import DPOSettings, KTOSettings, ORPOSettings, Settings, SimPOSettings, TrainLog


def test_rate_is_tokens_over_seconds() -> None:
    assert TrainLog(tokens=300, seconds=1.5).tokens_per_second == 200  # 300 / 1.5
    assert math.isnan(TrainLog().tokens_per_second)


@pytest.mark.filterwarnings("ignore")  # TRL's and its dependencies' own
def test_settings_speak_trls_names() -> None:
    from rapo.training.trainers import CPO, DPO, KTO, ORPO, SFT

    kinds = {Settings: SFT, DPOSettings: DPO, SimPOSettings: CPO, KTOSettings: KTO, ORPOSettings: ORPO}
    for kind, trainer in kinds.items():
        assert set(kind().options()) <= {field.name for field in dataclasses.fields(trainer.config)}
    simpo = SimPOSettings(gamma=0.7, sft_weight=0.2, schedule="linear", warmup=0.3).options()
    assert (simpo["simpo_gamma"], simpo["cpo_alpha"], simpo["lr_scheduler_type"]) == (0.7, 0.2, "linear")
    assert simpo["warmup_steps"] == 0.3
    # KTO's trainer counts responses, two a pair.
    assert KTOSettings(batch_size=3).options()["per_device_train_batch_size"] == 6
