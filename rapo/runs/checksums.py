"""Files known by their content: each looked through once a process, for as long as it stays as it is."""

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SETTLED = 2.0  # seconds; the coarsest clock of a file system cannot tell two younger states of a file apart
_known: dict[Path, tuple[tuple[int, ...], str]] = {}


def checksum(file: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file, as plain JSON.

    Raises:
        OSError: the file cannot be read.
    """
    stat = file.stat()
    state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if (found := _known.get(file)) and found[0] == state:
        return {"size": stat.st_size, "sha256": found[1]}
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = os.fstat(stream.fileno()).st_size
    if time.time() - stat.st_ctime > _SETTLED:
        _known[file] = (state, digest)
    return {"size": size, "sha256": digest}


def verify(file: Path, expected: Mapping[str, Any]) -> None:
    """Hold a file against the checksum that was noted for it.

    Raises:
        FileNotFoundError: it is gone.
        ValueError: it is not what it was; names the file.
    """
    size = file.stat().st_size
    if size != expected["size"]:
        raise ValueError(f"{file.name} has {size} bytes instead of {expected['size']}")
    if checksum(file)["sha256"] != expected["sha256"]:
        raise ValueError(f"{file.name} is not what it was: its checksum differs")
