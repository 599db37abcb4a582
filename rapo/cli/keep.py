"""Keep the last complete run: its results under data/results, its figures and report under figures.

Figures are redrawn from what is kept. Files that are the same stay untouched.
"""

import argparse

from rapo.cli.options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options: what is kept is always the run at scale small."""


def run(args: argparse.Namespace) -> int:
    """Keep results, claims, durations and figures, and name the files that changed."""
    return keep_and_tell(measure=True)


def keep_and_tell(*, measure: bool) -> int:
    """Keep the last complete run, or redrawing, and name the files that changed."""
    from rapo.reproduction.keep import keep

    changed = keep(measure=measure)
    for file in changed:
        say(f"{'kept' if file.exists() else 'removed'} {file}")
    say(f"{len(changed)} files changed")
    return 0
