"""Headless reproduction with tiny notebooks: what passes, fails, dies, takes too long, and is resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rapo import paths
from rapo.reproduction import marker, notebook
from rapo.reproduction import plan as reproduce
from rapo.reproduction.display import Job
from rapo.reproduction.keep import keep
from rapo.runs import store

nbformat = pytest.importorskip("nbformat", reason="needs the extra 'notebooks'")
papermill = pytest.importorskip("papermill", reason="needs the extra 'notebooks'")

TESTS = str(Path(__file__).parents[1])
COMMON = 'scale = "small"\nmeasure = True\njobs = 2\n'
Make = Callable[..., Path]


@pytest.fixture
def make(rapo_root: Path) -> Make:
    """Write a notebook into the throw-away project."""
    (rapo_root / "notebooks").mkdir()

    def write(
        name: str, *cells: str, parameters: str = "", cost: str = "light", after: Sequence[str] = ()
    ) -> Path:
        v4 = nbformat.v4
        document = v4.new_notebook(
            cells=[
                v4.new_markdown_cell(f"# {name}"),
                v4.new_code_cell(COMMON + parameters, metadata={"tags": ["parameters"]}),
                *(v4.new_code_cell(cell) for cell in cells),
            ],
            metadata={"rapo": {"title": name, "cost": cost, "after": list(after)}},
        )
        path = rapo_root / "notebooks" / f"{name}.ipynb"
        nbformat.write(document, path)
        return path

    return write


def run(*names: str, scale: str = "smoke", **options: Any) -> dict[str, Job]:
    outcomes = reproduce.reproduce(names or None, scale=scale, **options)
    return {outcome.name: outcome for outcome in outcomes}


def statuses(*names: str, **options: Any) -> dict[str, str]:
    return {name: outcome.status for name, outcome in run(*names, **options).items()}


def printed(outcome: Job) -> str:
    """What an executed notebook printed."""
    assert outcome.executed is not None
    cells = nbformat.read(outcome.executed, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", ()))


# What passes


def test_a_notebook_is_executed_here_with_its_parameters(make: Make, rapo_root: Path) -> None:
    make(
        "good",
        "import os, sys",
        "print(scale, measure, jobs, lr, sys.executable, os.getcwd(), os.environ['RAPO_ROOT'])",
        parameters="lr = 1.0",
    )
    outcome = run(settings={"lr": 1e-6})["good"]
    expected = ["smoke", "True", "1", "1e-06", sys.executable, str(rapo_root / "notebooks"), str(rapo_root)]
    assert printed(outcome).split() == expected
    assert outcome.executed == rapo_root / "build" / "smoke" / "notebooks" / "good.ipynb"
    assert "1e-06" in outcome.executed.with_suffix(".html").read_text()
    assert "outputs" in (rapo_root / "notebooks" / "good.ipynb").read_text()
    assert "1e-06" not in (rapo_root / "notebooks" / "good.ipynb").read_text()


def test_folders_are_moved_to_where_the_person_stands(
    make: Make, rapo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rapo_root / "here").mkdir()
    monkeypatch.chdir(rapo_root / "here")
    monkeypatch.setenv("RAPO_RUNS", "scratch")
    monkeypatch.setenv("RAPO_BUILD", "made")
    make("asks", "from rapo import paths", "print(paths.runs(), paths.build(scale))")
    outcome = run()["asks"]
    assert printed(outcome).split() == [str(paths.runs()), str(paths.build("smoke"))]
    assert paths.runs() == rapo_root / "here" / "scratch"


def test_what_has_not_changed_is_reused(make: Make, rapo_root: Path) -> None:
    path = make("one", "print(1)", parameters="n = 1")
    make("two", "print(2)")
    assert statuses() == {"one": "done", "two": "done"}
    assert statuses(jobs=1) == {"one": "reused", "two": "reused"}
    assert statuses("one", settings={"n": 2}) == {"one": "done"}
    assert statuses() == {"one": "done", "two": "reused"}
    outputs_only = json.loads(path.read_text())
    outputs_only["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1\n"}]
    path.write_text(json.dumps(outputs_only))
    assert statuses("one") == {"one": "reused"}
    path.write_text(path.read_text().replace("print(1)", "print(3)"))
    assert statuses("one") == {"one": "done"}
    assert statuses("one", force=True) == {"one": "done"}
    (rapo_root / "build" / "smoke" / "notebooks" / "one.ipynb").unlink()
    assert statuses("one") == {"one": "done"}


def test_a_product_that_is_missing_or_damaged_is_made_again_by_the_notebook_that_made_it(
    make: Make, rapo_root: Path
) -> None:
    for name in ("one", "two"):
        make(name, "from rapo import paths", f"paths.write_text(paths.figures(scale) / '{name}.csv', 'x')")
    assert set(statuses().values()) == {"done"}
    product = rapo_root / "build" / "smoke" / "figures" / "one.csv"
    noted = marker.read("one", "smoke")
    assert noted is not None
    assert sorted(noted.products) == ["build/smoke/figures/one.csv", "build/smoke/notebooks/one.ipynb"]
    for damage in (product.unlink, lambda: product.write_text("")):
        damage()
        assert statuses() == {"one": "done", "two": "reused"}
        assert product.read_text() == "x"


def test_a_claim_that_a_notebook_dropped_is_gone(make: Make) -> None:
    cell = (
        "from rapo.claims import claim\n"
        + 'claim.save(claim.Claim("NAME", "s", "t", 1, 0, 2), scale=scale, notebook="one")'
    )
    for name in ("RA-T1", "RA-T2"):
        make("one", cell.replace("NAME", name))
        assert statuses() == {"one": "done"}
        assert [file.stem for file in (paths.figures("smoke") / "claims").glob("*.json")] == [name]


def test_a_heavy_notebook_that_others_wait_for_has_all_workers_and_light_ones_run_beside(make: Make) -> None:
    """Each waits for a file that only the one beside it writes: they end only if both run at once."""
    wait = "import time, pathlib\npathlib.Path({own!r}).touch()\nwhile not pathlib.Path({other!r}).exists():"
    wait += " time.sleep(0.05)"
    pairs = {"heavy": "light", "light": "heavy", "one": "two", "two": "one"}
    for name, other in pairs.items():
        cost, after = ("light" if name == "light" else "heavy"), ["heavy"] if name in ("one", "two") else []
        make(name, wait.format(own=name, other=other), "print(jobs)", cost=cost, after=after)
    outcomes = run(jobs=2, timeout=60)
    assert {outcome.status for outcome in outcomes.values()} == {"done"}
    # At smoke those that nobody waits for share the processors, one process each.
    told = {name: printed(outcome).strip() for name, outcome in outcomes.items()}
    assert told == {"heavy": "2", "light": "1", "one": "1", "two": "1"}


def test_beyond_smoke_heavy_notebooks_run_one_at_a_time(make: Make) -> None:
    alone = "import pathlib\npathlib.Path('busy').mkdir()\nprint(jobs)\npathlib.Path('busy').rmdir()"
    for name in ("a", "b"):
        make(name, alone, cost="heavy")
    assert [printed(outcome) for outcome in run(scale="small", jobs=2).values()] == ["2\n", "2\n"]


def test_one_job_runs_one_notebook_at_a_time(make: Make) -> None:
    check = "import pathlib, time\npathlib.Path('busy').mkdir()\ntime.sleep(0.2)\npathlib.Path('busy').rmdir()"
    for name in ("a", "b"):
        make(name, check)
    make("c", check, cost="heavy")
    assert set(statuses(jobs=1).values()) == {"done"}


# What fails


def test_failures_are_kept_and_named_and_the_others_go_on(make: Make, rapo_root: Path) -> None:
    make("bad", "x = 1", "x / 0")
    make("good", "print(1)")
    make("later", "print(2)", after=["bad"])
    make("last", "print(3)", after=["later"])
    outcomes = run()
    told = {name: outcome.status for name, outcome in outcomes.items()}
    assert told == {"bad": "failed", "good": "done", "later": "not run", "last": "not run"}
    failed = rapo_root / "build" / "smoke" / "failed"
    assert outcomes["bad"].error == (f"cell 4 `x / 0`: ZeroDivisionError: division by zero ({failed / 'bad.txt'})")
    assert outcomes["later"].error == "comes after bad"
    assert "----> 1 x / 0" in (failed / "bad.txt").read_text()
    assert "ZeroDivisionError" in (failed / "bad.ipynb").read_text()
    assert not (rapo_root / "build" / "smoke" / "done" / "bad.json").exists()
    make("bad", "x = 1")
    assert set(statuses().values()) == {"done", "reused"}
    assert not list(failed.iterdir())


def test_a_later_failure_takes_the_marker_of_an_earlier_success_away(make: Make) -> None:
    make("once", "import pathlib", "pathlib.Path('ran').mkdir()")
    assert statuses() == {"once": "done"}
    assert statuses(force=True) == {"once": "failed"}
    assert statuses() == {"once": "failed"}


def test_dead_kernel_is_a_failure(make: Make, rapo_root: Path) -> None:
    make("dies", "import os", "os._exit(1)", "print('never')")
    outcome = run()["dies"]
    assert outcome.status == "failed"
    assert "cell 4 `os._exit(1)`: the kernel died" in outcome.error
    assert marker.read("dies", "smoke") is None


def test_cell_time_out_is_a_failure(make: Make) -> None:
    make("slow", "import time", "time.sleep(60)")
    outcome = run(timeout=1)["slow"]
    assert outcome.status == "failed"
    assert "cell 4 `time.sleep(60)`: the cell took longer than the time-out" in outcome.error


def test_kernel_that_does_not_start_gets_a_second_try(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make("good", "print(1)")
    original, calls = papermill.execute_notebook, []

    def flaky(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return original(*args, **options)

    monkeypatch.setattr(papermill, "execute_notebook", flaky)
    assert (statuses(), len(calls)) == ({"good": "done"}, 2)


def test_a_copy_with_unexecuted_cells_is_no_success(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make("good", "print(1)")

    def lazy(source: str, partial: str, **options: Any) -> None:
        document = json.loads(path.read_text())
        document["cells"][1]["metadata"]["papermill"] = {"start_time": "2026-11-01", "status": "completed"}
        Path(partial).write_text(json.dumps(document))

    monkeypatch.setattr(papermill, "execute_notebook", lazy)
    outcome = run()["good"]
    assert outcome.status == "failed"
    assert "cell 2 was not executed" in outcome.error


# What is refused


def test_unknown_parameters_are_refused_with_those_that_there_are(make: Make) -> None:
    make("one", parameters="seeds = 3\nlr = 1e-3\narms = ['UF']")
    make("two")
    with pytest.raises(ValueError, match=r"unknown parameter 'seed': one has seeds, lr, arms; two has none"):
        run(settings={"seed": 3})
    with pytest.raises(ValueError, match=r"unknown parameter 'seeds': two has none of its own"):
        run("one", "two", settings={"seeds": 3})
    with pytest.raises(ValueError, match=r"lr='1e-3' is a str; one expects a float such as 0.001"):
        run("one", settings={"lr": "1e-3"})
    with pytest.raises(ValueError, match=r"scale is not set with --set; use --scale"):
        run(settings={"scale": "full"})
    assert statuses(settings={"lr": 1}) == {"one": "done", "two": "done"}


def test_unknown_notebooks_scales_and_rings_are_refused(make: Make) -> None:
    make("toy_policies", after=["other"])
    with pytest.raises(ValueError, match=r"no notebook 'toy_policy'; did you mean 'toy_policies'"):
        run("toy_policy")
    with pytest.raises(ValueError, match=r"no notebook 'zzz'\. Notebooks: toy_policies"):
        run("zzz")
    with pytest.raises(ValueError, match="scale is 'tiny'"):
        reproduce.reproduce(scale="tiny")
    with pytest.raises(ValueError, match="jobs is 0"):
        run(jobs=0)
    make("other", after=["toy_policies"])
    with pytest.raises(ValueError, match="wait for each other: other, toy_policies"):
        run()


@pytest.mark.parametrize("command", ["reproduce", "figures", "keep"])
def test_outside_a_checkout_nothing_is_written(
    rapo_root: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    from rapo.cli import main as cli

    before = sorted(rapo_root.rglob("*"))
    assert cli.main([command]) == 2
    assert "go into a checkout of rapo, or name it in RAPO_ROOT" in capsys.readouterr().err
    assert sorted(rapo_root.rglob("*")) == before


def test_only_one_reproduction_of_a_scale_at_a_time(make: Make, rapo_root: Path) -> None:
    from filelock import FileLock

    make("good")
    (rapo_root / "build" / "smoke").mkdir(parents=True)
    with (
        FileLock(rapo_root / "build" / "smoke" / "reproduce.lock"),
        pytest.raises(RuntimeError, match="another process"),
    ):
        run()


# Interrupts


STUDY = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from tiny_runs import make
from rapo.runs.queue import run_all
runs = [make(Path({log!r}), 1), make(Path({log!r}), 2, gate={gate!r})]
results = run_all(runs, name="interrupted", jobs=jobs)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_an_interrupt_leaves_everything_resumable(make: Make, rapo_root: Path, sent: signal.Signals) -> None:
    log, gate = rapo_root / "log.txt", rapo_root / "gate"
    first = notebook.load(make("first", "print(1)"))
    digest = notebook.digest(first, scale="small")
    cell = STUDY.format(tests=TESTS, log=str(log), gate=str(gate))
    make("study", cell, cost="heavy", after=["first"])
    # A shell starts its background jobs deaf to SIGINT, and children inherit that.
    hearing = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hearing}; from rapo.reproduction.plan import reproduce; reproduce(scale='small', jobs=2)"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    runs = rapo_root / "build" / "runs"
    end = time.monotonic() + 60
    while not (_finished(runs) and list(runs.glob(".*.tmp/half.txt"))):
        assert time.monotonic() < end, "the study did not get under way"
        time.sleep(0.02)
    kernels = _children(process.pid)
    process.send_signal(sent)
    assert process.wait(60) != 0
    if sent is not signal.SIGKILL:
        assert not any(_alive(child) for child in kernels)
    gate.touch()
    found = statuses(scale="small")
    assert found["study"] == "done"
    if notebook.digest(first, scale="small") == digest:  # unless someone edited rapo while this test ran
        assert found["first"] == "reused"
    assert sorted(log.read_text().split()) == ["1", "2"]
    assert not list(runs.glob(".*.tmp"))


def _finished(runs: Path) -> list[Path]:
    return [file for file in runs.glob("*/result.json") if not file.parent.name.startswith(".")]


def _children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def _alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


# The command


def test_command_tells_failures_and_exits_with_1(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    from rapo.cli import main as cli

    make("bad", "1 / 0")
    make("good", "print(lr)", parameters="lr = 1.0")
    assert cli.main(["reproduce", "--scale", "smoke", "-s", "lr=1e-6"]) == 1
    out = capsys.readouterr().out
    assert "Notebooks: 1 done, 1 failed" in out
    assert "failed: bad: cell 3 `1 / 0`: ZeroDivisionError" in out
    assert "Report: " in out
    assert cli.main(["reproduce", "good", "--scale", "smoke", "-s", "lr=1e-6"]) == 0
    assert "1 reused" in capsys.readouterr().out
    assert cli.main(["reproduce", "--scale", "smoke", "-s", "rl=1"]) == 2
    assert "unknown parameter 'rl'" in capsys.readouterr().err


MEASURES = """
import sys
sys.path.insert(0, TESTS)
import pandas as pd
from pathlib import Path
from tiny_runs import make
from rapo.claims import claim
from rapo.runs import store
from rapo.runs.queue import run_all
_ = run_all([make(Path("log.txt"), 3)], name="m", jobs=1) if measure else None
from rapo.claims.claim import Claim
frame = pd.DataFrame({"y": [centre]}) if measure else store.kept("measures_numbers")
_ = store.store(frame, "measures_numbers", scale=scale) if measure else None
y = frame["y"][0]
_ = claim.save(Claim("X-1", "is", "y", y, y - 1, y + 1), scale=scale, notebook="measures")
""".replace("TESTS", repr(TESTS))


def test_measure_keep_redraw_and_compare(make: Make, rapo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rapo.cli import main as cli

    make("measures", MEASURES, parameters="centre = 5.0")
    with pytest.raises(FileNotFoundError, match=r"`rapo reproduce measures --scale small`.*`rapo keep`"):
        store.kept("measures_numbers")
    with pytest.raises(ValueError, match=r"not every notebook has been run at scale small: measures"):
        keep()
    assert cli.main(["reproduce"]) == 0
    assert cli.main(["keep"]) == 0
    assert store.kept("measures_numbers")["y"].tolist() == [5.0]
    assert [claim["estimate"] for claim in store.kept_claims()] == [5.0]
    durations = json.loads((rapo_root / "data" / "results" / "durations.json").read_text())
    assert durations["notebooks"]["measures"] > 0
    assert [kind.split()[0] for kind in durations["runs"]] == ["tiny_runs:square"]
    capsys.readouterr()
    assert cli.main(["reproduce", "-s", "centre=9.0"]) == 0
    # 9 - 5 = 4, and 4 - sqrt(1 + 1) = 2.59, 4 + sqrt(2) = 5.41
    told = capsys.readouterr().out
    assert "Claims: 1 hold\nKept results: 1 of 1 claims differ beyond their intervals:\n" in told
    assert "  X-1: 9 against 5, difference [2.59, 5.41]\n" in told
    with pytest.raises(ValueError, match="not every notebook"):
        keep()  # the last run was with another setting
    before = tracked(rapo_root)
    assert cli.main(["figures"]) == 0
    claim = json.loads((paths.figures("small") / "claims" / "X-1.json").read_text())
    assert claim["estimate"] == 5.0  # from the kept results
    assert tracked(rapo_root) == before
    assert cli.main(["reproduce"]) == 0
    assert "1 done" in capsys.readouterr().out  # a redrawn notebook has not been measured


def tracked(root: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of change of every kept file."""
    files = [file for folder in ("data", "figures") for file in (root / folder).rglob("*")]
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in files if file.is_file()}


