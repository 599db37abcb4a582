"""Keep the pairs that a metric ranks highest, or those that repeat no other.

rapo select scored.parquet --fraction 0.4 --out best.parquet
rapo select pairs.jsonl --drop-duplicates near --out clean.jsonl
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from rapo.cli import options, output
from rapo.cli.advice import Likelier
from rapo.inspection.duplicates import KINDS, Repeated, repeated, without
from rapo.inspection.near import THRESHOLD
from rapo.pairs import manifest, writing
from rapo.pairs.columns import is_number
from rapo.pairs.door import Pairs, open_pairs
from rapo.pairs.faults import several
from rapo.selection import select as selection
from rapo.selection.stream import select_stream

_LIKELIHOODS = ("alignment-potential", "small-implicit-margin")  # metrics that look at log-probabilities


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    options.add_input(
        parser, what="scored pairs, with log-probabilities from `rapo score` where the metric needs them"
    )
    output.add_output(parser, what="the kept pairs")
    parser.add_argument("--metric", choices=tuple(selection.METRICS), default="alignment-potential")
    how_many = parser.add_mutually_exclusive_group()
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
    parser.add_argument(
        "--drop-duplicates",
        choices=KINDS,
        help="before anything is ranked, leave out all but the first of equal pairs, and pairs of two equal responses "
        "(exact); also near-duplicates of prompts, and pairs whose responses are nearly the same (near); without "
        "--fraction and -k that is all",
    )
    parser.add_argument(
        "--similarity",
        type=float,
        default=THRESHOLD,
        help=f"of near-duplicates, 0 to 1 (default: {THRESHOLD}, Jaccard of 3 words)",
    )
    options.add_pair_checks(parser)


def run(args: argparse.Namespace) -> int:
    """Leave out duplicates, select, write, and tell."""
    output.check_output(args, args.file)
    ranked = not (args.fraction is None and args.k is None)
    if not (ranked or args.drop_duplicates):
        raise ValueError("say how many to keep with --fraction or -k, or leave out repeats with --drop-duplicates")
    scored = (ranked and args.metric in selection.SCORED) or None
    pairs = open_pairs(args.file, scored=scored, lift=False, **options.reading(args))
    ids: list[pa.Array] = []
    likelier = Likelier()  # every pass counts the same pairs: the share is the same
    with output.progress("pairs, read several times") as advance:
        doubled = _repeated(pairs, args, advance)
        if doubled is not None and not doubled.keep.any():
            why = ", ".join(several(n, name) for name, n in doubled.counts.items())
            raise ValueError(f"{args.file}: --drop-duplicates {args.drop_duplicates} leaves no pair: {why}")

        def tables() -> Iterable[pa.Table]:
            found = writing.watched(pairs.batches(), advance)
            found = found if doubled is None else without(found, doubled)
            return likelier.watched(_with_sums(found, args) if ranked else found)

        kept, chosen = _ranked(tables, args) if ranked else (tables(), None)
        if chosen is not None and not chosen.keep.any():
            asked = f"-k {args.k}" if args.k is not None else f"--fraction {args.fraction:g}"
            raise ValueError(f"{args.file}: {asked} keeps none of its pairs; ask for more")
        rows = writing.write(_noted(kept, ids), args.out, overwrite=args.overwrite, shard_rows=args.shard_rows)
    counts, line, about = _told(args, rows, chosen, doubled, n=pairs.counts.pairs)
    known = likelier.advice()
    return output.finish(
        args,
        source=manifest.source(args.file),
        counts=counts,
        about=about,
        ids=pa.chunked_array(ids, pa.string()),
        read=pairs,
        line=line + (f"\n{known}" if known else ""),
    )


def _repeated(pairs: Pairs, args: argparse.Namespace, advance: Callable[[int], None]) -> Repeated | None:
    """The pairs that repeat others, where they are to be left out."""
    if args.drop_duplicates is None:
        return None
    tables = writing.watched(pairs.batches(), advance)
    return repeated(tables, kind=args.drop_duplicates, similarity=args.similarity)


def _ranked(
    tables: Callable[[], Iterable[pa.Table]], args: argparse.Namespace
) -> tuple[Iterable[pa.Table], selection.Selection]:
    """The best of the pairs, and what was selected."""
    settings = selection.Options(
        implicit=args.implicit,
        beta=args.beta,
        weight=args.weight,
        standardise=not args.raw,
        signed_implicit=args.signed,
        spread=args.spread,
        seed=args.seed,
    )
    return select_stream(tables, metric=args.metric, k=args.k, fraction=args.fraction, options=settings)


def _with_sums(tables: Iterable[pa.Table], args: argparse.Namespace) -> Iterator[pa.Table]:
    """The pairs that have all the sums that their metric may need; the others are refused, or left out."""
    reference = () if args.implicit == "simpo" else selection.REFERENCE
    needed = (*selection.LOGPROBS, *reference) if args.metric in _LIKELIHOODS else ()
    for table in tables:
        kept = np.ones(len(table), dtype=bool)
        for name in needed:
            if name not in table.column_names or not is_number(table.schema.field(name).type):
                continue
            known = np.isfinite(table[name].to_numpy())
            if args.bad == "raise" and not known.all():
                pair = table["pair_id"][int(known.argmin())].as_py()
                raise ValueError(
                    f"{args.file}: pair {pair}: {name} is missing, as where no token of a response is left within "
                    "--max-length of `rapo score`; score with a larger one, or leave such pairs out with --bad drop"
                )
            kept &= known
        yield table if kept.all() else table.filter(pa.array(kept))


def _told(
    args: argparse.Namespace,
    rows: int,
    chosen: selection.Selection | None,
    doubled: Repeated | None,
    *,
    n: int,
) -> tuple[dict[str, Any], str, str]:
    """What was done: numbers, a line for people, and what the rows are."""
    why = doubled.counts if doubled else {}
    left = sum(why.values())
    without_sums = 0 if chosen is None else n - left - len(chosen.keep)
    counts: dict[str, Any] = {"pairs": n, "kept": rows}
    line, about = f"kept {rows:,} of {several(n, 'pairs')}", "Preference pairs"
    if chosen is not None:
        ranked, by = n - left - without_sums, args.metric.replace("-", " ")
        threshold = chosen.threshold if rows else None
        counts |= {"threshold": threshold, "tied_at_threshold": chosen.tied}
        line += f" by {args.metric}" + (f", threshold {threshold:.4g}, {chosen.tied} tied there" if rows else "")
        about += (
            f": the {rows:,} of {ranked:,} with the largest {by} (arXiv:2503.01864), which has a column of its own"
        )
    if without_sums:
        counts |= {"without_sums": without_sums}
        line += f"; {several(without_sums, 'pairs')} without log-probabilities left out"
    if doubled:
        counts |= {"duplicates": left, **why}
        line += "; " + (", ".join(several(k, name) for name, k in why.items()) or "no duplicates") + " left out"
        about += f"; {several(left, 'duplicates')} left out"
    return counts, line, f"{about}."


def _noted(tables: Iterable[pa.Table], ids: list[pa.Array]) -> Iterator[pa.Table]:
    """The same tables; the ids of their rows are noted."""
    for table in tables:
        ids += table["pair_id"].chunks
        yield table
