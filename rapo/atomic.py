"""Files and folders that take their names whole or not at all, whoever is killed when.

A product is made beside its target as ``.<name>.<tag>.tmp`` and renamed last. Its maker holds a lock on
``.<name>.<tag>.lock`` for as long as it lives: what a killed process left is known by a lock that nobody holds, so
that a process id which is used again, another container or another machine deceives nobody.
"""

import contextlib
import ctypes
import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_LOCK = re.compile(r"(?s)(\.(?P<name>.+)\.[0-9a-f]{12})\.lock")
# How the two systems that can rename in this way call it: the function, its flags for swapping and for not replacing.
_CALLS = {"linux": ("renameat2", 2, 1), "darwin": ("renamex_np", 2, 4)}
_HERE = -100  # Linux: names are taken from the working folder
_NOT_OFFERED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[Path]:
    """A name beside ``path`` that nobody else writes to; what is still under it when the block ends goes."""
    for _ in range(100):  # a sweeper may be faster
        stem = f".{path.name}.{os.urandom(6).hex()}"
        if lock := _take(path.with_name(f"{stem}.lock")):
            break
    else:
        raise OSError(errno.EAGAIN, "no lock can be had in its folder", str(path))
    temporary = path.with_name(f"{stem}.tmp")
    try:
        yield temporary
    finally:
        remove(temporary)
        _give_back(temporary.with_suffix(".old"), path)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(lock: Path, *, told: str) -> Iterator[None]:
    """Hold a lock while the block runs, its file gone afterwards; the system lets go of it for a killed process.

    Raises:
        RuntimeError: another process holds it; says ``told``.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise RuntimeError(told) from None
    try:
        yield
    finally:
        held.release()
        lock.unlink(missing_ok=True)


def install(temporary: Path, path: Path, *, replace: bool) -> None:
    """Give a product its name; an old folder is swapped for it in one step where the system can.

    Raises:
        FileExistsError: the name is taken, and ``replace`` is False.
        IsADirectoryError, NotADirectoryError: a file would take the place of a folder, or the reverse.
    """
    if path.is_dir() != temporary.is_dir() and path.exists():
        kind = IsADirectoryError if path.is_dir() else NotADirectoryError
        raise kind(f"{path} is a {'folder' if path.is_dir() else 'file'}; choose another name, or move it away")
    try:
        if replace:
            _replace(temporary, path)
        elif temporary.is_dir():
            temporary.rename(path)  # onto nothing, or onto an empty folder
        elif not _rename(temporary, path, swap=False):
            _replace_nothing(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        raise FileExistsError(errno.EEXIST, "was written meanwhile by another process", str(path)) from error


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder; what they had set aside gets its name again.

    Nothing is touched but names that `claimed` gave and whose lock nobody holds.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for found in filter(None, map(_LOCK.fullmatch, names)):
        with contextlib.suppress(OSError):  # somebody else's, or swept by another meanwhile
            _sweep(folder, found)


def _sweep(folder: Path, found: re.Match[str]) -> None:
    if (lock := _take(folder / found[0])) is None:
        return
    try:
        remove(folder / f"{found[1]}.tmp")
        _give_back(folder / f"{found[1]}.old", folder / found["name"])
        (folder / found[0]).unlink(missing_ok=True)
    finally:
        lock.release()


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _take(file: Path) -> "BaseFileLock | None":
    """Lock a file that is made for it; None where somebody else holds it.

    Where the file system has no locks, that the file is there is the lock: what is killed there, nobody sweeps.
    """
    from filelock import FileLock, SoftFileLock, Timeout

    was_there = file.exists()
    for kind in (FileLock, SoftFileLock):
        lock = kind(file, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            return None
        except NotImplementedError:
            if not was_there:  # made on the way, by nobody else: its name is new
                file.unlink(missing_ok=True)
            continue
        return lock
    return None


def _give_back(aside: Path, path: Path) -> None:
    """What was set aside for a new folder gets its name again, unless the new one has it."""
    if aside.is_dir() and not path.exists():
        aside.rename(path)
    else:
        remove(aside)


def _replace(temporary: Path, path: Path) -> None:
    if not path.is_dir():
        temporary.replace(path)
    elif not _rename(
        temporary, path, swap=True
    ):  # else the old folder has the temporary's name now and goes with it
        path.replace(temporary.with_suffix(".old"))
        temporary.replace(path)


def _replace_nothing(temporary: Path, path: Path) -> None:
    """The same for systems that cannot look and rename in one step."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    temporary.replace(path)


def _rename(one: Path, other: Path, *, swap: bool) -> bool:
    """Rename, or swap two names, in one step of the system that never replaces anything; False where it has none."""
    name, swapping, not_replacing = _CALLS.get(sys.platform, ("", 0, 0))
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if call is None:
        return False
    flag = swapping if swap else not_replacing
    one_, other_ = os.fsencode(one), os.fsencode(other)
    failed = call(_HERE, one_, _HERE, other_, flag) if name == "renameat2" else call(one_, other_, flag)
    if failed and ctypes.get_errno() not in _NOT_OFFERED:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    return not failed
