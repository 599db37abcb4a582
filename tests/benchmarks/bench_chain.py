"""The whole chain on the embedded world, from candidates to a leaderboard, timed; and the same under kill -9.

python tests/benchmarks/bench_chain.py [--kills 10] [--prompts 60]
Each command is a process of its own; the judge is tests/fake_chat_server.py, which counts what it is asked. Kills come
at random places of random commands, training, sampling and judging among them: after a share of the processor's time
that the command took before, which other jobs do not move; a judge's at a random request.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import fake_chat_server  # noqa: E402
import psutil  # noqa: E402
import yaml  # noqa: E402
from fake_chat_server import FakeServer  # noqa: E402

from rapo.models import tiny  # noqa: E402
from rapo.world import lexicon  # noqa: E402

RECIPE = {
    "model_name_or_path": "base",
    "dataset_name": "goals.jsonl",
    "per_device_train_batch_size": 8,
    "learning_rate": 1e-3,
    "num_train_epochs": 1,
    "save_steps": 5,
    "max_length": 256,
    "report_to": "none",
    "disable_tqdm": True,
    "use_cpu": True,
    "rapo": {"trainer": "dpo"},
}


def chain(prompts: int, url: str) -> list[tuple[str, list[str]]]:
    """What is typed, with the product of each command."""
    few = ["--max-new-tokens", "24", "--device", "cpu"]
    return [
        ("candidates.jsonl", ["world", "--prompts", str(prompts), "--out", "candidates.jsonl"]),
        ("pairs.parquet", ["pairs", "candidates.jsonl", "--out", "pairs.parquet"]),
        ("audit.html", ["audit", "pairs.parquet", "--html", "audit.html"]),
        ("goals.jsonl", ["relabel", "pairs.parquet", "--placement", "system", "--out", "goals.jsonl"]),
        ("model/rapo.json", ["train", "recipe.yaml", "--out", "model"]),
        ("base.jsonl", ["sample", "base", "candidates.jsonl", "--out", "base.jsonl", *few]),
        ("own.jsonl", ["sample", "model", "candidates.jsonl", "--goal", "10", "--out", "own.jsonl", *few]),
        ("judged.jsonl", ["judge", "own.jsonl", "--against", "base.jsonl", "--model", "fake", "--server", url,
                          "--out", "judged.jsonl"]),
        ("board.csv", ["leaderboard", "judged.jsonl", "--ridge", "1", "--out", "board.csv"]),
    ]  # fmt: skip


def prepare(folder: Path) -> None:
    """A random base that knows the world's words, and the recipe."""
    tokenizer = tiny.build_tokenizer(lexicon.vocabulary(), unknown="other")
    config = tiny.tiny_config("llama", vocab_size=len(tokenizer), width=64, layers=2)
    tiny.save(tiny.random_model(config, seed=1), tokenizer, folder / "base")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))


def run(folder: Path, words: list[str], *, until: Callable[[int], bool] = lambda _: False) -> int:
    """One command; killed with all of its processes once ``until`` says so of its process. Its exit status."""
    own = {"HF_HUB_OFFLINE": "1", "RAPO_ROOT": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "errors").open("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "rapo", *words], cwd=folder, env={**os.environ, **own}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        while process.poll() is None:
            if until(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.005)
        errors.seek(0)
        if process.returncode not in (0, -signal.SIGKILL):
            sys.exit(f"rapo {' '.join(words)} failed:\n{errors.read()[-2000:]}")
    return process.returncode


def digest(folder: Path, prompts: int, url: str) -> dict[str, str]:
    """What came out, by product."""
    made = [folder / product for product, _ in chain(prompts, url) if not product.endswith((".html", "rapo.json"))]
    made.append(folder / "model" / "model.safetensors")
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in made}


def timed(folder: Path, prompts: int, url: str) -> dict[str, float]:
    """Seconds of the processor that each command takes, one after the other; the clock's are told."""
    taken, begun = {}, time.perf_counter()
    for product, words in chain(prompts, url):
        started, before = time.perf_counter(), cpu()
        run(folder, words)
        taken[f"{words[0]} {product}"] = cpu() - before
        print(f"  rapo {words[0]:<12} {time.perf_counter() - started:7.1f} s, {cpu() - before:6.1f} s of CPU")
    print(f"the chain: {time.perf_counter() - begun:.1f} s, {sum(taken.values()):.1f} s of CPU")
    return taken


def cpu() -> float:
    """Seconds of CPU of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def drawn(commands: list[tuple[str, list[str]]], kills: int, rng: random.Random) -> list[tuple[int, float]]:
    """Where to kill: which command, and at what share of it; the dear ones are among them."""
    dear = [at for at, (_, words) in enumerate(commands) if words[0] in ("train", "sample", "judge")]
    which = [*dear, *(rng.randrange(len(commands)) for _ in range(kills))][:kills]
    return sorted((at, rng.uniform(0.2, 0.95)) for at in which)


def at_request(judge: FakeServer, number: int) -> Callable[[int], bool]:
    """Once the judge has been asked so often."""
    return lambda pid: len(judge.requests) >= number


def after_cpu(seconds: float) -> Callable[[int], bool]:
    """Once a process has used so much of the processor."""

    def reached(pid: int) -> bool:
        with contextlib.suppress(psutil.Error):
            used = psutil.Process(pid).cpu_times()
            return used.user + used.system > seconds
        return False

    return reached


def killed(folder: Path, prompts: int, judge: FakeServer, taken: dict[str, float], kills: int) -> int:
    """The chain, killed at random places, every command alike; each is asked again until it is through.

    Returns:
        How many kills came before a command had ended.
    """
    commands = chain(prompts, judge.url)
    places, hit, paid = drawn(commands, kills, random.Random(0)), 0, len(judge.requests)
    judge.on_request = lambda _: time.sleep(0.02)
    for at, (product, words) in enumerate(commands):
        # Training asked again goes on, or says that it is finished; others refuse to replace.
        again = words[0] == "train"
        for share in (share for which, share in places if which == at):
            if again or not (folder / product).exists():
                if words[0] == "judge":
                    number = max(1, round((share - 0.2) * paid / 2))
                    place, until = f"request {number}", at_request(judge, len(judge.requests) + number)
                else:
                    seconds = share * taken[f"{words[0]} {product}"]
                    place, until = f"{seconds:.1f} s of CPU", after_cpu(seconds)
                found = run(folder, words, until=until)
                hit += bool(found)
                print(f"  rapo {words[0]} {'killed at' if found else 'took less than'} {place}")
        if again or not (folder / product).exists():
            run(folder, words)
    return hit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--kills", type=int, default=10)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as two,
        fake_chat_server.running() as judge,
    ):
        for folder in (one, two):
            prepare(Path(folder))
        taken = timed(Path(one), args.prompts, judge.url)
        whole, paid = digest(Path(one), args.prompts, judge.url), len(judge.requests)
        hit = killed(Path(two), args.prompts, judge, taken, args.kills)
        asked = Counter(json.dumps(body, sort_keys=True) for body in judge.requests[paid:])
        print(
            f"{hit} kills before the end of a command. Requests: {paid} uninterrupted, {asked.total()} with kills,"
        )
        print(
            f"  {asked.total() - len(asked)} of them twice (those under way at a kill, of which there are up to 5)"
        )
        for name, found in digest(Path(two), args.prompts, judge.url).items():
            print(f"  {name:<20} {'the same' if found == whole[name] else 'DIFFERS'}")


if __name__ == "__main__":
    main()
