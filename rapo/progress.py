"""How far a study is: counts, an estimate of the time left, a file for onlookers and one line for a person."""

import json
import logging
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from rapo import paths
from rapo.config import canonical
from rapo.runs import Run

_log = logging.getLogger(__name__)
INTERVAL = 0.5  # seconds between two writes


@dataclass(frozen=True)
class State:
    """What the progress file of a study holds.

    Attributes:
        name: the study's name.
        total, done, running, left, reused, failed: numbers of runs; reused ones count as done.
        seconds_left: estimate; None while nothing is known.
        saved: seconds that the reused runs would have taken on this study's workers.
        started, updated: seconds since the epoch.
        pid: the process whose study it is.
        finished: whether the study has ended.
    """

    name: str
    total: int
    done: int
    running: int
    left: int
    reused: int
    failed: int
    seconds_left: float | None
    saved: float
    started: float
    updated: float
    pid: int
    finished: bool = False

    def line(self, *, now: float | None = None) -> str:
        """One line for a person."""
        parts = [f"{self.done} of {self.total} runs done"]
        parts += [f"{count} {word}" for count, word in self._counts() if count]
        if self.seconds_left is not None and not self.finished:
            passed = (time.time() if now is None else now) - self.updated
            parts.append(f"about {duration(max(self.seconds_left - passed, 0))} left")
        return f"{self.name}: " + ", ".join(parts)

    def _counts(self) -> list[tuple[int, str]]:
        return [(self.reused, "reused"), (self.running, "running"), (self.left, "to do"), (self.failed, "failed")]


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(7.4), duration(130), duration(4020)
    ('7 s', '2 min 10 s', '1 h 7 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def progress_file(name: str) -> Path:
    """Where onlookers read how far the study ``name`` is."""
    return paths.root() / "build" / "progress" / f"{name}.json"


def load(file: Path) -> State | None:
    """Read a progress file; None when it is missing or unreadable."""
    try:
        return State(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def kind(function: str, config: Mapping[str, Any]) -> str:
    """What runs of equal length have in common: the function and the settings apart from the seed."""
    return function + " " + canonical({name: value for name, value in config.items() if name != "seed"})


@dataclass
class Forecast:
    """Seconds that runs take, from runs that have ended.

    A run lasts as long as the median of its kind; else of its function in this study; else of its function
    before, scaled by how this machine compares so far; else of all runs of this study.
    """

    past: Mapping[str, Sequence[float]] = field(default_factory=dict)
    here: dict[str, list[float]] = field(default_factory=dict)
    ratios: list[float] = field(default_factory=list)

    def note(self, run: Run, seconds: float) -> None:
        """A run of this study ended."""
        if before := self._before(run):
            self.ratios.append(seconds / before)
        for name in (kind(run.function, run.config), run.function, ""):
            self.here.setdefault(name, []).append(seconds)

    def seconds(self, run: Run) -> float | None:
        """How long a run will take, or None when nothing like it has ever ended."""
        for name in (kind(run.function, run.config), run.function):
            if name in self.here:
                return statistics.median(self.here[name])
        if before := self._before(run):
            return before * (statistics.median(self.ratios) if self.ratios else 1.0)
        return statistics.median(self.here[""]) if self.here else None

    def left(self, waiting: Iterable[Run], running: Mapping[Run, float], *, jobs: int) -> float | None:
        """Seconds until all have ended on ``jobs`` workers; ``running`` says how long each has run."""
        ahead = [self.seconds(run) for run in waiting]
        under_way = [(self.seconds(run), elapsed) for run, elapsed in running.items()]
        rest = [None if whole is None else max(whole - elapsed, 0.1 * whole) for whole, elapsed in under_way]
        known = [value for value in (*ahead, *rest) if value is not None]
        if len(known) < len(ahead) + len(rest):
            return None
        return max(sum(known) / max(jobs, 1), max(known, default=0.0))

    def _before(self, run: Run) -> float | None:
        values = self.past.get(kind(run.function, run.config)) or self.past.get(run.function)
        return statistics.median(values) if values else None


def history(root: Path) -> dict[str, list[float]]:
    """Durations of the runs kept in a folder of runs, by kind and by function; else the kept ones."""
    found: dict[str, list[float]] = {}
    for file in root.glob("*/result.json"):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            for name in (kind(record["function"], record["config"]), record["function"]):
                found.setdefault(name, []).append(float(record["seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    try:
        kept = json.loads((paths.results() / "durations.json").read_text(encoding="utf-8"))["runs"]
    except (OSError, ValueError, KeyError, TypeError):
        kept = {}
    return {**kept, **found}


class Progress:
    """Keeps count of a study; a thread writes the file and the line twice a second.

    ``RAPO_PROGRESS=quiet`` keeps the line away; so does an output that is neither a terminal nor a notebook.
    """

    def __init__(self, name: str, *, total: int, reused: int, saved: float, forecast: Forecast, jobs: int) -> None:
        self.name, self.total, self.reused, self.jobs = name, total, reused, jobs
        self.saved = saved / max(jobs, 1)
        self.forecast, self.done, self.failed = forecast, reused, 0
        self.waiting: list[Run] = []
        self.running: dict[Run, float] = {}
        self._started, self._stop = time.time(), threading.Event()
        self._thread = threading.Thread(target=self._tick, name=f"progress of {name}", daemon=True)
        self._shows = os.environ.get("RAPO_PROGRESS") != "quiet" and (sys.stderr.isatty() or _in_notebook())

    def __enter__(self) -> Self:
        self._write(finished=False)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self._write(finished=True)
        if self._shows:
            sys.stderr.write("\n")

    def start(self, run: Run) -> None:
        """A run was handed to a worker."""
        self.running[run] = time.time()

    def end(self, run: Run, status: str, seconds: float) -> None:
        """A run is "done", "failed", or "busy" (to be handed out again)."""
        self.running.pop(run, None)
        self.done += status == "done"
        self.failed += status == "failed"
        if status == "done" and seconds:
            self.forecast.note(run, seconds)

    def state(self, *, finished: bool = False) -> State:
        """The counts as they stand."""
        now, running, waiting = time.time(), dict(self.running), list(self.waiting)
        left = self.forecast.left(waiting, {run: now - since for run, since in running.items()}, jobs=self.jobs)
        return State(
            name=self.name,
            total=self.total,
            done=self.done,
            running=len(running),
            left=len(waiting),
            reused=self.reused,
            failed=self.failed,
            seconds_left=left,
            saved=self.saved,
            started=self._started,
            updated=now,
            pid=os.getpid(),
            finished=finished,
        )

    def _tick(self) -> None:
        while not self._stop.wait(INTERVAL):
            try:
                self._write(finished=False)
            except (OSError, RuntimeError) as error:  # a full disk, or a count that changed under way
                _log.debug("progress of %s not written: %s", self.name, error)

    def _write(self, *, finished: bool) -> None:
        state = self.state(finished=finished)
        paths.write_text(progress_file(self.name), json.dumps(asdict(state)) + "\n")
        if self._shows:
            sys.stderr.write(f"\r{state.line():<100}")
            sys.stderr.flush()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return bool(ipython and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell")
