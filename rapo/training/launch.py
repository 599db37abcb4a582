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
        settings: `DPOSettings` make a job of ``trl dpo``, others one of ``trl sft``.
        model: an id on the hub, or a folder.
        seed: of the order of the rows.
        launch: any options of TRL's command line, over those made here: ``accelerate_config`` (single_gpu,
            multi_gpu, zero3, fsdp2, ... or a file), ``num_processes``, ``gradient_accumulation_steps``, ...
    """
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    paths.write_text(folder / ROWS, text)
    made = {**_options(settings, seed), **launch}
    head = f"# Start with: trl {_script(settings)} --config {CONFIG} --output_dir model\n"
    data = [{"path": "json", "data_files": ROWS, "split": "train"}]
    start = str(Path(model).resolve()) if Path(model).is_dir() else model
    body = yaml.safe_dump({"model_name_or_path": start, "datasets": data, **made}, sort_keys=False)
    paths.write_text(folder / CONFIG, head + body)
    return folder / CONFIG


def run(job: Path, output: Path) -> None:
    """Run a job of `write_job` and leave the trained model in ``output``; its words go to ``log.txt`` beside it.

    Raises:
        RuntimeError: training failed; the end of its log is told.
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


def _script(settings: Settings) -> str:
    return "dpo" if isinstance(settings, DPOSettings) else "sft"


def _options(settings: Settings, seed: int) -> dict[str, Any]:
    """Settings in the names of TRL's command line."""
    by_script = {} if isinstance(settings, DPOSettings) else {"completion_only_loss": True}
    return {
        "dtype": "float32",  # weights; the computation is bf16
        "bf16": True,
        "gradient_checkpointing": True,
        "seed": seed,
        "logging_steps": 10,
        **settings.options(),
        **by_script,
    }
