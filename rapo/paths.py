"""The one module of paths: where inputs lie and where products go.

The project root is ``$RAPO_ROOT`` when set, else the nearest folder at or above the working directory that
holds ``notebooks/`` and ``rapo/``, else the working directory: the library also works outside a checkout.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rapo import atomic

SCALES = ("smoke", "small", "full")
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}  # faults that come without a name
_swept: set[Path] = set()


def root() -> Path:
    """Folder under which every product is written."""
    if named := os.environ.get("RAPO_ROOT"):
        return Path(named).resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "rapo").is_dir():
            return folder
    return here


def check_scale(scale: str) -> str:
    """Return ``scale`` if it is one of smoke, small, full.

    Raises:
        ValueError: the scale is unknown.
    """
    if scale not in SCALES:
        raise ValueError(f"scale is {scale!r}; use one of {', '.join(SCALES)}")
    return scale


def notebooks() -> Path:
    """Source notebooks, stored without outputs."""
    return root() / "notebooks"


def build(scale: str) -> Path:
    """All that one scale's run leaves: executed notebooks, results, figures, markers. It may be deleted.

    ``$RAPO_BUILD`` moves it: a run on data of one's own has a folder of its own.
    """
    named = os.environ.get("RAPO_BUILD")
    return (Path(named).resolve() if named else root() / "build") / check_scale(scale)


def runs() -> Path:
    """Content-hashed run directories, shared by every scale. ``$RAPO_RUNS`` moves them (a cluster's scratch)."""
    named = os.environ.get("RAPO_RUNS")
    return Path(named).resolve() if named else root() / "build" / "runs"


def figures(scale: str) -> Path:
    """Pictures, tables, claims and the report of the last run of one scale."""
    return build(scale) / "figures"


def kept_figures() -> Path:
    """Pictures, tables and the report that are kept with the project, of the results that are kept."""
    return root() / "figures"


def results() -> Path:
    """Kept results of the last full ``small`` run, from which figures are redrawn."""
    return root() / "data" / "results"


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a file whole or not at all; ``durable`` as `whole` takes it."""
    with whole(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def whole(path: Path, *, durable: bool = False, replace: bool = True) -> Iterator[Path]:
    """Give a temporary sibling to write to; it takes the name ``path`` once the block ends without an error.

    Threads and processes may write the same file at once: each has its own sibling, the last one stays. The
    sibling may be made a folder: it takes the place of an old folder in one step, never that of a file, nor a file
    that of a folder. Where ``path`` is a link, what it points to is written. What killed processes left half-written
    in the folder is swept (`rapo.atomic`).

    Args:
        path: what will be there.
        durable: its content is on the disk before it has its name, and so is the name when the block has ended.
        replace: False refuses a name that was taken meanwhile.

    Raises:
        OSError: of the disk, with the name ``path``; `rapo.atomic.install` says which come from its name.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        with atomic.claimed(path) as temporary:
            yield temporary
            if durable:
                sync(temporary)
            atomic.install(temporary, path, replace=replace)
            if durable:
                sync(path.parent)
    _note(path)


def _sweep_once(folder: Path) -> None:
    """Sweep a folder when this process first writes into it."""
    if (place := folder.resolve()) not in _swept:
        _swept.add(place)
        atomic.sweep(place)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """A fault of the disk names what was to be written, not its temporary sibling."""
    try:
        yield
    except OSError as error:
        at = Path(os.fsdecode(error.filename)).parts if isinstance(error.filename, (str, bytes, Path)) else ()
        if any(part.startswith(f".{path.name}.") for part in at) or (not at and error.errno in _DISK):
            raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
        raise


def _note(path: Path) -> None:
    """Tell whoever asked, by naming a file in ``$RAPO_JOURNAL``, what this process and its children write."""
    if journal := os.environ.get("RAPO_JOURNAL"):
        with open(journal, "a", encoding="utf-8") as stream:
            stream.write(f"{path}\n")


def sync(path: Path) -> None:
    """Have the system write a file, or a folder's list of names, to the disk; Windows offers no way to."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
