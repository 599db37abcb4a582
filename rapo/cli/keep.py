"""Keep the last complete run: its results under data/results, its figures and report under figures.

Figures are redrawn from what is kept. Files that are the same stay untouched. With names of notebooks, only what they
measured is kept; what was kept of the others stays.
"""

import argparse
from collections.abc import Sequence

from rapo.cli.options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options; what is kept is always the run at scale small."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names of notebooks (all)")


def run(args: argparse.Namespace) -> int:
    """Keep results, claims, durations and figures, and name the files that changed."""
    return keep_and_tell(args.notebooks, measure=True)


def keep_and_tell(names: Sequence[str], *, measure: bool) -> int:
    """Keep the last complete run, or redrawing, and name the files that changed."""
    from rapo.reproduction.keep import keep

    changed = keep(names, measure=measure)
    for file in changed:
        say(f"{'kept' if file.exists() else 'removed'} {file}")
    say(f"{len(changed)} files changed")
    return 0
