"""Scoring log-probabilities over a 128k-word vocabulary: speed and added memory, with peers in the same run.

python tests/benchmarks/bench_logprobs.py [--repeats N] [--rows N] [--prompt N] [--response N]

Every method has a process of its own with one thread, which holds the same model and rows; they take turns. Seconds of
the processor are compared, which other jobs disturb less than the clock's. Added memory is the peak of the resident
set during the scoring, less what it was before. Then: how rapo's added memory grows with the vocabulary and with the
number of rows.
"""

import argparse
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

METHODS = ("rapo", "TRL fused head", "TRL precompute", "full log_softmax", "Trainer.predict")
WORDS = 128_256
WIDTH, LAYERS = 512, 4
FEW = 2  # pairs for the methods that hold every logit
HUNGRY = ("full log_softmax", "Trainer.predict")


def memory(field: str) -> float:
    """MB of resident memory: now (VmRSS), or at its peak (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {field}; this benchmark needs Linux")


def measured(call: Callable[[], Any]) -> dict[str, Any]:
    """Seconds (of the clock, of the processor) and added memory of a call, with what it returns."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, clock, processor = memory("VmRSS"), time.perf_counter(), time.process_time()
    value = call()
    seconds = {"clock": time.perf_counter() - clock, "seconds": time.process_time() - processor}
    return {**seconds, "added": memory("VmHWM") - before, "value": value}


def tokenizer_and_model(words: int, width: int = WIDTH, layers: int = LAYERS) -> tuple[Any, Any]:
    """A word-level tokenizer and a random Llama of this vocabulary."""
    from rapo.models import tiny

    tokenizer = tiny.build_tokenizer([f"w{i}" for i in range(words - len(tiny.SPECIAL))])
    config = tiny.tiny_config("llama", vocab_size=words, width=width, layers=layers, heads=8)
    config.max_position_embeddings = 4096
    return tokenizer, tiny.random_model(config, seed=0).eval()


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
    tokenizer, model = tokenizer_and_model(WORDS)
    data = rows(args.rows, prompt=args.prompt, response=args.response, words=WORDS)
    data = data[:FEW] if method in HUNGRY else data
    call = {
        "rapo": rapo_scores,
        "TRL fused head": trl_fused,
        "TRL precompute": trl_precompute,
        "full log_softmax": full_log_softmax,
        "Trainer.predict": trainer_predict,
    }[method](tokenizer, model, data)
    real, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=real, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measured(call)), file=real, flush=True)


