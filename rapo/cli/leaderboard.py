"""A leaderboard: Bradley-Terry strengths of all models in one fit, with intervals, and style held equal if asked.

Reads .parquet, .csv, .jsonl and .json (also .gz), several files together: judgements against a baseline as `rapo
winrate` reads them, one battle a row as arenas publish them (model_a, model_b, winner), Arena-Hard-Auto's judgements,
MT-Bench's pairs in both orders (g1_winner, g2_winner), and MT-Bench's scores, which are averaged by turn and category
instead. Say --column NAME=SOURCE for other names (model, instruction, preference, baseline; model_a, model_b, winner,
outcome, weight; response_a, response_b). --style needs the answers: those beside the judgements, or the benchmark's own
files of them with --answers. Length counts in characters, unless --tokenizer counts tokens, as Arena-Hard-Auto does.
A score is the predicted win rate in percent, against --baseline or the mean of all other models; the rating is in Elo
points. Battles of one instruction count as dependent.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapo.cli import options, output
from rapo.pairs.faults import several
from rapo.plots import style

if TYPE_CHECKING:
    import pandas as pd

_MEAN = "mean"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `rapo leaderboard`."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="judgements or battles, one file or several")
    parser.add_argument(
        "--baseline",
        metavar="MODEL",
        help="any model, scored 50 and rated 1000 (default: the one that all were judged against, if there is one); "
        f"{_MEAN}: score against the mean of all others",
    )
    parser.add_argument(
        "--opponent",
        metavar="NAME",
        default="baseline",
        help="what to call a baseline that the file does not name",
    )
    parser.add_argument(
        "--style", metavar="FEATURES", help="hold these equal: length, headers, lists, bold, or all (of them)"
    )
    parser.add_argument(
        "--answers",
        metavar="FILE",
        nargs="+",
        default=[],
        help="the models' answers, for --style: AlpacaEval's outputs, MT-Bench's or Arena-Hard's model answers",
    )
    parser.add_argument(
        "--tokenizer",
        metavar="T",
        help="for --style: count length, and what the other features are shares of, in this tokenizer's tokens "
        "(default: characters; Arena-Hard-Auto counts those of gpt-4o)",
    )
    parser.add_argument(
        "--interval",
        choices=("analytic", "bootstrap", "none"),
        default="analytic",
        help="analytic: from the fit's covariance; bootstrap: whole instructions drawn anew (default: analytic)",
    )
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals (default: 0.95)")
    parser.add_argument("--resamples", type=int, default=200, metavar="N", help="of the bootstrap (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples (default: 0)")
    parser.add_argument(
        "--ridge", type=float, default=0.0, help="penalty that keeps a model finite which always wins (default: 0)"
    )
    options.add_judgements(parser)
    parser.add_argument("--out", metavar="TABLE", help=f"write the table, too: {', '.join(output.TABLES)}")
    parser.add_argument("--plot", metavar="PICTURE", help=f"draw it, too: {', '.join(style.PICTURES)}")
    parser.add_argument("--overwrite", action="store_true", help="replace TABLE and PICTURE if they exist")
    parser.add_argument("--json", action="store_true", help="print a list of objects")


def run(args: argparse.Namespace) -> int:
    """Read, fit, print."""
    for path, suffixes, option in ((args.out, output.TABLES, "--out"), (args.plot, style.PICTURES, "--plot")):
        if path is not None:
            output.check_file(path, *args.files, suffixes=suffixes, option=option, overwrite=args.overwrite)
    if not (0 < args.level < 1 and args.resamples >= 2):
        raise ValueError(
            f"--level {args.level:g}, --resamples {args.resamples}: give a level between 0 and 1, such as 0.95, and 2 "
            "resamples or more"
        )
    from rapo.judging import judgements
    from rapo.winrates import shapes

    raw = {path: judgements.load(path) for path in dict.fromkeys(args.files)}
    scored = [path for path, frame in raw.items() if shapes.is_mt_bench(frame)]
    if scored and len(scored) < len(raw):
        raise ValueError(
            f"{scored[0]} holds MT-Bench's scores, other files battles; rank them one after the other"
        )
    board = _averages(raw, args) if scored else _ranked(raw, args)
    if args.out:
        output.write_table(board.table, args.out, overwrite=args.overwrite)
    if args.plot:
        _draw(board, args)
    if args.json:
        options.print_json(board.table.to_dict("records"))
    else:
        _show(board)
    return 0


@dataclass(frozen=True)
class _Board:
    """A table, what its scores are, what there is to say of it, and where equal models have their score."""

    table: "pd.DataFrame"
    label: str
    notes: list[str]
    even: float | None


def _ranked(raw: "dict[str, pd.DataFrame]", args: argparse.Namespace) -> _Board:
    """Bradley-Terry."""
    from rapo.winrates import bradley_terry, leaderboard, shapes

    reading = shapes.Reading(
        columns=options.columns(args.column),
        encoding=args.encoding,
        by=args.by.split(",") if args.by else (),
        missing=args.missing,
        duplicates=args.duplicates,
        opponent=args.opponent,
        texts=bool(args.style),
    )
    if not any(shapes.are_judgements(frame, reading.columns) for frame in raw.values()):
        _refuse(args, _OF_JUDGEMENTS, "judgements against a baseline; battles are taken as they are")
    parts = {path: shapes.read(frame, reading, name=path) for path, frame in raw.items()}
    fought = shapes.together({path: part for path, (part, _) in parts.items()})
    features = _features(args.style)
    if args.tokenizer and not features:
        raise ValueError("--tokenizer belongs to --style; say that too")
    if args.answers:
        fought = shapes.with_answers(fought, _answers(args))
    fit = bradley_terry.bradley_terry(
        fought,
        style=shapes.style(fought, features, count=_tokens(args.tokenizer)) if features else None,
        baseline=_baseline(fought, args.baseline),
        ridge=args.ridge,
        n_resamples=args.resamples if args.interval == "bootstrap" else 0,
        seed=args.seed,
    )
    interval: leaderboard.Kind = "analytic" if args.interval == "analytic" else "bootstrap"
    table = leaderboard.leaderboard(fit, interval=interval, level=args.level)
    against = f"against {fit.baseline}" if fit.baseline else "against the mean of all other models"
    label = f"predicted win rate (%) {against}" + (f", {', '.join(features)} held equal" if features else "")
    notes = [note for _, told in parts.values() for note in told]
    notes += [f"score: {label}; {_about_interval(fought, args)}"]
    notes += [f"length: {_unit(fought, args)}"] if features else []
    effects = leaderboard.style_effects(fit, interval=interval, level=args.level)
    return _Board(table, label, [*notes, *map(_effect, effects.to_dict("records"))], even=50.0)


def _averages(raw: "dict[str, pd.DataFrame]", args: argparse.Namespace) -> _Board:
    """MT-Bench."""
    import pandas as pd

    from rapo.winrates import leaderboard

    _refuse(
        args, (*_OF_BATTLES, *_OF_JUDGEMENTS, "missing"), "battles; MT-Bench's scores are averaged as they are"
    )
    parts = [leaderboard.mt_bench_rows(frame, name=path) for path, frame in raw.items()]
    n_resamples = max(args.resamples, 2000)
    whole = pd.concat(parts, ignore_index=True)
    found = leaderboard.mt_bench(whole, level=args.level, n_resamples=n_resamples, seed=args.seed)
    overall = found[found["group"] == "all"].sort_values("score", ascending=False)["model"]
    order = {model: place for place, model in enumerate(overall)}
    table = found.assign(place=found["model"].map(order)).sort_values("place", kind="stable", ignore_index=True)
    drawn = f"{n_resamples:,} resamples, questions drawn whole"
    note = f"MT-Bench: mean scores from 1 to 10; {100 * args.level:g} % intervals from {drawn}"
    return _Board(table.drop(columns="place"), "MT-Bench score (1 to 10)", [note], even=None)


_OF_BATTLES = ("style", "baseline", "answers", "tokenizer", "opponent", "interval", "ridge", "column")
_OF_JUDGEMENTS = ("by", "encoding", "duplicates")


def _refuse(args: argparse.Namespace, names: Iterable[str], why: str) -> None:
    """Refuse options that would have no effect."""
    plain = argparse.ArgumentParser()
    add_arguments(plain)
    for name in names:
        if getattr(args, name) != plain.get_default(name):
            raise ValueError(f"--{name} belongs to {why}, without it")


def _answers(args: argparse.Namespace) -> "pd.DataFrame":
    """All models' answers."""
    from rapo.judging import judgements
    from rapo.winrates import answers

    if not args.style:
        raise ValueError("--answers belong to --style; say that too")
    return answers.together({path: answers.table(judgements.load(path), name=path) for path in args.answers})


