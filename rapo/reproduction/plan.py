"""Headless reproduction: every notebook run once for what it is, side by side, resumed, and told at the end."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Self

from rapo import paths
from rapo.reproduction import display, estimates, kernel, marker, notebook
from rapo.reproduction.display import Display, Job
from rapo.reproduction.notebook import Source

_TICK = 0.25  # seconds between two looks at what runs


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
) -> list[Job]:
    """Run notebooks headless; those whose cells, parameters and code have not changed since are reused.

    Heavy notebooks run one at a time with ``jobs`` worker processes, light ones beside them. At smoke, where a run
    takes less time than a worker takes to start, only those are heavy that others wait for. A notebook that fails is
    kept with its traceback; the others go on, but for those that come ``after`` it. An interrupt ends the kernels
    and leaves everything resumable.

    Args:
        notebooks: names or paths; all of ``notebooks/`` by default.
        scale: smoke, small or full.
        force: run even what has not changed. Finished study runs are reused all the same.
        settings: parameters of the notebooks' own, by name.
        measure: False redraws from the kept results.
        timeout: seconds that one cell may take.
        show: who shows the progress; nobody by default.

    Returns:
        One job a notebook, in the order of their names, with what became of it.

    Raises:
        ValueError: an unknown notebook, scale or parameter, told with those that there are; or there is no notebook.
        RuntimeError: another process reproduces the same scale.
    """
    from filelock import FileLock, Timeout

    paths.check_scale(scale)
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; use 1 or more")
    names = None if notebooks is None else list(notebooks)
    sources = notebook.find(names)
    notebook.check_any(sources)
    notebook.check_settings(sources, settings or {}, strict=names is not None)
    lock = paths.build(scale) / "reproduce.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0), show or Display() as shown:
            plan = Plan(sources, scale, jobs, settings or {}, measure=measure, timeout=timeout)
            plan.run(shown, force=force)
    except Timeout as error:
        raise RuntimeError(f"another process reproduces scale {scale} now; wait for it, or end it") from error
    return plan.jobs


class Memory:
    """Peak resident memory of this process and all below it, looked at about once a second."""

    def __init__(self) -> None:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
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


@dataclass
class Plan:
    """Which notebook runs when; ``workers`` are the processes of a heavy one, the rest is as `reproduce` takes it."""

    sources: Sequence[Source]
    scale: str
    workers: int
    settings: Mapping[str, Any]
    measure: bool = True
    timeout: float | None = None
    jobs: list[Job] = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a ring of notebooks that wait for each other."""
        names = {source.name for source in self.sources}
        try:
            TopologicalSorter({source.name: names & set(source.after) for source in self.sources}).prepare()
        except CycleError as error:
            ring = ", ".join(sorted(set(error.args[1])))
            raise ValueError(f"notebooks wait for each other: {ring}; mend their metadata rapo.after") from error
        self._began = time.time()
        options: dict[str, Any] = {"scale": self.scale, "measure": self.measure, "settings": self.settings}
        self._digests = {source.name: notebook.digest(source, **options) for source in self.sources}
        self.jobs = [Job(source) for source in self.sources]

    def run(self, shown: Display, *, force: bool) -> None:
        """Run what is not done; on an interrupt end the kernels first."""
        for job in [] if force else self.jobs:
            if marker.is_done(job.name, self.scale, self._digests[job.name], measure=self.measure):
                job.end("reused", executed=marker.executed_file(job.name, self.scale))
        left = [job.source for job in self.jobs if job.status == "waiting"]
        usual = estimates.expected(left, self.scale, workers=self.workers, measure=self.measure)
        for job in self.jobs:
            job.expected = usual.get(job.name)
        running: dict[Future[None], Job] = {}
        pool = ThreadPoolExecutor(max_workers=self.workers + 1, thread_name_prefix="notebook")
        with _terminable(), pool:
            try:
                while True:
                    for job in self._startable(list(running.values())):
                        job.status, job.began = "running", time.time()
                        running[pool.submit(self._execute, job)] = job
                    self._look(shown)
                    if not running:
                        return
                    wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
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
                job.end("not run", f"comes after {', '.join(broken)}")
                return self._startable(running)
        busy = list(running)
        for job in sorted(waiting, key=lambda job: (not self._heavy(job), -(job.expected or 0.0))):
            heavy = sum(map(self._heavy, busy))
            light = len(busy) - heavy
            free = (
                not heavy and (self.workers > 1 or not light) if self._heavy(job) else light < self.workers - heavy
            )
            if free and all(status.get(name, "done") in ("done", "reused") for name in job.source.after):
                busy.append(job)
        return busy[len(running) :]

    def _execute(self, job: Job) -> None:
        common = {"scale": self.scale, "measure": self.measure, "jobs": self.workers if self._heavy(job) else 1}
        values = notebook.parameters(job.source, {**common, **self.settings})
        before = marker.read(job.name, self.scale, measure=self.measure)
        marker.marker_file(job.name, self.scale, measure=self.measure).unlink(missing_ok=True)
        kernel.execute(job.source, values, scale=self.scale, began=self._began, timeout=self.timeout)
        display.note_studies(job)
        marker.write(
            job.name,
            self.scale,
            digest=self._digests[job.name],
            began=job.began,
            written=kernel.written(job.name, self.scale),
            saved=job.saved,
            runs=job.runs,
            measure=self.measure,
            before=before,
        )

    def _end(self, job: Job, future: Future[None]) -> None:
        try:
            future.result()
            job.end("done", executed=marker.executed_file(job.name, self.scale))
        except kernel.NotebookError as error:
            job.end("failed", str(error))

    def _look(self, shown: Display) -> None:
        for job in self.jobs:
            if job.status == "running":
                job.kernel = kernel.pid(job.name) or job.kernel
                display.note_studies(job)
        self.set_pace()
        shown.update(self.jobs, left=self.seconds_left())

    def _heavy(self, job: Job) -> bool:
        if not self.measure or job.source.cost != "heavy":
            return False
        return self.scale != "smoke" or any(job.name in source.after for source in self.sources)

    def set_pace(self) -> None:
        """Hold what has ended against what was recorded of it, heavy and light notebooks apart."""
        for heavy in (True, False):
            jobs = [job for job in self.jobs if self._heavy(job) == heavy]
            seen = [(job.seconds, job.expected) for job in jobs if job.ended_anew and job.expected]
            now = estimates.pace([*seen, *(job.seen for job in jobs if job.status == "running")])
            for job in jobs:
                job.pace = now

    def seconds_left(self) -> float | None:
        """Estimate for everything: heavy notebooks one after another, light ones beside them; None if unknown."""
        if any(job.left is None for job in self.jobs if self._heavy(job)):
            return None
        left = [job.left or 0.0 for job in self.jobs]
        heavy = sum(seconds for job, seconds in zip(self.jobs, left, strict=True) if self._heavy(job))
        return max(heavy, sum(left) / self.workers, *left) or None


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
