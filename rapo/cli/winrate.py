"""Win rates of models against a baseline, plain and length-controlled, from a file of judgements.

Reads .parquet, .csv, .jsonl and AlpacaEval's annotations.json (also .gz). Columns are found by AlpacaEval's names
or ours; say --column NAME=SOURCE for others (model, instruction, preference, length_model, length_baseline,
baseline). Files with AlpacaEval's columns need no --encoding; for others it must be said. Where a file holds both
orders' verdicts, as `rapo judge` writes them, the judge's reliability is told, and with its --repeats intervals of both
rates that hold the judge's own noise: other instructions, and other runs of the judge.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rapo.cli import options, reliance
from rapo.judging.judgements import ENCODINGS

if TYPE_CHECKING:
    import pandas as pd

    from rapo.judging.reliability import Reliability

# AlpacaEval 2's baseline: its judgements are calibrated with the official file unless told otherwise.
_OFFICIAL_BASELINE = "gpt4_1106_preview"
_LC = ("length_controlled_winrate", "lc_standard_error", "lc_low", "lc_high")
_JUDGE = ("judge_low", "judge_high", "order_flips", "judge_alpha")
_LC_JUDGE = ("lc_judge_low", "lc_judge_high")
_OF_RAPO_JUDGE = ("1..2", "1/2")  # columns forward and backward of a file in another encoding are somebody else's
_SHRUNK = 1.0  # points that the penalty may move a rate before that is told
_MOST_SHRUNK = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo winrate`."""
    parser.add_argument("file", metavar="FILE", help="judgements: .parquet, .csv, .jsonl or .json, also .gz")
    parser.add_argument(
        "--length-controlled", action="store_true", help="add AlpacaEval 2's length-controlled rates"
    )
    parser.add_argument(
        "--calibration",
        metavar="WHAT",
        help="'official' (AlpacaEval's file, downloaded once), 'pool' (difficulty from these judgements), 'none', "
        f"or the path of a calibration file (default: official for the baseline {_OFFICIAL_BASELINE}, else pool)",
    )
    parser.add_argument(
        "--match",
        choices=("instruction", "position"),
        default="instruction",
        help="look difficulty up by instruction id, or by row as alpaca_eval does (default: instruction)",
    )
    options.add_judgements(parser)
    parser.add_argument(
        "--json", action="store_true", help="print a list of objects with AlpacaEval's column names"
    )


def run(args: argparse.Namespace) -> int:
    """Read, rank, print."""
    from rapo.judging import judgements, reliability
    from rapo.winrates import length_control
    from rapo.winrates import plain as winrate

    if (args.calibration or args.match != "instruction") and not args.length_controlled:
        raise ValueError("--calibration and --match belong to --length-controlled; say that too")
    columns = options.columns(args.column)
    raw = judgements.load(args.file)
    encoding = args.encoding or judgements.known_encoding(raw, columns, args.file)
    frame = judgements.table(
        raw,
        columns=columns,
        encoding=encoding,
        by=args.by.split(",") if args.by else (),
        missing=args.missing,
        duplicates=args.duplicates,
        name=args.file,
    )
    warned: list[str] = []
    known_runs = reliability.runs_of(raw) if encoding in _OF_RAPO_JUDGE else []
    runs = [] if args.by or columns else known_runs
    notes = [f"preferences read as {encoding}: {ENCODINGS[encoding]}", *_about_lengths(frame)]
    if known_runs and not runs:
        notes.append("the judge's reliability is not told: it is without --by and --column")
    if not args.length_controlled:
        table = winrate.win_rates(frame)
    else:
        chosen = args.calibration or _default(frame)
        known = length_control.resolve(None if chosen == "none" else chosen, frame)
        table = length_control.length_controlled(frame, calibration=known, match=args.match, errors="note")
        where = f"calibration: {known.source}" if known else "no instruction difficulty"
        notes.append(f"{table['formula'].iloc[0]}, {where}; 95 % interval by the delta method")
        of_fits = [f"{row['model']}: {row['note']}" for _, row in table[table["note"] != ""].iterrows()]
        loose = length_control.loosely_penalised(frame, calibration=known, match=args.match)
        notes += (warned := [*of_fits, *_about_shrinkage(table, loose)])
        if len(runs) > 1:
            own = length_control.judge_limits(
                frame, reliability.preferences(runs, frame), calibration=known, match=args.match
            )
            table = table.merge(own, how="left", left_on="model", right_index=True)
    relied = reliance.by_model(runs)
    for model, found in relied.items():
        notes += [*(reliance.lines(model, found) if found else []), *_about_judge(table, model)]
    if len(runs) == 1:
        notes.append(
            "judged once: intervals are for other instructions, not for the judge's own noise; judge with --repeats 3 "
            "--set temperature=1"
        )
    if args.json:
        table = _with_judge(table, relied)
        names = [name for name in ("model", *winrate.COLUMNS, *_LC, *_LC_JUDGE, *_JUDGE) if name in table]
        options.print_json(table[names].to_dict("records"))
        for note in warned:
            options.say(note, stderr=True)
    else:
        _show(table, notes)
    return 0


