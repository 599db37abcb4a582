"""The folder that a training run leaves: its record, what it may go on from, and who is writing to it.

``rapo.json`` is there before the first step and says ``"status": "started"``; "finished" once the model lies beside it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rapo import atomic, paths
from rapo.config import canonical, differences, plain
from rapo.pairs import manifest

RECORD = "rapo.json"
STARTED, FINISHED = "started", "finished"
_LOCK = ".rapo.lock"
_STATE = "trainer_state.json"  # the last file of a checkpoint that transformers writes
OWN = (RECORD, _STATE)  # beside a model that was trained, and no part of it
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def look(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of the same run that was started here before; None where nothing was trained.

    Args:
        folder: of the run; may be missing or empty.
        identity: plain JSON of what makes a run another one.

    Raises:
        FileExistsError: the folder holds something else, or another run; what differs is told.
        NotADirectoryError: it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; choose another --out")
    if not folder.is_dir() or not {entry.name for entry in folder.iterdir()} - {_LOCK}:
        return None
    try:
        told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        before = told["identity"]
    except (OSError, ValueError, LookupError, TypeError):
        raise FileExistsError(f"{folder} holds no run of `rapo train`; choose another --out") from None
    if differing := next(differences(before, json.loads(canonical(identity))), ""):
        if told.get("status") == STARTED and checkpoint(folder) is None:
            return None
        raise FileExistsError(f"{folder} holds another run: {differing}; choose another --out, or undo the change")
    return dict(told)


def checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that is whole; one that a killed process left without its state, or half of it, is not."""
    found = sorted(
        (int(match[1]), entry)
        for entry in folder.glob("checkpoint-*")
        if (match := _CHECKPOINT.fullmatch(entry.name))
    )
    return next((entry for _, entry in reversed(found) if _is_whole(entry)), None)


def _is_whole(entry: Path) -> bool:
    try:
        return "global_step" in json.loads((entry / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def write(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Write the record, whole and onto the disk, and return it."""
    told = {"written_by": f"rapo {manifest.versions().get('rapo', '')}".strip(), "command": "train", **record}
    text = json.dumps(told, indent=1, ensure_ascii=False, default=plain)
    paths.write_text(folder / RECORD, text + "\n", durable=True)
    return told


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder, made where it is missing, while the block runs; the system lets go of it for a killed process.

    Raises:
        RuntimeError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = f"another process is training into {folder}; wait for it, or choose another --out"
    try:
        with atomic.locked(folder / _LOCK, told=told):
            yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # where nothing was written
