"""One question to a chat server: asked until it is answered, refused for good, or nothing can be answered at all."""

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rapo.judging import replies
from rapo.judging.address import Address, is_secret, secrets_of, without
from rapo.judging.replies import Fault

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_log = logging.getLogger(__name__)
Sleep = Callable[[float], Awaitable[None]]
_LOGGERS = ("httpx", "httpx2", "openai._base_client")
_LONG = 5.0  # seconds: who waits longer is told


class JudgeError(RuntimeError):
    """A judge could not be asked, or did not answer what it was asked; what was answered before stays on disk."""


class Refused(Exception):
    """One question has no answer; others may have theirs."""


@dataclass(frozen=True)
class ChatServer:
    """Where requests go, and how.

    Attributes:
        base_url: ending in ``/v1``; None for ``$OPENAI_BASE_URL``, and without that OpenAI's own server.
        concurrency: requests under way at a time.
        timeout: seconds for one attempt, from its start to the last byte of its answer.
        max_retries: further attempts after a time-out, a lost connection, an unreadable answer or a fault of the
            server (5xx).
        patience: seconds to wait in all, for one question, for a server that says that it is full (429).
        largest: bytes of a reply, unpacked, above which it is refused; 2,048 tokens with 20 log-probs each are 4 MB.
        key_variable: of the environment, that holds the key.
    """

    base_url: str | None = None
    concurrency: int = 5
    timeout: float = 60.0
    max_retries: int = 5
    patience: float = 600.0
    largest: int = 64_000_000
    key_variable: str = "OPENAI_API_KEY"

    @property
    def address(self) -> Address:
        """Its address."""
        return Address.of(self.base_url)


