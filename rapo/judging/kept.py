"""Answers kept on disk: one file a request, known by the whole request, and claimed by who asks for it."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapo import config, paths
from rapo.judging.address import Address, without_secrets

_log = logging.getLogger(__name__)
_BESIDE = ("extra_headers", "extra_query", "extra_body")
_LOOK_AGAIN = 0.1  # seconds until somebody else's claim is looked at again


@dataclass(frozen=True)
class Kept:
    """A question, its full request as text, and the file that keeps its answer.

    Secrets are no part of the text: a header, a parameter or a field that is called as secrets are is left out, at
    whatever depth; other headers and parameters count by their hash.
    """

    question: Mapping[str, Any]
    text: str
    file: Path

    @classmethod
    def of(cls, question: Mapping[str, Any], address: Address, folder: Path) -> "Kept":
        """Where a question's answer from a server is kept."""
        body = {name: value for name, value in without_secrets(question).items() if name not in _BESIDE}
        beside = {name: without_secrets(question.get(name) or {}) for name in _BESIDE}
        told = {name: held for name, held in {**beside, "query": address.parameters}.items() if held}
        also = {"beside": config.content_hash(config.canonical(told))} if told else {}
        text = config.canonical({"base_url": address.shown, **also, **body})
        key = config.content_hash(text, length=32)
        return cls(question, text, folder / key[:2] / f"{key}.json")

    def answer(self) -> dict[str, Any] | None:
        """The kept answer to exactly this request, None if there is none or it is damaged."""
        if not self.file.is_file():
            return None
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            if found["request"] != self.text:
                raise ValueError("it answers another request")
            return dict(found["answer"])
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("kept answer %s is damaged (%s) and is asked for again", self.file, error)
            return None

    def keep(self, answer: Mapping[str, Any]) -> None:
        """Write an answer, whole or not at all."""
        paths.write_text(self.file, json.dumps({"request": self.text, "answer": answer}))

    @contextlib.asynccontextmanager
    async def claimed(self) -> AsyncIterator[None]:
        """Nobody else asks for this answer meanwhile, of whatever process; where the disk has no locks, they may."""
        from filelock import FileLock, Timeout

        self.file.parent.mkdir(parents=True, exist_ok=True)
        place = self.file.with_suffix(".lock")
        lock = FileLock(place, timeout=0, thread_local=False)
        while not lock.is_locked:
            try:
                lock.acquire()
            except Timeout:
                await asyncio.sleep(_LOOK_AGAIN)
            except NotImplementedError:
                break
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                place.unlink()  # while it is held: who takes the next one looks for the answer first
            lock.release()
