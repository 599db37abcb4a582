"""The one module of paths: where inputs lie and where products go.

The project root is ``$RAPO_ROOT`` when set, else the nearest folder at or above the working directory that
holds ``notebooks/`` and ``rapo/``, else the working directory: the library also works outside a checkout.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCALES = ("smoke", "small", "full")


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
    """All that one scale's run leaves: executed notebooks, results, figures, markers. It may be deleted."""
    return root() / "build" / check_scale(scale)


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
def whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary sibling to write to; it takes the name ``path`` once the block ends without an error.

    Threads and processes may write the same file at once: each has its own sibling, the last one stays. The
    sibling may be made a folder; an old folder makes way first.

    Args:
        path: what will be there.
        durable: its content is on the disk before it has its name, and so is the name when the block has ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        yield temporary
        if durable:
            sync(temporary)
        _install(temporary, path)
        if durable:
            sync(path.parent)
        _note(path)
    finally:
        _remove(temporary)


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


def _install(temporary: Path, path: Path) -> None:
    """Give the finished product its name."""
    if not path.is_dir():
        temporary.replace(path)
        return
    old = temporary.with_suffix(".old")
    path.replace(old)
    temporary.replace(path)
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
