"""A chat server on this machine that speaks OpenAI's protocol, with a judge whose faults are known."""

import json
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeServer(ThreadingHTTPServer):
    """Prefers the longer answer, and the one shown first by ``favour`` characters.

    Attributes:
        requests: bodies received, in order.
        most_at_once: how many were under way at a time.
        failures: HTTP statuses to answer with before the first good answer.
        logprobs: whether they are given when asked for.
        reply: a fixed text in place of a letter.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.under_way = self.most_at_once = 0
        self.failures: list[int] = []
        self.logprobs, self.favour, self.usage = True, 0, True
        self.reply: str | None = None
        self.lock = threading.Lock()
        # A request waits here until as many are under way as the test wants to see.
        self.gate: threading.Barrier | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        shown = re.search(
            r"# Answer A\n(.*)\n\n# Answer B\n(.*)\n\nReply", body["messages"][0]["content"], re.DOTALL
        )
        lead = len(shown[1]) - len(shown[2]) + self.favour
        chance = 1 / (1 + math.exp(-lead / 4))
        letter = self.reply or ("A" if chance >= 0.5 else "B")
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": letter},
            "logprobs": None,
        }
        if body.get("logprobs") and self.logprobs:
            # Half of A's mass lies on a variant with a space in front; a tenth of all on something else.
            chances = {"A": 0.45 * chance, " A": 0.45 * chance, "B": 0.9 * (1 - chance), "The": 0.1}
            tops = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in chances.items()]
            choice["logprobs"] = {"content": [{**tops[0], "top_logprobs": tops}], "refusal": None}
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
            server.under_way += 1
            server.most_at_once = max(server.most_at_once, server.under_way)
            status = server.failures.pop(0) if server.failures else 200
        if server.gate is not None:
            server.gate.wait()
        answer = server.answer(body) if status == 200 else {"error": {"message": f"status {status}"}}
        with server.lock:
            server.under_way -= 1
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(data)

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
            server.shutdown()
            thread.join()
