"""Redraw every figure, table and the report from the kept results under data/results, without training."""

import argparse

from rapo.cli.reproduce import reproduce_and_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names of notebooks (all)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="notebooks at once (2)")


def run(args: argparse.Namespace) -> int:
    """Run the notebooks with ``measure=False`` at scale small, all of them anew."""
    return reproduce_and_report(
        args.notebooks or None, scale="small", jobs=args.jobs, force=True, settings={}, measure=False
    )
