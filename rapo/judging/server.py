"""Many questions to a chat server: several at a time, each answer kept on disk, what fails counted."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rapo import paths
from rapo.judging.endpoint import ChatServer, Endpoint, JudgeError, Refused, Sleep
from rapo.judging.kept import Kept

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["ChatServer", "JudgeError", "Replies", "ask_all", "forget", "look_up"]

T = TypeVar("T")
Accept = Callable[[Mapping[str, Any]], None]
_GLANCE = 0.1  # seconds between two looks for Ctrl-C
IN_A_ROW = 10  # questions without an answer, after which the others are not asked


@dataclass(frozen=True)
class Replies:
    """What became of the questions.

    Attributes:
        answers: one a question, plain JSON; None where there is none.
        sent: whether a question went to the server this time; equal questions go once. Shape: (n_questions,)
        failures: why there is no answer, one text for each question that was asked in vain.
    """

    answers: list[dict[str, Any] | None]
    sent: list[bool]
    failures: list[str]

    @property
    def n_asked(self) -> int:
        """Questions that went to the server this time."""
        return sum(self.sent)


def look_up(
    questions: Sequence[Mapping[str, Any]], *, server: ChatServer, folder: Path | None = None
) -> tuple[list[Mapping[str, Any]], int]:
    """The questions that would go to the server, equal ones once, and how many different ones there are."""
    address, folder = server.address, folder or default_folder()
    different = {one.file: one for one in (Kept.of(question, address, folder) for question in questions)}
    return [one.question for one in different.values() if one.answer() is None], len(different)


def forget(questions: Sequence[Mapping[str, Any]], *, server: ChatServer, folder: Path) -> None:
    """Remove the answers to some questions that a folder keeps."""
    for question in questions:
        Kept.of(question, server.address, folder).file.unlink(missing_ok=True)


def default_folder() -> Path:
    """Where answers are kept unless told otherwise."""
    return paths.root() / "build" / "judgements"


def ask_all(
    questions: Sequence[Mapping[str, Any]],
    *,
    server: ChatServer,
    folder: Path | None = None,
    api_key: str | None = None,
    accept: Accept | None = None,
    progress: Callable[[int], None] | None = None,
    sleep: Sleep = asyncio.sleep,
) -> Replies:
    """One answer per question. Ctrl-C ends what is under way at once, and nothing more is sent.

    An answer is kept under its full request and the server's address; equal questions are asked once, also by several
    processes at a time. A question that gets no answer is counted, and asked again next time. Secrets are never written
    down: neither keys, nor headers, nor what an address holds besides host and path.

    Args:
        questions: full bodies of chat completion requests; ``extra_headers`` and ``extra_query`` go beside the body.
        folder: of the kept answers; ``build/judgements`` of the project without it.
        api_key: without it what the server's ``key_variable`` holds; a server of one's own needs none. It goes to https
            and to this machine only.
        accept: raises `JudgeError` for an answer that will not do; it is not kept.
        progress: told of every question that is done with.
        sleep: waits between attempts.

    Raises:
        JudgeError: the server is not there, needs another key, is full for too long, or gives an answer that will not
            do; no question is answered at all, or ten in a row (or twice as many as go at a time) are not.
        ValueError: a key was given for an address of plain http, or the address is none.
    """
    if server.concurrency < 1:
        raise ValueError(f"concurrency is {server.concurrency}; need at least 1")
    address, folder = server.address, folder or default_folder()
    asked = [Kept.of(question, address, folder) for question in questions]
    known = {one.file: answer for one in asked if (answer := one.answer()) is not None}
    missing = {one.file: one for one in asked if one.file not in known}
    if progress is not None:
        progress(len(known))
    work = _Work(Endpoint(server, api_key, sleep), accept, progress, known) if missing else None
    if work is not None:
        _run(work.do(list(missing.values())))
        if work.error is not None and not isinstance(work.error, JudgeError):
            raise work.error
        if work.error is not None:
            kept = sum(file in work.known for file in missing)
            told = f"{work.error} ({kept} of {len(missing)} answers are kept; run again for the rest)"
            raise JudgeError(told) from work.error
    sent = work.sent if work is not None else set()
    first = {one.file: place for place, one in reversed(list(enumerate(asked)))}
    return Replies(
        answers=[known.get(one.file) for one in asked],
        sent=[one.file in sent and first[one.file] == place for place, one in enumerate(asked)],
        failures=work.failures if work is not None else [],
    )


@dataclass
class _Work:
    """Questions being asked, and what came of them so far."""

    endpoint: Endpoint
    accept: Accept | None
    progress: Callable[[int], None] | None
    known: dict[Path, dict[str, Any]]
    sent: set[Path] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    error: Exception | None = None
    in_a_row: int = 0

    async def do(self, todo: Sequence[Kept]) -> None:
        """Ask them all, or as many as make sense."""
        left = iter(todo)
        async with self.endpoint.client() as client, asyncio.TaskGroup() as group:
            for _ in range(min(self.endpoint.server.concurrency, len(todo))):
                group.create_task(self._one_by_one(client, left))
        if self.error is None and self.failures and not self.known:
            self.error = JudgeError(f"no question was answered; the first: {self.failures[0]}")

    async def _one_by_one(self, client: "AsyncOpenAI", left: Iterator[Kept]) -> None:
        for one in left:
            try:
                await self._settle(client, one)
            except Refused as refusal:
                self._count(str(refusal))
            except Exception as error:
                self.error = self.error or error
            if self.error is not None:
                return
            if self.progress is not None:
                self.progress(1)

    async def _settle(self, client: "AsyncOpenAI", one: Kept) -> None:
        """Have the answer, from the server or from whoever asked meanwhile."""
        async with one.claimed():
            answer = one.answer()
            if answer is None:
                self.sent.add(one.file)
                answer = await self.endpoint.ask(client, one.question)
                if self.accept is not None:
                    self.accept(answer)
                answer = json.loads(self.endpoint.clean(json.dumps(answer), one.question))
                one.keep(answer)
        self.known[one.file], self.in_a_row = answer, 0

    def _count(self, refusal: str) -> None:
        self.failures.append(refusal)
        self.in_a_row += 1
        if self.in_a_row >= max(IN_A_ROW, 2 * self.endpoint.server.concurrency):
            self.error = self.error or JudgeError(
                f"{self.in_a_row} questions in a row got no answer; the last: {refusal}"
            )


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run in a loop on a thread of its own, for a notebook's thread has one already; Ctrl-C cancels it at once."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def cancellable() -> T:
        task = asyncio.current_task()
        assert task is not None
        started.set_result((asyncio.get_running_loop(), task))
        return await work

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, cancellable())
        try:
            while not done.done():  # a signal that another thread was given does not end a wait without end
                wait([done], timeout=_GLANCE)
            return done.result()
        except BaseException:
            loop, task = started.result()
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(task.cancel)
            raise
