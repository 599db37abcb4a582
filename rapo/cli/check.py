"""Check scored pairs and tell what is in them; what is wrong is told with file, row, column, value and remedy.

Files of candidates (UltraFeedback's shape) are understood too: they are made into pairs first.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from rapo.cli import options, output
from rapo.pairs.faults import several

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from rapo.pairs.audit import Summary
    from rapo.stats.intervals import Interval


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo check`."""
    options.add_input(parser, what="scored pairs or candidates")
    options.add_pair_checks(parser)
    parser.add_argument("--good", type=float, default=5.0, help="rejected is good from this score on (default: 5)")
    parser.add_argument("--poor", type=float, default=5.0, help="chosen is bad up to this score (default: 5)")
    parser.add_argument("--best", type=float, default=10.0, help="optimal from this score on (default: 10)")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")


def run(args: argparse.Namespace) -> int:
    """Read, check, count and print."""
    from rapo.cli.advice import Likelier
    from rapo.pairs import audit, door, writing

    pairs = door.open_pairs(args.file, **options.reading(args))
    names: list[str] = []
    likelier = Likelier()

    def seen() -> Iterator["pa.Table"]:
        for table in writing.watched(pairs.batches(), advance):
            names[:] = table.column_names
            likelier.add(table)
            yield table

    with output.progress("pairs") as advance:
        held = audit.numbers(seen())
    told, lengths = audit.summary(held), audit.length_correlation(held)
    shares = audit.shares(held, good=args.good, bad=args.poor, best=args.best)
    if args.json:
        record = {"file": args.file, "columns": names, **asdict(told)}
        options.print_json(
            {**record, "premises": shares.to_dict("records"), "length_correlation": asdict(lengths)}
        )
    else:
        _show(pairs.name, told, shares, lengths)
        if known := likelier.advice():
            options.console().print(known)
    return 0


def _show(file: str, told: "Summary", shares: "pd.DataFrame", lengths: "Interval") -> None:
    """A table on the console."""
    from rich.table import Table

    out = options.console()
    scores = f"scores {told.score_low:g} to {told.score_high:g}"
    out.print(
        f"{file}: {several(told.n, 'good pairs')} of {several(told.prompts, 'prompts')}, {scores}", soft_wrap=True
    )
    out.print(
        f"{told.multi_turn:,} with several user turns, {told.with_system:,} with a system turn, "
        f"{told.reversed:,} with chosen below rejected"
    )
    table = Table("", "count", "of", "share", "95 % interval", box=None)
    for row in shares.to_dict("records"):
        share, interval = f"{100 * row['share']:.1f} %", f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %"
        table.add_row(row["quantity"], f"{row['count']:,}", f"{row['n']:,}", share, interval)
    out.print(table)
    out.print(
        f"correlation of score margin and length margin: {lengths.estimate:.2f} "
        f"[{lengths.low:.2f}, {lengths.high:.2f}] (n = {lengths.n:,})"
    )
    if known := _from_the_map(shares):
        out.print(known)


def _from_the_map(shares: "pd.DataFrame") -> str:
    """What reward augmentation gained on the most similar pairs of the micro world; "" where no map is kept."""
    from rapo.runs.store import kept
    from rapo.studies.when_it_helps.tables import most_alike

    try:
        gains = kept("when_it_helps_gains")
    except FileNotFoundError:
        return ""
    good, bad = (
        float(shares["share"][shares["quantity"].str.startswith(name)].iloc[0])
        for name in ("good rejected", "bad chosen")
    )
    like = most_alike(gains, good_rejected=good, bad_chosen=bad)
    return (
        f"Reward augmentation on the most similar pairs of the micro world ({like['good_rejected']:.0%} good rejected, "
        f"{like['bad_chosen']:.0%} bad chosen; '{like['regime']}'): {like['estimate']:+.2f} of 10 "
        f"[{like['low']:.2f}, {like['high']:.2f}] over the best control with the same prompt or as many steps, "
        f"{like['naive']:+.2f} over plain DPO.{_of_the_base(gains)} See notebooks/when_it_helps.ipynb."
    )


def _of_the_base(gains: "pd.DataFrame") -> str:
    """What it gained on bases that do not follow goals, as advice; "" where the map has none."""
    from rapo.studies.when_it_helps.tables import FOLLOWS, by_following

    parts = by_following(gains).set_index("follows")
    if False not in parts.index:
        return ""
    return (
        f" Its base model follows goals. On bases that do not, it gained {float(parts['gain'][False]):+.2f}: look "
        f"first whether yours answers better by {FOLLOWS:g} of 10 or more when it is asked for 10 instead of 1."
    )
