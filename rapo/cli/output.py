"""What every command that writes shares: its options, its checks before any work, progress, record, card, last line."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rapo import atomic, paths
from rapo.cli import options
from rapo.pairs import manifest, targets
from rapo.plots import tables

if TYPE_CHECKING:
    import pandas as pd

    from rapo.pairs.door import Pairs

TABLES = (".csv", ".json", ".parquet")
# Options that say where, not how, and so are left out of the record's options.
_PLACES = ("command", "file", "input", "out", "overwrite", "json", "traceback", "no_progress")


def add_output(parser: argparse.ArgumentParser, *, what: str) -> None:
    """Where the product goes, and how what was done is told."""
    parser.add_argument("--out", required=True, metavar="OUT", help=f"where to write {what}: {targets.FORMATS}")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument(
        "--shard-rows", type=int, metavar="N", help="cut OUT into files of N rows, in a folder of its name"
    )
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def check_output(args: argparse.Namespace, *sources: str) -> None:
    """Refuse, before any work, an output that must not or cannot be written."""
    shard_rows = getattr(args, "shard_rows", None)
    targets.check_target(args.out, *sources, overwrite=args.overwrite, shard_rows=shard_rows)
    target = product(args)
    manifest.check_beside(target)
    if targets.kind(args.out) != "stdout":
        _probe(target)


def _probe(target: Path) -> None:
    """Raise before any work what writing the product would raise after it; folders on its way may be missing."""
    place = target.resolve()
    folder = next(parent for parent in place.parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
    with _named(target), atomic.claimed(folder / place.name) as probe:
        probe.touch()


def check_file(path: str, *sources: str, suffixes: Sequence[str] = (), option: str, overwrite: bool) -> None:
    """Refuse, before any work, a file of a format that is not among these, or one that must not be replaced.

    Raises:
        ValueError: its name says another format, or it is one of the sources.
        FileExistsError: something is there.
    """
    target = Path(path)
    if target.is_dir():
        raise FileExistsError(f"{option} {path} is a folder; name a file in it")
    if why := next(filter(None, (targets.clash(path, source) for source in sources)), ""):
        raise ValueError(f"{option} {path} {why}; choose another name")
    if suffixes and target.suffix.lower() not in suffixes:
        raise ValueError(
            f"{option} {path}: the name says no format that can be written; use {', '.join(suffixes)}"
        )
    if target.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; choose another name, or say --overwrite")
    _probe(target)


def write_table(frame: "pd.DataFrame", path: str, *, overwrite: bool) -> None:
    """Write a table whole or not at all, in the format that its name says, one of `TABLES`."""
    target = Path(path)
    with paths.whole(target, replace=overwrite) as temporary:
        if target.suffix.lower() == ".parquet":
            frame.to_parquet(temporary, index=False)
        elif target.suffix.lower() == ".csv":
            temporary.write_text(tables.csv(frame), encoding="utf-8")
        else:
            temporary.write_text(options.json_text(frame.to_dict("records")) + "\n", encoding="utf-8")


def product(args: argparse.Namespace) -> Path:
    """Where the product lies."""
    return targets.place(args.out, shard_rows=getattr(args, "shard_rows", None))


@contextmanager
def _named(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(target)) from error


@contextmanager
def progress(what: str) -> Iterator[Callable[[int], None]]:
    """Something to tell how many more rows are done; a person who watches sees a bar on stderr."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = "{task.description}", BarColumn(), TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn()
    screen = options.console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda rows: bar.advance(task, rows)


def finish(
    args: argparse.Namespace,
    *,
    source: Mapping[str, Any],
    counts: Mapping[str, Any],
    about: str,
    line: str,
    ids: pa.ChunkedArray | None = None,
    settings: Mapping[str, Any] | None = None,
    done: Mapping[str, Any] | None = None,
    read: "Pairs | None" = None,
) -> int:
    """Write record and card beside the product, and say in one line, or as JSON, what was done.

    Args:
        args: of a command with `add_output`.
        source: as `rapo.pairs.manifest.source` gives it.
        counts: what was read and written.
        about: what the rows are, for the card.
        line: for people; the product's name is put in front.
        ids: see `rapo.pairs.manifest.write`.
        settings: what was made of the options, where that says more than they do.
        done: what else the record tells.
        read: the pairs that the product was made of; what was dropped or swapped of them is counted, too.
    """
    target = product(args)
    given = {name: value for name, value in vars(args).items() if name not in _PLACES}
    record = {
        "command": args.command,
        "source": dict(source),
        "output": str(args.out if targets.kind(args.out) == "stdout" else target),
        "counts": {**(read.record() if read else {}), **counts},
        "options": {**given, **(settings or {})},
        **({"reading": read.told} if read else {}),
        **(done or {}),
    }
    told = manifest.write(args.out if record["output"] == "-" else target, record, ids=ids)
    if record["output"] != "-":
        pattern = (
            "" if not target.is_dir() else "*.arrow" if targets.kind(args.out) == "folder" else f"{target.name}-*"
        )
        manifest.write_card(target, manifest.card(target.name, about=about, record=record, files=pattern))
    if args.json:
        options.print_json(told, stderr=record["output"] == "-")
    else:
        options.say(f"{record['output']}: {line}", stderr=record["output"] == "-")
    return 0
