"""How far a study is: counts, an estimate of the time left, a file for onlookers and one line for a person."""

import contextlib
import json
import logging
import math
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from rapo import paths
from rapo.config import canonical
from rapo.runs.run import Result, Run

_log = logging.getLogger(__name__)
INTERVAL = 0.5  # seconds between two writes


@dataclass(frozen=True)
class State:
    """What the progress file of a study holds; counts are of runs, reused ones count as done."""

    name: str
    total: int
    done: int
    running: int
    left: int
    reused: int
    failed: int
    seconds_left: float | None  # an estimate; None while nothing is known
    saved: float  # seconds that the reused runs would have taken on this study's workers
    started: float  # seconds since the epoch, as ``updated``
    updated: float
    pid: int  # of the process whose study it is
    finished: bool = False
    keys: Sequence[str] = ()  # finished runs, once the study has ended
    took: float = 0.0  # seconds of the runs that ended here and whose kind was recorded before
    recorded: float = 0.0  # seconds that runs of these kinds took then

    def line(self, *, now: float | None = None) -> str:
        """One line for a person."""
        words = {"reused": self.reused, "running": self.running, "to do": self.left, "failed": self.failed}
        parts = [f"{self.done} of {self.total} runs done"]
        parts += [f"{count} {word}" for word, count in words.items() if count]
        if self.seconds_left is not None and not self.finished:
            passed = (time.time() if now is None else now) - self.updated
            parts.append(f"{about(self.seconds_left - passed)} left")
        return f"{self.name}: " + ", ".join(parts)


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


def about(seconds: float) -> str:
    """An estimate of what is left while something still runs: as coarse as it is sure, and never nothing.

    >>> about(-3), about(7.4), about(47), about(130), about(2851), about(4020)
    ('a few seconds', 'a few seconds', 'about 50 s', 'about 2 min', 'about 48 min', 'about 1 h 7 min')
    """
    if seconds < 10:
        return "a few seconds"
    return f"about {duration(10 * math.ceil(seconds / 10)) if seconds <= 50 else minutes(seconds)}"


