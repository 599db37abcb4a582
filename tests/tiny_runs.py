"""Runs that do next to nothing. Each leaves one line in a log, so that a test can count how often it was computed."""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from filelock import Timeout

from rapo.runs.run import Run

PATIENCE = 60.0  # seconds after which a test that waits for another process gives up


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the other process did not do what the test waits for")
        time.sleep(0.01)


def square(config: dict, folder: Path, needs: dict[str, Path]) -> dict:
    with open(config["log"], "a") as log:
        log.write(f"{config['x']}\n")
    (folder / "artefact.txt").write_text(str(config["x"]))
    below = sum(json.loads((need / "result.json").read_text())["metrics"]["y"] for need in needs.values())
    return {"y": config["x"] ** 2 + below, "pid": os.getpid()}


def gated(config: dict, folder: Path, needs: dict[str, Path]) -> dict:
    """Half-writes an artefact, then waits for a file; opens another gate where it has one."""
    (folder / "half.txt").write_text("half")
    if "opens" in config:
        Path(config["opens"]).touch()
    if "gate" in config:
        wait_for(Path(config["gate"]).exists)
    return square(config, folder, needs)


def faulty(config: dict, folder: Path, needs: dict[str, Path]) -> dict:
    if config["how"] == "dies":
        os._exit(3)
    if config["how"] == "nan":
        return {"loss": {"last": float("nan")}}
    if config["how"] == "waits":  # as a hub's client does for a download of another process
        raise Timeout("a lock of its own")
    raise ArithmeticError(f"{config['how']} went wrong")


def noisy(config: dict, folder: Path, needs: dict[str, Path]) -> dict:
    sys.stdout.write("a line for the log\n")
    return {}


def threads(config: dict, folder: Path, needs: dict[str, Path]) -> dict:
    """How many threads may compute: as torch is set, or as it will read it where it is not imported yet."""
    torch = sys.modules.get("torch")
    return {"threads": torch.get_num_threads() if torch else int(os.environ["OMP_NUM_THREADS"])}


def frozen(config: dict, folder: Path, needs: dict[str, Path]) -> dict:
    return {"frozen": gc.get_freeze_count()}


def make(log: Path, x: int, needs: dict[str, Run] | None = None, **config: object) -> Run:
    name = "gated" if {"gate", "opens"} & set(config) else "square"
    return Run(f"tiny_runs:{name}", {"x": x, "log": str(log), **config}, needs or {}, label=f"square of {x}")


def computed(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().splitlines()] if log.exists() else []
