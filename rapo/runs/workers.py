"""The processes that compute runs: through joblib, local ones by default, else those of the caller's backend."""

import contextlib
import ctypes
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rapo.runs import engines, processor
from rapo.runs.run import Attempt, Run, attempt

_NAP = 0.1  # seconds a worker rests when every run that is left waits for one under way
_PATIENCE = 1.0  # seconds a worker waits for another process's run before it looks for other work
_WATCH = 0.5  # seconds between two looks at whether the study's process still lives
_sources: dict[str, str] = {}  # function -> code that the local worker processes may hold
_frozen = 0  # modules that were loaded when this process's objects were last frozen


def attempts(
    runs: Iterable[Run | None], root: Path, *, jobs: int, before: Callable[[Run], None]
) -> Iterator[Attempt | None]:
    """What came of each run, as the news comes in; None is a short rest and gives None.

    Args:
        runs: asked for one by one, whenever a worker is free. One flat queue, without batches or levels.
        root: folder of the run directories.
        jobs: local processes; a joblib backend configured by the caller is used instead.
        before: told of each run that is handed out.

    Raises:
        concurrent.futures.process.BrokenProcessPool: a worker died.
    """
    import joblib

    settings, streams, _ = _backend(jobs)
    patience = _PATIENCE if streams else -1.0

    def tasks() -> Iterator[Any]:
        for run in runs:
            if run is None:
                yield joblib.delayed(time.sleep)(_NAP)
            else:
                before(run)
                yield joblib.delayed(_attempt)(run, root, patience=patience, parent=os.getpid())

    with joblib.parallel_config(**settings):
        given = "generator_unordered" if streams else "list"
        outcomes = joblib.Parallel(batch_size=1, pre_dispatch="n_jobs", return_as=given)(tasks())
    try:
        yield from outcomes
    finally:
        if streams:
            outcomes.close()
        _thaw()


def number(jobs: int) -> int:
    """How many workers there will be, asked for ``jobs`` local ones."""
    return _backend(jobs)[2]


def refresh(runs: Iterable[Run]) -> None:
    """End local workers that hold older code than these runs name: a notebook outlives an edited module."""
    wanted = {run.function: run.source for run in runs}
    if any(_sources.get(function, source) != source for function, source in wanted.items()):
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
        _sources.clear()
    _sources.update(wanted)


def _backend(jobs: int) -> tuple[dict[str, Any], bool, int]:
    """joblib's settings for a study, whether its backend tells outcomes as they come, and the number of workers."""
    import joblib
    from joblib.parallel import get_active_backend

    engines.configure()
    backend, configured_jobs = get_active_backend()
    local = type(backend).__name__ == "LokyBackend"  # joblib's default, chosen by the caller or by nobody
    settings: dict[str, Any] = {"n_jobs": configured_jobs or (jobs if local else -1)}
    if local:
        settings |= {"backend": "loky", "inner_max_num_threads": 1}
        settings |= {"initializer": _begin, "initargs": (os.getpid(),)}
    with joblib.parallel_config(**settings):
        workers = joblib.effective_n_jobs(settings["n_jobs"])
    return settings, local or backend.supports_return_generator, workers


def _begin(parent: int) -> None:
    """Make a local worker ready: it stays as long as the process that started it, and no longer.

    loky replaces a worker whose memory has grown by 300 MB since its first run, and the next takes ten seconds to
    import torch and TRL; `_attempt` gives back what a run leaves free instead. There is no public way to say so, here
    alone is a private one used. A worker of a process that was killed would rest for minutes, or compute on for
    nobody. Windows shows no change of the parent: there it does.
    """
    from joblib.externals.loky import process_executor

    process_executor._USE_PSUTIL = False
    processor.pin()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, name="watch over the study's process", daemon=True).start()


def _attempt(run: Run, root: Path, *, patience: float, parent: int) -> Attempt:
    if os.getpid() != parent:
        processor.pin()  # a cluster's worker was not begun by `_begin`
    try:
        return attempt(run, root, patience=patience, parent=parent)
    finally:
        if os.getpid() != parent:
            gc.collect()
        _freeze()
        if os.getpid() != parent:
            with contextlib.suppress(OSError, AttributeError):  # glibc only
                ctypes.CDLL("libc.so.6").malloc_trim(0)


def _freeze() -> None:
    """What importing torch and TRL made is not looked through whenever a trainer collects garbage: that takes 0.2 to
    0.4 s a run. Where the process froze its objects itself, that is left as it is."""
    global _frozen
    if not _frozen and gc.get_freeze_count():
        return
    if _frozen != len(sys.modules):
        gc.freeze()
        _frozen = len(sys.modules)


def _thaw() -> None:
    """Give objects back to the garbage collector in the process that asked for runs; a worker's stay frozen."""
    global _frozen
    if _frozen:
        gc.unfreeze()
        _frozen = 0