def minutes(seconds: float) -> str:
    """Seconds in whole minutes, one at least.

    >>> minutes(20), minutes(2851), minutes(4020), minutes(7200)
    ('1 min', '48 min', '1 h 7 min', '2 h 0 min')
    """
    hours, rest = divmod(max(round(seconds / 60), 1), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


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

    A run lasts as long as the median of its kind in this study; else of its kind before, scaled by how this
    machine compares so far; else as the kind of its function that shares most settings with it, here or before;
    else as the runs of this study do.
    """

    past: Mapping[str, Sequence[float]] = field(default_factory=dict)
    here: dict[str, list[float]] = field(default_factory=dict)
    seen: list[tuple[float, float]] = field(default_factory=list)  # seconds of a run here, and of its kind before

    def note(self, run: Run, seconds: float) -> None:
        """A run of this study ended."""
        name = kind(run.function, run.config)
        if name in self.past:
            self.seen.append((seconds, max(statistics.median(self.past[name]), 0.01)))
        self.here.setdefault(name, []).append(seconds)

    def seconds(self, run: Run) -> float | None:
        """How long a run will take, or None when nothing like it has ever ended."""
        name = kind(run.function, run.config)
        pace = statistics.median(now / then for now, then in self.seen) if self.seen else 1.0
        for known, scale in ((self.here, 1.0), (self.past, pace)):
            if name in known:
                return scale * statistics.median(known[name])
        for known, scale in ((self.here, 1.0), (self.past, pace)):
            if near := _nearest(name, known):
                return scale * statistics.median(known[near])
        every = [seconds for durations in self.here.values() for seconds in durations]
        return statistics.median(every) if every else None

    def left(self, waiting: Iterable[Run], running: Mapping[Run, float], *, jobs: int) -> float | None:
        """Seconds until all have ended on ``jobs`` workers; ``running`` says how long each has run."""
        known = []
        for run, elapsed in [*((run, 0.0) for run in waiting), *running.items()]:
            if (whole := self.seconds(run)) is None:
                return None
            known.append(max(whole - elapsed, 0.1 * whole))
        return max(sum(known) / max(jobs, 1), max(known, default=0.0))


def _nearest(name: str, known: Mapping[str, Sequence[float]]) -> str | None:
    """The kind of the same function with the most equal settings; the first of equals."""
    function, settings = _settings(name)
    near = [other for other in known if _settings(other)[0] == function]
    return max(near, key=lambda other: len(settings & _settings(other)[1]), default=None)


@lru_cache(maxsize=4096)
def _settings(name: str) -> tuple[str, frozenset[str]]:
    """A kind's function and its settings, one text each, those of nested mappings apart."""
    function, _, text = name.partition(" ")

    def flat(prefix: str, value: Any) -> list[str]:
        if not isinstance(value, dict):
            return [f"{prefix}={value!r}"]
        return [line for key, item in value.items() for line in flat(f"{prefix}.{key}", item)]

    return function, frozenset(flat("", json.loads(text)))


def history(root: Path, keys: Iterable[str] | None = None) -> dict[str, list[float]]:
    """Durations by kind of the runs in a folder, all or those with these keys."""
    found: dict[str, list[float]] = {}
    folders = root.glob("*") if keys is None else [root / key for key in keys]
    for file in (folder / "result.json" for folder in folders):
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            found.setdefault(kind(record["function"], record["config"]), []).append(float(record["seconds"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def kept_durations(what: str) -> dict[str, float]:
    """Seconds of the "runs" or the "notebooks" as kept with the results; nothing where they cannot be read."""
    try:
        kept = json.loads((paths.results() / "durations.json").read_text(encoding="utf-8"))[what]
        return {name: float(seconds) for name, seconds in kept.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def seconds_saved(reused: Iterable[Result], *, told: set[str]) -> float:
    """Seconds that runs of earlier days spare: not those that this reproduction computed itself, and each once.

    What is in ``told`` does not count; the keys of the others are put in.
    """
    began = float(os.environ.get("RAPO_BEGAN", "inf"))
    new = [result for result in reused if result.key not in told]
    told.update(result.key for result in new)
    return sum(result.seconds for result in new if (result.folder / "result.json").stat().st_mtime < began)


class Progress:
    """Keeps count of a study; a thread writes the file and the line twice a second.

    ``RAPO_PROGRESS=quiet`` keeps the line away; so does an output that is neither a terminal nor a notebook.
    """

    def __init__(self, name: str, *, total: int, reused: int, saved: float, forecast: Forecast, jobs: int) -> None:
        self.name, self.total, self.reused, self.jobs = name, total, reused, jobs
        self.saved = saved / max(jobs, 1)
        self.forecast, self.done, self.failed = forecast, reused, 0
        self.waiting: list[Run] = []
        self._handed_out: dict[Run, None] = {}  # in order
        self._began: dict[Run, float] = {}  # when a run was first seen under way
        self.keys: set[str] = set()
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
        """A run was handed out. joblib fetches a few ahead: the first ``jobs`` of them are under way."""
        self._handed_out[run] = None

    def end(self, run: Run, status: str, seconds: float) -> None:
        """A run is "done", "failed", or "busy" (to be handed out again)."""
        self._handed_out.pop(run, None)
        self._began.pop(run, None)
        self.failed += status == "failed"
        if status == "done":
            self.done += 1
            self.keys.add(run.key)
            if seconds:
                self.forecast.note(run, seconds)

    def state(self, *, finished: bool = False) -> State:
        """The counts as they stand."""
        now, handed_out = time.time(), list(self._handed_out)
        running, waiting = handed_out[: self.jobs], [*handed_out[self.jobs :], *self.waiting]
        elapsed = {run: now - self._began.setdefault(run, now) for run in running}
        left = self.forecast.left(waiting, elapsed, jobs=self.jobs)
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
            keys=sorted(self.keys) if finished else (),
            took=sum(now for now, _ in self.forecast.seen),
            recorded=sum(then for _, then in self.forecast.seen),
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
            sys.stderr.write(f"\r{_fitted(state.line())}")
            sys.stderr.flush()


def _fitted(line: str) -> str:
    """A line that covers the one before it and leaves the terminal's last column free: none is broken in two."""
    with contextlib.suppress(OSError, ValueError):  # no terminal
        if columns := os.get_terminal_size(sys.stderr.fileno()).columns:
            return f"{line[: columns - 1]:<{columns - 1}}"
    return f"{line:<100}"


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return bool(ipython and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell")