def _tokens(tokenizer: str | None) -> "Callable[[list[str]], list[int]] | None":
    """What counts the tokens of texts; None where nobody asks for it."""
    if tokenizer is None:
        return None
    from rapo.models.loading import load_tokenizer

    loaded = load_tokenizer(tokenizer, None)
    return lambda texts: [len(ids) for ids in loaded(texts, add_special_tokens=False)["input_ids"]]


def _unit(fought: "pd.DataFrame", args: argparse.Namespace) -> str:
    """What length is counted in."""
    from rapo.winrates import shapes

    if args.tokenizer:
        return f"tokens of {args.tokenizer}"
    if shapes.knows_texts(fought):
        return "characters; Arena-Hard-Auto counts tokens, as --tokenizer T does"
    return "as the files give it (rapo judge: characters; Arena-Hard-Auto counts tokens)"


def _features(given: str | None) -> tuple[str, ...]:
    from rapo.winrates.style_control import FEATURES

    return () if not given else FEATURES if given == "all" else tuple(given.split(","))


def _baseline(fought: "pd.DataFrame", given: str | None) -> str | None:
    """The model that strengths are held against; None for their mean."""
    if given is not None:
        return None if given == _MEAN else given
    opponents = fought["model_b"].astype(str).unique()
    return str(opponents[0]) if len(opponents) == 1 else None