def test_only_keep_changes_what_belongs_to_the_repository(
    make: Make, rapo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rapo.cli import main as cli

    draws = "from rapo import paths; paths.write_text(paths.figures(scale) / f'{name}.csv', 'x')"
    make("measures", MEASURES, draws, parameters="centre = 5.0\nname = 'a'")
    before = tracked(rapo_root)
    assert cli.main(["reproduce"]) == 0
    assert f"Report: {paths.figures('small') / 'report.html'}" in capsys.readouterr().out
    assert tracked(rapo_root) == before
    assert cli.main(["keep"]) == 0
    kept = tracked(rapo_root)
    told = {str(Path(name).relative_to(rapo_root)) for name in kept}
    results = {"measures_numbers.parquet", "claims.json", "durations.json", "manifest.json"}
    assert told >= {f"data/results/{name}" for name in results}
    assert {name for name in told if name.startswith("figures")} == {
        "figures/a.csv",
        "figures/report.html",
        "figures/README.md",
    }
    for command in (["keep"], ["figures", "--keep"]):
        assert cli.main(command) == 0
        assert tracked(rapo_root) == kept, "the same results were written again"
        assert "0 files changed" in capsys.readouterr().out
    make("measures", MEASURES, draws, parameters="centre = 5.0\nname = 'b'")
    with pytest.raises(ValueError, match=r"measures; run `rapo figures` first"):
        keep(measure=False)
    assert cli.main(["figures", "--keep"]) == 0
    names = {Path(name).name for name in tracked(rapo_root)}
    assert "b.csv" in names
    assert "a.csv" not in names  # no notebook draws it any more


# Estimates


def test_estimate_for_everything(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce.display.time, "time", lambda: 1000.0)
    for name, cost in (("a", "heavy"), ("b", "heavy"), ("c", "light")):
        make(name, cost=cost)
    plan = reproduce.Plan(notebook.find(), "small", 2, {})
    assert plan.seconds_left() is None  # nobody knows how long the heavy ones take
    for job, seconds in zip(plan.jobs, (100.0, 50.0, 30.0), strict=True):
        job.expected = seconds
    assert plan.seconds_left() == 150.0  # the heavy ones one after another, the light one beside them
    plan.jobs[0].status = "done"
    plan.jobs[1].status, plan.jobs[1].began = "running", 980.0
    assert plan.seconds_left() == 30.0  # 50 - 20, the light one beside it
    plan.workers = 1
    assert plan.seconds_left() == 60.0  # 50 - 20 + 30
    plan.workers, plan.jobs[1].status = 2, "done"
    assert plan.seconds_left() == 30.0  # the light one alone is shared by nobody
    plan.jobs[2].status = "running"
    plan.jobs[2].expected = None
    assert plan.seconds_left() is None  # something runs: 0 s would be a lie


def test_a_slower_machine_is_noticed_by_its_heavy_notebooks(make: Make) -> None:
    for name, cost in (("a", "heavy"), ("b", "heavy"), ("c", "light")):
        make(name, cost=cost)
    plan = reproduce.Plan(notebook.find(), "small", 2, {})
    first, second, light = plan.jobs
    first.status, first.seconds, first.expected = "done", 600.0, 270.0
    plan.set_pace()
    assert (second.pace, light.pace) == (2.0, 1.0)  # (60 + 600) / (60 + 270)
    first.saved = 100.0  # what reused runs says nothing
    second.status, second.seen = "running", (30.0, 120.0)
    plan.set_pace()
    assert (second.pace, light.pace) == (0.5, 1.0)  # (60 + 30) / (60 + 120)


def test_a_second_time_takes_as_long_as_the_first(make: Make) -> None:
    make("a", "import time; time.sleep(0.3)")
    assert run()["a"].expected is None
    again = run(force=True)["a"]
    noted = marker.read("a", "smoke")
    assert noted is not None
    assert again.expected is not None
    assert again.expected >= 0.3


def test_peak_memory_counts_children() -> None:
    with reproduce.Memory() as alone:
        pass
    hungry = "x = bytearray(200_000_000); import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hungry], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with reproduce.Memory() as memory:
            pass
    assert memory.peak - alone.peak > 190_000_000
    assert os.getpid() != child.pid
