"""Make scored pairs from candidates with scores: rows of {"instruction", "completions": [{"response",
"overall_score", ...}]}, as UltraFeedback has them."""

import argparse

from rapo.cli import options, output


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


def run(args: argparse.Namespace) -> int:
    """Stream the file into pairs and say how many."""
    from rapo.pairs import manifest, sources

    output.check_output(args, args.file)
    pairing = sources.Pairing(
        rule=args.rule, seed=args.seed, score=args.score, exclude_sources=tuple(args.exclude_source)
    )
    with output.progress("pairs") as advance:
        n = sources.pairs_file(
            args.file,
            args.out,
            pairing,
            overwrite=args.overwrite,
            shard_rows=args.shard_rows,
            progress=advance,
            **options.reading(args),
        )
    about = "Scored preference pairs; of candidates with scores, the best of each prompt against another."
    return output.finish(
        args, source=manifest.source(args.file), counts={"pairs": n}, about=about, line=f"{n:,} pairs"
    )
