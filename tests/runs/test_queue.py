"""Studies: computed once, in any order, by any number of workers, through crashes."""

import gc
import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import joblib
import psutil
import pytest
from tiny_runs import PATIENCE, computed, make, wait_for

from rapo import atomic
from rapo.runs import queue
from rapo.runs.queue import StudyError, run_all
from rapo.runs.run import Run, attempt, failure_file


@pytest.fixture
def runs(rapo_root: Path) -> Path:
    return rapo_root / "runs"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


# What a run is


def test_key_depends_on_function_config_needs_and_not_on_label_or_order(log: Path) -> None:
    run = Run("tiny_runs:square", {"a": 1, "b": [1, 2]}, label="one")
    assert run.key == Run("tiny_runs:square", {"b": [1, 2], "a": 1}, label="two").key
    others = [
        Run("tiny_runs:noisy", {"a": 1, "b": [1, 2]}),
        Run("tiny_runs:square", {"a": 2, "b": [1, 2]}),
        Run("tiny_runs:square", {"a": 1, "b": [1, 2]}, {"base": run}),
        Run("tiny_runs:square", {"a": 1, "b": [1, 2]}, {"other": run}),
    ]
    assert len({run.key, *(other.key for other in others)}) == 5


def test_config_is_copied_and_must_be_plain() -> None:
    config: dict = {"a": {"b": 1}}
    run = Run("tiny_runs:square", config)
    key = run.key
    config["a"]["b"] = 2
    assert run.config == {"a": {"b": 1}}
    assert Run("tiny_runs:square", {"a": {"b": 1}}).key == key
    with pytest.raises(TypeError, match=r"use str, int, float"):
        Run("tiny_runs:square", {"a": {1, 2}})
    with pytest.raises(ValueError, match=r"write 'package\.module:name'"):
        Run("square")


# What a study does


def test_results_come_in_order_with_needs_computed_once(runs: Path, log: Path) -> None:
    base = make(log, 2)
    arms = [make(log, x, {"base": base}) for x in (3, 4, 3)]
    results = run_all(arms, name="s", jobs=1, root=runs)
    assert [result.metrics["y"] for result in results] == [13, 20, 13]  # 9 + 4, 16 + 4, 9 + 4
    assert computed(log) == [2, 3, 4]
    assert [result.reused for result in results] == [False, False, False]
    again = run_all([*arms, base], name="s", jobs=1, root=runs)
    assert [result.metrics["y"] for result in again] == [13, 20, 13, 4]
    assert all(result.reused for result in again)
    assert computed(log) == [2, 3, 4]
    assert (results[0].folder / "artefact.txt").read_text() == "3"
    assert json.loads((results[0].folder / "config.json").read_text())["needs"] == {"base": base.key}


def test_finished_runs_do_not_ask_for_what_they_needed(runs: Path, log: Path) -> None:
    base = make(log, 2)
    arm = make(log, 3, {"base": base})
    run_all([arm], name="s", jobs=1, root=runs)
    for file in (runs / base.key).iterdir():
        file.unlink()
    (runs / base.key).rmdir()
    assert run_all([arm], name="s", jobs=1, root=runs)[0].reused
    assert computed(log) == [2, 3]


def test_local_processes_without_barriers(runs: Path, log: Path, tmp_path: Path) -> None:
    """The slow base ends only after an arm of the quick base has run: levels with a barrier would hang."""
    slow = make(log, 1, gate=str(tmp_path / "gate"))
    quick = make(log, 2)
    arms = [make(log, 3, {"base": slow}), make(log, 4, {"base": quick}, opens=str(tmp_path / "gate"))]
    results = run_all(arms, name="s", jobs=2, root=runs)
    assert [result.metrics["y"] for result in results] == [10, 20]
    assert os.getpid() not in {result.metrics["pid"] for result in results}
    assert computed(log).index(4) < computed(log).index(1)


def test_runs_that_others_wait_for_come_first(runs: Path, log: Path) -> None:
    bases = [make(log, x) for x in (1, 2)]
    arms = [make(log, 10 * x, {"base": base}) for x, base in zip((1, 2), bases, strict=True)]
    run_all([arms[0], make(log, 5), arms[1]], name="s", jobs=1, root=runs)
    assert computed(log) == [1, 2, 10, 5, 20]


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_backend_of_the_caller_is_used(runs: Path, log: Path, backend: str) -> None:
    """Threads stream their outcomes; multiprocessing, like Ray's backend that derives from it, returns a list."""
    base = make(log, 1)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        results = run_all([make(log, x, {"base": base}) for x in (2, 3)], name="s", jobs=1, root=runs)
    assert [result.metrics["y"] for result in results] == [5, 10]
    assert ({result.metrics["pid"] for result in results} == {os.getpid()}) == (backend == "threading")


