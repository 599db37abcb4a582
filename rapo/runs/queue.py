"""Studies: many runs, computed once each, side by side, and resumed where they were interrupted.

    base = Run("rapo.studies.central_results.study:train_base", {"seed": 0})
    arms = [Run("study:train_arm", {"arm": arm, "seed": 0}, needs={"base": base}) for arm in ARMS]
    results = run_all(arms, name="central", jobs=2)

Runs go through joblib: local processes by default; a backend that the caller configured with
``joblib.parallel_config("dask")`` (or Ray's, or threads) is used instead, on a file system that all workers see.
"""

import contextlib
import ctypes
import gc
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.runs.progress import Forecast, Progress, history, kept_history
from rapo.runs.run import Attempt, Result, Run, attempt, failure_file, note_failure, read, sweep

_log = logging.getLogger(__name__)
_NAP = 0.1  # seconds a worker rests when every run that is left waits for one under way
_PATIENCE = 1.0  # seconds a worker waits for another process's run before it looks for other work
_pool_sources: dict[str, str] = {}  # function -> code that the local worker processes may hold


class StudyError(RuntimeError):
    """Some runs failed; the others are finished and will be reused."""


def run_all(runs: Iterable[Run], *, name: str, jobs: int = 2, root: Path | None = None) -> list[Result]:
    """Compute every run that is not finished yet, with what it needs, and return one result a run, in order.

    A run is computed once whatever asks for it: equal runs share a key, finished ones are reused, and one that
    another process is computing is waited for. Which worker does what, and how many there are, changes no result.

    Args:
        runs: what to compute; runs that they need are included by themselves.
        name: the study's name (letters, digits, ``_ . -``), under which progress is told.
        jobs: parallel processes, one compute thread each; 1 stays in this process. A joblib backend configured
            by the caller is used instead, with the number of jobs it names, else with all its workers.
        root: folder of the run directories; `paths.runs` by default.

    Raises:
        StudyError: runs failed; names each with its last line and the file of its traceback.
        ValueError: the name does not do as a file name.
    """
    if not re.fullmatch(r"[\w.-]+", name):
        raise ValueError(f"study name is {name!r}; use letters, digits, '_', '.', '-'")
    wanted = list(runs)
    folder = (root or paths.runs()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    finished: dict[str, Result] = {}
    missing = _missing(wanted, folder, finished)
    study = _Study(missing, folder, name=name, jobs=jobs, reused=finished)
    _refresh_workers(missing)
    with study.progress:
        study.compute()
    study.complain()
    results = {run.key: finished.get(run.key) or read(run, folder) for run in wanted}
    return [_named(results[run.key], run, reused=run.key not in study.computed) for run in wanted]


def _named(result: Result | None, run: Run, *, reused: bool) -> Result:
    if result is None:
        raise StudyError(f"run {run.key} ({run.name}) vanished after it was computed; run the study again")
    return Result(run.key, run.label, result.folder, result.config, result.metrics, result.seconds, reused)


def _missing(wanted: Iterable[Run], root: Path, finished: dict[str, Result]) -> list[Run]:
    """Unfinished runs and the unfinished runs they need, each once; those that most others wait for come first.

    Finished ones go into ``finished``, with what is still there of what they were made from; a finished run does
    not ask for its needs.
    """
    heights: dict[str, int] = {}
    found: dict[str, Run] = {}

    def collect(run: Run) -> None:
        if run.key not in finished and (root / run.key).exists() and (result := read(run, root)):
            finished[run.key] = result
            for need in run.needs.values():
                collect(need)

    def visit(run: Run, height: int) -> None:
        if run.key not in found:
            collect(run)
        if run.key not in finished:
            found[run.key] = run
        if run.key in found and height > heights.get(run.key, -1):
            heights[run.key] = height
            for need in run.needs.values():
                visit(need, height + 1)

    for run in wanted:
        visit(run, 0)
    return sorted(found.values(), key=lambda run: -heights[run.key])


_told: set[str] = set()  # runs that this process computed, or has told to be saved


def _saved(reused: Mapping[str, Result]) -> float:
    """Seconds that runs of earlier days spare, each told once: not those that this reproduction computed itself."""
    began = float(os.environ.get("RAPO_BEGAN", "inf"))
    older = [
        result.seconds
        for key, result in reused.items()
        if key not in _told and (result.folder / "result.json").stat().st_mtime < began
    ]
    _told.update(reused)
    return sum(older)


class _Study:
    """The runs that are left, handed out one by one as workers become free."""

    def __init__(
        self, missing: Sequence[Run], root: Path, *, name: str, jobs: int, reused: Mapping[str, Result]
    ) -> None:
        self.root, self.jobs = root, jobs
        self.runs = {run.key: run for run in missing}
        self.waiting = list(missing)
        self.in_flight: dict[str, Run] = {}
        self.failed: dict[str, Attempt] = {}
        self.computed: set[str] = set()
        self.lock = threading.Lock()
        forecast = Forecast({**kept_history(), **history(root)} if missing else {})
        self.progress = Progress(
            name,
            total=len(reused) + len(missing),
            reused=len(reused),
            saved=_saved(reused),
            forecast=forecast,
            jobs=_backend(jobs)[2] if missing else jobs,
        )
        self.progress.waiting = self.waiting
        self.progress.keys.update(reused)
        for run in missing:
            failure_file(run.key, root).unlink(missing_ok=True)

    def compute(self) -> None:
        """Hand out runs until none is left. A worker that dies takes what was in flight with it: that is tried
        again, one run at a time, so that the guilty one is known."""
        from joblib.externals.loky.process_executor import BrokenProcessPool

        while self.waiting:
            try:
                self._hand_out(self._ready())
            except BrokenProcessPool:
                suspects = list(self.in_flight.values())
                _log.warning("a worker died; trying its runs again: %s", ", ".join(run.name for run in suspects))
                for run in suspects:
                    self._try_alone(run)

    def complain(self) -> None:
        """Raise for every run that failed, with its file."""
        if not self.failed:
            return
        lines = []
        for key, outcome in self.failed.items():
            run, file = self.runs[key], failure_file(key, self.root)
            lines.append(f"  {run.name} [{key}]: {outcome.error.strip().splitlines()[-1]}\n    {file}")
        skipped = [run.name for run in self.runs.values() if run.key not in self.failed and self._doomed(run)]
        if skipped:
            lines.append(f"  not run, as they need one of these: {', '.join(skipped)}")
        raise StudyError(f"{len(self.failed)} of {len(self.runs)} runs failed:\n" + "\n".join(lines))

    def _hand_out(self, runs: Iterable[Run | None]) -> None:
        """Send runs through joblib; None is a short rest. One flat queue, without batches or levels."""
        for outcome in _parallel(runs, self.root, jobs=self.jobs, before=self._begin):
            if outcome is not None:
                self._note(outcome)

    def _begin(self, run: Run) -> None:
        self.in_flight[run.key] = run
        self.progress.start(run)

    def _note(self, outcome: Attempt) -> None:
        run = self.in_flight.pop(outcome.key)
        self.progress.end(run, outcome.status, outcome.seconds)
        if outcome.status == "done" and not outcome.reused:
            self.computed.add(outcome.key)
            _told.add(outcome.key)
        elif outcome.status == "failed":
            self.failed[outcome.key] = outcome
            _log.error("run %s (%s) failed: %s", run.key, run.name, outcome.error)
        elif outcome.status == "busy":
            with self.lock:
                self.waiting.append(run)

    def _try_alone(self, run: Run) -> None:
        from joblib.externals.loky.process_executor import BrokenProcessPool

        try:
            self._hand_out([run])
        except BrokenProcessPool:
            text = "the worker process died while it computed this run (out of memory, or killed)"
            note_failure(run, self.root, text + "\n")
            self._note(Attempt(run.key, "failed", error=text))

    def _ready(self) -> Iterator[Run | None]:
        """The next run whose needs are finished, whenever a worker asks; None while there is none."""
        while True:
            with self.lock:
                self.waiting[:] = [run for run in self.waiting if not self._doomed(run)]
                if not self.waiting:
                    return
                run = next((run for run in self.waiting if all(map(self._done, run.needs.values()))), None)
                if run is not None:
                    self.waiting.remove(run)
            yield run

    def _done(self, run: Run) -> bool:
        return (self.root / run.key / "result.json").exists()

    def _doomed(self, run: Run) -> bool:
        """Whether something that the run needs has failed; read from disk, as the news may not be in yet."""
        return any(
            need.key in self.runs
            and not self._done(need)
            and (failure_file(need.key, self.root).exists() or self._doomed(need))
            for need in run.needs.values()
        )


def _parallel(
    runs: Iterable[Run | None], root: Path, *, jobs: int, before: Callable[[Run], None]
) -> Iterator[Attempt | None]:
    """Outcomes as they come, from the caller's joblib backend or from local processes."""
    import joblib

    settings, streams, _ = _backend(jobs)
    patience = _PATIENCE if streams else -1.0

    def tasks() -> Iterator[Any]:
        for run in runs:
            if run is None:
                yield joblib.delayed(_rest)()
            else:
                before(run)
                yield joblib.delayed(_attempt)(run, root, patience=patience, parent=os.getpid())

    with joblib.parallel_config(**settings):
        pool = joblib.Parallel(
            batch_size=1, pre_dispatch="n_jobs", return_as="generator_unordered" if streams else "list"
        )
        outcomes = pool(tasks())
    try:
        yield from outcomes
    finally:
        if streams:
            outcomes.close()


def _attempt(run: Run, root: Path, *, patience: float, parent: int) -> Attempt:
    """`attempt` in a worker that stays: loky replaces one whose memory has grown by 300 MB since its first run, and
    the next takes ten seconds to import torch and TRL. What a run leaves free goes back to the system instead."""
    if os.getpid() == parent:
        return attempt(run, root, patience=patience, parent=parent)
    from joblib.externals.loky import process_executor

    process_executor._USE_PSUTIL = False
    try:
        return attempt(run, root, patience=patience, parent=parent)
    finally:
        _tidy()


_tidied = 0  # modules that were loaded when this worker was last tidied


def _tidy() -> None:
    """Give back what a run leaves. What importing torch and TRL made stays, and is not looked through again and again:
    that took 0.2 to 0.4 s a run."""
    global _tidied
    gc.collect()
    if _tidied != len(sys.modules):
        gc.freeze()
        _tidied = len(sys.modules)
    with contextlib.suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _backend(jobs: int) -> tuple[dict[str, Any], bool, int]:
    """joblib's settings for a study, whether its backend tells outcomes as they come, and the number of workers."""
    import joblib
    from joblib.parallel import get_active_backend

    backend, configured_jobs = get_active_backend()
    local = type(backend).__name__ == "LokyBackend"  # joblib's default, chosen by the caller or by nobody
    settings: dict[str, Any] = {"backend": "loky", "inner_max_num_threads": 1} if local else {}
    settings["n_jobs"] = configured_jobs or (jobs if local else -1)
    with joblib.parallel_config(**settings):
        workers = joblib.effective_n_jobs(settings["n_jobs"])
    return settings, local or backend.supports_return_generator, workers


def _rest() -> None:
    time.sleep(_NAP)


def _refresh_workers(runs: Iterable[Run]) -> None:
    """End local workers that hold older code than these runs name: a notebook outlives an edited module."""
    held = {run.function: run.source for run in runs}
    if any(_pool_sources.get(function, source) != source for function, source in held.items()):
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True, kill_workers=True)
        _pool_sources.clear()
    _pool_sources.update(held)
