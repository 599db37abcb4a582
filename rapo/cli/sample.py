"""Sample a model's answers to prompts, asked for a goal or plainly.

PROMPTS are rows with a column prompt (text or messages; or instruction, question, query, input, messages), each asked
once. The goal goes where training put it (rapo.json beside the model), else where the chat template wants it, or where
--placement says. An answer's draws depend on --seed, its prompt's id and its number alone.
OUT has a row an answer: prompt_id, prompt, model ("NAME, g=10" where a goal is asked for), response, goal, number,
seed, tokens, cut (by --max-new-tokens), as `rapo judge` reads it; or with several answers a row a prompt, and these in
its completions, which `rapo pairs` reads with --reward-model, or once each of them has its overall_score. Answers are
kept in OUT.part as they come: the same command again goes on where it was stopped.
With --server URL any server that speaks OpenAI's protocol answers (vLLM, transformers serve); MODEL is its name there.
A new OUT is asked for anew, whatever was served under that name before; only what an interrupted run got is not asked
twice, and that is told.
"""

import argparse
import logging
import time
from pathlib import Path

from rapo.cli import drawing, options, output
from rapo.pairs import targets, writing

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo sample`."""
    parser.add_argument(
        "model", metavar="MODEL", help="causal LM: a folder or a hub's id; with --server its name there"
    )
    options.add_input(parser, what="prompts", name="prompts", streams=False)
    output.add_output(parser, what="the answers")
    parser.add_argument(
        "--bad", choices=("raise", "drop"), default="raise", help="bad prompts: stop (default), or drop"
    )
    drawing.add_drawing(parser, n=1)
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help=f"answers at a time (default: {drawing.BATCH})"
    )
    parser.add_argument("--dtype", help="float32, bfloat16, float16 or auto: the checkpoint's (default: auto)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (a GPU if there is one)")
    parser.add_argument(
        "--rows",
        choices=("answers", "prompts"),
        help="a row an answer (default with --n 1), or a row a prompt with its answers in completions (default else)",
    )


def run(args: argparse.Namespace) -> int:
    """Sample, write, and tell what was done."""
    from rapo.models import answers
    from rapo.pairs import manifest

    started = time.monotonic()
    drawing.check(args)
    output.check_output(args, args.prompts)
    what = drawing.drawing(args, args.model, args.prompts)
    part = None if args.out == targets.STDOUT else Path(f"{output.product(args)}.part")
    with answers.keeping(part, what.settings, afresh=args.overwrite) as kept:
        if kept.n_before:
            _log.warning("%s keeps %d answers, which are not drawn again", part, kept.n_before)
        drawn = what.draw(kept)
        rows = drawn.rows(flat=(args.rows or ("answers" if args.n == 1 else "prompts")) == "answers")
        writing.write(rows, args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
        status = output.finish(
            args,
            source=manifest.source(args.prompts),
            counts=drawn.counts,
            about="Answers of a model to prompts, several to a prompt, with the goal that they were asked for.",
            settings={"server": what.settings["server"]} if args.server else None,
            done={
                "drawn": what.settings,
                "asked": what.told,
                "seconds": round(time.monotonic() - started, 3),
            },
            line=drawn.line,
        )
        answers.discard(part)
    return status
