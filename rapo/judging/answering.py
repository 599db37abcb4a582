"""Answers of a chat server to prompts, for `rapo.models.answers`."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.judging.endpoint import Refused
from rapo.judging.server import ChatServer, ask_all, forget, look_up
from rapo.models.answers import Answer, Ask

_log = logging.getLogger(__name__)


class ServerAnswers:
    """Asks a model at a server; replies are on the disk until their batch is whole, so that no interruption loses them.

    Those of whole batches are the caller's to keep: under the same name and address another model may be served later.
    """

    def __init__(
        self,
        model: str,
        server: ChatServer,
        *,
        temperature: float,
        top_p: float,
        max_new_tokens: int,
        folder: Path | None = None,
    ) -> None:
        self.server, self.folder = server, folder or paths.root() / "build" / "answers" / "under_way"
        drawn = {"temperature": temperature, "top_p": top_p, "max_tokens": max_new_tokens}
        self.request: dict[str, Any] = {"model": model, **drawn}

    def check(self, asks: Sequence[Ask]) -> None:
        """A server says itself what it refuses."""

    def __call__(self, asks: Sequence[Ask]) -> list[Answer | None]:
        """An answer for each, in order; None for what the server refuses, which is told.

        Raises:
            JudgeError: the server cannot be asked, or answers nobody; what was answered before stays on disk.
        """
        questions = [{**self.request, "messages": ask.messages, "seed": ask.seed} for ask in asks]
        missing, different = look_up(questions, server=self.server, folder=self.folder)
        if len(missing) < different:
            told = "%d replies are those that a run got before it was interrupted; to ask for them anew, remove %s"
            _log.warning(told, different - len(missing), self.folder)
        replies = ask_all(questions, server=self.server, folder=self.folder, accept=_has_text)
        forget(questions, server=self.server, folder=self.folder)
        if replies.failures:
            _log.warning("%d prompts got no answer, the first: %s", len(replies.failures), replies.failures[0])
        return [None if reply is None else _answer(reply) for reply in replies.answers]


def _has_text(reply: Mapping[str, Any]) -> None:
    if not isinstance(reply["choices"][0]["message"].get("content"), str):
        raise Refused("the server answered without a text; ask another model, or leave that prompt out")


def _answer(reply: Mapping[str, Any]) -> Answer:
    choice, usage = reply["choices"][0], reply.get("usage") or {}
    return Answer(
        choice["message"]["content"], usage.get("completion_tokens"), choice.get("finish_reason") == "length"
    )
