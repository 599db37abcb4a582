"""Scoring log-probabilities over a 128k-word vocabulary: speed and added memory, with peers in the same run.

python tests/benchmarks/bench_logprobs.py [--repeats N] [--rows N] [--prompt N] [--response N] [--model SHAPE]
python tests/benchmarks/bench_logprobs.py --device cuda [--model 1b|8b] [--rows 256] [--out table.json]

On a CPU every method has a process of its own with one thread, which holds the same model and rows; they take turns.
Seconds of the processor are compared, which other jobs disturb less than the clock's. Added memory is the peak of the
resident set during the scoring, less what it was before. Then: how rapo's added memory grows with the vocabulary and
with the number of rows.

On a GPU one process after the other has it, with a random Llama in bf16. Seconds are the clock's, after the device has
finished; added memory is what torch's allocator gave at most, less what the model takes. vLLM takes its memory
beforehand, so that is not compared; where it is not installed, that is told. --out keeps the table with what it was
measured on.
"""

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import logprob_methods

WORDS = 128_256
# Width, layers, heads, heads of keys, width of the MLP; 1b and 8b are Llama 3's.
SHAPES = {
    "tiny": (64, 2, 4, 4, 192),
    "small": (512, 4, 8, 8, 1536),
    "1b": (2048, 16, 32, 8, 8192),
    "8b": (4096, 32, 32, 8, 14336),
}
FEW = 2  # pairs for the methods that hold every logit
HUNGRY = ("full log_softmax", "Trainer.predict")
ABSENT = "absent"


def memory(field: str) -> float:
    """MB of resident memory: now (VmRSS), or at its peak (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {field}; this benchmark needs Linux")


def measured(call: Callable[[], Any], device: str = "cpu") -> dict[str, Any]:
    """Seconds (of the clock, of the processor) and added memory in MB of a call, with what it returns."""
    import torch

    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() / 2**20
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = memory("VmRSS")
    clock, processor = time.perf_counter(), time.process_time()
    value = call()
    if on_gpu:
        torch.cuda.synchronize()
    seconds = {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor}
    peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else memory("VmHWM")
    return {
        **seconds,
        "seconds": seconds["clock" if on_gpu else "processor"],
        "added": peak - before,
        "value": value,
    }


def tokenizer_and_model(words: int, shape: str = "small", device: str = "cpu") -> tuple[Any, Any]:
    """A word-level tokenizer and a random Llama of this vocabulary, in bf16 on a GPU and fp32 elsewhere."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from rapo.models import tiny

    tokenizer = tiny.build_tokenizer([f"w{i}" for i in range(words - len(tiny.SPECIAL))])
    width, layers, heads, key_heads, inner = SHAPES[shape]
    config = LlamaConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        intermediate_size=inner,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    torch.manual_seed(0)
    with torch.device(device):
        model = LlamaForCausalLM._from_config(config, dtype=dtype)
    return tokenizer, model.eval()


