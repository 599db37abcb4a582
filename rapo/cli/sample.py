"""Sample a model's answers to prompts, asked for a goal or plainly.

PROMPTS are rows with a column prompt (text or messages; or instruction, question, query, input, messages), each asked
once. The goal goes where training put it (rapo.json beside the model), else where the chat template wants it, or where
--placement says. An answer's draws depend on --seed, its prompt's id and its number alone.
OUT has a row an answer: prompt_id, prompt, model, response, goal, number, seed, tokens, cut (by --max-new-tokens), as
`rapo judge` reads it; or with several answers a row a prompt, and these in its completions, which `rapo pairs` reads
with --reward-model, or once each of them has its overall_score. Answers are kept in OUT.part as they come: the same
command again goes on where it was stopped.
With --server URL any server that speaks OpenAI's protocol answers (vLLM, transformers serve); MODEL is its name there,
and its replies are kept in build/answers under their requests, too.
"""

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rapo.cli import options, output
from rapo.pairs import writing

if TYPE_CHECKING:
    from rapo.models.answers import Answer, Ask, Engine
    from rapo.relabelling.asking import Asking, Goal

_BATCH = 32
_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo sample`."""
    parser.add_argument(
        "model", metavar="MODEL", help="causal LM: a folder or a hub's id; with --server its name there"
    )
    options.add_input(parser, what="prompts", name="prompts")
    output.add_output(parser, what="the answers")
    parser.add_argument(
        "--bad", choices=("raise", "drop"), default="raise", help="bad prompts: stop (default), or drop"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="ask the first N prompts alone")
    parser.add_argument(
        "--goal", metavar="G", help="a score to ask for, or several: truth=9,order=4 (default: ask plainly)"
    )
    parser.add_argument(
        "--placement", choices=("system", "prefix"), help="the goal as a system turn, or before the user's"
    )
    parser.add_argument("--template", help="overall, compact, a text file, or a wording that holds {goals}")
    parser.add_argument(
        "--scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="the scale of the goal's text"
    )
    parser.add_argument("--n", type=int, default=1, help="answers to each prompt (default: 1)")
    parser.add_argument(
        "--rows",
        choices=("answers", "prompts"),
        help="a row an answer (default with --n 1), or a row a prompt with its answers in completions (default else)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 takes the likeliest token (default: 1)")
    parser.add_argument(
        "--top-p", type=float, default=1.0, help="keep the likeliest tokens of this mass (default: 1)"
    )
    parser.add_argument("--max-new-tokens", type=int, default=512, metavar="N", help="of an answer (default: 512)")
    parser.add_argument("--batch-size", type=int, metavar="N", help=f"answers at a time (default: {_BATCH})")
    parser.add_argument("--adapter", metavar="A", help="a PEFT adapter to put on the model")
    parser.add_argument("--tokenizer", metavar="T", help="another tokenizer than the model's own")
    parser.add_argument("--dtype", help="float32, bfloat16, float16 or auto: the checkpoint's (default: auto)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (a GPU if there is one)")
    parser.add_argument("--server", metavar="URL", help="ask this server; its address ends in /v1")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="requests at a time (default: 8)")


def run(args: argparse.Namespace) -> int:
    """Sample, write, and tell what was done."""
    from rapo.models import answers
    from rapo.pairs import manifest

    started = time.monotonic()
    _check(args)
    output.check_output(args, args.prompts)
    prompts, goal = _prompts(args), _goal(args.goal)
    engine, asking, drawn = (_server if args.server else _local)(args)
    asks = _asks(prompts, asking, goal, args)
    engine.check(asks)
    drawn |= {name: getattr(args, name) for name in ("temperature", "top_p", "max_new_tokens", "seed")}
    part = None if args.out == writing.STDOUT else Path(f"{output.product(args)}.part")
    batch = args.batch_size or (_BATCH * args.concurrency if args.server else _BATCH)
    with answers.keeping(part, drawn, afresh=args.overwrite) as kept:
        if kept.n_before:
            _log.warning("%s keeps %d answers, which are not drawn again", part, kept.n_before)
        with output.progress("answers") as advance:
            made = answers.collect(asks, engine, kept, batch=batch, progress=advance)
        rows, counts = _rows(prompts, asks, made, goal, args), _counts(prompts, made, kept.n_before)
        writing.write(rows, args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
        told = asking.told if asking else "asked plainly"
        status = output.finish(
            args,
            source=manifest.source(args.prompts),
            counts=counts,
            about="Answers of a model to prompts, several to a prompt, with the goal that they were asked for.",
            settings={"server": drawn["server"]} if args.server else None,
            done={"drawn": drawn, "asked": told, "seconds": round(time.monotonic() - started, 3)},
            line=f"{_told(counts)}; {told}",
        )
        answers.discard(part)
    return status


def _check(args: argparse.Namespace) -> None:
    """Refuse options that make no sense, before anything is loaded."""
    counts = (args.n, args.max_new_tokens, args.concurrency, args.batch_size, args.limit)
    numbers = [number for number in counts if number is not None]
    if not (args.temperature >= 0 and 0 < args.top_p <= 1 and min(numbers) >= 1):
        raise ValueError(
            f"cannot sample {args.n} answers of up to {args.max_new_tokens} tokens with --temperature "
            f"{args.temperature:g} --top-p {args.top_p:g}; the temperature is 0 or more, top-p above 0 and at most 1, "
            "the numbers 1 or more"
        )
    if args.temperature == 0 and args.n > 1:
        raise ValueError(
            f"--temperature 0 gives {args.n} equal answers to a prompt; say --n 1, or a temperature above 0"
        )
    local = {"--adapter": args.adapter, "--dtype": args.dtype, "--device": args.device}
    if args.server and (given := [name for name, value in local.items() if value]):
        raise ValueError(f"{given[0]} belongs to a model that is loaded here, not to --server; leave it out")
    asked = {"--placement": args.placement, "--template": args.template, "--scale": args.scale}
    if args.goal is None and (given := [name for name, value in asked.items() if value]):
        raise ValueError(f"{given[0]} says how a goal is asked for; give one with --goal, or leave it out")


def _prompts(args: argparse.Namespace) -> pa.Table:
    from rapo.pairs import prompts

    found = prompts.read(
        args.prompts,
        columns=options.columns(args.column),
        split=args.split,
        revision=args.revision,
        bad=args.bad,
    )
    return found if args.limit is None else found.slice(0, args.limit)


def _goal(given: str | None) -> "Goal | None":
    """One score, or one a name."""
    if given is None:
        return None
    parts = [part.rpartition("=") for part in given.split(",")]
    try:
        values = {name.strip(): float(value) for name, _, value in parts}
    except ValueError:
        raise ValueError(f"--goal {given}: give a number, or NAME=NUMBER,NAME=NUMBER") from None
    if len(values) < len(parts) or ("" in values and len(values) > 1):
        raise ValueError(f"--goal {given}: give one number, or one for each name")
    return values.get("", values)


def _asks(
    prompts: pa.Table, asking: "Asking | None", goal: "Goal | None", args: argparse.Namespace
) -> "list[Ask]":
    """Every answer to every prompt, prompts in their order."""
    from rapo.config import canonical, content_hash
    from rapo.models.answers import Ask
    from rapo.pairs.schema import hashes

    asks = []
    for key, messages in zip(prompts["prompt_id"].to_pylist(), prompts["prompt"].to_pylist(), strict=True):
        shown = asking.put(messages, goal) if asking else messages
        names = [f"{key}\x1e{number}" for number in range(1, args.n + 1)]
        seeds = hashes(names, seed=args.seed, purpose="answer") & 0x7FFFFFFF  # what servers take
        text = canonical(shown)
        asks += [Ask(content_hash(name, text), shown, int(seed)) for name, seed in zip(names, seeds, strict=True)]
    return asks


def _local(args: argparse.Namespace) -> "tuple[Engine, Asking | None, dict[str, Any]]":
    """A model that is loaded here."""
    from transformers.utils import logging as transformers_logging

    from rapo.models import generation, loading
    from rapo.scoring import processes
    from rapo.scoring.tokens import check_template

    transformers_logging.disable_progress_bar()
    tokenizer = loading.load_tokenizer(args.tokenizer, args.model)
    check_template(tokenizer, args.tokenizer or args.model)
    how = None if args.goal is None else _how(args, tokenizer)
    device = args.device or processes.current().device
    checkpoint = loading.load(args.model, adapter=args.adapter, dtype=args.dtype, device=device)
    engine = generation.Generator(
        checkpoint, tokenizer, temperature=args.temperature, top_p=args.top_p, max_new_tokens=args.max_new_tokens
    )
    return engine, how, {"model": checkpoint.key, "tokenizer": loading.tokenizer_key(tokenizer)}


def _server(args: argparse.Namespace) -> "tuple[Engine, Asking | None, dict[str, Any]]":
    """A server that speaks OpenAI's protocol."""
    from rapo.judging import answering
    from rapo.judging.server import ChatServer
    from rapo.relabelling import chat

    template = chat.ChatTemplate.load(args.tokenizer) if args.tokenizer else None
    how = None if args.goal is None else _how(args, template)
    server = ChatServer(base_url=args.server, concurrency=args.concurrency)
    drawn = {"temperature": args.temperature, "top_p": args.top_p, "max_new_tokens": args.max_new_tokens}
    engine = answering.ServerAnswers(args.model, server, **drawn)
    return engine, how, {"model": args.model, "server": server.address.shown}


def _how(args: argparse.Namespace, tokenizer: Any) -> "Asking":
    from rapo.relabelling import asking

    return asking.asking(
        args.adapter or args.model,
        tokenizer=tokenizer,
        placement=args.placement,
        template=args.template,
        scale=tuple(args.scale) if args.scale else None,
    )


def _rows(
    prompts: pa.Table,
    asks: "Sequence[Ask]",
    made: "Sequence[Answer | None]",
    goal: "Goal | None",
    args: argparse.Namespace,
) -> pa.Table:
    """A row an answer, or a row a prompt with its answers as candidates."""
    said = [(place, ask, answer) for place, (ask, answer) in enumerate(zip(asks, made, strict=True)) if answer]
    fields = {
        "response": pa.array([answer.text for _, _, answer in said], pa.string()),
        **({} if goal is None else {"goal": pa.array([goal] * len(said))}),
        "number": pa.array([place % args.n + 1 for place, _, _ in said], pa.int64()),
        "seed": pa.array([ask.seed for _, ask, _ in said], pa.int64()),
        "tokens": pa.array([answer.tokens for _, _, answer in said], pa.int64()),
        "cut": pa.array([answer.cut for _, _, answer in said], pa.bool_()),
    }
    row_of = np.array([place // args.n for place, _, _ in said], np.int64)
    flat = (args.rows or ("answers" if args.n == 1 else "prompts")) == "answers"
    rows = prompts.take(pa.array(row_of)) if flat else prompts
    model = f"{args.model} + {args.adapter}" if args.adapter else args.model
    asked = {
        **{name: rows[name] for name in rows.column_names},
        "model": pa.array([model] * len(rows), pa.string()),
    }
    if flat:
        return pa.table({**asked, **fields})
    ends = np.append(0, np.cumsum(np.bincount(row_of, minlength=len(prompts)))).astype(np.int32)
    answers = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return pa.table({**asked, "completions": pa.ListArray.from_arrays(pa.array(ends), answers)})


def _counts(prompts: pa.Table, made: "Sequence[Answer | None]", before: int) -> dict[str, int]:
    answered = [answer for answer in made if answer is not None]
    return {
        "prompts": len(prompts),
        "answers": len(answered),
        "kept_from_before": before,
        "cut": sum(answer.cut for answer in answered),
        "empty": sum(not answer.text.strip() for answer in answered),
        "without_answer": len(made) - len(answered),
    }


def _told(counts: Mapping[str, int]) -> str:
    told = f"{counts['answers']:,} answers to {counts['prompts']:,} prompts"
    remarks = {"cut": "cut at --max-new-tokens", "empty": "empty", "without_answer": "refused by the server"}
    return told + "".join(f", {counts[name]:,} {what}" for name, what in remarks.items() if counts[name])
