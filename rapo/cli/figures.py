"""Redraw every figure, table and the report from the kept results under data/results, without training.

They land in build/small/figures; --keep also copies what changed to figures/, which is kept with the project.
"""

import argparse

from rapo.cli.keep import keep_and_tell
from rapo.cli.reproduce import reproduce_and_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names of notebooks (all)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="notebooks at once (2)")
    parser.add_argument("--keep", action="store_true", help="keep them under figures/ when all were drawn")


def run(args: argparse.Namespace) -> int:
    """Run the notebooks with ``measure=False`` at scale small, all of them anew."""
    code = reproduce_and_report(
        args.notebooks or None, scale="small", jobs=args.jobs, force=True, settings={}, measure=False
    )
    return keep_and_tell(measure=False) if args.keep and code == 0 else code
