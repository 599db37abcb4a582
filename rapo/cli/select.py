"""`rapo select`: keep the pairs that a metric ranks highest."""

import argparse
from dataclasses import asdict
from pathlib import Path

from rapo.cli import options
from rapo.pairs import writing
from rapo.pairs.door import open_pairs
from rapo.selection import select as selection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    options.add_input(
        parser, what="scored pairs, with log-probabilities from `rapo score` where the metric needs them"
    )
    parser.add_argument("--out", required=True, help="where to write the kept pairs; the suffix says the format")
    parser.add_argument("--metric", choices=tuple(selection.METRICS), default="alignment-potential")
    how_many = parser.add_mutually_exclusive_group(required=True)
    how_many.add_argument("--fraction", type=float, help="share to keep, 0 to 1 (the paper keeps 0.4)")
    how_many.add_argument("-k", type=int, help="how many pairs to keep")
    parser.add_argument(
        "--implicit",
        choices=("auto", "dpo", "simpo"),
        default="auto",
        help="implicit reward; auto: dpo where reference log-probabilities stand, else simpo",
    )
    parser.add_argument("--beta", type=float, default=1.0, help="of the implicit reward (default 1)")
    parser.add_argument("--weight", type=float, default=1.0, help="of the implicit margin (default 1)")
    parser.add_argument("--raw", action="store_true", help="difference of raw margins instead of z-scores")
    parser.add_argument("--signed", action="store_true", help="keep the sign of the implicit margin")
    parser.add_argument(
        "--spread",
        action="store_true",
        help="explicit margin: best less worst of candidate_scores, as in the official code",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the metric uniform")
    options.add_pair_checks(parser)


def run(args: argparse.Namespace) -> int:
    """Select, write, and tell."""
    settings = selection.Options(
        implicit=args.implicit,
        beta=args.beta,
        weight=args.weight,
        standardise=not args.raw,
        signed_implicit=args.signed,
        spread=args.spread,
        seed=args.seed,
    )
    writing.check_target(args.out, args.file)
    table = open_pairs(
        args.file, scored=args.metric in selection.SCORED or None, lift=False, **options.reading(args)
    ).read()
    kept, chosen = selection.select(table, metric=args.metric, k=args.k, fraction=args.fraction, options=settings)
    writing.write(kept, args.out)
    told = {
        "input": args.file,
        "output": args.out,
        "metric": args.metric,
        "pairs": len(table),
        "kept": len(kept),
        "threshold": None if not len(kept) else chosen.threshold,
        "tied_at_threshold": chosen.tied,
        "input_sha256": files_hash(args.file) if Path(args.file).exists() else None,
        "options": asdict(settings),
    }
    options.write_report(args.out, told)
    ties = f", threshold {chosen.threshold:.4g}, {chosen.tied} tied there" if len(kept) else ""
    options.say(f"{args.out}: kept {len(kept):,} of {len(table):,} pairs by {args.metric}{ties}")
    return 0


def files_hash(path: str) -> str:
    """SHA-256 of a file, or of a folder's files in the order of their names."""
    import hashlib

    target, digest = Path(path), hashlib.sha256()
    for file in sorted(target.rglob("*")) if target.is_dir() else [target]:
        if file.is_file():
            with file.open("rb") as stream:
                hashlib.file_digest(stream, lambda: digest)
    return digest.hexdigest()
