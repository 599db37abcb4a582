"""One run in one directory: a frozen config with its content hash, computed once, whole or not at all."""

import contextlib
import importlib
import json
import logging
import math
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rapo import paths
from rapo.config import canonical, content_hash
from rapo.runs import checksums, keys

_log = logging.getLogger(__name__)
_loaded: dict[str, str] = {}  # source hash of each function when this process first ran it


@dataclass(frozen=True)
class Run:
    """One experiment: a function, its plain settings and the runs whose products it reads.

    Attributes:
        function: "module:name" of ``f(config: dict, folder: Path, needs: dict[str, Path]) -> dict``; it may write
            artefacts into ``folder`` and returns plain JSON metrics.
        config: plain JSON settings, seed included. Copied and frozen by its hash.
        needs: runs that must be finished first; the function receives their folders under the same names.
        label: what a person calls it; not part of the hash.

    Raises:
        ValueError: the function is not "module:name", or a number in the config is NaN.
        TypeError: the config holds something other than plain JSON.
    """

    function: str
    config: Mapping[str, Any] = field(default_factory=dict)
    needs: Mapping[str, "Run"] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        module, _, name = self.function.partition(":")
        if not (module and name.isidentifier()):
            raise ValueError(f"function is {self.function!r}; write 'package.module:name'")
        try:
            frozen = json.loads(canonical(dict(self.config)))
        except TypeError as error:
            wrong = f"config of {self.label or self.function}: {error}"
            raise TypeError(f"{wrong}; use str, int, float, bool, None, list, dict") from error
        object.__setattr__(self, "config", frozen)
        object.__setattr__(self, "needs", dict(self.needs))

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def source(self) -> str:
        """Hash of the code that the function reaches; see `rapo.runs.keys`."""
        return keys.source_hash(self.function)

    @cached_property
    def key(self) -> str:
        """Content hash of code, config, needs and libraries; the name of the run's directory."""
        return keys.key(self.source, self.config, {name: run.key for name, run in self.needs.items()})

    @property
    def name(self) -> str:
        """The label, or the function's name where there is none."""
        return self.label or self.function.partition(":")[2]


@dataclass(frozen=True)
class Result:
    """A finished run: where it lies and what it measured."""

    key: str
    label: str
    folder: Path
    config: dict[str, Any]
    metrics: dict[str, Any]
    seconds: float
    reused: bool


@dataclass(frozen=True)
class Attempt:
    """What came of one try: "done", "failed", or "busy" while another process computes the run."""

    key: str
    status: str
    seconds: float = 0.0
    reused: bool = False
    error: str = ""


