"""A bar for long computations: rows done, speed, time left. Shown where a person watches, silent elsewhere."""

import sys
from types import TracebackType
from typing import Any, Self


class Bar:
    """Counts units of work, and shows them on stderr.

    Args:
        total: units in all.
        unit: what is counted.
        shown: whether to show it; None shows it where stderr is a terminal.
    """

    def __init__(self, total: int, *, unit: str = "rows", shown: bool | None = None) -> None:
        self.total, self.unit, self.done = total, unit, 0.0
        self._shows = sys.stderr.isatty() if shown is None else shown
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._shows:
            from rich import progress
            from rich.console import Console

            columns = ("{task.description}", progress.BarColumn(), progress.MofNCompleteColumn(), self.unit)
            times = (progress.TimeElapsedColumn(), "left", progress.TimeRemainingColumn())
            self._bar = progress.Progress(*columns, *times, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=self.total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def title(self, text: str) -> None:
        """Say what is being done."""
        if self._bar is not None:
            self._bar.update(self._task, description=text)

    def advance(self, units: float) -> None:
        """So many units more are done."""
        self.done += units
        if self._bar is not None:
            self._bar.update(self._task, completed=round(self.done))
