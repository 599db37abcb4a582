"""Kept pieces of a long computation, each in a file named for what it was computed from.

A file is written whole or not at all and says with a checksum whether it is what was written. What cannot be read,
or holds other rows than are asked for, is computed again.
"""

import errno
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.config import canonical

_log = logging.getLogger(__name__)

Columns = dict[str, list[Any]]


@dataclass
class Store:
    """Pieces under one folder; without a folder nothing is kept."""

    folder: Path | None
    counts: Counter[str] = field(default_factory=Counter)  # pieces_reused, pieces_computed, pieces_damaged so far

    def check_writable(self) -> None:
        """Raise what writing a piece would raise (an OSError), before any work is done."""
        if self.folder is not None:
            _write(self.folder / ".writable", "")
            (self.folder / ".writable").unlink(missing_ok=True)

    def read(self, key: str, row_ids: Sequence[str]) -> Columns | None:
        """A kept piece that holds exactly these rows, or None. A damaged one is told and counts as missing."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}.json"
        try:
            columns = _parse(path.read_text(encoding="utf-8"))
            if columns.pop("row_id") != list(row_ids):
                raise ValueError("rows are missing or belong to another table")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, AttributeError, OSError) as error:
            self.counts["pieces_damaged"] += 1
            _log.warning("%s is damaged (%s); its %d rows are scored again", path, error, len(row_ids))
            return None
        self.counts["pieces_reused"] += 1
        return columns

    def write(self, key: str, row_ids: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> None:
        """Keep a piece; on an OSError what was kept before is untouched, and nothing half-written stays."""
        self.counts["pieces_computed"] += 1
        if self.folder is None:
            return
        text = canonical({"row_id": list(row_ids), **{name: list(values) for name, values in columns.items()}})
        _write(self.folder / f"{key}.json", f"{_digest(text)}\n{text}\n")


def _write(path: Path, text: str) -> None:
    try:
        paths.write_text(path, text)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "make room" if full else "choose another folder with cache="
        why = f"{error.strerror}; {remedy} and run again: everything scored so far is kept"
        raise OSError(error.errno, why, str(path)) from error


def _parse(text: str) -> Columns:
    digest, _, rest = text.partition("\n")
    if not rest.endswith("\n") or digest != _digest(rest[:-1]):
        raise ValueError("its checksum differs")
    return json.loads(rest)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
