"""List the runs on disk, or tell what has changed since one was made.

`rapo runs` lists them, the latest last. `rapo runs why KEY` tells why a run is not reused: code that was changed,
libraries, and the runs that it needs. The first digits of a key are enough.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapo.cli.options import console, say

if TYPE_CHECKING:
    from rapo.runs.changes import Changes, Finished


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``why KEY``, or nothing."""
    actions = parser.add_subparsers(dest="action", metavar="why KEY")
    why = actions.add_parser("why", help="what has changed since the run on disk was made")
    why.add_argument("key", help="a run's key, or its first digits")


def run(args: argparse.Namespace) -> int:
    """List the runs, or compare one with the code of today."""
    from rapo import paths
    from rapo.runs import changes

    root = paths.runs()
    there = changes.finished(root)
    if args.action is None:
        _list(there, root)
        return 0
    key = changes.find(args.key, root)
    about = next((one for one in there if one.key == key), None)
    what = f", {about.label or 'no label'}: {about.function}, finished {_day(about.finished)}" if about else ""
    say(f"run {key}{what}")
    for line in _told(changes.since(key, root)):
        say(line)
    return 0


def _list(there: "Sequence[Finished]", root: Path) -> None:
    from rich.table import Table

    from rapo.runs.progress import duration

    if not there:
        say(f"no finished run in {root}")
        return
    table = Table("key", "label", "function", "finished", "took", "MB", box=None)
    for one in there:
        size = f"{one.size / 1e6:.1f}"
        table.add_row(one.key, one.label, one.function, _day(one.finished), duration(one.seconds), size)
    console().print(table)


def _told(found: "Changes", indent: str = "") -> Iterator[str]:
    """A line for everything that changed, needs below their run."""
    if found.now == found.key:
        yield f"{indent}nothing: this run is what the code would make"
        return
    for line in (*found.code, *found.libraries):
        yield indent + line
    for name, need in found.needs.items():
        if not need.there:
            yield f"{indent}its {name}, run {need.key}, is not on the disk: whether it is another one now is not known"
            continue
        yield f"{indent}its {name}, run {need.key}, is another one now:"
        yield from _told(need, indent + "  ")
    yield f"{indent}config unchanged" + (f"; the run is {found.now} now" if found.now else "")


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
