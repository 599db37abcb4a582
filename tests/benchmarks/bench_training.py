"""Training and sampling of a tiny model on one thread: rapo's way, a loop written by hand, and the libraries' own.

Run:  OMP_NUM_THREADS=1 python tests/benchmarks/bench_training.py [--rows 1600] [--repeats 3] [--architecture llama]

Tokens a second of CPU time (prompts included, padding not), the whole call: tokenising, trainer start, training. The
loops by hand do the same maths (AdamW, clipping, cosine schedule; DPO with reference log-probabilities at hand) on
the very same batches and nothing else: no logging, no metrics, no trainer. One runs in torch's usual settings, one
inside `fast_cpu.fast`. TRL runs as it comes, but for what it needs on a CPU (fp32, no checkpointing); it draws
batches at random. Runs are interleaved, and the first of each is not counted.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torch.nn.functional as F

from rapo.models import sampling, tiny
from rapo.models.fast_cpu import fast
from rapo.scoring.tokens import tokenise
from rapo.training import fit, train
from rapo.training.batches import LengthBatches

WORDS = [f"w{i}" for i in range(380)]
SFT = train.Settings(learning_rate=1e-3)
DPO = train.DPOSettings(learning_rate=1e-4)
Rows = list[dict[str, Any]]


def text(rng: np.random.Generator, mean: int, most: int) -> str:
    size = int(np.clip(rng.gamma(6, mean / 6), 4, most))
    return " ".join(WORDS[word] for word in rng.integers(0, len(WORDS), size))


def make_rows(n: int) -> Rows:
    """Prompts of about 25 tokens, answers of about 35."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(n):
        row: dict[str, Any] = {"prompt": [{"role": "user", "content": text(rng, 22, 50)}]}
        for side in ("completion", "chosen", "rejected"):
            row[side] = [{"role": "assistant", "content": text(rng, 34, 90)}]
        rows.append(row)
    return rows


def batches(lengths: list[int]) -> Iterator[list[int]]:
    order = list(LengthBatches(lengths, 32, seed=0))
    return (order[start : start + 32] for start in range(0, len(order), 32))


def padded(rows: list[list[int]], value: int) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(row) for row in rows], batch_first=True, padding_value=value
    )


