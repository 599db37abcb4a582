"""How far two judges agree over the same pairs: share, Cohen's kappa, by the first judge's margin.

FILE_A and FILE_B hold judgements of .parquet, .csv, .jsonl or AlpacaEval's annotations.json (also .gz); pairs are
matched by model and instruction. With FILE_A alone, two of its columns are compared (--preferences). Agreement is a
share from 0 to 1, margins are distances of the first judge's preference from a draw, 0 to 0.5. Intervals draw whole
instructions.
"""

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rapo.cli import options
from rapo.judging.judgements import ENCODINGS
from rapo.pairs.faults import several

if TYPE_CHECKING:
    import pandas as pd

_EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
_TIES = {
    "half": "a tie against a decision counts as half an agreement",
    "class": "a tie is a third answer",
    "drop": "pairs with a tie are left out",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo agreement`."""
    parser.add_argument("file_a", metavar="FILE_A", help="judgements of the first judge")
    parser.add_argument("file_b", metavar="FILE_B", nargs="?", help="judgements of the second judge")
    parser.add_argument(
        "--preferences",
        nargs=2,
        metavar=("FIRST", "SECOND"),
        default=("weighted_preference", "preference"),
        help="with FILE_A alone: the columns to compare (default: weighted_preference preference)",
    )
    parser.add_argument(
        "--ties", choices=tuple(_TIES), default="half", help="how ties count: " + "; ".join(_TIES.values())
    )
    parser.add_argument(
        "--bins", type=int, metavar="N", help="N bins of equally many pairs (default: edges 0, 0.1 ... 0.5)"
    )
    for side, which in (("", "the files write"), ("-b", "FILE_B writes, if not as FILE_A")):
        parser.add_argument(f"--encoding{side}", choices=tuple(ENCODINGS), help=f"how {which} preferences")
    for side, which in (("", "the files'"), ("-b", "FILE_B's")):
        options.add_column(parser, flag=f"--column{side}", source=f"{which} column SOURCE")
    parser.add_argument(
        "--missing", choices=("error", "drop"), default="error", help="rows without a preference (default: error)"
    )
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals (default: 0.95)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples behind the intervals (default: 0)")
    parser.add_argument(
        "--json", action="store_true", help="print one object: n, agreement, kappa, margin_bins ..."
    )


def run(args: argparse.Namespace) -> int:
    """Match, compare, print."""
    pairs, notes = _two_files(args) if args.file_b else _one_file(args)
    found = _compare(pairs, args)
    if args.json:
        options.print_json(found)
    else:
        _show(
            found,
            [*notes, f"ties: {_TIES[args.ties]}; {100 * args.level:g} % intervals, instructions drawn whole"],
        )
    return 0


def _one_file(args: argparse.Namespace) -> "tuple[pd.DataFrame, list[str]]":
    from rapo.judging import judgements, matching

    if args.encoding_b or args.column_b:
        raise ValueError("--encoding-b and --column-b belong to FILE_B; name one, or leave them out")
    raw = judgements.load(args.file_a)
    first, second = args.preferences
    if lacking := [column for column in args.preferences if column not in raw]:
        raise ValueError(
            f"{args.file_a} has no column {lacking[0]!r}; give FILE_B, or name two of its columns with "
            f"--preferences: {', '.join(map(str, raw.columns))}"
        )
    pairs = matching.side_by_side(
        raw,
        first=first,
        second=second,
        columns=options.columns(args.column),
        encoding=args.encoding,
        missing=args.missing,
        name=args.file_a,
    )
    return pairs, [f"first judge: column {first}; second judge: column {second}", *_judges(raw, args.file_a)]


def _two_files(args: argparse.Namespace) -> "tuple[pd.DataFrame, list[str]]":
    from rapo.judging import judgements, matching

    tables, notes = [], []
    shared = options.columns(args.column)
    sides = (
        (args.file_a, shared, args.encoding),
        (args.file_b, {**shared, **options.columns(args.column_b)}, args.encoding_b or args.encoding),
    )
    for path, columns, encoding in sides:
        raw = judgements.load(path)
        table = judgements.table(
            raw,
            columns=columns,
            encoding=encoding,
            by=(matching.model_column(raw, columns),),
            missing=args.missing,
            duplicates="keep",
            name=path,
        )
        tables.append(table)
        notes += _judges(raw, path)
    pairs = matching.match(*tables, names=(args.file_a, args.file_b))
    key = pairs[["model", "instruction"]].drop_duplicates()
    for (path, *_), table in zip(sides, tables, strict=True):
        alone = len(table[["model", "instruction"]].drop_duplicates()) - len(key)
        notes.append(
            f"{path}: {several(len(table), 'judgements')}; {several(alone, 'pairs')} in this file alone, left out"
        )
    return pairs, notes


def _judges(raw: "pd.DataFrame", path: str) -> list[str]:
    names = sorted(map(str, raw["judge"].unique())) if "judge" in raw else []
    return [f"{path} holds several judges, taken as one: {', '.join(names)}"] if len(names) > 1 else []


def _compare(pairs: "pd.DataFrame", args: argparse.Namespace) -> dict[str, Any]:
    from rapo.judging import agreement, bias, votes

    first, second = (votes.of(pairs[side], middle=1.5) for side in ("first", "second"))
    labels = pairs["instruction"].to_numpy()
    margins = (pairs["first"] - 1.5).abs().to_numpy()
    drawn = {"clusters": labels, "level": args.level, "seed": args.seed}
    whole = agreement.agreement(first, second, ties=args.ties, **drawn)
    bins = agreement.by_margin(
        first, second, margins, bins=_EDGES if args.bins is None else args.bins, ties=args.ties, **drawn
    )
    found = {**whole.as_row(), "ties": args.ties, "level": args.level, "n_clusters": whole.agreement.n}
    found["margin_bins"] = bins.to_dict("records")
    if {"length_model", "length_baseline"} <= set(pairs) and (
        pairs["length_model"] != pairs["length_baseline"]
    ).any():
        longer = {
            side: bias.length_bias(given, pairs["length_model"], pairs["length_baseline"], **drawn)
            for side, given in (("first", first), ("second", second))
        }
        found["longer_preferred"] = {side: one.longer.estimate for side, one in longer.items()}
    return found


def _show(found: dict[str, Any], notes: Sequence[str]) -> None:
    from rich.table import Table

    table = Table()
    for head in ("first judge's margin", "pairs", "agree", "disagree", "one ties"):
        table.add_column(head, justify="right")
    for head in ("agreement", "kappa"):
        table.add_column(f"{head} (interval)", justify="right")
    rows = [*found["margin_bins"], found]
    for at, row in enumerate(rows):
        span = f"{row['low']:.3g} to {row['high']:.3g}" if "low" in row else "all"
        counts = [f"{row[name]:,}" for name in ("n", "n_agree", "n_disagree", "n_ties")]
        figures = [_figure(row, name) for name in ("agreement", "kappa")]
        table.add_row(span, *counts, *figures, end_section=at == len(rows) - 2)
    screen = options.console()
    screen.print(table)
    if "longer_preferred" in found:
        longer = found["longer_preferred"]
        screen.print(
            f"the longer answer is preferred in {longer['first']:.1%} (first), {longer['second']:.1%} (second)"
        )
    for note in notes:
        screen.print(note)


def _figure(row: dict[str, Any], name: str) -> str:
    if math.isnan(row[name]):
        return "not defined"
    limits = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.3f}" if math.isnan(limits[0]) else f"{row[name]:.3f} ({limits[0]:.3f} to {limits[1]:.3f})"
