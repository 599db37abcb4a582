"""Requests to a chat server that speaks OpenAI's protocol: several at a time, each answer kept on disk."""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo import config, paths

if TYPE_CHECKING:
    from openai import OpenAI

_log = logging.getLogger(__name__)


class JudgeError(RuntimeError):
    """A judge could not be asked, or did not answer what it was asked; what was answered before stays on disk."""


@dataclass(frozen=True)
class ChatServer:
    """Where requests go, and how.

    Attributes:
        base_url: ending in ``/v1``; None for OpenAI's own server.
        concurrency: requests under way at a time.
        timeout: seconds for one attempt.
        max_retries: further attempts after a time-out, a lost connection, 429 or 5xx.
    """

    base_url: str | None = None
    concurrency: int = 5
    timeout: float = 60.0
    max_retries: int = 5


def ask_all(
    questions: Sequence[Mapping[str, Any]],
    *,
    server: ChatServer,
    folder: Path | None = None,
    api_key: str | None = None,
    accept: Callable[[Mapping[str, Any]], None] | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """One answer per question, as plain JSON, and how many questions went to the server.

    An answer is kept under the hash of its full request and the server's address; equal questions are asked once.
    Keys are never written down.

    Args:
        questions: full bodies of chat completion requests.
        folder: of the kept answers; ``build/judgements`` of the project without it.
        api_key: without it ``$OPENAI_API_KEY``; a server of one's own needs none.
        accept: raises `JudgeError` for an answer that will not do; it is not kept.

    Raises:
        JudgeError: a question got no answer, or none that will do. The others under way are finished and kept first.
    """
    folder = folder or paths.root() / "build" / "judgements"
    asked = [_Asked.of(question, server, folder) for question in questions]
    known = {one.file: kept for one in asked if (kept := one.kept()) is not None}
    missing = {one.file: one for one in asked if one.file not in known}
    if missing:
        known |= _ask_missing(missing, server, api_key, accept)
    return [known[one.file] for one in asked], len(missing)


@dataclass(frozen=True)
class _Asked:
    """A question, its full request as text, and the file that keeps its answer."""

    question: Mapping[str, Any]
    text: str
    file: Path

    @classmethod
    def of(cls, question: Mapping[str, Any], server: ChatServer, folder: Path) -> "_Asked":
        text = config.canonical({"base_url": server.base_url, **question})
        key = config.content_hash(text, length=32)
        return cls(question, text, folder / key[:2] / f"{key}.json")

    def kept(self) -> dict[str, Any] | None:
        """The kept answer to exactly this request, None if there is none or it is damaged."""
        if not self.file.is_file():
            return None
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return found["answer"] if found["request"] == self.text else None
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("kept answer %s is damaged (%s) and is asked for again", self.file, error)
            return None

    def keep(self, answer: Mapping[str, Any]) -> None:
        paths.write_text(self.file, json.dumps({"request": self.text, "answer": answer}, ensure_ascii=False))


def _ask_missing(
    missing: Mapping[Path, _Asked],
    server: ChatServer,
    api_key: str | None,
    accept: Callable[[Mapping[str, Any]], None] | None,
) -> dict[Path, dict[str, Any]]:
    with _client(server, api_key) as client, ThreadPoolExecutor(server.concurrency) as pool:
        tasks = {file: pool.submit(_ask, client, server, one, accept) for file, one in missing.items()}
        for task in wait(tasks.values(), return_when=FIRST_EXCEPTION).not_done:
            task.cancel()
    ended = [task for task in tasks.values() if not task.cancelled()]
    errors = [error for task in ended if (error := task.exception())]
    for error in errors:
        if not isinstance(error, JudgeError):
            raise error
    if errors:
        kept = len(ended) - len(errors)
        raise JudgeError(
            f"{errors[0]} ({kept} of {len(tasks)} answers are kept; run again for the rest)"
        ) from errors[0]
    return {file: task.result() for file, task in tasks.items()}


def _client(server: ChatServer, api_key: str | None) -> "OpenAI":
    from openai import OpenAI

    key = api_key or os.environ.get("OPENAI_API_KEY") or ("none" if server.base_url else None)
    if key is None:
        raise JudgeError(
            "OpenAI's own server needs a key: set OPENAI_API_KEY, or give base_url for another server"
        )
    return OpenAI(api_key=key, base_url=server.base_url, timeout=server.timeout, max_retries=server.max_retries)


def _ask(
    client: "OpenAI", server: ChatServer, one: _Asked, accept: Callable[[Mapping[str, Any]], None] | None
) -> dict[str, Any]:
    import openai

    who = f"{one.question['model']} at {server.base_url or 'OpenAI'}"
    try:
        answer = client.chat.completions.create(**one.question).model_dump()
    except openai.OpenAIError as error:
        raise JudgeError(f"{who} gave no answer: {type(error).__name__}: {error}") from error
    if not answer.get("choices"):
        raise JudgeError(f"{who} answered without a choice: {json.dumps(answer)[:200]}")
    if accept is not None:
        accept(answer)
    one.keep(answer)
    return answer