@pytest.fixture
def dask_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A scheduler with two workers, processes of their own, that know tests/ and rapo."""
    distributed = pytest.importorskip(
        "distributed", reason="dask is not installed (the dev extra); it tests its backend"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


# In a process of its own: joblib's setting and an engine's client last as long as the process.
PROGRAM = (
    "import json, os, pathlib, sys; from rapo.runs.queue import run_all; from rapo.runs.run import Run\n"
    "make = lambda x, needs: Run('tiny_runs:square', {'x': x, 'log': sys.argv[2]}, needs)\n"
    "base = make(1, {})\n"
    "found = run_all([make(x, {'base': base}) for x in (2, 3)], name='s', root=pathlib.Path(sys.argv[1]))\n"
    "print(json.dumps([[r.metrics['y'] for r in found], [r.metrics['pid'] for r in found], os.getpid()]))"
)


def compute_twice(runs: Path, log: Path, engine: dict[str, str]) -> None:
    """Runs on an engine that the environment names; the second time finds all of it done."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(runs), str(log)], env={**os.environ, **engine}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found, computed_by, asked_by = json.loads(done.stdout.splitlines()[-1])
        assert (found, asked_by in computed_by) == ([5, 10], False)
    assert sorted(computed(log)) == [1, 2, 3]


@pytest.mark.filterwarnings("default")  # of Dask's own
def test_a_dask_cluster_computes_by_configuration_alone(runs: Path, log: Path, dask_cluster: str) -> None:
    compute_twice(runs, log, {"RAPO_BACKEND": "dask", "DASK_SCHEDULER_ADDRESS": dask_cluster})


