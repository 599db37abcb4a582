"""What several commands share: options that say where preference data is read from, and the console."""

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rapo.config import parse_yaml

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> "Console":
    """A rich console for a command's tables.

    Written to a file or a pipe it is wide, so that no column is cut. Square brackets are printed as they are:
    texts from data would otherwise be read as markup.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else 200
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def say(text: str, *, stderr: bool = False) -> None:
    """Print one line, however long, on stdout; on stderr where that carries data."""
    console(stderr=stderr).print(text, soft_wrap=True)


def print_json(record: Any, *, stderr: bool = False) -> None:
    """Print one JSON document on stdout; what is not known (NaN) is null."""
    print(json_text(record), file=sys.stderr if stderr else sys.stdout)


def json_text(record: Any) -> str:
    """A JSON document; what is not known (NaN) is null."""
    return json.dumps(_without_nan(record), indent=1, ensure_ascii=False, default=str)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_nan(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(held) for held in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def add_input(parser: argparse.ArgumentParser, *, what: str, name: str = "file", streams: bool = True) -> None:
    """Where preference data come from: every command that reads pairs has these options, and `pairs`.

    ``streams`` is False for commands that hold their rows anyway.
    """
    kinds = (
        "a file (JSON lines or array, CSV, parquet, Arrow; .gz, .zst), a folder or 'pattern' of shards, a folder "
        "written by save_to_disk, - for standard input, or a hub's owner/name (or hf://owner/name:configuration)"
    )
    parser.add_argument(name, metavar="IN", help=f"{what}: {kinds}")
    parser.add_argument("--split", metavar="NAME", help="which split of a folder or data set that holds several")
    parser.add_argument("--revision", metavar="COMMIT", help="of a data set on the hub")
    if streams:
        told = "read a data set on the hub as it comes, without a copy on the disk"
        parser.add_argument("--streaming", action="store_true", help=told)
    add_column(parser, source="SOURCE: a column, max(COLUMN), min(COLUMN) or a number")


def add_column(parser: argparse.ArgumentParser, *, flag: str = "--column", source: str) -> None:
    """The mapping of columns; ``source`` says what may stand on the right of the equals sign."""
    told = f"take the column NAME from {source}; may be repeated"
    parser.add_argument(flag, action="append", default=[], metavar="NAME=SOURCE", help=told)


def add_pair_checks(parser: argparse.ArgumentParser) -> None:
    """What to do with bad rows and with reversed pairs."""
    parser.add_argument(
        "--bad", choices=("raise", "drop"), default="raise", help="bad rows: tell them and stop (default), or drop"
    )
    parser.add_argument(
        "--reversed-pairs",
        choices=("raise", "keep", "swap", "drop"),
        default="raise",
        help="pairs whose chosen response scores below the rejected one (default: raise)",
    )


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """What `add_input` and `add_pair_checks` were given, as the functions that read pairs take it."""
    return {
        "columns": columns(args.column),
        "split": args.split,
        "revision": args.revision,
        "streaming": getattr(args, "streaming", False),
        "bad": args.bad,
        "reversed_pairs": args.reversed_pairs,
    }


def columns(given: list[str]) -> dict[str, str]:
    """The mapping that ``--column`` gives.

    Raises:
        ValueError: an entry is not NAME=SOURCE.

    >>> columns(["prompt=question"])
    {'prompt': 'question'}
    """
    parts = {entry: entry.partition("=") for entry in given}
    for entry, (name, _, source) in parts.items():
        if not (name and source):
            raise ValueError(f"--column {entry}: write NAME=SOURCE, for example prompt=question")
    return {name: source for name, _, source in parts.values()}


def add_settings(parser: argparse.ArgumentParser, *flags: str, what: str) -> None:
    """Settings as ``KEY=VALUE`` words, for `parse_settings`: ``--set``, and what else it is called."""
    parser.add_argument(*flags, "--set", action="append", default=[], metavar="KEY=VALUE", help=what)


def parse_settings(words: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` words as settings; a value is YAML in which 1e-6 is a number.

    Raises:
        ValueError: a word has no ``=``, or its value is not YAML.

    >>> parse_settings(["beta=1e-6", "arms=[UF, RA]", "name="])
    {'beta': 1e-06, 'arms': ['UF', 'RA'], 'name': None}
    """
    settings = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not all(part.isidentifier() for part in key.split(".")):
            raise ValueError(f"--set {word!r} is not KEY=VALUE; write, for example, --set seeds=3")
        settings[key] = parse_yaml(value, name=f"--set {word}")
    return settings


def add_judgements(parser: argparse.ArgumentParser) -> None:
    """How judgements are read: what is compared, how preferences are written, what may be missing or repeated."""
    from rapo.judging.judgements import ENCODINGS

    parser.add_argument(
        "--by", metavar="COLUMNS", help="of judgements: compare the values of these columns (default: model)"
    )
    parser.add_argument("--encoding", choices=tuple(ENCODINGS), help="how judgements write preferences")
    add_column(parser, source="the file's column SOURCE")
    parser.add_argument(
        "--missing", choices=("error", "drop"), default="error", help="rows without a verdict (default: error)"
    )
    parser.add_argument(
        "--duplicates",
        choices=("error", "first", "keep"),
        default="error",
        help="judgements that repeat a model's instruction (default: error)",
    )
