"""Jobs for TRL's command line: the files, and one run of them on this machine."""

import dataclasses
from pathlib import Path

import pytest
import tiny

from rapo import config
from rapo.models.tiny import load, save
from rapo.training import launch
from rapo.training.settings import DPOSettings, KTOSettings, ORPOSettings, Settings, SimPOSettings

ROWS = tiny.rows(8).select(["prompt", "chosen", "rejected"]).to_pylist()
ON_CPU = {"accelerate_config": "single_gpu", "num_processes": 1, "bf16": False, "use_cpu": True}
LAUNCHER = {"accelerate_config", "num_processes"}


def known_to_trl() -> set[str]:
    from trl import DatasetMixtureConfig, DPOConfig, ModelConfig, ScriptArguments

    kinds = (ScriptArguments, DPOConfig, ModelConfig, DatasetMixtureConfig)
    return LAUNCHER | {field.name for kind in kinds for field in dataclasses.fields(kind)}


def test_a_job_says_what_the_settings_say_and_launch_goes_before(tmp_path: Path) -> None:
    settings = DPOSettings(learning_rate=5e-7, beta=0.01, accumulate=64, label_smoothing=0.3)
    job = launch.write_job(
        tmp_path, ROWS, settings, model="owner/model", seed=3, launch={"gradient_accumulation_steps": 8}
    )
    options = config.load_yaml(job)
    assert set(options) <= known_to_trl()
    assert (options["learning_rate"], options["beta"], options["label_smoothing"]) == (5e-7, 0.01, 0.3)
    assert options["gradient_accumulation_steps"] == 8
    assert options["model_name_or_path"] == "owner/model"
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == len(ROWS)
    assert "trl dpo" in job.read_text().splitlines()[0]
    sft = launch.write_job(tmp_path, ROWS, Settings(), model="m", seed=3, launch={})
    assert "trl sft" in sft.read_text().splitlines()[0]
    assert "beta" not in config.load_yaml(sft)


@pytest.mark.parametrize("kind", [SimPOSettings, KTOSettings, ORPOSettings])
def test_settings_of_other_kinds_are_refused(tmp_path: Path, kind: type[Settings]) -> None:
    with pytest.raises(ValueError, match=rf"no job can be made of {kind.__name__}: give Settings or DPOSettings"):
        launch.write_job(tmp_path, ROWS, kind(), model="m", seed=3, launch={})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_job_trains(tmp_path: Path) -> None:
    source = save(tiny.model(), tiny.TOKENIZER, tmp_path / "source")
    settings = DPOSettings(learning_rate=1e-2, batch_size=4, label_smoothing=0.3)
    job = launch.write_job(tmp_path / "job", ROWS, settings, model=str(source), seed=1, launch=ON_CPU)
    launch.run(job, tmp_path / "model")
    before, after = (load(folder)[0] for folder in (source, tmp_path / "model"))
    assert (before.lm_head.weight - after.lm_head.weight).abs().max() > 1e-3


def test_a_job_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    job = tmp_path / "train.yaml"
    job.write_text("# Start with: trl nonsense --config train.yaml\n")
    with pytest.raises(RuntimeError, match=r"(?s)ended with status.*nonsense"):
        launch.run(job, tmp_path / "model")