@pytest.mark.slow
def test_ray_computes_by_configuration_alone(runs: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of this machine, which Ray starts where RAY_ADDRESS names none."""
    pytest.importorskip("ray", reason="ray is no dependency; pip install ray to test its backend")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    compute_twice(runs, log, {"RAPO_BACKEND": "ray", "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"})


def test_an_engine_that_is_none(runs: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_BACKEND", "spark")
    with pytest.raises(ValueError, match="RAPO_BACKEND is 'spark'; use dask or ray"):
        run_all([make(log, 1)], name="s", root=runs)
    monkeypatch.setenv("RAPO_BACKEND", "ray")
    with joblib.parallel_config(backend="threading", n_jobs=1):  # what the caller told joblib comes first
        assert run_all([make(log, 3)], name="s", root=runs)[0].metrics["y"] == 9


# What goes wrong


def test_failures_are_named_and_the_others_go_on(runs: Path, log: Path) -> None:
    bad = Run("tiny_runs:faulty", {"how": "division"}, label="the bad one")
    child = Run("tiny_runs:square", {"x": 1, "log": str(log)}, {"base": bad}, label="the child")
    nan = Run("tiny_runs:faulty", {"how": "nan"}, label="no number")
    good = make(log, 7)
    with pytest.raises(StudyError) as raised:
        run_all([child, good, nan], name="s", jobs=1, root=runs)
    text = str(raised.value)
    assert "2 of 4 runs failed" in text
    assert f"the bad one [{bad.key}]: ArithmeticError: division went wrong" in text
    assert str(failure_file(bad.key, runs)) in text
    assert "metrics.loss.last is nan; return None" in text
    assert "not run, as they need one of these: the child" in text
    assert computed(log) == [7]
    assert 'raise ArithmeticError(f"' in failure_file(bad.key, runs).read_text()
    assert run_all([good], name="s", jobs=1, root=runs)[0].reused


def test_a_lock_that_the_function_waits_for_in_vain_is_a_failure(runs: Path) -> None:
    run = Run("tiny_runs:faulty", {"how": "waits"})
    found = attempt(run, runs, parent=os.getpid())  # "busy" would be tried for ever
    assert (found.status, "a lock of its own" in found.error) == ("failed", True)
    assert "raise Timeout" in failure_file(run.key, runs).read_text()


def test_dead_worker_is_found_out_and_the_others_go_on(runs: Path, log: Path) -> None:
    killer = Run("tiny_runs:faulty", {"how": "dies"}, label="killer")
    with pytest.raises(StudyError, match=r"(?s)1 of 4 runs failed.*killer .*worker process died"):
        run_all([make(log, 1), killer, make(log, 2), make(log, 3)], name="s", jobs=2, root=runs)
    assert sorted(set(computed(log))) == [1, 2, 3]


def damage(folder: Path, how: str) -> None:
    """Harm a finished run; "metric" and "weights" leave every file's size and time as they are."""
    record, artefact = folder / "result.json", folder / "artefact.txt"
    match how:
        case "truncated":
            record.write_text(record.read_text()[:40])
        case "empty":
            record.write_text("")
        case "no record":
            record.write_text('["y", 9]')
        case "gone":
            record.unlink()
        case "metric":
            edited(record, '"y": 9', '"y": 8')
        case "artefact":
            artefact.write_text("")
        case "artefact gone":
            artefact.unlink()
        case "weights":
            edited(artefact, "3", "4")


def edited(file: Path, old: str, new: str) -> None:
    stat, text = file.stat(), file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize(
    "how", ["truncated", "empty", "no record", "gone", "metric", "artefact", "artefact gone", "weights"]
)
def test_damaged_run_is_done_again(runs: Path, log: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    run = make(log, 3)
    folder = run_all([run], name="s", jobs=1, root=runs)[0].folder
    damage(folder, how)
    result = run_all([run], name="s", jobs=1, root=runs)[0]
    assert "it is done again" in caplog.text
    assert (result.metrics["y"], result.reused) == (9, False)
    assert computed(log) == [3, 3]
    assert (folder / "artefact.txt").read_text() == "3"


@pytest.mark.parametrize("how", ["metric", "weights", "artefact"])
def test_what_needs_a_damaged_run_waits_until_it_is_done_again(
    runs: Path, log: Path, tmp_path: Path, how: str
) -> None:
    """With two workers the arms could start beside their base, whose damaged record lies there all the while."""
    base = make(log, 3, opens=str(tmp_path / "gate"))
    folder = run_all([base], name="s", jobs=1, root=runs)[0].folder
    damage(folder, how)
    arms = run_all([make(log, x, {"base": base}) for x in (5, 6)], name="s", jobs=2, root=runs)
    assert [arm.metrics["y"] for arm in arms] == [34, 45]  # 25 + 9, 36 + 9
    assert computed(log)[:2] == [3, 3]
    assert sorted(computed(log)[2:]) == [5, 6]


def test_a_need_that_is_damaged_meanwhile_is_told(runs: Path, log: Path) -> None:
    base = make(log, 3)
    damage(run_all([base], name="s", jobs=1, root=runs)[0].folder, "weights")
    arm = attempt(make(log, 5, {"base": base}), runs)
    assert arm.status == "failed"
    assert f"square of 3 [{base.key}], which it needs, is damaged (artefact.txt is not what it was" in arm.error
    assert computed(log) == [3]


def test_weights_are_on_the_disk_before_their_record_and_the_record_before_the_name(
    runs: Path, log: Path, disk: list[str]
) -> None:
    run = make(log, 3)
    run_all([run], name="s", jobs=1, root=runs)
    start = disk.index("synced artefact.txt")
    assert disk[start:][:6] == [
        *("synced artefact.txt", "synced config.json", "synced result.json"),
        *(f"synced {run.key}", f"renamed {run.key}", "synced runs"),
    ]


def test_edited_code_is_another_run_and_old_code_is_refused(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "code")
    module = tmp_path / "code" / "study_code_under_test.py"
    module.write_text("def f(config, folder, needs):\n    return {'y': 1}\n")
    first = Run("study_code_under_test:f")
    assert run_all([first], name="s", jobs=1, root=runs)[0].metrics == {"y": 1}
    module.write_text("# a comment\ndef f(config, folder, needs):\n    'What it does.'\n    return {'y': 1}\n")
    assert run_all([Run("study_code_under_test:f")], name="s", jobs=1, root=runs)[0].reused
    module.write_text("def f(config, folder, needs):\n    return {'y': 2}\n")
    assert Run("study_code_under_test:f").key != first.key
    with pytest.raises(StudyError, match="edited meanwhile"):
        run_all([Run("study_code_under_test:f")], name="s", jobs=1, root=runs)
    fresh = run_all([Run("study_code_under_test:f")], name="s", jobs=2, root=runs)  # in a new process
    assert fresh[0].metrics == {"y": 2}


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from collections.abc import Iterator
from pathlib import Path
from tiny_runs import make
from rapo.runs.queue import run_all
log, gate = Path({log!r}), {gate!r}
runs = [make(log, 1), make(log, 2, gate=gate), make(log, 3)]
results = run_all(runs[{which}], name={name!r}, jobs=2, root=Path({root!r}))
print([result.reused for result in results])
"""


def start(log: Path, gate: Path, root: Path, *, which: str = ":", name: str = "s") -> subprocess.Popen:
    tests = str(Path(__file__).parents[1])
    code = SCRIPT.format(tests=tests, log=str(log), gate=str(gate), root=str(root), which=which, name=name)
    return subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("everyone", [True, False], ids=["all processes", "the study only"])
def test_kill_9_in_the_middle(runs: Path, log: Path, tmp_path: Path, everyone: bool) -> None:
    gate = tmp_path / "gate"
    plan = [make(log, 1), make(log, 2, gate=str(gate)), make(log, 3)]
    done, stuck = [plan[0], plan[2]], plan[1]
    process = start(log, gate, runs)
    wait_for(lambda: all((runs / run.key / "result.json").exists() for run in done))
    wait_for(lambda: bool(list(runs.glob(f".{stuck.key}.*.tmp/half.txt"))))
    stamps = [(runs / run.key / "result.json").stat().st_mtime_ns for run in done]
    workers = psutil.Process(process.pid).children(recursive=True)
    if everyone:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    # Workers, idle or computing, end with their study; the gate stays shut until they have.
    wait_for(lambda: not any(map(alive, workers)))
    assert not (runs / stuck.key).exists()
    gate.touch()
    results = run_all(plan, name="s", jobs=2, root=runs)
    assert [result.metrics["y"] for result in results] == [1, 4, 9]
    assert (results[0].reused, results[2].reused) == (True, True)
    assert [(runs / run.key / "result.json").stat().st_mtime_ns for run in done] == stamps
    assert sorted(computed(log)) == [1, 2, 3]
    assert not list(runs.glob(".*.tmp"))


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_two_processes_never_compute_one_run(runs: Path, log: Path, tmp_path: Path) -> None:
    gate, progress = tmp_path / "gate", tmp_path / "build" / "progress"
    one = start(log, gate, runs, which="1:2", name="one")
    wait_for(lambda: bool(list(runs.glob(".*.tmp/half.txt"))))
    two = start(log, gate, runs, which="1:2", name="two")
    wait_for(lambda: (progress / "two.json").exists())
    wait_for(lambda: json.loads((progress / "two.json").read_text())["running"] == 1)
    gate.touch()
    assert one.communicate(timeout=PATIENCE)[0].strip() == "[False]"
    assert two.communicate(timeout=PATIENCE)[0].strip() == "[True]"
    assert computed(log) == [2]


def test_leftovers_are_swept_but_not_those_of_the_living(runs: Path, log: Path) -> None:
    (runs / ".b.0123456789ab.tmp").mkdir(parents=True)
    (runs / ".b.0123456789ab.lock").touch()
    with atomic.claimed(runs / "a") as mine:
        mine.mkdir()
        run_all([make(log, 1)], name="s", jobs=1, root=runs)
        assert list(runs.glob(".*.tmp")) == [mine]


# Around it


def test_what_workers_print_goes_to_a_log(runs: Path) -> None:
    result = run_all([Run("tiny_runs:noisy")], name="s", jobs=2, root=runs)[0]
    assert (result.folder / "log.txt").read_text() == "a line for the log\n"


@pytest.mark.parametrize("torch", [True, False], ids=["torch is there", "torch comes later"])
def test_a_run_computes_with_one_thread_and_leaves_the_others_as_they_were(
    runs: Path, monkeypatch: pytest.MonkeyPatch, torch: bool
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    told = [4]
    if torch:
        fake = types.SimpleNamespace(get_num_threads=lambda: told[-1], set_num_threads=told.append)
        monkeypatch.setitem(sys.modules, "torch", fake)
    assert run_all([Run("tiny_runs:threads")], name="s", jobs=1, root=runs)[0].metrics == {"threads": 1}
    assert (os.environ["OMP_NUM_THREADS"], told[-1]) == ("4", 4)


@pytest.mark.parametrize("before", [False, True], ids=["nothing frozen", "frozen by the caller"])
def test_what_stays_is_looked_through_for_garbage_again_only_after_the_study(
    runs: Path, request: pytest.FixtureRequest, before: bool
) -> None:
    request.addfinalizer(gc.freeze)  # as the tests' processes are
    gc.unfreeze()
    if before:
        gc.freeze()
    first = Run("tiny_runs:frozen", {"number": 1})
    later = run_all([Run("tiny_runs:frozen", {"number": 2}, {"first": first})], name="s", jobs=1, root=runs)[0]
    assert later.metrics["frozen"] > 0
    assert (gc.get_freeze_count() > 0) is before


def test_progress_is_told(runs: Path, log: Path, tmp_path: Path) -> None:
    run_all([make(log, 1)], name="s", jobs=1, root=runs)
    run_all([make(log, x) for x in (1, 2, 3)], name="s", jobs=1, root=runs)
    state = json.loads((tmp_path / "build" / "progress" / "s.json").read_text())
    told = {name: state[name] for name in ("name", "total", "done", "running", "left", "reused", "finished")}
    assert told == {"name": "s", "total": 3, "done": 3, "running": 0, "left": 0, "reused": 1, "finished": True}


def test_name_must_do_as_a_file_name(runs: Path) -> None:
    with pytest.raises(ValueError, match="study name is 'a/b'"):
        run_all([], name="a/b", root=runs)
    assert queue.run_all([], name="empty", root=runs) == []
