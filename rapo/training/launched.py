"""How a recipe's processes are started: by accelerate on accelerators, by torch's own launcher on CPUs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rapo.training.recipe import Recipe

MARK = "RAPO_LAUNCHED"  # set for the processes that are started here


def command(recipe: Recipe, words: Sequence[str]) -> list[str] | None:
    """What starts `rapo` with these words in as many processes as a recipe asks for.

    Args:
        recipe: its ``num_processes``, and its ``accelerate_config``: one that comes with TRL (single_gpu, multi_gpu,
            fsdp2, zero3, ...) or a file. With ``use_cpu`` the latter says nothing.
        words: of the command line, without the program.

    Returns:
        None where one process is enough, or this is one of those that were started.

    Raises:
        FileNotFoundError: there is no such configuration.
        ValueError: there are fewer accelerators here than processes are asked for.
    """
    count, config = recipe.launch.get("num_processes", 1), recipe.launch.get("accelerate_config")
    if MARK in os.environ or "WORLD_SIZE" in os.environ or (count == 1 and config is None):
        return None
    program = ["-m", "rapo", *words]
    if recipe.arguments.get("use_cpu"):
        many = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
        return None if count == 1 else [sys.executable, *many, *program]
    _check_accelerators(recipe, count)
    file = ["--config_file", str(_config(config))] if config else []
    number = ["--num_processes", str(count)] if "num_processes" in recipe.launch else []
    return [sys.executable, "-m", "accelerate.commands.launch", *file, *number, *program]


def _check_accelerators(recipe: Recipe, count: int) -> None:
    """Refuse to start more processes than there are accelerators, and tell how as many rows make a step."""
    import torch

    if count <= (here := torch.accelerator.device_count()):
        return
    few = max(here, 1)
    config = "" if few > 1 else "--set accelerate_config= "
    steps = recipe.arguments.get("gradient_accumulation_steps", 1) * count // few
    raise ValueError(
        f"{recipe.name} asks for {count} processes, and {here} accelerators are here; say --set num_processes={few} "
        f"{config}--set gradient_accumulation_steps={steps} (on CPUs: --set use_cpu=true)"
    )


def _config(name: str) -> Path:
    """The file of a configuration of accelerate."""
    import trl

    folder = Path(trl.__file__).parent / "accelerate_configs"
    file = next((one for one in (Path(name), folder / f"{name}.yaml") if one.is_file()), None)
    if file is None:
        known = ", ".join(sorted(one.stem for one in folder.glob("*.yaml")))
        raise FileNotFoundError(f"accelerate_config {name!r} is no file and none of {known}")
    return file
