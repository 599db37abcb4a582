"""What a person sees while notebooks run: a live table in a terminal, plain lines anywhere else."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rapo import paths
from rapo.reproduction.notebook import Source
from rapo.runs import progress
from rapo.runs.progress import State, about, duration

STYLES = {"done": "green", "reused": "cyan", "running": "yellow", "failed": "bold red", "not run": "red"}
STATUS_EVERY = 15.0  # seconds between two status lines where there is no terminal


@dataclass
class Job:
    """One notebook on its way: "waiting", "running", "done", "reused", "failed" or "not run"."""

    source: Source
    status: str = "waiting"
    began: float = 0.0
    seconds: float = 0.0
    expected: float | None = None
    error: str = ""
    kernel: int | None = None
    study: State | None = None
    saved: float = 0.0
    seen: tuple[float, float] = (0.0, 0.0)  # seconds of its runs that ended, and those recorded of them before
    pace: float = 1.0  # seconds now for each second recorded
    runs: tuple[str, ...] = ()
    executed: Path | None = None

    def end(self, status: str, error: str = "", *, executed: Path | None = None) -> None:
        """Note what became of it, and where its executed copy lies."""
        self.seconds = time.time() - self.began if self.began else 0.0
        self.status, self.error, self.executed = status, error, executed

    @property
    def ok(self) -> bool:
        """Whether its products are there."""
        return self.status in ("done", "reused")

    @property
    def ended_anew(self) -> bool:
        """Whether it ran to its end and computed all of its runs itself."""
        return self.status == "done" and not self.saved

    @property
    def name(self) -> str:
        """The notebook's name."""
        return self.source.name

    @property
    def elapsed(self) -> float:
        """Seconds it took, or has taken so far."""
        return time.time() - self.began if self.status == "running" else self.seconds

    @property
    def left(self) -> float | None:
        """Seconds it still needs, more than 0 until it has ended; None where nobody knows.

        What is longer under way than was expected is taken to need as long again as it is late.
        """
        if self.status not in ("waiting", "running"):
            return 0.0
        known = []
        if self.study and not self.study.finished and self.study.seconds_left is not None:
            known.append(self.study.seconds_left - (time.time() - self.study.updated))
        if self.expected is not None:
            known.append(self.pace * (self.expected - self.saved) - self.elapsed)
        return max(abs(max(known)), 1.0) if known else None


class Display:
    """Whoever shows the jobs; this one shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def update(self, jobs: Sequence[Job], *, left: float | None) -> None:
        """Show how things stand, a few times a second; ``left`` is the estimate for everything, in seconds."""


class Plain(Display):
    """One line when a notebook starts or ends, and a line on the running ones every 15 s."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self._told: dict[str, str] = {}
        self._last = time.monotonic()

    def update(self, jobs: Sequence[Job], *, left: float | None) -> None:
        """Print what is new."""
        for job in jobs:
            if job.status != self._told.get(job.name, "waiting"):
                self._told[job.name] = job.status
                self._print(f"{job.name}: {told(job)}")
        if time.monotonic() - self._last < STATUS_EVERY:
            return
        self._last = time.monotonic()
        running = [f"{job.name} {study_line(job) or told(job)}" for job in jobs if job.status == "running"]
        rest = f"; {about(left)} left in all" if left else ""
        if running:
            self._print(f"... {'; '.join(running)}{rest}")

    def _print(self, line: str) -> None:
        self.console.print(f"[{time.strftime('%H:%M:%S')}] {line}", markup=False, soft_wrap=True)


class Live(Display):
    """A table that redraws itself, one row a notebook."""

    def __init__(self, console: Any) -> None:
        from rich.live import Live as RichLive

        self._live = RichLive(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def update(self, jobs: Sequence[Job], *, left: float | None) -> None:
        """Redraw."""
        self._live.update(self.table(jobs, left=left), refresh=True)

    def table(self, jobs: Sequence[Job], *, left: float | None) -> Any:
        """The table as it stands."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for job in jobs:
            style = STYLES.get(job.status, "dim")
            clock = duration(job.elapsed) if job.status in ("running", "done", "failed") else ""
            table.add_row(Text(job.name), Text(job.status, style=style), Text(clock), Text(remark(job)))
            if line := study_line(job):
                table.add_row("", "", "", Text(line, style="dim"))
        busy = any(job.status in ("waiting", "running") for job in jobs)
        ended = sum(job.status not in ("waiting", "running") for job in jobs)
        estimate = f"{about(left)} left" if left else "no estimate yet"
        table.caption = f"{ended} of {len(jobs)} notebooks; {estimate}" if busy else None
        table.caption_justify = "left"
        return table


def choose(console: Any) -> Display:
    """A live table where there is a terminal, plain lines elsewhere."""
    return Live(console) if console.is_terminal and not console.is_dumb_terminal else Plain(console)


def told(job: Job) -> str:
    """A job's state in words."""
    if job.status == "running":
        usual = f", takes {about(job.expected)}" if job.expected else ""
        return f"running for {duration(job.elapsed)}" if job.elapsed >= 1 else f"started{usual}"
    if job.status == "done":
        return f"done in {duration(job.seconds)}"
    if job.status == "reused":
        return "unchanged, reused"
    return f"{job.status}: {job.error}"


def remark(job: Job) -> str:
    """What stands at the end of a job's row."""
    if job.status == "running" and job.left is not None:
        return f"{about(job.left)} left"
    if job.status == "waiting" and job.left:
        return f"takes {about(job.left)}"
    return job.error or ("unchanged" if job.status == "reused" else "")


def study_line(job: Job) -> str:
    """How far the study of a running notebook is, or nothing."""
    return job.study.line() if job.status == "running" and job.study and not job.study.finished else ""


def note_studies(job: Job) -> None:
    """Read how far the studies are that a job's kernel has run since the job began."""
    states = [progress.load(file) for file in (paths.root() / "build" / "progress").glob("*.json")]
    own = [state for state in states if state and state.pid == job.kernel and state.started >= job.began]
    job.study = max(own, key=lambda state: state.updated, default=None)
    job.saved = sum(state.saved for state in own)
    job.seen = (sum(state.took for state in own), sum(state.recorded for state in own))
    job.runs = tuple({key for state in own for key in state.keys})
