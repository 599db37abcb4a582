"""What a training run says of itself."""

import dataclasses
import math

from rapo.training.settings import DPOSettings, KTOSettings, Settings, TrainLog


def test_rate_is_tokens_over_seconds() -> None:
    assert TrainLog(tokens=300, seconds=1.5).tokens_per_second == 200  # 300 / 1.5
    assert math.isnan(TrainLog().tokens_per_second)


def test_settings_speak_trls_names() -> None:
    import trl

    kinds = {Settings: trl.SFTConfig, DPOSettings: trl.DPOConfig, KTOSettings: trl.KTOConfig}
    for kind, config in kinds.items():
        assert set(kind().options()) <= {field.name for field in dataclasses.fields(config)}
    # KTO's trainer counts responses, two a pair.
    assert KTOSettings(batch_size=3).options()["per_device_train_batch_size"] == 6
