"""Headless reproduction: every notebook run once for what it is, side by side, resumed, and told at the end."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from rapo import paths
from rapo.claims import claim, compare
from rapo.reproduction import display, kernel, notebook
from rapo.reproduction.display import Display, Job, Silent
from rapo.reproduction.notebook import Source
from rapo.runs.store import kept_claims

_TICK = 0.25  # seconds between two looks at what runs


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook: "done", "reused", "failed" or "not run"."""

    name: str
    status: str
    seconds: float
    error: str = ""
    executed: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether its products are there."""
        return self.status in ("done", "reused")


def reproduce(
    notebooks: Iterable[str] | None = None,
    *,
    scale: str = "small",
    jobs: int = 2,
    force: bool = False,
    settings: Mapping[str, Any] | None = None,
    measure: bool = True,
    timeout: float | None = None,
    show: Display | None = None,
) -> list[Outcome]:
    """Run notebooks headless; those whose cells, parameters and code have not changed since are reused.

    Heavy notebooks run one at a time with ``jobs`` worker processes, light ones beside them. A notebook that fails
    is kept with its traceback; the others go on, but for those that come ``after`` it. An interrupt ends the
    kernels and leaves everything resumable.

    Args:
        notebooks: names or paths; all of ``notebooks/`` by default.
        scale: smoke, small or full.
        jobs: worker processes of a heavy notebook.
        force: run even what has not changed. Finished study runs are reused all the same.
        settings: parameters of the notebooks' own, by name.
        measure: False redraws from the kept results.
        timeout: seconds that one cell may take; None for as long as it needs.
        show: who shows the progress; nobody by default.

    Returns:
        One outcome a notebook, in the order of their names.

    Raises:
        ValueError: an unknown notebook, scale or parameter; told with those that there are.
        RuntimeError: another process reproduces the same scale.
    """
    from filelock import FileLock, Timeout

    paths.check_scale(scale)
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; use 1 or more")
    names = None if notebooks is None else list(notebooks)
    sources = notebook.find(names)
    notebook.check_settings(sources, settings or {}, strict=names is not None)
    lock = paths.build(scale) / "reproduce.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0), show or Silent() as shown:
            plan = _Plan(
                sources, scale=scale, jobs=jobs, settings=settings or {}, measure=measure, timeout=timeout
            )
            plan.run(shown, force=force)
    except Timeout as error:
        raise RuntimeError(f"another process reproduces scale {scale} now; wait for it, or end it") from error
    return [_outcome(job, scale) for job in plan.jobs]


def differences(scale: str) -> list[dict[str, Any]]:
    """Where the claims just measured differ from the kept ones beyond their intervals; `small` is what is kept."""
    if scale != "small":
        return []
    return compare.compare(claim.load(paths.figures(scale) / "claims"), kept_claims())


class Memory:
    """Peak resident memory of this process and all below it, looked at about once a second."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        me = psutil.Process()
        while True:
            total = 0
            for process in [me, *me.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
            self.peak = max(self.peak, total)
            if self._stop.wait(1.0):
                return


class _Plan:
    """Which notebook runs when."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        scale: str,
        jobs: int,
        settings: Mapping[str, Any],
        measure: bool,
        timeout: float | None,
    ) -> None:
        self.scale, self.workers, self.settings, self.measure, self.timeout = (
            scale,
            jobs,
            settings,
            measure,
            timeout,
        )
        expected = {source.name: notebook.expected_seconds(source.name, scale) for source in sources}
        self.jobs = [Job(source, expected=expected[source.name] if measure else None) for source in sources]
        self.digests = {
            source.name: notebook.digest(source, scale=scale, measure=measure, settings=settings)
            for source in sources
        }
        _check_order(self.jobs)

    def run(self, shown: Display, *, force: bool) -> None:
        """Run what is not done; on an interrupt end the kernels first."""
        if not force:
            for job in self.jobs:
                if notebook.is_done(job.source, self.scale, self.digests[job.name], measure=self.measure):
                    job.status = "reused"
        running: dict[Future[None], Job] = {}
        pool = ThreadPoolExecutor(max_workers=self.workers + 1, thread_name_prefix="notebook")
        with _terminable(), _since_now(), pool:
            try:
                while True:
                    for job in self._startable(list(running.values())):
                        job.status, job.began = "running", time.time()
                        running[pool.submit(self._execute, job)] = job
                    self._look(shown)
                    if not running:
                        return
                    _wait(running)
                    for future in [future for future in running if future.done()]:
                        self._end(running.pop(future), future)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                kernel.stop_all()
                raise

    def _startable(self, running: Sequence[Job]) -> list[Job]:
        """What may start now: heavy before light, long before short, and what comes `after` only then."""
        status = {job.name: job.status for job in self.jobs}
        waiting = [job for job in self.jobs if job.status == "waiting"]
        for job in waiting:
            if broken := [name for name in job.source.after if status.get(name) in ("failed", "not run")]:
                job.status, job.error = "not run", f"comes after {', '.join(broken)}"
                return self._startable(running)
        ready = [
            job
            for job in waiting
            if all(status.get(name, "done") in ("done", "reused") for name in job.source.after)
        ]
        ready.sort(key=lambda job: (not self._heavy(job), -(job.expected or 0.0)))
        heavy = sum(self._heavy(job) for job in running)
        light = len(running) - heavy
        chosen = []
        for job in ready:
            if self._heavy(job) and not heavy and (self.workers > 1 or not light):
                heavy += 1
                chosen.append(job)
            elif not self._heavy(job) and light < max(self.workers - heavy, 1 if self.workers > 1 else 0):
                light += 1
                chosen.append(job)
        return chosen

    def _execute(self, job: Job) -> None:
        jobs = self.workers if self._heavy(job) else 1
        values = notebook.parameters(
            job.source, scale=self.scale, measure=self.measure, jobs=jobs, settings=self.settings
        )
        notebook.marker_file(job.name, self.scale, measure=self.measure).unlink(missing_ok=True)
        kernel.execute(job.source, values, scale=self.scale, timeout=self.timeout)
        display.note_studies(job)
        notebook.write_marker(
            job.name,
            self.scale,
            digest=self.digests[job.name],
            began=job.began,
            written=kernel.written(job.name, self.scale),
            saved=job.saved,
            runs=job.runs,
            measure=self.measure,
        )

    def _end(self, job: Job, future: Future[None]) -> None:
        job.seconds = time.time() - job.began
        error = future.exception()
        job.status = "failed" if error else "done"
        job.error = str(error) if error else ""
        if error and not isinstance(error, kernel.NotebookError):
            raise error

    def _look(self, shown: Display) -> None:
        for job in self.jobs:
            if job.status == "running":
                job.kernel = kernel.pid(job.name) or job.kernel
                display.note_studies(job)
        shown.update(self.jobs, left=self.seconds_left())

    def _heavy(self, job: Job) -> bool:
        return self.measure and job.source.cost == "heavy"

    def seconds_left(self) -> float | None:
        """Estimate for everything: heavy notebooks one after another, light ones beside them; None if unknown."""
        open_jobs = [job for job in self.jobs if job.status in ("waiting", "running")]
        if any(job.left is None for job in open_jobs if self._heavy(job)):
            return None
        heavy = sum(job.left or 0.0 for job in open_jobs if self._heavy(job))
        light = sum(job.left or 0.0 for job in open_jobs if not self._heavy(job))
        return heavy + light if self.workers == 1 else max(heavy, (heavy + light) / 2)


def _outcome(job: Job, scale: str) -> Outcome:
    file = notebook.executed_file(job.name, scale)
    return Outcome(
        job.name, job.status, job.seconds, job.error, file if job.status in ("done", "reused") else None
    )


def _check_order(jobs: Sequence[Job]) -> None:
    """Refuse a ring of notebooks that wait for each other."""
    names = {job.name for job in jobs}
    try:
        TopologicalSorter({job.name: names & set(job.source.after) for job in jobs}).prepare()
    except CycleError as error:
        ring = ", ".join(sorted(set(error.args[1])))
        raise ValueError(f"notebooks wait for each other: {ring}; mend their metadata rapo.after") from error


def _wait(running: Mapping[Future[None], Job]) -> None:
    from concurrent.futures import FIRST_COMPLETED, wait

    wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, kernels included."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _since_now() -> Iterator[None]:
    """Let the kernels know when this reproduction began: what is reused from before it is time saved."""
    before = os.environ.get("RAPO_BEGAN")
    os.environ["RAPO_BEGAN"] = str(time.time())
    try:
        yield
    finally:
        if before is None:
            del os.environ["RAPO_BEGAN"]
        else:
            os.environ["RAPO_BEGAN"] = before
