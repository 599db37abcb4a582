"""What a person sees: words of a job, and what is printed where there is no terminal."""

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from rapo.reproduction import display
from rapo.reproduction.display import Job, Live, Plain
from rapo.reproduction.notebook import Source
from rapo.runs.progress import State


def job(name: str, status: str = "waiting", **options: object) -> Job:
    return Job(Source(Path(f"{name}.ipynb"), name, "light", (), {}, "", ""), status=status, **options)  # type: ignore[arg-type]


def state(**changes: object) -> State:
    numbers = {"total": 9, "done": 4, "running": 2, "left": 3, "reused": 0, "failed": 0, "saved": 0.0}
    times = {"seconds_left": 90.0, "started": 0.0, "updated": time.time(), "pid": 1}
    return State(name="central", **{**numbers, **times, **changes})  # type: ignore[arg-type]


def console() -> Console:
    return Console(file=io.StringIO(), width=100, force_terminal=False)


def printed(one: Console) -> str:
    assert isinstance(one.file, io.StringIO)
    return one.file.getvalue()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> float:
    """The time that jobs see."""
    monkeypatch.setattr(display.time, "time", lambda: 1000.0)
    return 1000.0


def test_time_left_of_a_job(clock: float) -> None:
    assert job("a").left is None
    assert job("a", expected=30.0).left == 30.0
    assert job("a", expected=30.0, pace=2.0).left == 60.0
    assert job("a", "done", expected=30.0).left == 0.0
    running = job("a", "running", began=clock - 10, expected=30.0)
    assert running.left == 20.0
    running.pace = 1.5
    assert running.left == 35.0  # 1.5 * 30 - 10
    running.study = state(updated=clock - 5)
    assert running.left == 85.0  # the study knows better: 90 s, 5 s ago
    running.study = state(finished=True)
    assert running.left == 35.0


def test_reused_runs_shorten_the_estimate(clock: float) -> None:
    running = job("a", "running", began=clock - 10, expected=100.0, saved=70.0)
    assert running.left == 20.0  # 100 - 70 - 10


def test_what_is_late_is_not_told_to_be_done(clock: float) -> None:
    assert job("a", "running", began=clock - 30, expected=30.0).left == 1.0
    assert job("a", "running", began=clock - 50, expected=30.0).left == 20.0  # as long again as it is late
    late = job("a", "running", began=clock - 50, study=state(seconds_left=2.0, updated=clock - 60))
    assert late.left == 58.0


def test_only_what_computed_its_runs_itself_tells_how_long_they_take() -> None:
    assert job("a", "done").ended_anew
    assert not job("a", "done", saved=5.0).ended_anew
    assert not job("a", "reused").ended_anew


def test_plain_lines_tell_what_is_new_once(monkeypatch: pytest.MonkeyPatch) -> None:
    out = console()
    shown = Plain(out)
    one, two = job("one"), job("two", "reused")
    shown.update([one, two], left=None)
    one.status, one.began = "running", time.time()
    shown.update([one, two], left=None)
    shown.update([one, two], left=None)
    one.status, one.error = "failed", "cell 3 `x[0]`: IndexError"
    shown.update([one, two], left=None)
    lines = [line.split("] ", 1)[1] for line in printed(out).splitlines()]
    assert lines == ["two: unchanged, reused", "one: started", "one: failed: cell 3 `x[0]`: IndexError"]


def test_plain_status_line_comes_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    out = console()
    shown = Plain(out)
    one = job("one", "running", began=time.time() - 5, study=state(seconds_left=110.0))
    shown.update([one], left=120.0)
    assert "..." not in printed(out)
    shown._last -= display.STATUS_EVERY
    shown.update([one], left=120.0)
    text = "... one central: 4 of 9 runs done, 2 running, 3 to do, about 2 min left; about 2 min left in all"
    assert text in printed(out)


def test_table_has_a_row_a_notebook_and_one_a_study() -> None:
    out = console()
    jobs = [
        job("first", "done", seconds=65.0),
        job("second", "running", began=time.time() - 5, study=state(seconds_left=110.0)),
        job("third", expected=30.0),
        job("fourth", "failed", error="cell 3 [bold]: no"),
    ]
    out.print(Live(out).table(jobs, left=120.0))
    text = printed(out)
    for part in (
        "first   done     1 min 5 s",
        "second  running  5 s        about 2 min left",
        "central: 4 of 9 runs done",
        "third   waiting             takes about 30 s",
        "cell 3 [bold]: no",
        "2 of 4 notebooks; about 2 min left",
    ):
        assert part in text


def test_choice_of_display() -> None:
    assert isinstance(display.choose(console()), Plain)
    terminal = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "xterm"})
    assert isinstance(display.choose(terminal), Live)