@dataclass
class Endpoint:
    """A server, the key that goes there, and the client that talks to it.

    Raises:
        JudgeError: OpenAI's own server has no key.
        ValueError: a key was given for a server that others on the way could listen to.
    """

    server: ChatServer
    api_key: str | None = None
    sleep: Sleep = asyncio.sleep
    address: Address = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.address = self.server.address
        named = os.environ.get(self.server.key_variable)
        if self.api_key and not self.address.is_safe:
            raise ValueError(f"a key is never sent to {self.address.shown}: {_SAFER}")
        key = self.api_key or (named if self.address.is_safe else None)
        if not key and self.address.is_openai:
            raise JudgeError(
                f"OpenAI's own server needs a key: set {self.server.key_variable}, or name another server with "
                "--server (in Python base_url)"
            )
        if self.address.secrets and not self.address.is_safe:
            raise ValueError(
                f"what the address of {self.address.shown} holds besides is never sent there: {_SAFER}"
            )
        self.key = key or "none"
        self._held_back = bool(named and not key)
        self._hidden = {*self.address.secrets, *self.address.query.values(), self.key}

    @contextlib.asynccontextmanager
    async def client(self) -> "AsyncIterator[AsyncOpenAI]":
        """A client that tries once, follows no one elsewhere, and asks no proxy for this machine.

        What libraries log of its requests holds no secrets.
        """
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        loggers, hide = [logging.getLogger(name) for name in _LOGGERS], self._hide
        made = AsyncOpenAI(
            api_key=self.key,
            base_url=self.address.url,
            default_query=dict(self.address.query),
            timeout=None,
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(
                timeout=None, follow_redirects=False, trust_env=not self.address.is_here
            ),
        )
        for logger in loggers:
            logger.addFilter(hide)
        try:
            async with made as client:
                yield client
        finally:
            for logger in loggers:
                logger.removeFilter(hide)

    async def ask(self, client: "AsyncOpenAI", question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question, whatever that takes.

        Raises:
            Refused: this question has none.
            JudgeError: no question has one.
        """
        self._check(question)
        waited, n_full, n_faults = 0.0, 0, 0
        while True:
            found = await self._attempt(client, question)
            if not isinstance(found, Fault):
                return found
            told = self._told(question, found.told)
            if found.kind == "never":
                raise JudgeError(told)
            if found.kind == "full":
                pause = _pause(found.after, n_full, first=1.0, most=60.0)
                n_full += 1
            else:
                n_faults += 1
                if found.kind == "refused" or n_faults > self.server.max_retries:
                    raise Refused(told)
                pause = _pause(found.after, n_faults - 1, first=0.5, most=8.0)
            waited += pause if found.kind == "full" or found.after is not None else 0.0
            if waited > self.server.patience:
                raise JudgeError(f"{told}; it is not waited for longer than {self.server.patience:g} s")
            if pause >= _LONG:
                _log.warning("%s; waiting %.0f s", told, pause)
            await self.sleep(pause)

    def clean(self, text: str, question: Mapping[str, Any]) -> str:
        """A text without the key and the secrets of the address and of a question."""
        return without(text, [*self.address.secrets, self.key, *secrets_of(question)])

    def _told(self, question: Mapping[str, Any], what: str) -> str:
        """What a person is told: nothing of what headers and parameters hold, whatever they are called."""
        return f"{question.get('model')} at {self.address.shown} {without(what, self._hidden)}"

    def _hide(self, record: logging.LogRecord) -> bool:
        """Keep a record, without what must not be told."""
        record.msg, record.args = without(record.getMessage(), self._hidden), ()
        return True

    def _check(self, question: Mapping[str, Any]) -> None:
        """Note what must not be told, and refuse headers with secrets where others could listen."""
        headers, query = (question.get(name) or {} for name in ("extra_headers", "extra_query"))
        self._hidden.update(map(str, [*headers.values(), *query.values(), *secrets_of(question)]))
        for name in [*headers, *query]:
            if is_secret(name) and not self.address.is_safe:
                raise JudgeError(f"{name} is never sent to {self.address.shown}: {_SAFER}")

    async def _attempt(self, client: "AsyncOpenAI", question: Mapping[str, Any]) -> "dict[str, Any] | Fault":
        import openai

        named = {"model", "messages", "extra_headers", "extra_query", "extra_body"}
        further = {name: value for name, value in question.items() if name not in named}
        try:
            async with asyncio.timeout(self.server.timeout):
                async with client.chat.completions.with_streaming_response.create(
                    model=question["model"],
                    messages=question["messages"],
                    extra_headers=question.get("extra_headers"),
                    extra_query=question.get("extra_query"),
                    extra_body={**further, **(question.get("extra_body") or {})},
                ) as reply:
                    return await _read(reply, self.server.largest)
        except TimeoutError:
            return Fault(f"gave no whole answer within {self.server.timeout:g} s", "again")
        except openai.APIStatusError as error:
            return self._status(error)
        except openai.OpenAIError as error:
            cause = f": {error.__cause__}" if error.__cause__ else ""
            return Fault(f"cannot be reached ({type(error).__name__}{cause})", "again")

    def _status(self, error: "APIStatusError") -> Fault:
        """What an answer's HTTP status means."""
        found = replies.fault(error.status_code, str(error.message), error.body, error.response.headers)
        if error.status_code == 401 and self._held_back:
            held = f"{found.told} (the key in {self.server.key_variable} was not sent: {_SAFER})"
            return replace(found, told=held)
        return found


async def _read(reply: Any, largest: int) -> "dict[str, Any] | Fault":
    """What a reply of 200 says; one that is larger than any answer is left where it is, unpacked or not."""
    held = bytearray()
    try:
        async for piece in reply.iter_bytes():
            held += piece
            if len(held) > largest:
                return Fault(f"sent more than {largest / 1e6:g} MB, which no answer is", "refused")
    except TimeoutError:
        raise
    except Exception as error:  # the client's own library of requests raises what it likes, under its own names
        return Fault(f"cannot be reached ({type(error).__name__}: {error})", "again")
    return replies.read(held.decode(reply.http_response.encoding or "utf-8", "replace"), reply.headers)


_SAFER = "its address is plain http; use https, or a tunnel to localhost"


def _pause(after: float | None, n: int, *, first: float, most: float) -> float:
    """Seconds to wait after n waits in vain: what the server asks for, and more where that was too short thrice."""
    own = min(most, first * 2.0 ** min(n, 10)) * random.uniform(1, 1.25)
    return own if after is None else max(after, own / 8 if n > 2 else 0.0)