def rows(n: int, *, prompt: int, response: int, words: int) -> list[dict[str, Any]]:
    """Pairs whose prompts and responses have about these numbers of tokens (between half and one and a half)."""
    draw = random.Random(0)

    def text(mean: int) -> str:
        count = draw.randint(mean // 2, mean + mean // 2)
        return " ".join(f"w{draw.randrange(words - 10)}" for _ in range(count))

    def turn(role: str, mean: int) -> list[dict[str, str]]:
        return [{"role": role, "content": text(mean)}]

    return [
        {"prompt": turn("user", prompt), **{side: turn("assistant", response) for side in ("chosen", "rejected")}}
        for _ in range(n)
    ]


def worker(method: str, args: argparse.Namespace) -> None:
    """Prepare and say so; then score once for every line on stdin; the answer is a line of JSON."""
    warnings.simplefilter("ignore")
    real, sys.stdout = sys.stdout, sys.stderr
    if method == "vLLM" and not importlib.util.find_spec("vllm"):
        print(ABSENT, file=real, flush=True)
        return
    tokenizer, model = tokenizer_and_model(WORDS, args.model, args.device)
    data = rows(args.rows, prompt=args.prompt, response=args.response, words=WORDS)
    data = data[:FEW] if method in HUNGRY else data
    call = logprob_methods.METHODS[method](tokenizer, model, data)
    tokens = sum(
        len(row["prompt_ids"]) + len(row[side])
        for row in logprob_methods.token_ids(tokenizer, data)
        for side in ("chosen_ids", "rejected_ids")
    )
    print("ready", file=real, flush=True)
    for _ in sys.stdin:
        print(json.dumps({**measured(call, args.device), "tokens": tokens}), file=real, flush=True)


def growing(kind: str, size: int) -> None:
    """rapo's added memory for a vocabulary of this size, or for this many rows of a file."""
    import pyarrow as pa

    from rapo.pairs import writing
    from rapo.scoring.score import score

    warnings.simplefilter("ignore")
    words = size if kind == "words" else 1000
    tokenizer, model = tokenizer_and_model(words, "tiny")
    n, lengths = (size, (20, 20)) if kind == "rows" else (4, (100, 100))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        writing.write(pa.Table.from_pylist(rows(n, prompt=lengths[0], response=lengths[1], words=words)), file)
        score(
            pa.Table.from_pylist(rows(1, prompt=9, response=9, words=words)),
            model,
            tokenizer=tokenizer,
            cache=False,
        )
        found = measured(lambda: len(score(file, model, tokenizer=tokenizer, cache=False).table))
    print(json.dumps(found))


def start(*arguments: str) -> subprocess.Popen[str]:
    """This program again, as a worker."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, __file__, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def answer(process: "subprocess.Popen[str]") -> str:
    """A worker's next line."""
    assert process.stdout
    return process.stdout.readline()


def taken_by(args: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """What each method took, time after time; in turns on a CPU, one after the other on a GPU."""
    names = ("rows", "prompt", "response", "model", "device")
    options = [word for name in names for word in (f"--{name}", str(getattr(args, name)))]
    if args.device.startswith("cuda"):
        rounds = [[method] for method in logprob_methods.METHODS]
    else:
        rounds = [[method for method in logprob_methods.METHODS if method != "vLLM"]]
    found: dict[str, list[dict[str, Any]]] = {}
    for together in rounds:
        workers = {method: start("--worker", method, *options) for method in together}
        said = {method: answer(process).strip() for method, process in workers.items()}
        for method, word in said.items():
            if word != "ready":
                print(
                    f"{method}: {'not installed' if word == ABSENT else 'it failed; run it alone with --worker'}"
                )
                workers.pop(method).communicate()
        for _ in range(args.repeats):
            for method, process in workers.items():
                process.stdin.write("go\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                found.setdefault(method, []).append(json.loads(answer(process)))
        for process in workers.values():
            process.communicate()
    return found


def medians(found: list[dict[str, Any]], *, scale: float) -> dict[str, float]:
    """Seconds and added memory of a method, seconds as if it had scored all rows, and tokens a second."""
    middle = {what: statistics.median(one[what] for one in found) for what in ("seconds", "clock", "added")}
    speed = found[0]["tokens"] / middle["seconds"]
    return {
        "seconds": middle["seconds"] * scale,
        "clock": middle["clock"] * scale,
        "added": middle["added"],
        "speed": speed,
    }


def compare(args: argparse.Namespace) -> bool:
    """Print the methods' table; True when rapo is twice as fast as TRL at a quarter of its added memory."""
    taken = taken_by(args)
    scales = {method: args.rows / min(FEW, args.rows) if method in HUNGRY else 1.0 for method in taken}
    middle = {method: medians(found, scale=scales[method]) for method, found in taken.items()}
    mean = f"prompts of about {args.prompt} tokens, responses of about {args.response}"
    print(
        f"{args.rows} pairs, {mean}; {args.model} Llama, {WORDS:,} words; {args.device}; median of {args.repeats}"
    )
    head = (
        f"{'method':<18} {'seconds':>8} {'x rapo':>7} {'clock s':>8} {'tokens/s':>9} {'added MB':>9} {'x rapo':>7}"
    )
    print(f"{head} {'differs by':>11}")
    for method, found in middle.items():
        ratios = found["seconds"] / middle["rapo"]["seconds"], found["added"] / middle["rapo"]["added"]
        pairs = zip(taken["rapo"][0]["value"], taken[method][0]["value"], strict=False)
        found["apart"] = max(abs(a / b - 1) for mine, theirs in pairs for a, b in zip(mine, theirs, strict=True))
        note = f"  (on {FEW} pairs; seconds scaled)" if scales[method] > 1 else ""
        print(
            f"{method:<18} {found['seconds']:>8.1f} {ratios[0]:>7.1f} {found['clock']:>8.1f} {found['speed']:>9,.0f} "
            f"{found['added']:>9.0f} {ratios[1]:>7.1f} {found['apart']:>11.1e}{note}"
        )
    if args.out:
        kept = {"settings": vars(args), "measured_on": machine(args.device), "methods": middle}
        Path(args.out).write_text(json.dumps(kept, indent=1) + "\n")
    trl, ours = middle["TRL fused head"], middle["rapo, passes alone"]
    return trl["seconds"] >= 2 * ours["seconds"] and trl["added"] >= 4 * ours["added"]


def machine(device: str) -> dict[str, str]:
    """What it was measured on, and with which versions."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import torch

    found = {"python": platform.python_version(), "processor": platform.machine(), "cores": str(os.cpu_count())}
    if device.startswith("cuda"):
        found |= {"gpu": torch.cuda.get_device_name(device), "cuda": str(torch.version.cuda)}
    for name in ("torch", "transformers", "trl", "vllm"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def grow() -> None:
    """Print how rapo's added memory depends on the vocabulary and on the number of rows."""
    for kind, sizes in (("words", (16_000, 64_000, 256_000)), ("rows", (500, 2000, 8000))):
        told = []
        for size in sizes:
            out, _ = start("--grow", kind, str(size)).communicate()
            told.append(f"{size:,} {kind}: {json.loads(out)['added']:.0f} MB")
        print("added by rapo at " + ", ".join(told))


def gpu_there() -> bool:
    """Whether torch finds a GPU."""
    import torch

    return torch.cuda.is_available()


def main() -> int:
    """Print the tables; exit 1 when TRL is less than twice as slow or takes less than four times the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--rows", type=int, default=4, help="pairs")
    parser.add_argument("--prompt", type=int, default=200, help="tokens of a prompt")
    parser.add_argument("--response", type=int, default=200, help="tokens of a response")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--model", choices=tuple(SHAPES), help="of the Llama (default: small; on a GPU 1b)")
    parser.add_argument("--out", metavar="FILE", help="keep the table as JSON, with what it was measured on")
    parser.add_argument("--worker", choices=tuple(logprob_methods.METHODS), help=argparse.SUPPRESS)
    parser.add_argument("--grow", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    on_gpu = args.device.startswith("cuda")
    args.model = args.model or ("1b" if on_gpu else "small")
    if args.worker:
        worker(args.worker, args)
        return 0
    if args.grow:
        growing(args.grow[0], int(args.grow[1]))
        return 0
    if on_gpu and not gpu_there():
        parser.error("there is no GPU that torch can use; leave --device out")
    good = compare(args)
    if not on_gpu:
        grow()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
