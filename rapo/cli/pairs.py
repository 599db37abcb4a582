"""Make scored pairs from candidates with scores: rows of {"instruction", "completions": [{"response",
"overall_score", ...}]}, as UltraFeedback has them."""

import argparse

from rapo.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo pairs`."""
    options.add_input(parser, what="candidates")
    parser.add_argument("--out", required=True, help="where to write the pairs; the suffix says the format")
    options.add_candidates(parser)
    options.add_pair_checks(parser)
    parser.add_argument(
        "--exclude-source",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out rows of this source; the official preprocessing leaves out truthful_qa",
    )


def run(args: argparse.Namespace) -> int:
    """Stream the file into pairs and say how many."""
    from rapo.pairs import sources

    pairing = sources.Pairing(
        rule=args.rule, seed=args.seed, score=args.score, exclude_sources=tuple(args.exclude_source)
    )
    n = sources.pairs_file(args.file, args.out, pairing, **options.reading(args))
    options.say(f"{args.out}: {n:,} pairs")
    return 0
