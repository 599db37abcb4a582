"""Keep the measured results of the last complete run under data/results, from which figures are redrawn."""

import argparse

from rapo.cli.options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options: what is kept is always the run at scale small."""


def run(args: argparse.Namespace) -> int:
    """Copy results, claims and durations, and name the files."""
    from rapo.reproduction.keep import keep

    for file in keep():
        say(f"kept {file}")
    return 0
