"""Judging over a real server, `transformers serve`, which is started and stopped here; its judge always says A."""

import http.client
import importlib.util
import os
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest

from rapo.cli.main import main
from rapo.judging.judges import Judge, judge_pairs
from rapo.judging.server import JudgeError

NEEDED = ("torch", "transformers", "openai", "fastapi", "uvicorn", "starlette")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, NEEDED)), reason="transformers[serving] is not installed"
    ),
]


def always(word, folder):
    """A random model that says one word, whatever it is asked, as a checkpoint."""
    import tiny as made
    import torch

    from rapo.models import tiny

    tokenizer = tiny.build_tokenizer([*made.WORDS[:-2], word], unknown="?")
    model = made.special_model("phi, biased")
    with torch.no_grad():
        model.get_output_embeddings().bias[tokenizer.convert_tokens_to_ids(word)] = 1e4
    return str(tiny.save(model, tokenizer, folder))


def is_healthy(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Path of the checkpoint, which is the judge's name, and the server's address."""
    folder = tmp_path_factory.mktemp("served")
    checkpoint = always("A", folder / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "serve",
        checkpoint,
        "--device",
        "cpu",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--default-seed",
        "0",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "transformers.cli.transformers", *words], stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
    try:
        until = time.monotonic() + 180
        while not is_healthy(port):
            if process.poll() is not None or time.monotonic() > until:
                pytest.skip(f"the server does not start: {(folder / 'log').read_text()[-500:]}")
            time.sleep(0.5)
        yield checkpoint, f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def some_pairs():
    rows = [("w1 w2", "w3", "w4 w5"), ("w6", "w7 w8", "w9")]
    return pd.DataFrame(rows, columns=["prompt", "output_1", "output_2"]).assign(model="m", instruction=[0, 1])


def test_a_judge_that_always_says_a_is_told_to_go_by_the_order(served, tmp_path):
    name, url = served
    judge = Judge(name, url, graded=False, options={"max_tokens": 1})
    table, cost = judge_pairs(some_pairs(), judge=judge, cache=tmp_path / "one")
    assert table[["forward", "backward", "preference"]].to_numpy().tolist() == [[2, 1, 1.5]] * 2
    assert (cost.n_asked, cost.n_failed, cost.n_unreadable) == (4, 0, 0)
    assert cost.tokens_in > 0
    again, free = judge_pairs(some_pairs(), judge=judge, cache=tmp_path / "one")
    pd.testing.assert_frame_equal(again, table)
    assert free.n_asked == 0
    anew, _ = judge_pairs(some_pairs(), judge=judge, cache=tmp_path / "two")
    pd.testing.assert_frame_equal(anew, table)


def test_log_probs_that_it_ignores_are_told(served, tmp_path):
    name, url = served
    with pytest.raises(JudgeError, match="asked for log-probs and returned none"):
        judge_pairs(some_pairs(), judge=Judge(name, url, options={"max_tokens": 1}), cache=tmp_path)


def test_another_model_than_it_holds_is_told_or_refused(served, tmp_path):
    _, url = served
    with pytest.raises(JudgeError, match="nobody/nothing at http://127"):
        judge_pairs(some_pairs(), judge=Judge("nobody/nothing", url, graded=False, max_retries=0), cache=tmp_path)


def test_the_command(served, tmp_path, capsys):
    name, url = served
    pairs = some_pairs().rename(columns={"output_1": "rejected", "output_2": "chosen"})
    pairs[["prompt", "chosen", "rejected"]].to_json(tmp_path / "p.jsonl", orient="records", lines=True)
    words = ["--server", url, "--model", name, "--verdict", "letter", "--cache", str(tmp_path / "c")]
    asked = [
        "judge",
        str(tmp_path / "p.jsonl"),
        *words,
        "--out",
        str(tmp_path / "o.jsonl"),
        "--set",
        "max_tokens=1",
    ]
    assert main(asked) == 0
    assert "the verdict turns with the order in 100.0 %" in capsys.readouterr().out
