"""Make scored pairs from candidates with scores: rows of {"instruction", "completions": [{"response",
"overall_score", ...}]}, as UltraFeedback has them.

Candidates without scores, such as `rapo sample MODEL PROMPTS --n 5` draws, are scored by --reward-model: pairs of the
model's own answers, the best against the worst (--rule worst) or against the one at a --quantile of the others.
"""

import argparse
from typing import TYPE_CHECKING, Any

from rapo.cli import options, output

if TYPE_CHECKING:
    import pyarrow as pa


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo pairs`."""
    options.add_input(parser, what="candidates")
    output.add_output(parser, what="the pairs")
    options.add_candidates(parser)
    options.add_pair_checks(parser)
    parser.add_argument(
        "--exclude-source",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out rows of this source; the official preprocessing leaves out truthful_qa",
    )
    parser.add_argument(
        "--quantile",
        type=float,
        metavar="Q",
        help="compare the best with the candidate at this quantile of the others' scores: 0 the worst, 1 the next best",
    )
    parser.add_argument(
        "--reward-model",
        metavar="M",
        help="score candidates with this sequence classifier: a folder or a hub's id",
    )
    parser.add_argument(
        "--batch-size", type=int, default=16, metavar="N", help="of the reward model (default: 16)"
    )
    parser.add_argument("--dtype", help="of the reward model: float32, bfloat16, float16 or auto (default: auto)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 (a GPU if there is one)")


def run(args: argparse.Namespace) -> int:
    """Stream the file into pairs and say how many."""
    from rapo.pairs import manifest, sources

    output.check_output(args, args.file)
    if args.batch_size < 1:
        raise ValueError(f"--batch-size is {args.batch_size}; need at least 1")
    held = args.reward_model is not None or args.quantile is not None
    reading = options.reading(args)
    source: Any = _held(args, reading) if held else args.file
    pairing = sources.Pairing(
        rule=args.rule, seed=args.seed, score=args.score, exclude_sources=tuple(args.exclude_source)
    )
    with output.progress("pairs") as advance:
        n = sources.pairs_file(
            source,
            args.out,
            pairing,
            overwrite=args.overwrite,
            shard_rows=args.shard_rows,
            progress=advance,
            name=args.file,
            **reading,
        )
    about = "Scored preference pairs; of candidates with scores, the best of each prompt against another."
    return output.finish(
        args, source=manifest.source(args.file), counts={"pairs": n}, about=about, line=f"{n:,} pairs"
    )


def _held(args: argparse.Namespace, reading: dict[str, Any]) -> "pa.Table":
    """The candidates in memory, scored and cut down as asked; where they lie is read here, and nowhere else."""
    from rapo.pairs import columns, own_scores, raw

    table = raw.read(args.file, split=reading["split"], revision=reading["revision"])
    table = columns.rename(table, reading["columns"], name=args.file)
    reading |= {"split": None, "revision": None, "columns": {}}
    if args.reward_model is not None:
        table = _scored(table, args)
    if args.quantile is not None:
        table = own_scores.at_quantile(table, args.quantile, field=args.score, name=args.file)
    return table


def _scored(table: "pa.Table", args: argparse.Namespace) -> "pa.Table":
    """The candidates with the reward model's scores."""
    import numpy as np
    from transformers.utils import logging as transformers_logging

    from rapo.models import rewards
    from rapo.pairs import own_scores
    from rapo.scoring import processes
    from rapo.scoring.tokens import check_template

    talks = own_scores.talks(table, name=args.file)
    own_scores.with_scores(
        table, np.zeros(len(talks)), field=args.score, name=args.file
    )  # refuses before any work
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # a head that is missing is told in one line
    model = rewards.load(args.reward_model, dtype=args.dtype, device=args.device or processes.current().device)
    check_template(model.tokenizer, args.reward_model)
    with output.progress("rewards") as advance:
        scores = model(talks, batch_size=args.batch_size, progress=advance)
    return own_scores.with_scores(table, scores, field=args.score, name=args.file)
