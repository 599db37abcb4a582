"""Make reward-augmented pairs: each scored pair becomes two, under its two scores as goals (arXiv:2410.08067).

The output is a data set in TRL's explicit-prompt conversational format. A pair is a tie when its two goals read
the same; ties are dropped unless told otherwise. Without --placement and --tokenizer the goal is a system turn.
"""

import argparse
import math

from rapo.cli import options, output
from rapo.pairs.faults import several

_ABOUT = (
    "Reward-augmented preference pairs (arXiv:2410.08067): each scored pair stands twice, once under either response's "
    "score as the goal in its prompt. The response whose score the goal is, is `chosen`. Columns `prompt`, `chosen` "
    "and `rejected` are messages, as TRL's DPOTrainer takes them."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo relabel`."""
    options.add_input(parser, what="scored pairs")
    output.add_output(parser, what="the rows")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--placement",
        choices=("system", "prefix"),
        help="the goal as a system turn, or before the first user turn",
    )
    where.add_argument(
        "--tokenizer",
        help="read the placement off the chat template of this tokenizer: a folder, or a name on the hub",
    )
    parser.add_argument(
        "--goal",
        choices=("score", "attributes", "implicit"),
        default="score",
        help="the overall score (default), all attribute scores at once, or implicit rewards by their quantile",
    )
    parser.add_argument(
        "--template", default="overall", help="overall, compact, a text file, or a wording that holds {goals}"
    )
    parser.add_argument(
        "--scale", nargs=2, type=float, metavar=("LOW", "HIGH"), help="the scale that the goal's text shows"
    )
    parser.add_argument("--half", action="store_true", help="keep half of the prompts, both rows of each pair")
    parser.add_argument("--seed", type=int, default=0, help="chooses the half (default: 0)")
    parser.add_argument("--ties", choices=("drop", "keep", "raise"), default="drop", help="default: drop")
    parser.add_argument(
        "--official-fault",
        choices=("nosys_unswapped",),
        help="ablation only: repeat a fault of the official script (rejected score as goal, order not swapped)",
    )
    parser.add_argument("--batch-rows", type=int, default=5_000, help="pairs in memory at a time (default: 5000)")
    options.add_pair_checks(parser)


def run(args: argparse.Namespace) -> int:
    """Stream the file into rows and say what was done."""
    from dataclasses import asdict, replace

    from rapo.pairs import manifest
    from rapo.pairs.door import open_pairs
    from rapo.relabelling import goals, relabel

    output.check_output(args, args.file)
    template = goals.template(args.template)
    if args.scale:
        if not all(map(math.isfinite, args.scale)):
            given = " ".join(f"{end:g}" for end in args.scale)
            raise ValueError(f"--scale {given}: give two finite numbers, such as --scale 1 10")
        template = replace(template, low=args.scale[0], high=args.scale[1])
    scheme = relabel.Scheme(
        placement=_placement(args),
        template=template,
        goal=args.goal,
        half=args.half,
        ties=args.ties,
        seed=args.seed,
        official_fault=args.official_fault,
    )
    pairs = open_pairs(args.file, **options.reading(args))
    with output.progress("pairs") as advance:
        tally = relabel.relabel_file(
            pairs,
            args.out,
            scheme,
            batch_rows=args.batch_rows,
            check_scale=args.scale is None,
            bad=args.bad,
            overwrite=args.overwrite,
            shard_rows=args.shard_rows,
            progress=advance,
        )
    fate = {"drop": "dropped", "keep": "kept", "raise": "none"}[args.ties]
    half = ", half of the prompts" if args.half else ""
    left = pairs.counts.pairs - tally.pairs
    return output.finish(
        args,
        source=manifest.source(args.file),
        counts=asdict(tally) | ({"without_implicit_rewards": left} if left else {}),
        about=_ABOUT,
        settings={"scheme": asdict(scheme)},
        read=pairs,
        line=f"{several(tally.rows, 'rows')} from {several(tally.pairs, 'pairs')} "
        f"({several(tally.ties, 'ties')} {fate}{half}); goal placed as {scheme.placement}"
        + (f"; {several(left, 'pairs')} without implicit rewards left out" if left else ""),
    )


def _placement(args: argparse.Namespace) -> str:
    """As given; else read off a tokenizer's chat template; else a system turn."""
    from pathlib import Path

    from rapo.relabelling import chat

    if not args.tokenizer:
        return args.placement or "system"
    if Path(args.tokenizer).is_dir():
        return chat.placement(chat.ChatTemplate.load(args.tokenizer))
    from transformers import AutoTokenizer

    return chat.placement(AutoTokenizer.from_pretrained(args.tokenizer, trust_remote_code=False))
