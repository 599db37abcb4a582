"""Studies: many runs, computed once each, side by side, and resumed where they were interrupted.

    base = Run("rapo.studies.central_results.study:train_base", {"seed": 0})
    arms = [Run("study:train_arm", {"arm": arm, "seed": 0}, needs={"base": base}) for arm in ARMS]
    results = run_all(arms, name="central", jobs=2)

Runs go through joblib: local processes by default; a backend that the caller configured with
``joblib.parallel_config("dask")`` (or Ray's, or threads) is used instead, on a file system that all workers see.
"""

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path

from rapo import atomic, paths
from rapo.runs import workers
from rapo.runs.progress import Forecast, Progress, history, kept_durations, seconds_saved
from rapo.runs.run import Attempt, Result, Run, failure_file, load, note_failure, read

_log = logging.getLogger(__name__)
_told: set[str] = set()  # runs that this process computed, or has told to be saved


class StudyError(RuntimeError):
    """Some runs failed; the others are finished and will be reused."""


def run_all(runs: Iterable[Run], *, name: str, jobs: int = 2, root: Path | None = None) -> list[Result]:
    """Compute every run that is not finished yet, with what it needs, and return one result a run, in order.

    A run is computed once whatever asks for it: equal runs share a key, finished ones are reused, and one that
    another process is computing is waited for. Which worker does what, and how many there are, changes no result.

    Args:
        runs: what to compute (`rapo.runs.run.Run`); runs that they need are included by themselves.
        name: the study's name (letters, digits, ``_ . -``), under which progress is told.
        jobs: parallel processes, one compute thread each; 1 stays in this process. A joblib backend configured
            by the caller is used instead, with the number of jobs it names, else with all its workers.
        root: folder of the run directories; `paths.runs` by default.

    Returns:
        For each run: its folder, its metrics, its seconds, and whether it was reused.

    Raises:
        StudyError: runs failed; names each with its last line and the file of its traceback.
        ValueError: the name does not do as a file name.
    """
    if not re.fullmatch(r"[\w.-]+", name):
        raise ValueError(f"study name is {name!r}; use letters, digits, '_', '.', '-'")
    wanted = list(runs)
    folder = (root or paths.runs()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    atomic.sweep(folder)
    finished: dict[str, Result] = {}
    missing = _missing(wanted, folder, finished)
    study = _Study(missing, folder, name=name, jobs=jobs, reused=finished)
    workers.refresh(missing)
    with study.progress:
        study.compute()
    study.complain()
    for run in wanted:
        if not (result := finished.get(run.key) or read(run, folder)):
            raise StudyError(f"run {run.key} ({run.name}) vanished after it was computed; run the study again")
        finished[run.key] = result
    return [replace(finished[run.key], label=run.label, reused=run.key not in study.computed) for run in wanted]


def _past(root: Path) -> dict[str, list[float]]:
    """Durations by kind, kept with the results where this machine has measured nothing of the kind yet."""
    return {name: [seconds] for name, seconds in kept_durations("runs").items()} | history(root)


def _missing(wanted: Iterable[Run], root: Path, finished: dict[str, Result]) -> list[Run]:
    """Unfinished runs and the unfinished runs they need, each once; those that most others wait for come first.

    Finished ones go into ``finished``, with what is still there of what they were made from; a finished run does
    not ask for its needs.
    """
    found: dict[str, Run] = {}
    waiting = list(wanted)
    for run in waiting:  # grows on the way
        if run.key not in found and not _collect(run, root, finished):
            found[run.key] = run
            waiting.extend(run.needs.values())
    needs = {key: [need.key for need in run.needs.values() if need.key in found] for key, run in found.items()}
    height = dict.fromkeys(found, 0)  # of the longest chain of runs that wait for this one
    for key in reversed(list(TopologicalSorter(needs).static_order())):
        for need in needs[key]:
            height[need] = max(height[need], height[key] + 1)
    return sorted(found.values(), key=lambda run: -height[run.key])


def _collect(run: Run, root: Path, finished: dict[str, Result]) -> bool:
    """Whether a run is finished; it and what is there of its needs are noted."""
    if run.key not in finished and (result := read(run, root)):
        finished[run.key] = result
        for need in run.needs.values():
            _collect(need, root, finished)
    return run.key in finished


class _Study:
    """The runs that are left, handed out one by one as workers become free."""

    def __init__(
        self, missing: list[Run], root: Path, *, name: str, jobs: int, reused: Mapping[str, Result]
    ) -> None:
        self.root, self.jobs = root, jobs
        self.runs = {run.key: run for run in missing}
        self.waiting = list(missing)
        self.whole = set(reused)  # runs on disk that were looked through
        self.in_flight: dict[str, Run] = {}
        self.failed: dict[str, Attempt] = {}
        self.computed: set[str] = set()
        self.lock = threading.Lock()
        self.progress = Progress(
            name,
            total=len(reused) + len(missing),
            reused=len(reused),
            saved=seconds_saved(reused.values(), told=_told),
            forecast=Forecast(_past(root) if missing else {}),
            jobs=workers.number(jobs) if missing else jobs,
        )
        self.progress.waiting = self.waiting
        self.progress.keys.update(reused)
        for run in missing:
            failure_file(run.key, root).unlink(missing_ok=True)

    def compute(self) -> None:
        """Hand out runs until none is left. A worker that dies takes what was in flight with it: that is tried
        again, one run at a time, so that the guilty one is known."""
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
        others = [run for key, run in self.runs.items() if key not in self.failed]
        if skipped := [run.name for run in others if self._doomed(run)]:
            lines.append(f"  not run, as they need one of these: {', '.join(skipped)}")
        raise StudyError(f"{len(self.failed)} of {len(self.runs)} runs failed:\n" + "\n".join(lines))

    def _hand_out(self, runs: Iterable[Run | None]) -> None:
        for outcome in workers.attempts(runs, self.root, jobs=self.jobs, before=self._begin):
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
        """Whether a run is finished and whole; from disk, as the news may not be in yet. That there is a record says
        nothing: it may be the damaged one for which the run is done again."""
        if run.key not in self.whole:
            try:
                load(run, self.root)
            except (ValueError, OSError):
                return False
            self.whole.add(run.key)
        return True

    def _doomed(self, run: Run) -> bool:
        """Whether something that the run needs has failed; from disk, too."""
        needs = (need for need in run.needs.values() if need.key in self.runs and not self._done(need))
        return any(failure_file(need.key, self.root).exists() or self._doomed(need) for need in needs)
