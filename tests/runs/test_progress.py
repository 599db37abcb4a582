"""How far a study is, and how long it will take: estimates by hand."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from rapo import paths
from rapo.runs import progress
from rapo.runs.progress import Forecast, Progress, State
from rapo.runs.run import Result, Run


def run(x: int, *, seed: int = 0, function: str = "json:dumps") -> Run:
    return Run(function, {"x": x, "seed": seed})


def test_nothing_is_estimated_from_nothing() -> None:
    assert Forecast().seconds(run(1)) is None
    assert Forecast().left([run(1)], {}, jobs=2) is None
    assert Forecast().left([], {}, jobs=2) == 0.0


def test_a_run_takes_as_long_as_its_kind_then_its_nearest_kind_then_any() -> None:
    forecast = Forecast()
    for x, seed, seconds in ((1, 0, 10.0), (1, 1, 20.0), (2, 0, 60.0)):
        forecast.note(run(x, seed=seed), seconds)
    assert forecast.seconds(run(1, seed=9)) == 15.0  # median of 10 and 20, which differ in the seed only
    other = Run("json:dumps", {"x": 2, "seed": 0, "arm": "UF"})
    assert forecast.seconds(other) == 60.0  # shares x = 2 with the last one
    assert forecast.seconds(run(3, function="json:loads")) == 20.0  # median of 10, 20, 60: any run of this study


def test_nested_settings_count_one_by_one() -> None:
    forecast = Forecast()
    for steps, seconds in ((10, 1.0), (99, 9.0)):
        forecast.note(Run("json:dumps", {"train": {"steps": steps, "rate": 0.1}}), seconds)
    assert forecast.seconds(Run("json:dumps", {"train": {"steps": 99, "rate": 0.2}})) == 9.0


def test_earlier_figures_are_scaled_by_how_this_machine_compares() -> None:
    past = {
        progress.kind("json:dumps", {"x": 1}): [10.0],
        progress.kind("json:dumps", {"x": 2}): [40.0],
        progress.kind("json:loads", {"x": 1}): [100.0],
    }
    forecast = Forecast(past)
    assert forecast.seconds(run(2)) == 40.0
    forecast.note(run(1), 5.0)  # half of the 10 s it took before
    assert forecast.seconds(run(1, function="json:loads")) == 50.0  # 100 x 5 / 10
    forecast.note(run(7), 3.0)  # a kind of which nothing was recorded
    assert forecast.seen == [(5.0, 10.0)]


def test_time_left_is_the_work_shared_out_but_no_less_than_the_longest_run() -> None:
    forecast = Forecast({progress.kind("json:dumps", {"x": x}): [10.0 * x] for x in (1, 2, 9)})
    assert forecast.left([run(1), run(2)], {run(1, seed=5): 4.0}, jobs=2) == 20.0  # (10 + 20 + 6) / 2 < 20
    assert forecast.left([run(1), run(2), run(2, seed=1)], {run(1, seed=5): 4.0}, jobs=2) == 28.0  # 56 / 2
    assert forecast.left([run(1), run(9)], {}, jobs=2) == 90.0
    # A run that takes longer than expected still needs a tenth of what was expected.
    assert forecast.left([], {run(1): 50.0}, jobs=2) == 1.0


def test_history_reads_finished_runs_and_kept_durations(rapo_root: Path) -> None:
    folder = paths.runs() / "a"
    folder.mkdir(parents=True)
    record = {"function": "m:f", "config": {"x": 1, "seed": 3}, "seconds": 7.0}
    (folder / "result.json").write_text(json.dumps(record))
    (paths.runs() / "b").mkdir()
    (paths.runs() / "b" / "result.json").write_text("{damaged")
    assert progress.history(paths.runs()) == {'m:f {"x":1}': [7.0]}
    assert progress.history(paths.runs(), ["b", "c"]) == {}
    assert progress.kept_durations("runs") == {}
    paths.write_text(paths.results() / "durations.json", json.dumps({"runs": {"m:g {}": 2.0}}))
    assert progress.kept_durations("runs") == {"m:g {}": 2.0}


def test_counts_and_the_file(rapo_root: Path) -> None:
    one, two, three = run(1), run(2), run(3)
    forecast = Forecast({progress.kind("json:dumps", {"x": 1}): [10.0]})
    shown = Progress("s", total=4, reused=1, saved=30.0, forecast=forecast, jobs=2)
    with shown:
        shown.waiting = [three]
        shown.start(one)
        shown.start(two)
        state = shown.state()
        assert (state.done, state.running, state.left, state.saved) == (1, 2, 1, 15.0)  # 30 / 2 workers
        assert state.seconds_left == pytest.approx(15.0, abs=0.5)  # (10 + 10 + 10) / 2
        shown.end(one, "done", 4.0)
        shown.end(two, "failed", 0.0)
        state = shown.state()
        assert (state.done, state.running, state.failed) == (2, 0, 1)
        assert (state.took, state.recorded) == (4.0, 10.0)
        assert state.seconds_left == pytest.approx(4.0, abs=0.5)  # as long as the first one
        shown.start(three)
        shown.end(three, "busy", 0.0)
        assert (shown.state().done, shown.state().running) == (2, 0)
    written = progress.load(progress.progress_file("s"))
    assert written is not None
    assert written.finished
    assert written.keys == [one.key]
    assert progress.load(rapo_root / "none.json") is None


def test_line() -> None:
    state = State("s", 9, 4, 2, 3, 1, 0, 100.0, 15.0, started=0.0, updated=1000.0, pid=1)
    assert state.line(now=1010.0) == "s: 4 of 9 runs done, 1 reused, 2 running, 3 to do, about 2 min left"
    assert state.line(now=9999.0).endswith("running, 3 to do, a few seconds left")


@pytest.mark.parametrize("quiet", [True, False])
def test_line_is_shown_in_a_terminal_unless_quiet(
    rapo_root: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("RAPO_PROGRESS", "quiet" if quiet else "")
    with Progress("s", total=1, reused=1, saved=0.0, forecast=Forecast(), jobs=1):
        pass
    assert ("s: 1 of 1 runs done" in terminal.getvalue()) != quiet


@pytest.mark.parametrize(("columns", "width"), [(80, 79), (20, 19), (0, 100), (None, 100)])
def test_the_line_is_as_wide_as_the_terminal(
    rapo_root: Path, monkeypatch: pytest.MonkeyPatch, columns: int | None, width: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return 2

    def size(number: int) -> os.terminal_size:
        if columns is None:
            raise OSError(25, "Inappropriate ioctl for device")
        return os.terminal_size((columns, 24))

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(os, "get_terminal_size", size)
    monkeypatch.delenv("RAPO_PROGRESS", raising=False)
    with Progress("a_study", total=1, reused=1, saved=0.0, forecast=Forecast(), jobs=1):
        pass
    assert {len(line) for line in terminal.getvalue().strip("\n").split("\r")[1:]} == {width}


def test_only_what_is_older_than_the_reproduction_is_time_saved_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for key in "ab":
        (tmp_path / key).mkdir()
        (tmp_path / key / "result.json").touch()
        os.utime(tmp_path / key / "result.json", (100, 100))
        found.append(Result(key, key, tmp_path / key, {}, {}, seconds=2.0, reused=True))
    monkeypatch.delenv("RAPO_BEGAN", raising=False)
    assert progress.seconds_saved(found, told={"a"}) == 2.0, "this process computed a"
    monkeypatch.setenv("RAPO_BEGAN", "99")
    assert progress.seconds_saved(found, told=set()) == 0, "this reproduction computed them"
    monkeypatch.setenv("RAPO_BEGAN", "101")
    told: set[str] = set()
    assert progress.seconds_saved(found, told=told) == 4.0
    assert progress.seconds_saved(found, told=told) == 0, "told before"
