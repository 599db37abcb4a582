"""`rapo select`: keep the pairs that a metric ranks highest."""

import argparse
from collections.abc import Iterable, Iterator

import pyarrow as pa

from rapo.cli import options, output
from rapo.cli.advice import Likelier
from rapo.pairs import manifest, writing
from rapo.pairs.door import open_pairs
from rapo.selection import select as selection
from rapo.selection.stream import select_stream


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    options.add_input(
        parser, what="scored pairs, with log-probabilities from `rapo score` where the metric needs them"
    )
    output.add_output(parser, what="the kept pairs")
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
    output.check_output(args, args.file)
    settings = selection.Options(
        implicit=args.implicit,
        beta=args.beta,
        weight=args.weight,
        standardise=not args.raw,
        signed_implicit=args.signed,
        spread=args.spread,
        seed=args.seed,
    )
    pairs = open_pairs(
        args.file, scored=args.metric in selection.SCORED or None, lift=False, **options.reading(args)
    )
    ids: list[pa.Array] = []
    likelier = Likelier()  # both passes count: the share is the same
    with output.progress("pairs, twice") as advance:
        kept, chosen = select_stream(
            lambda: likelier.watched(writing.watched(pairs.batches(), advance)),
            metric=args.metric,
            k=args.k,
            fraction=args.fraction,
            options=settings,
        )
        rows = writing.write(_noted(kept, ids), args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
    n, threshold = len(chosen.keep), chosen.threshold if rows else None
    known = likelier.advice()
    ties = f", threshold {threshold:.4g}, {chosen.tied} tied there" if rows else ""
    return output.finish(
        args,
        source=manifest.source(args.file),
        counts={"pairs": n, "kept": rows, "threshold": threshold, "tied_at_threshold": chosen.tied},
        about=f"Preference pairs: the {rows:,} of {n:,} with the largest {args.metric.replace('-', ' ')} "
        "(arXiv:2503.01864), which stands in a column of its own.",
        ids=pa.chunked_array(ids, pa.string()),
        line=f"kept {rows:,} of {n:,} pairs by {args.metric}{ties}" + (f"\n{known}" if known else ""),
    )


def _noted(tables: Iterable[pa.Table], ids: list[pa.Array]) -> Iterator[pa.Table]:
    """The same tables; the ids of their rows are noted."""
    for table in tables:
        ids += table["pair_id"].chunks
        yield table
