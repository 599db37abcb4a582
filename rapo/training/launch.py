"""Training on many GPUs: rows and a config file for TRL's command line, which starts itself through accelerate.

    cd job && trl dpo --config train.yaml --output_dir model

A job is a folder of plain files: it can be copied to a cluster and started there by hand.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rapo import paths
from rapo.training.settings import DPOSettings, Settings

CONFIG, ROWS = "train.yaml", "rows.jsonl"
# Of TRL's command line, by settings, and what the settings do not say.
_SCRIPTS: dict[type[Settings], tuple[str, dict[str, Any]]] = {
    Settings: ("sft", {"completion_only_loss": True}),
    DPOSettings: ("dpo", {}),
}


def write_job(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    settings: Settings,
    *,
    model: str,
    seed: int,
    launch: Mapping[str, Any],
) -> Path:
    """Write the rows and the config file; return the latter.

    Args:
        folder: of the job; made where it is missing.
        rows: ``prompt`` with ``completion``, or with ``chosen`` and ``rejected`` (messages).
        settings: `DPOSettings` make a job of ``trl dpo``, plain `Settings` one of ``trl sft``.
        model: an id on the hub, or a folder.
        seed: of the order of the rows.
        launch: any options of TRL's command line, over those made here: ``accelerate_config`` (single_gpu,
            multi_gpu, zero3, fsdp2, ... or a file), ``num_processes``, ``gradient_accumulation_steps``, ...

    Raises:
        ValueError: the settings are of another kind.
    """
    if type(settings) not in _SCRIPTS:
        known = " or ".join(kind.__name__ for kind in _SCRIPTS)
        raise ValueError(
            f"no job can be made of {type(settings).__name__}: give {known}, or train without launch options"
        )
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    paths.write_text(folder / ROWS, text)
    script, own = _SCRIPTS[type(settings)]
    head = f"# Start with: trl {script} --config {CONFIG} --output_dir model\n"
    made = {
        "model_name_or_path": str(Path(model).resolve()) if Path(model).is_dir() else model,
        "datasets": [{"path": "json", "data_files": ROWS, "split": "train"}],
        "dtype": "float32",  # weights; the computation is bf16
        "bf16": True,
        "gradient_checkpointing": True,
        "seed": seed,
        "logging_steps": 10,
    }
    body = yaml.safe_dump({**made, **settings.options(), **own, **launch}, sort_keys=False)
    paths.write_text(folder / CONFIG, head + body)
    return folder / CONFIG


def run(job: Path, output: Path) -> None:
    """Run a job of `write_job` and leave the trained model in ``output``; its words go to ``log.txt`` beside it.

    A RuntimeError tells the end of the log of a training that failed.
    """
    script = job.read_text(encoding="utf-8").splitlines()[0].partition(" trl ")[2].split()[0]
    log = job.with_name("log.txt")
    command = [sys.executable, "-m", "trl.cli.main", script, "--config", job.name]
    command += ["--output_dir", str(output.resolve())]
    with log.open("w", encoding="utf-8") as stream:
        code = subprocess.run(
            command, cwd=job.parent, stdout=stream, stderr=subprocess.STDOUT, check=False
        ).returncode
    if code or not (output / "config.json").is_file():
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise RuntimeError(f"`{' '.join(command[1:])}` ended with status {code}:\n{tail}")
