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


def test_time_left_of_a_job() -> None:
    assert job("a").left is None
    assert job("a", expected=30.0).left == 30.0
    assert job("a", "done", expected=30.0).left == 0.0
    running = job("a", "running", began=time.time() - 10, expected=30.0)
    assert running.left == pytest.approx(20.0, abs=1)
    running.study = state()
    assert running.left == pytest.approx(90.0, abs=1)  # the study knows better
    running.study = state(finished=True)
    assert running.left == pytest.approx(20.0, abs=1)


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
    one = job("one", "running", began=time.time() - 5, study=state())
    shown.update([one], left=120.0)
    assert "..." not in printed(out)
    shown._last -= display.STATUS_EVERY
    shown.update([one], left=120.0)
    text = (
        "... one central: 4 of 9 runs done, 2 running, 3 to do, about 1 min 30 s left; about 2 min 0 s left in all"
    )
    assert text in printed(out)


def test_table_has_a_row_a_notebook_and_one_a_study() -> None:
    out = console()
    jobs = [
        job("first", "done", seconds=65.0),
        job("second", "running", began=time.time() - 5, study=state()),
        job("third", expected=30.0),
        job("fourth", "failed", error="cell 3 [bold]: no"),
    ]
    out.print(Live(out).table(jobs, left=120.0))
    text = printed(out)
    for part in (
        "first   done     1 min 5 s",
        "second  running  5 s        about 1 min 30 s left",
        "central: 4 of 9 runs done",
        "third   waiting             takes about 30 s",
        "cell 3 [bold]: no",
        "2 of 4 notebooks; about 2 min 0 s left",
    ):
        assert part in text


def test_choice_of_display() -> None:
    assert isinstance(display.choose(console()), Plain)
    terminal = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "xterm"})
    assert isinstance(display.choose(terminal), Live)