def logprobs(model: Any, ids: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the labelled tokens, and the row that each belongs to."""
    mask = labels[:, 1:] != -100
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][mask]
    logits = model.lm_head(hidden)
    if (cap := getattr(model.config, "final_logit_softcapping", None)) is not None:
        logits = cap * torch.tanh(logits / cap)
    return -F.cross_entropy(logits, labels[:, 1:][mask], reduction="none"), mask.nonzero()[:, 0]


def by_hand(model: Any, losses: Iterator[Callable[[], torch.Tensor]], steps: int, rate: float) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    model.train()
    for loss in losses:
        loss().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()


def sft_by_hand(model: Any, tokenizer: Any, rows: Rows, *, speed: bool) -> int:
    ids = tokenise(tokenizer, rows, sides=["completion"])
    pairs = list(zip(*ids.values(), strict=True))
    lengths = [len(prompt) + len(answer) for prompt, answer in pairs]
    per_step = 32 * sum(len(answer) for _, answer in pairs) / len(pairs)

    def loss(batch: list[int]) -> torch.Tensor:
        whole = padded([pairs[i][0] + pairs[i][1] for i in batch], 0)
        labels = padded([[-100] * len(pairs[i][0]) + pairs[i][1] for i in batch], -100)
        return -logprobs(model, whole, labels)[0].sum() / per_step

    with fast(model) if speed else nullcontext():
        by_hand(model, ((lambda b=b: loss(b)) for b in batches(lengths)), -(-len(rows) // 32), SFT.learning_rate)
    return sum(lengths)


def dpo_by_hand(model: Any, tokenizer: Any, rows: Rows, reference: np.ndarray, *, speed: bool) -> int:
    ids = tokenise(tokenizer, rows)
    triples = list(zip(*ids.values(), strict=True))
    lengths = [len(prompt) + max(len(chosen), len(rejected)) for prompt, chosen, rejected in triples]
    known = torch.tensor(reference, dtype=torch.float32)

    def loss(batch: list[int]) -> torch.Tensor:
        both = [(triples[i][0], triples[i][side]) for side in (1, 2) for i in batch]
        labels = padded([[-100] * len(prompt) + answer for prompt, answer in both], -100)
        found, places = logprobs(model, padded([prompt + answer for prompt, answer in both], 0), labels)
        ratios = torch.zeros(len(both)).index_add(0, places, found) - known[batch].T.reshape(-1)
        return -F.logsigmoid(DPO.beta * (ratios[: len(batch)] - ratios[len(batch) :])).mean()

    with fast(model) if speed else nullcontext():
        by_hand(model, ((lambda b=b: loss(b)) for b in batches(lengths)), -(-len(rows) // 32), DPO.learning_rate)
    return sum(2 * len(prompt) + len(chosen) + len(rejected) for prompt, chosen, rejected in triples)


def trl_itself(kind: str, model: Any, tokenizer: Any, rows: Rows) -> None:
    import copy

    from datasets import Dataset
    from transformers.trainer_callback import PrinterCallback
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    columns = ["prompt", "completion"] if kind == "sft" else ["prompt", "chosen", "rejected"]
    data = Dataset.from_list([{name: row[name] for name in columns} for row in rows])
    with fit.quiet_folder() as folder:
        options: dict[str, Any] = {
            "output_dir": folder, "per_device_train_batch_size": 32, "num_train_epochs": 1, "use_cpu": True,
            "bf16": False, "gradient_checkpointing": False, "report_to": "none", "save_strategy": "no",
            "disable_tqdm": True,
        }  # fmt: skip
        if kind == "sft":
            config: Any = SFTConfig(**options, learning_rate=SFT.learning_rate)
            trainer: Any = SFTTrainer(model, args=config, train_dataset=data, processing_class=tokenizer)
        else:
            config = DPOConfig(**options, learning_rate=DPO.learning_rate, beta=DPO.beta)
            reference = copy.deepcopy(model)
            trainer = DPOTrainer(
                model, ref_model=reference, args=config, train_dataset=data, processing_class=tokenizer
            )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def generate(model: Any, tokenizer: Any, prompts: list[Any], size: int) -> int:
    """Answers by transformers' own `generate`; the number of their tokens."""
    tokenizer.padding_side = "left"
    total = 0
    for start in range(0, len(prompts), size):
        batch = tokenizer.apply_chat_template(
            prompts[start : start + size], add_generation_prompt=True, return_tensors="pt", padding=True
        )
        made = model.generate(**batch, do_sample=True, top_k=0, max_new_tokens=96)[
            :, batch["input_ids"].shape[1] :
        ]
        total += int((made != tokenizer.pad_token_id).sum())
    return total


def sampled(model: Any, tokenizer: Any, prompts: list[Any]) -> int:
    return sum(len(text.split()) + 1 for text in sampling.sample(model, tokenizer, prompts, max_new_tokens=96))


def measure(ways: dict[str, Callable[[], int]], repeats: int) -> dict[str, float]:
    """Median tokens a second of CPU time, the ways taken in turn."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, run in ways.items():
            started = time.process_time()
            tokens = run()
            if turn:
                rates[name].append(tokens / (time.process_time() - started))
    return {name: statistics.median(values) for name, values in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--architecture", choices=tiny.ARCHITECTURES, default="llama")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--trl", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = tiny.build_tokenizer(WORDS)
    config = tiny.tiny_config(args.architecture, vocab_size=len(tokenizer), width=args.width, layers=args.layers)
    rows = make_rows(args.rows)
    pairs = rows[: args.rows // 2]

    def fresh() -> Any:
        return tiny.random_model(config, seed=0)

    reference = train.reference_logprobs(fresh(), tokenizer, pairs)
    ids = tokenise(tokenizer, rows, sides=["completion"])
    sft_tokens = sum(len(prompt) + len(answer) for prompt, answer in zip(*ids.values(), strict=True))
    ids = tokenise(tokenizer, pairs)
    dpo_tokens = sum(2 * len(p) + len(c) + len(r) for p, c, r in zip(*ids.values(), strict=True))
    sft: dict[str, Callable[[], int]] = {
        "rapo": lambda: train.train_sft(fresh(), tokenizer, rows, settings=SFT, seed=0).tokens,
        "by hand": lambda: sft_by_hand(fresh(), tokenizer, rows, speed=False),
        "by hand, fast": lambda: sft_by_hand(fresh(), tokenizer, rows, speed=True),
        "TRL itself": lambda: trl_itself("sft", fresh(), tokenizer, rows) or sft_tokens,
    }
    dpo: dict[str, Callable[[], int]] = {
        "rapo": lambda: (
            train.train_dpo(fresh(), tokenizer, pairs, settings=DPO, seed=0, reference=reference).tokens
        ),
        "by hand": lambda: dpo_by_hand(fresh(), tokenizer, pairs, reference, speed=False),
        "by hand, fast": lambda: dpo_by_hand(fresh(), tokenizer, pairs, reference, speed=True),
        "TRL itself": lambda: trl_itself("dpo", fresh(), tokenizer, pairs) or dpo_tokens,
    }
    trained = fresh()
    train.train_sft(trained, tokenizer, rows[:960], settings=train.Settings(learning_rate=3e-3), seed=0)
    prompts = [row["prompt"] for row in rows[:300]]
    sampling_ways: dict[str, Callable[[], int]] = {
        "rapo": lambda: sampled(trained, tokenizer, prompts),
        "generate, 300 at a time": lambda: generate(trained, tokenizer, prompts, 300),
        "generate, 100 at a time": lambda: generate(trained, tokenizer, prompts, 100),
    }
    print(f"{args.architecture}, {fresh().num_parameters() / 1e6:.2f} M parameters, tokens a second of CPU time")
    for name, ways in (("SFT", sft), ("DPO", dpo), ("sampling", sampling_ways)):
        if not args.trl:
            ways.pop("TRL itself", None)
        rates = measure(ways, args.repeats)
        for way, rate in rates.items():
            print(f"{name:10} {way:26} {rate:8,.0f}   rapo takes {rate / rates['rapo']:.2f} times as long")


if __name__ == "__main__":
    main()
