"""Answers to many questions, kept as they come: whoever is killed goes on where he stopped.

What answers is given: a model here (`rapo.models.generation`) or a server. No torch is needed to keep.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from rapo import atomic
from rapo.config import canonical, differences


@dataclass(frozen=True)
class Ask:
    """One answer that is wanted.

    Attributes:
        key: names it among all: another prompt, or another answer to it, has another key.
        messages: what the model is shown.
        seed: of this answer's draws alone.
    """

    key: str
    messages: list[dict[str, str]]
    seed: int


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        text: without special tokens.
        tokens: how many were made; None where a server does not say.
        cut: it ended because no more tokens were allowed.
    """

    text: str
    tokens: int | None
    cut: bool


class Engine(Protocol):
    """What answers."""

    def check(self, asks: Sequence[Ask]) -> None:
        """Raise before any work what asking would raise."""

    def __call__(self, asks: Sequence[Ask]) -> Sequence[Answer | None]:
        """An answer for each, in order; None where there is none to be had."""


class Kept:
    """Answers that are on the disk, each batch before the next one begins."""

    def __init__(self, file: BinaryIO | None, found: dict[str, Answer]) -> None:
        self.found = found
        self.n_before = len(found)
        self._file = file

    def add(self, asks: Sequence[Ask], answers: Sequence[Answer | None]) -> None:
        """Keep some answers; they are on the disk when this returns."""
        new = {ask.key: answer for ask, answer in zip(asks, answers, strict=True) if answer is not None}
        self.found |= new
        if self._file is None:
            return
        for key, answer in new.items():
            self._file.write(_line({"key": key, **asdict(answer)}))
        self._file.flush()
        os.fsync(self._file.fileno())


def collect(
    asks: Sequence[Ask], engine: Engine, kept: Kept, *, batch: int, progress: Callable[[int], None] | None = None
) -> list[Answer | None]:
    """An answer for each ask, None where there is none to be had; what is kept is not asked again.

    The longest go first: what does not fit shows at once.

    Args:
        asks: what is wanted.
        engine: answers a batch.
        kept: where answers go.
        batch: asks at a time.
        progress: told of every batch how many more are done, those that were kept before first.
    """
    missing = [ask for ask in asks if ask.key not in kept.found]
    missing.sort(key=lambda ask: -sum(len(message["content"]) for message in ask.messages))
    if progress:
        progress(len(asks) - len(missing))
    for start in range(0, len(missing), batch):
        part = missing[start : start + batch]
        kept.add(part, engine(part))
        if progress:
            progress(len(part))
    return [kept.found.get(ask.key) for ask in asks]


@contextmanager
def keeping(path: Path | None, settings: Mapping[str, Any], *, afresh: bool = False) -> Iterator[Kept]:
    """Hold the file in which answers are kept under some settings; it stays until `discard`.

    Args:
        path: the file; None keeps nothing.
        settings: plain JSON of all that an answer depends on, but for what is asked.
        afresh: begin anew where the file holds answers under other settings.

    Raises:
        FileExistsError: it does, and ``afresh`` is False; or it is none of ours.
        RuntimeError: another process holds it.
    """
    if path is None:
        yield Kept(None, {})
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    told = f"another process is writing {path}; wait for it, or choose another --out"
    with atomic.locked(path.with_name(f".{path.name}.lock"), told=told):
        found, end = _read(path, settings, afresh=afresh)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(end)  # half a line that a killed process left
            file.seek(end)
            if not end:
                file.write(_line({"settings": settings}))
                file.flush()
                os.fsync(file.fileno())
            yield Kept(file, found)


def discard(path: Path | None) -> None:
    """Remove the file of kept answers, once they lie in the product."""
    if path is not None:
        path.unlink(missing_ok=True)


_FIRST = b'{"settings": '


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _read(path: Path, settings: Mapping[str, Any], *, afresh: bool) -> tuple[dict[str, Answer], int]:
    """The answers that a file keeps, and where its whole lines end; 0 for a file to begin."""
    if not path.exists():
        return {}, 0
    held = path.read_bytes()
    lines = held.split(b"\n")[:-1]
    if not lines and held[: len(_FIRST)] == _FIRST[: len(held)]:  # nothing, or the first line cut short
        return {}, 0
    try:
        told, *rows = [json.loads(line) for line in lines]
        before = told["settings"]
        found = {row.pop("key"): Answer(**row) for row in rows}
    except (ValueError, LookupError, TypeError) as error:
        raise FileExistsError(
            f"{path} holds no answers of `rapo sample`; choose another --out, or remove it"
        ) from error
    differing = list(differences(before, json.loads(canonical(settings))))
    if differing and not afresh:
        raise FileExistsError(
            f"{path} keeps {len(found):,} answers under other settings: {'; '.join(differing[:3])}. Undo the "
            "change to go on with them, or say --overwrite to begin anew"
        )
    return ({}, 0) if differing else (found, sum(len(line) + 1 for line in lines))