def _about_judge(table: "pd.DataFrame", model: str) -> list[str]:
    """The controlled rate's interval with the judge's noise in it, in words."""
    own = table[table["model"].astype(str) == model]
    if not {*_LC_JUDGE} <= set(own) or own[_LC_JUDGE[0]].isna().all():
        return []
    row = own.iloc[0]
    return [
        f"{model}: LC win rate {row[_LC[0]]:.1f} % [{row['lc_low']:.1f}, {row['lc_high']:.1f}], with the judge's own "
        f"noise [{row[_LC_JUDGE[0]]:.1f}, {row[_LC_JUDGE[1]]:.1f}]"
    ]


def _with_judge(table: "pd.DataFrame", relied: "dict[str, Reliability | None]") -> "pd.DataFrame":
    """The table with what is known of the judge: in percent, but for Krippendorff's alpha; null where it is not."""
    import pandas as pd

    known = [relied.get(str(model)) for model in table["model"]]
    if not any(known):
        return table
    rows = [_judge_columns(one) if one else dict.fromkeys(_JUDGE) for one in known]
    return pd.concat([table, pd.DataFrame(rows, index=table.index)], axis=1)


def _judge_columns(found: "Reliability") -> "dict[str, float | None]":
    alpha = found.alpha.estimate if found.alpha else None
    both = found.win_rate.scaled(100)
    return dict(zip(_JUDGE, (both.low, both.high, 100 * found.flips.estimate, alpha), strict=True))


def _about_lengths(frame: "pd.DataFrame") -> list[str]:
    """What length means where models lack rows."""
    n, sizes = frame["instruction"].nunique(), frame.groupby("model", observed=True)["instruction"].nunique()
    if "length_model" not in frame or (sizes == n).all():
        return []
    return [
        f"length: characters per instruction of the {n}, outputs that are missing counted as 0, as AlpacaEval does"
    ]


def _about_shrinkage(table: "pd.DataFrame", loose: "pd.Series[float]") -> list[str]:
    """Which rates are the penalty's more than the data's, and what they are without it."""
    from rapo.winrates import regression

    rows = table[table["model"].isin(loose.index)].set_index("model")
    rows = rows.assign(loose=loose, moved=(rows[_LC[0]] - loose).abs())
    moved = rows[rows["moved"] > _SHRUNK].sort_values("moved", ascending=False)
    if moved.empty:
        return []
    at_50 = int((moved[_LC[0]] == 50).sum())
    exactly = f"; {at_50} of them to exactly 50, which says nothing of the model" if at_50 else ""
    told = [
        f"the fit's penalty, which shrinks to 50 and is strong where judgements are few, moves {len(moved)} of "
        f"{len(rows)} LC win rates by more than {_SHRUNK:g} point{exactly}:"
    ]
    told += [
        f"  {model}: {row[_LC[0]]:.2f} from {row['n_total']:,} judgements; hardly penalised {row['loose']:.2f} "
        f"(C = {row['C']:.2g}, chosen by cross-validation, and {regression.GRID[-1]:g})"
        for model, row in moved.head(_MOST_SHRUNK).iterrows()
    ]
    return [*told, f"  and {len(moved) - _MOST_SHRUNK} more"] if len(moved) > _MOST_SHRUNK else told


def _default(frame: "pd.DataFrame") -> str:
    """The official calibration for AlpacaEval 2's own baseline, else the pool of models at hand."""
    official = "baseline" in frame and set(frame["baseline"].astype(str).unique()) == {_OFFICIAL_BASELINE}
    return "official" if official else "pool"


def _show(table: "pd.DataFrame", notes: Sequence[str]) -> None:
    from rich.table import Table

    controlled, lengths = "length_controlled_winrate" in table, "avg_length" in table
    shown = Table()
    shown.add_column("model", overflow="fold")
    heads = ["LC win rate", "95 %"] * controlled + ["win rate", "s.e.", "wins", "losses", "draws", "n"]
    for head in heads + ["length"] * lengths:
        shown.add_column(head, justify="right")
    for _, row in table.iterrows():
        cells = []
        if controlled:
            cells = [f"{row[_LC[0]]:.2f}", f"{row['lc_low']:.1f} to {row['lc_high']:.1f}"]
        cells += [f"{row['win_rate']:.2f}", f"{row['standard_error']:.2f}"]
        cells += [f"{row[name]}" for name in ("n_wins", "n_wins_base", "n_draws", "n_total")]
        shown.add_row(str(row["model"]), *cells, *([f"{row['avg_length']}"] if lengths else []))
    screen = options.console()
    screen.print(shown)
    for note in notes:
        screen.print(note)
