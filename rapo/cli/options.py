"""Options that several commands share: where a preference data set is read from."""

import argparse


def add_input(parser: argparse.ArgumentParser, *, what: str) -> None:
    """The input file, its split, and the mapping of its columns."""
    kinds = "a .jsonl, .jsonl.gz or .parquet file, or a folder written by datasets.save_to_disk"
    parser.add_argument("file", help=f"{what}: {kinds}")
    parser.add_argument("--split", help="which split of a folder that holds several")


def add_columns(parser: argparse.ArgumentParser) -> None:
    """The mapping of columns, and what to do with bad rows."""
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=SOURCE",
        help="take the schema's column NAME from SOURCE: a column, max(COLUMN) or min(COLUMN); may be repeated",
    )
    parser.add_argument(
        "--bad", choices=("raise", "drop"), default="raise", help="bad rows: tell them and stop (default), or drop"
    )
    parser.add_argument(
        "--reversed-pairs",
        choices=("raise", "keep", "swap", "drop"),
        default="raise",
        help="pairs whose chosen response scores below the rejected one (default: raise)",
    )


def columns(given: list[str]) -> dict[str, str]:
    """The mapping that ``--column`` gives.

    Raises:
        ValueError: an entry has no equals sign.

    >>> columns(["prompt=question"])
    {'prompt': 'question'}
    """
    for entry in given:
        if "=" not in entry:
            raise ValueError(f"--column {entry}: write NAME=SOURCE, for example prompt=question")
    return {name: source for name, _, source in (entry.partition("=") for entry in given)}


def add_candidates(parser: argparse.ArgumentParser) -> None:
    """How candidates become pairs."""
    parser.add_argument(
        "--rule",
        choices=("random", "worst", "all"),
        default="random",
        help="compare the best candidate with a random other (default) or the worst, or every two candidates",
    )
    parser.add_argument("--seed", type=int, default=42, help="seed of the random other (default: 42)")
    parser.add_argument("--score", default="overall_score", help="a completion's field with its score")
