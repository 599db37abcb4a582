"""Keep the measured results of the last complete run under data/results, from which figures are redrawn."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options: what is kept is always the run at scale small."""


def run(args: argparse.Namespace) -> int:
    """Copy results, claims and durations, and name the files."""
    from rapo.cli import main
    from rapo.runs import store

    console = main.console()
    for file in store.keep():
        console.print(f"kept {file}", soft_wrap=True)
    return 0
