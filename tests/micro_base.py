"""Runs of the micro world at the smallest size that trains: a base to start from, folders to run in."""

from pathlib import Path
from typing import Any

from rapo.studies.common import micro_runs

SIZE = {"width": 16, "layers": 1, "heads": 2}


def base(folder: Path, architecture: str, *, n: int = 64, learning_rate: float = 1e-3) -> dict[str, Any]:
    """Train a base on ``n`` examples into ``folder``; what the run tells."""
    config = {
        "architecture": architecture, "world": {}, "seed": 1, "size": SIZE, "corpus": {"n": n},
        "training": {"batch_size": 32, "learning_rate": learning_rate},
    }  # fmt: skip
    return micro_runs.train_base(config, folder, {})


def folders(top: Path, *names: str) -> dict[str, Path]:
    """New folders by name."""
    made = {name: top / name for name in names}
    for folder in made.values():
        folder.mkdir()
    return made