def rapo_scores(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """Everything, from rows to sums: tokens, the model's hash, the forward passes."""
    import pyarrow as pa

    from rapo.scoring.score import score, sums

    table = pa.Table.from_pylist(data)
    return lambda: sums(score(table, model, tokenizer=tokenizer, cache=False).table).tolist()


def token_ids(tokenizer: Any, data: list[dict[str, Any]]) -> list[dict[str, list[int]]]:
    """Rows as TRL's collator takes them."""
    import pyarrow as pa

    from rapo.scoring import tokens

    found = tokens.tokenise(tokenizer, tokens.texts(pa.Table.from_pylist(data)).to_pylist())
    return [dict(zip(found, ids, strict=True)) for ids in zip(*found.values(), strict=True)]


def batches(tokenizer: Any, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """TRL's batches, of its default size of 8 pairs."""
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    ids, collate = token_ids(tokenizer, data), DataCollatorForPreference(pad_token_id=0)
    return [collate(ids[start : start + 8]) for start in range(0, len(ids), 8)]


def trl_fused(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """TRL's head at its best: rows are tokenised and batched beforehand, log-probabilities are all it computes."""
    import torch
    from trl.trainer.utils import add_fused_lm_head

    add_fused_lm_head(model)
    prepared = batches(tokenizer, data)

    @torch.no_grad()
    def call() -> Any:
        pairs = []
        for batch in prepared:
            labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
            inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
            sums = model(**inputs, labels=labels, fused_lm_head=True).log_probs.sum(1)
            pairs += torch.stack(sums.chunk(2), 1).tolist()
        return pairs

    return call


def trl_precompute(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """What a user of TRL does: a trainer that computes its reference log-probabilities beforehand."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    def call() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            arguments = DPOConfig(
                folder, use_cpu=True, bf16=False, report_to="none", precompute_ref_log_probs=True, max_length=None
            )
            trainer = DPOTrainer(
                model, args=arguments, train_dataset=Dataset.from_list(data), processing_class=tokenizer
            )
            names = ("ref_chosen_logps", "ref_rejected_logps")
            return [list(pair) for pair in zip(*(trainer.train_dataset[name] for name in names), strict=True)]

    return call


def full_log_softmax(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """All logits of a batch, their log_softmax, and what is needed of it."""
    import torch

    prepared = batches(tokenizer, data)

    @torch.no_grad()
    def call() -> Any:
        pairs = []
        for batch in prepared:
            inputs = {key: batch[key] for key in ("input_ids", "attention_mask")}
            logprobs = model(**inputs).logits[:, :-1].log_softmax(-1)
            picked = logprobs.gather(2, batch["input_ids"][:, 1:, None])[..., 0]
            sums = (picked * batch["completion_mask"][:, 1:]).sum(1)
            pairs += torch.stack(sums.chunk(2), 1).tolist()
        return pairs

    return call


def trainer_predict(tokenizer: Any, model: Any, data: list[dict[str, Any]]) -> Callable[[], Any]:
    """`Trainer.predict`, which returns every logit."""
    import numpy as np
    from datasets import Dataset
    from scipy.special import log_softmax
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    few = token_ids(tokenizer, data)
    made = [
        {"input_ids": row["prompt_ids"] + row[side], "labels": [-100] * len(row["prompt_ids"]) + row[side]}
        for row in few
        for side in ("chosen_ids", "rejected_ids")
    ]
    arguments = TrainingArguments(tempfile.mkdtemp(), use_cpu=True, report_to="none", disable_tqdm=True)
    collate = DataCollatorForSeq2Seq(tokenizer, model=None)
    trainer = Trainer(model, arguments, data_collator=collate)

    def call() -> Any:
        found = trainer.predict(Dataset.from_list(made))
        sums = []
        for logits, labels in zip(found.predictions, found.label_ids, strict=True):
            places = np.flatnonzero(labels[1:] >= 0)
            sums.append(
                log_softmax(logits[places], axis=-1)[np.arange(len(places)), labels[1:][places]].sum().item()
            )
        return [sums[i : i + 2] for i in range(0, len(sums), 2)]

    return call


def growing(kind: str, size: int) -> None:
    """rapo's added memory for a vocabulary of this size, or for this many rows of a file."""
    import pyarrow as pa

    from rapo.pairs import writing
    from rapo.scoring.score import score

    warnings.simplefilter("ignore")
    words = size if kind == "words" else 1000
    tokenizer, model = tokenizer_and_model(words, width=128, layers=1)
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


def compare(args: argparse.Namespace) -> bool:
    """Print the methods' table; True when rapo is twice as fast as TRL at a quarter of its added memory."""
    options = ["--rows", str(args.rows), "--prompt", str(args.prompt), "--response", str(args.response)]
    workers = {method: start("--worker", method, *options) for method in METHODS}
    taken: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
    for process in workers.values():
        assert answer(process) == "ready\n"
    for _ in range(args.repeats):
        for method, process in workers.items():
            process.stdin.write("go\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            taken[method].append(json.loads(answer(process)))
    for process in workers.values():
        process.communicate()
    middle = {
        method: {what: statistics.median(one[what] for one in found) for what in ("seconds", "clock", "added")}
        for method, found in taken.items()
    }
    mean = f"prompts of about {args.prompt} tokens, responses of about {args.response}"
    print(f"{args.rows} pairs, {mean}; {WORDS:,} words; median of {args.repeats}")
    print(
        f"{'method':<18} {'CPU s':>7} {'x rapo':>7} {'clock s':>8} {'added MB':>9} {'x rapo':>7} {'differs by':>11}"
    )
    for method, found in middle.items():
        scale = args.rows / min(FEW, args.rows) if method in HUNGRY else 1.0
        seconds, clock, added = found["seconds"] * scale, found["clock"] * scale, found["added"]
        ratios = seconds / middle["rapo"]["seconds"], added / middle["rapo"]["added"]
        pairs = zip(taken["rapo"][0]["value"], taken[method][0]["value"], strict=False)
        apart = max(abs(a / b - 1) for mine, theirs in pairs for a, b in zip(mine, theirs, strict=True))
        note = f"  (on {FEW} pairs; seconds scaled)" if scale > 1 else ""
        print(
            f"{method:<18} {seconds:>7.1f} {ratios[0]:>7.1f} {clock:>8.1f} {added:>9.0f} {ratios[1]:>7.1f} "
            f"{apart:>11.1e}{note}"
        )
    trl = middle["TRL fused head"]
    return trl["seconds"] >= 2 * middle["rapo"]["seconds"] and trl["added"] >= 4 * middle["rapo"]["added"]


def grow() -> None:
    """Print how rapo's added memory depends on the vocabulary and on the number of rows."""
    for kind, sizes in (("words", (16_000, 64_000, 256_000)), ("rows", (500, 2000, 8000))):
        told = []
        for size in sizes:
            out, _ = start("--grow", kind, str(size)).communicate()
            told.append(f"{size:,} {kind}: {json.loads(out)['added']:.0f} MB")
        print("added by rapo at " + ", ".join(told))


def main() -> int:
    """Print the tables; exit 1 when TRL is less than twice as slow or takes less than four times the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--rows", type=int, default=4, help="pairs")
    parser.add_argument("--prompt", type=int, default=200, help="tokens of a prompt")
    parser.add_argument("--response", type=int, default=200, help="tokens of a response")
    parser.add_argument("--worker", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--grow", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker, args)
        return 0
    if args.grow:
        growing(args.grow[0], int(args.grow[1]))
        return 0
    good = compare(args)
    grow()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