def load(run: Run, root: Path) -> Result:
    """A finished run from disk, looked through: its record and every file are what they were when it ended.

    Raises:
        FileNotFoundError: it is not there, or one of its files is not.
        ValueError: its record or a file is damaged; says which.
    """
    folder = root / run.key
    try:
        record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if record != sealed(record) or record["key"] != run.key:
            raise ValueError("result.json is not what it was: its checksum differs")
        for name, expected in record["files"].items():
            checksums.verify(folder / name, expected)
        metrics, seconds = dict(record["metrics"]), float(record["seconds"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"result.json is no record of a run ({error!r})") from error
    return Result(run.key, run.label, folder, dict(run.config), metrics, seconds, reused=True)


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A run's record with the checksum of all that it says."""
    rest = {name: value for name, value in record.items() if name != "sha256"}
    return {**rest, "sha256": content_hash(canonical(rest), length=64)}


def read(run: Run, root: Path) -> Result | None:
    """A finished run from disk as `load` gives it; None, logged, for one that is damaged."""
    try:
        return load(run, root)
    except FileNotFoundError as error:
        if (root / run.key).exists():
            _log.warning("run %s (%s) lacks %s; it is done again", run.key, run.name, error.filename)
    except (ValueError, OSError) as error:
        _log.warning("run %s (%s) is damaged (%s); it is done again", run.key, run.name, error)
    return None


def attempt(run: Run, root: Path, *, patience: float = -1, parent: int = 0) -> Attempt:
    """Compute a run unless it is finished; its needs must be. Never raises for what the function does.

    Args:
        patience: seconds to wait for another process that computes the same run; -1 waits until it ends.
        parent: process id of the study; elsewhere, what the function prints goes to ``log.txt`` in the folder.
    """
    try:
        with lock(run.key, root, timeout=patience):
            return _tried(run, root, parent=parent)
    except Timeout:
        return Attempt(run.key, "busy")
    except Exception as error:
        return _failed(run, root, error)


def _tried(run: Run, root: Path, *, parent: int) -> Attempt:
    """`attempt` under the run's lock; a time-out of a lock of the function's own is a failure like any other."""
    try:
        if read(run, root):
            return Attempt(run.key, "done", reused=True)
        _check_needs(run, root)
        started = time.monotonic()
        _compute(run, root, quiet=os.getpid() != parent)
        failure_file(run.key, root).unlink(missing_ok=True)
        return Attempt(run.key, "done", time.monotonic() - started)
    except (Exception, SystemExit) as error:
        return _failed(run, root, error)


def _failed(run: Run, root: Path, error: BaseException) -> Attempt:
    note_failure(run, root, "".join(traceback.format_exception(error)))
    return Attempt(run.key, "failed", error=f"{type(error).__name__}: {error}")


def lock(key: str, root: Path, *, timeout: float = -1) -> FileLock:
    """The lock of one run; the operating system frees it when its holder dies, however it dies."""
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{key}.lock", timeout=timeout)


def failure_file(key: str, root: Path) -> Path:
    """Where the traceback of a failed run lies."""
    return root / "failed" / f"{key}.txt"


def note_failure(run: Run, root: Path, text: str) -> None:
    """Keep why a run failed, headed by what it was."""
    head = f"{run.name}\nfunction: {run.function}\nconfig: {canonical(run.config)}\n\n"
    paths.write_text(failure_file(run.key, root), head + text)


def _check_needs(run: Run, root: Path) -> None:
    """Refuse to compute from files that are not what they were."""
    for need in run.needs.values():
        try:
            load(need, root)
        except (ValueError, OSError) as error:
            what = f"{need.name} [{need.key}], which it needs, is damaged ({error})"
            raise RuntimeError(f"{what}; run the study again: what is damaged is done anew") from error


def _compute(run: Run, root: Path, *, quiet: bool) -> None:
    """Run the function in a temporary folder that gets its name at the end; called under the run's lock.

    What it made is on the disk before the record that vouches for it, and the record before the name.
    """
    with paths.whole(root / run.key, durable=True) as folder:
        folder.mkdir()
        function = _function(run)
        settings = {"function": run.function, "config": run.config, "label": run.label}
        needs = {name: need.key for name, need in run.needs.items()}
        behind = {"libraries": keys.libraries(), "source": run.source, "code": keys.code_map(run.function)}
        _write_json(folder / "config.json", {**settings, "needs": needs, **behind})
        started = time.monotonic()
        with _one_thread(), _printing_to(folder / "log.txt") if quiet else contextlib.nullcontext():
            folders = {name: root / key for name, key in needs.items()}
            metrics = function(json.loads(canonical(run.config)), folder, folders)
        record = {
            "key": run.key,
            "function": run.function,
            "config": run.config,
            "metrics": _plain(metrics, "metrics"),
            "seconds": round(time.monotonic() - started, 3),
            "provenance": keys.versions(),
            "files": _settle(folder),
        }
        _write_json(folder / "result.json", sealed(record))
        paths.sync(folder / "result.json")


def _settle(folder: Path) -> dict[str, dict[str, Any]]:
    """Have everything below a folder on the disk; the checksum of each file, by its place."""
    entries = sorted(folder.rglob("*"))
    for entry in entries:
        paths.sync(entry)
    return {one.relative_to(folder).as_posix(): checksums.checksum(one) for one in entries if one.is_file()}


def _function(run: Run) -> Any:
    """Import the function; refuse when this process holds an older version of its code."""
    module, _, name = run.function.partition(":")
    if run.function not in _loaded:
        _loaded[run.function] = keys.source_hash(run.function)
    if _loaded[run.function] != run.source:
        raise RuntimeError(
            f"the code behind {run.function} was edited meanwhile; start again (restart the kernel)"
        )
    function = getattr(importlib.import_module(module), name, None)
    if not callable(function):
        raise ValueError(f"{module} has no function {name!r}; check Run(function={run.function!r})")
    return function


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One compute thread: a sum's order, and so its last digits, must not depend on the number of cores."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else os.environ.get("OMP_NUM_THREADS")
    if torch:
        torch.set_num_threads(1)
    else:  # read when the function imports it
        os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)
        elif before is None:
            os.environ.pop("OMP_NUM_THREADS", None)
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextlib.contextmanager
def _printing_to(file: Path) -> Iterator[None]:
    """Send what this process prints to a file, below Python, so that loggers made meanwhile stay valid."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    try:
        with file.open("wb") as stream:
            for descriptor, _ in saved:
                os.dup2(stream.fileno(), descriptor)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)


def _plain(value: Any, where: str) -> Any:
    """Plain JSON of metrics; NumPy scalars and arrays become numbers and lists. Raises for what is no plain value."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}; return None where there is no number")
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}; return plain numbers, texts, lists and mappings")


def _write_json(file: Path, record: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
