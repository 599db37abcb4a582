"""Redraw every figure, table and the report from the kept results under data/results, without training.

They land in build/small/figures; --keep also copies what changed to figures/, which is kept with the project.
"""

import argparse

from rapo.cli import options
from rapo.cli.keep import keep_and_tell
from rapo.cli.reproduce import reproduce_and_report
from rapo.reproduction import notebook
from rapo.runs import store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names of notebooks (all)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="notebooks at once (2)")
    parser.add_argument("--keep", action="store_true", help="keep them under figures/ when all were drawn")


def run(args: argparse.Namespace) -> int:
    """Run the notebooks with ``measure=False`` at scale small, all anew whose kept results today's code can draw."""
    stale = {name: why for name, why in store.outdated().items() if name not in args.notebooks}
    names = args.notebooks or [one.name for one in notebook.find() if one.name not in stale]
    for name, why in stale.items() if not args.notebooks else ():
        options.say(
            f"{name} is not redrawn: {why}; what was kept of it stays. `rapo reproduce {name}` measures it."
        )
    code = reproduce_and_report(names, scale="small", jobs=args.jobs, force=True, settings={}, measure=False)
    return (
        keep_and_tell(names if args.notebooks or stale else [], measure=False) if args.keep and code == 0 else code
    )
