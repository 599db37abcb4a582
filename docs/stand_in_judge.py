"""A stand-in for a judge: `python docs/stand_in_judge.py [PORT]` answers `rapo judge` as the micro world's judge would.

It speaks as much of OpenAI's protocol as `rapo judge` asks for, and knows the questions of `rapo world --split test`
alone. On your own data a language model takes its place: any server that speaks the protocol.
"""

import json
import math
import re
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rapo.world.data import World

WORLD = World()
QUESTIONS = {question.text: question for question in WORLD.ask(2_000, split="test", seed=0)}
TEXT = re.compile(r"# ([\w ]+)\n<text (\w+)>\n(.*?)\n</text \2>", re.DOTALL)


def chance(content: str) -> float:
    """How likely answer A is the better one: the world's judge sees both through its noise."""
    texts = {name: text for name, _, text in TEXT.findall(content)}
    question, first, second = texts["Instruction"], texts["Answer A"], texts["Answer B"]
    row = zlib.crc32(content.encode())  # of the judge's noise: the same for the same request
    preference = WORLD.judge(seed=0).prefer([QUESTIONS[question]], [second], [first], [row])
    return min(max(float(preference[0]) - 1, 1e-6), 1 - 1e-6)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        a = chance(asked["messages"][-1]["content"])
        letter = "A" if a >= 0.5 else "B"
        tops = [{"token": "A", "logprob": math.log(a)}, {"token": "B", "logprob": math.log(1 - a)}]
        said = {"token": letter, "logprob": math.log(max(a, 1 - a)), "top_logprobs": tops}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": letter}}
        words = len(asked["messages"][-1]["content"].split())
        usage = {"prompt_tokens": words, "completion_tokens": 1, "total_tokens": words + 1}
        told = {"id": "0", "object": "chat.completion", "created": 0, "model": asked["model"], "usage": usage}
        body = json.dumps({**told, "choices": [{**choice, "logprobs": {"content": [said]}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
