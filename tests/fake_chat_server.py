"""A chat server on this machine that speaks OpenAI's protocol, with a judge whose faults are known, and that misbehaves
when told to."""

import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Odd:
    """What is sent in place of a good answer; ``drip`` sends it byte by byte, ``endless`` in chunks without a last one,
    for longer than anybody waits; ``also`` are further headers."""

    body: bytes
    kind: str = "application/json"
    status: int = 200
    drip: bool = False
    location: str = ""
    endless: bool = False
    also: tuple[tuple[str, str], ...] = ()


def texts_of(body: dict[str, Any], *heads: str) -> list[str]:
    """The texts that a request shows under these headings, in this order, up to the last line."""
    parts = [
        rf"# {head}\n<text (?P<m{at}>\w+)>\n(?P<t{at}>.*)\n</text (?P=m{at})>" for at, head in enumerate(heads)
    ]
    found = re.search("\n\n".join(parts) + r"\n\nReply", body["messages"][0]["content"], re.DOTALL)
    return [] if found is None else [found[f"t{at}"] for at in range(len(heads))]


class FakeServer(ThreadingHTTPServer):
    """Prefers the longer answer, and the one shown first by ``favour`` characters.

    Attributes:
        requests: bodies received, in order.
        most_at_once: how many were under way at a time.
        headers: received, one mapping a request, names in small letters; and the paths.
        failures: HTTP statuses, or what is odd, to answer with before the first good answer.
        odd: says of a request's body what is answered in place of a good answer: a status, what is odd, or None.
        hurry: whether answers ask to come again in a millisecond.
        logprobs: whether they are given when asked for.
        tops: tokens and their probabilities in place of those of A and B.
        reply: a fixed text in place of a letter.
        score: reads a score off an answer that is shown alone.
        on_request: told how many requests there were, with each.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.under_way = self.most_at_once = 0
        self.failures: list[int | Odd] = []
        self.odd: Callable[[dict[str, Any]], int | Odd | None] = lambda body: None
        self.hurry = True
        self.tops: dict[str, float] | None = None
        self.score: Callable[[str], str] = lambda text: str(min(len(text), 10))
        self.on_request: Callable[[int], None] = lambda n: None
        self.closing = threading.Event()
        self.logprobs, self.favour, self.usage = True, 0, True
        self.reply: str | None = None
        self.lock = threading.Lock()
        # A request waits here until as many are under way as the test wants to see.
        self.gate: threading.Barrier | None = None

    def handle_error(self, request: object, client_address: object) -> None:
        """Silent: whoever asked may have gone."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        alone = texts_of(body, "Answer")
        first, second = texts_of(body, "Answer A", "Answer B") or ("", "")
        lead = len(first) - len(second) + self.favour
        chance = 1 / (1 + math.exp(-lead / 4))
        letter = self.reply or (self.score(alone[0]) if alone else "A" if chance >= 0.5 else "B")
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": letter},
            "logprobs": None,
        }
        if body.get("logprobs") and self.logprobs:
            # Half of A's mass lies on a variant with a space in front; a tenth of all on something else.
            chances = self.tops or {"A": 0.45 * chance, " A": 0.45 * chance, "B": 0.9 * (1 - chance), "The": 0.1}
            tops = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in chances.items()]
            said = {**tops[0], "token": letter[:1] if self.tops is None else tops[0]["token"]}
            choice["logprobs"] = {"content": [{**said, "top_logprobs": tops}], "refusal": None}
        usage = {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101} if self.usage else None
        shell = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"]}
        return {**shell, "choices": [choice], "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append(body)
            server.keys.append(self.headers["Authorization"])
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            server.paths.append(self.path)
            server.under_way += 1
            server.most_at_once = max(server.most_at_once, server.under_way)
            server.on_request(len(server.requests))
            found = server.failures.pop(0) if server.failures else server.odd(body)
        if server.gate is not None:
            server.gate.wait()
        if isinstance(found, int):
            found = Odd(json.dumps({"error": {"message": f"status {found}"}}).encode(), status=found)
        answer = found or Odd(json.dumps(server.answer(body)).encode())
        with server.lock:
            server.under_way -= 1
        self._send(answer)

    def _send(self, answer: Odd) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        if answer.endless:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.also:
            self.send_header(name, value)
        if answer.location:
            self.send_header("Location", answer.location)
        if self.server.hurry:
            self.send_header("retry-after-ms", "1")
        self.end_headers()
        while answer.endless and not self.server.closing.wait(0.02):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(answer.body), answer.body))
            self.wfile.flush()
        for byte in answer.body if answer.drip else ():
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            self.server.closing.wait(0.02)
        if not answer.drip and not answer.endless:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def running() -> Iterator[FakeServer]:
    """A server that answers until the block ends."""
    with FakeServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
