"""What starts a recipe's processes."""

import sys
from pathlib import Path

import pytest
import torch

from rapo.training import launched
from rapo.training.recipe import Recipe

WORDS = ["train", "mine.yaml", "--out", "made"]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv(launched.MARK, raising=False)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 8)


def recipe(*, use_cpu: bool = False, **launch: object) -> Recipe:
    return Recipe("mine.yaml", "dpo", {"use_cpu": use_cpu}, {}, {}, launch, {}, None)


def test_one_process_needs_no_launcher() -> None:
    assert launched.command(recipe(), WORDS) is None
    assert launched.command(recipe(num_processes=1), WORDS) is None
    assert launched.command(recipe(num_processes=1, accelerate_config="zero3", use_cpu=True), WORDS) is None
    assert launched.command(recipe(accelerate_config="multi_gpu", use_cpu=True), WORDS) is None


@pytest.mark.parametrize("name", ["WORLD_SIZE", launched.MARK])
def test_what_was_launched_launches_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "2")
    assert launched.command(recipe(num_processes=2), WORDS) is None


def test_accelerate_starts_processes_on_gpus_with_trls_own_configurations() -> None:
    import trl

    command = launched.command(recipe(num_processes=8, accelerate_config="zero3"), WORDS)
    assert command is not None
    file = Path(trl.__file__).parent / "accelerate_configs" / "zero3.yaml"
    assert file.is_file()
    assert command[:6] == [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--config_file",
        str(file),
        "--num_processes",
    ]
    assert command[6:] == ["8", "-m", "rapo", *WORDS]


def test_a_configuration_of_ones_own_says_how_many(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("num_processes: 4\n")
    command = launched.command(recipe(accelerate_config=str(tmp_path / "mine.yaml")), WORDS)
    assert command is not None
    assert command[3:] == ["--config_file", str(tmp_path / "mine.yaml"), "-m", "rapo", *WORDS]


def test_torch_starts_processes_on_cpus() -> None:
    command = launched.command(recipe(num_processes=2, use_cpu=True), WORDS)
    assert command is not None
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert command[-6:] == ["2", "-m", "rapo", *WORDS][-6:]


def test_more_processes_than_accelerators_are_refused_with_what_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    told = r"8 processes, and 2 accelerators are here; .* num_processes=2 --set gradient_accumulation_steps=4 \(on CPUs"
    with pytest.raises(ValueError, match=told):
        launched.command(recipe(num_processes=8, accelerate_config="zero3"), WORDS)


def test_a_configuration_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(FileNotFoundError, match=r"'zero9' is no file and none of fsdp1, fsdp2, multi_gpu"):
        launched.command(recipe(num_processes=2, accelerate_config="zero9"), WORDS)
