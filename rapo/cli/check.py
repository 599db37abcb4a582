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

    from rapo.pairs.audit import Numbers, Summary
    from rapo.stats.intervals import Interval


USUAL = (5.0, 5.0, 10.0)  # good from, bad up to and best from, of scores from 1 to 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo check`."""
    options.add_input(parser, what="scored pairs or candidates")
    options.add_pair_checks(parser)
    middle = "middle of the scale, 5 of 1 to 10"
    parser.add_argument("--good", type=float, help=f"rejected is good from this score on (default: {middle})")
    parser.add_argument("--poor", type=float, help=f"chosen is bad up to this score (default: {middle})")
    parser.add_argument("--best", type=float, help="optimal from this score on (default: top of the scale, 10)")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")


def run(args: argparse.Namespace) -> int:
    """Read, check, count and print."""
    from rapo.cli.advice import Likelier
    from rapo.pairs import audit, door, writing

    pairs = door.open_pairs(args.file, **options.reading(args))
    names: list[str] = []
    likelier = Likelier()

    def seen() -> Iterator["pa.Table"]:
        for table in likelier.watched(writing.watched(pairs.batches(), advance)):
            names[:] = table.column_names
            yield table

    with output.progress("pairs") as advance:
        held = audit.numbers(seen())
    told, lengths = audit.summary(held), audit.length_correlation(held)
    good, bad, best = _thresholds(args, held)
    shares = audit.shares(held, good=good, bad=bad, best=best)
    if args.json:
        record = {"file": args.file, "columns": names, **pairs.record(), **asdict(told)}
        record["thresholds"] = {"good": good, "poor": bad, "best": best}
        options.print_json(
            {**record, "premises": shares.to_dict("records"), "length_correlation": asdict(lengths)}
        )
    else:
        _show(pairs.name, told, shares, lengths)
        if (good, bad, best) != USUAL:
            options.console().print(
                f"rejected is good from {good:g} on, chosen bad up to {bad:g}, a response optimal from {best:g} on: "
                "--good, --poor, --best"
            )
        if known := likelier.advice():
            options.console().print(known)
    return 0


def _thresholds(args: argparse.Namespace, held: "Numbers") -> tuple[float, float, float]:
    """Good, bad and best: as given, else by the scale that the scores are on, as `rapo audit` takes them."""
    import numpy as np

    from rapo.inspection.premises import Thresholds, scale, settled

    scores = np.concatenate([held.score_chosen, held.score_rejected])
    unknown = scale(scores) is None  # too few, or too close together
    usual = unknown and (not len(scores) or (scores.min() >= 1 and 5 < scores.max() <= 10))
    asked = [args.good, args.poor, args.best]
    if usual:
        asked = [known if one is None else one for one, known in zip(asked, USUAL, strict=True)]
    return settled(Thresholds(*asked), scores)


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