def _about_interval(fought: "pd.DataFrame", args: argparse.Namespace) -> str:
    counted = several(len(fought), "battles")
    if "instruction" in fought:
        counted += f" on {several(fought['instruction'].nunique(), 'instructions')}"
    if args.interval == "none":
        return counted
    how = f"{args.resamples} resamples, instructions drawn whole"
    if args.interval == "analytic":
        how = "the fit's covariance, battles of one instruction taken as dependent"
    return f"{counted}; {100 * args.level:g} % intervals from {how}"


def _effect(row: Mapping[Any, Any]) -> str:
    """What one feature of style is worth, in words."""
    known = row["low"] == row["low"]
    limits = f" ({row['low']:+.2f} to {row['high']:+.2f})" if known else ""
    return f"style: one standard deviation more {row['feature']} is worth {row['log_odds']:+.2f}{limits} log odds"


def _draw(board: _Board, args: argparse.Namespace) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from rapo.plots import winrates

    table = board.table if "rank" in board.table else board.table[board.table["group"] == "all"]
    with mpl.rc_context():
        style.use()
        figure = Figure(figsize=(7.0, 1.4 + 0.28 * len(table)), layout="constrained")
        winrates.plot_leaderboard(table, label=board.label, even=board.even, ax=figure.subplots())
        style.write_figure(figure, Path(args.plot), overwrite=args.overwrite)


def _show(board: _Board) -> None:
    from rich.table import Table

    ranked = "rank" in board.table
    shown = Table()
    heads = ("rank", "model", "score", "interval", "rating", "interval", "battles")
    for head in heads if ranked else ("model", "of", "score", "interval", "judgements"):
        shown.add_column(head, justify="left" if head in ("model", "of") else "right", overflow="fold")
    for row in board.table.to_dict("records"):
        score = [f"{row['score']:.2f}", _span(row["low"], row["high"], 1 if ranked else 2)]
        if ranked:
            rating = [f"{row['rating']:.0f}", _span(row["rating_low"], row["rating_high"], 0)]
            shown.add_row(f"{row['rank']}", str(row["model"]), *score, *rating, f"{row['n_battles']:,}")
        else:
            shown.add_row(str(row["model"]), str(row["group"]), *score, f"{row['n']:,}")
    screen = options.console()
    screen.print(shown)
    for note in board.notes:
        screen.print(note)


def _span(low: float, high: float, digits: int) -> str:
    return f"{low:.{digits}f} to {high:.{digits}f}" if low == low else ""
