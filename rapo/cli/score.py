"""Add a model's log-probabilities of both responses, and those of a reference model, to preference data.

Adds chosen_logprob_sum, chosen_tokens, chosen_truncated and the same for rejected; with --reference these again with
the prefix ref_, and implicit_chosen and implicit_rejected, beta * (sum - ref_ sum), of which
`rapo relabel --goal implicit` makes goals. Sums are in nats over the response's tokens. All other columns and the order
of the rows stay.
With --trl: ref_chosen_logps and ref_rejected_logps, which a DPO trainer takes in place of a reference model, and
ref_scored, which binds them to row, model, tokenizer and length (docs/train-on-scores.md).
Prompt, chosen and rejected are messages or plain strings. OUT.json says what was done.

An interrupted run continues where it stopped. Several GPUs, or several processes on CPUs, share the rows:
  accelerate launch --num_processes 4 -m rapo score IN --model M --out OUT
  torchrun --nproc_per_node 2 -m rapo score IN --model M --out OUT
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapo.cli import options, output
from rapo.pairs import finite, manifest, targets, writing
from rapo.pairs.door import Pairs, open_pairs
from rapo.pairs.faults import several

TRL_LENGTH = 1024  # max_length of TRL's trainers where nobody says otherwise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_input(parser, what="preference data", name="input")
    parser.add_argument("--model", required=True, metavar="M", help="causal LM: a folder or a hub's id")
    parser.add_argument("--reference", metavar="R", help="a second model of the same vocabulary")
    output.add_output(parser, what="the scored pairs")
    parser.add_argument(
        "--trl", action="store_true", help="write ref_chosen_logps, ref_rejected_logps and ref_scored instead"
    )
    parser.add_argument("--adapter", metavar="A", help="a PEFT adapter to put on the model")
    parser.add_argument("--tokenizer", metavar="T", help="another tokenizer than the model's own")
    parser.add_argument(
        "--max-length", type=int, metavar="N",
        help="tokens of prompt and response (the context; with --trl at most 1024, as TRL cuts)",
    )  # fmt: skip
    parser.add_argument("--token-budget", type=int, metavar="N", help="tokens in a batch (2048; 16384 on a GPU)")
    parser.add_argument(
        "--dtype",
        help="float32, bfloat16, float16 or auto: the checkpoint's (auto; with --trl float32, as TRL trains)",
    )
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (a GPU if there is one)")
    parser.add_argument("--cache", metavar="FOLDER", help="where computed pieces are kept (build/logprobs)")
    parser.add_argument("--no-cache", action="store_true", help="keep no pieces")
    parser.add_argument(
        "--beta", type=float, default=1.0, help="with --reference: of the implicit rewards (default: 1)"
    )
    parser.add_argument("--no-progress", action="store_true", help="show no bar")
    options.add_pair_checks(parser)


def run(args: argparse.Namespace) -> int:
    """Score, write, and tell what was done."""
    started = time.monotonic()
    if args.trl and args.reference:
        raise ValueError(
            "--trl writes the sums of one model, the reference: give it as --model, without --reference"
        )
    output.check_output(args, args.input)
    from transformers.utils import logging as transformers_logging

    from rapo.runs import keys
    from rapo.scoring import implicit, one_pass, processes
    from rapo.scoring.score import score

    transformers_logging.disable_progress_bar()
    pairs = open_pairs(args.input, scored=None, lift=False, **options.reading(args))
    if targets.kind(args.out) in ("jsonl", "stdout"):
        finite.check(pairs.batches(), name=args.input, other=str(_parquet(Path(args.out))))
    scores = score(
        pairs,
        args.model,
        tokenizer=args.tokenizer,
        reference=args.reference,
        adapter=args.adapter,
        max_length=_max_length(args),
        token_budget=args.token_budget,
        dtype=args.dtype or ("float32" if args.trl else "auto"),
        device=args.device,
        cache=False if args.no_cache else args.cache or True,
        progress=False if args.no_progress else None,
    )
    process = processes.current()
    if process.is_main:
        attach = scores.attach_trl if args.trl else scores.attach
        # Kept from an earlier scoring, what needs a reference would stand beside sums of another model.
        of_reference = {*(f"ref_{name}" for name in one_pass.COLUMNS), *implicit.COLUMNS}
        earlier = [] if args.reference else [name for name in pairs.columns() if name in of_reference]
        made = _attached(pairs, attach, beta=args.beta, without=earlier)
        writing.write(made, args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
        bound = {"bound_to": asdict(scores.origin)} if args.trl else {}
        seconds = round(time.monotonic() - started, 3)
        done = {**scores.summary(), **bound, "seconds": seconds, "libraries": keys.versions()}
        if not args.json:
            _tell(done, stderr=args.out == targets.STDOUT)
        if earlier and not args.json:
            left = f"left out as they belong to an earlier scoring: {', '.join(earlier)}; --reference renews them"
            options.say(left, stderr=args.out == targets.STDOUT)
        output.finish(
            args,
            source=manifest.source(args.input),
            counts={"rows": done["rows"], **{name: n for name, n in done["truncated"].items() if n}},
            about="Preference pairs with log-probabilities of both responses: sums in nats, and token counts.",
            done=done,
            read=pairs,
            line=_summary(done),
        )
    process.gather(None)
    return 0


def _parquet(target: Path) -> Path:
    """The same output in a format that holds any number."""
    return target.with_name(f"{target.name.partition('.json')[0]}.parquet")


def _max_length(args: argparse.Namespace) -> int | None:
    """As given; with --trl else what TRL cuts at, where the model reads as much."""
    from rapo.models import loading

    if args.max_length is not None or not args.trl:
        return args.max_length
    return min(loading.context(args.model) or TRL_LENGTH, TRL_LENGTH)


def _attached(
    pairs: Pairs, attach: Callable[..., pa.Table], *, beta: float, without: Sequence[str]
) -> Iterator[pa.Table]:
    from rapo.scoring.implicit import with_implicit_rewards

    start = 0
    for batch in pairs.batches():
        kept = batch.drop_columns([name for name in without if name in batch.column_names])
        yield with_implicit_rewards(attach(kept, start=start), beta=beta)
        start += len(batch)


def _tell(done: dict[str, Any], *, stderr: bool) -> None:
    for one in done["models"]:
        speed = f"{one['tokens_per_second']:,.0f} tokens/s" if one["tokens_per_second"] else "nothing to compute"
        pieces = f"{several(one['pieces_computed'], 'pieces')} computed, {one['pieces_reused']} reused"
        options.say(f"{one['model']}: {one['seconds']:.1f} s, {speed}; {pieces}", stderr=stderr)


def _summary(done: dict[str, Any]) -> str:
    cut = {name: count for name, count in done["truncated"].items() if count}
    told = ", ".join(f"{count} with {name}" for name, count in cut.items()) or "none cut"
    if "bound_to" in done:
        told += f"; train with this model and tokenizer, and max_length={done['max_length']}"
    return f"{done['rows']} rows, {told}"
