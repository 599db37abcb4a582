"""The dispatcher: what it lists, and how what goes wrong is told."""

import argparse
import importlib.machinery
import os
import signal
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import rapo
from rapo import paths
from rapo.cli import main as cli
from rapo.cli import options

Command = Callable[[argparse.Namespace], int | None]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Command], None]:
    """Installs a command named ``fake`` that does what a test wants."""

    def install(run: Command) -> None:
        module = types.ModuleType("rapo.cli.fake", "A made-up command.")
        module.__spec__ = importlib.machinery.ModuleSpec("rapo.cli.fake", None)
        module.add_arguments = lambda parser: parser.add_argument("--n", type=int, default=0)  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "rapo.cli.fake", module)
        monkeypatch.setattr(cli, "GROUPS", {**cli.GROUPS, "test": {"fake": "made up"}})

    return install


def raising(error: BaseException) -> Command:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def test_help_lists_what_is_there_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    listed = {
        line.split()[0]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("  ") and line[2] != "-"
    }
    assert listed == set(cli.commands())


def test_every_command_has_a_module_of_its_name_and_every_module_is_a_command() -> None:
    folder = Path(rapo.__file__).parent / "cli"
    there = {file.stem for file in folder.glob("*.py")} - {
        *("__init__", "main", "options", "output", "advice", "launcher", "drawing", "rating", "reliance")
    }
    assert set(cli.commands()) == there


def test_help_of_a_command_is_one_line() -> None:
    for name, text in cli.commands().items():
        assert text, name
        assert "\n" not in text, name
        assert len(f"  {name:<11} {text}") <= 100, name


@pytest.mark.parametrize("name", sorted(cli.commands()))
def test_every_command_tells_its_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: rapo {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"rapo {rapo.__version__}\n"


def test_no_command_is_an_error_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "rapo COMMAND --help" in capsys.readouterr().err


def test_a_misspelt_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["repotr"])
    assert ended.value.code == 2
    assert "did you mean 'report'?" in capsys.readouterr().err


def test_options_reach_the_command_and_its_status_comes_back(command: Callable[[Command], None]) -> None:
    command(lambda args: args.n)
    assert cli.main(["fake", "--n", "3"]) == 3
    command(lambda args: None)
    assert cli.main(["fake"]) == 0


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            ValueError("pairs.jsonl, row 3: score is 'x'; give a number"),
            "pairs.jsonl, row 3: score is 'x'; give a number",
        ),
        (FileNotFoundError(2, "No such file or directory", "a.parquet"), "a.parquet: No such file or directory"),
        (FileNotFoundError("no calibration file; get it with ..."), "no calibration file; get it with ..."),
        (PermissionError(13, "Permission denied", Path("/x/y")), "/x/y: Permission denied"),
        (KeyError("model"), "KeyError: 'model'"),
        (MemoryError(), "MemoryError"),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            "the package torch is not installed; pip install 'rapo[train]'",
        ),
        (
            ModuleNotFoundError("x", name="papermill"),
            "the package papermill is not installed; pip install 'rapo[notebooks]'",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_of_the_user_is_one_line(
    error: Exception, line: str, command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(error))
    assert cli.main(["fake"]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"rapo: error: {line}\n"
    assert captured.out == ""


def test_a_fault_of_the_program_says_so(
    command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(ZeroDivisionError("division by zero")))
    assert cli.main(["fake"]) == 1
    text = capsys.readouterr().err
    assert text.startswith("rapo: error: ZeroDivisionError: division by zero (a fault in rapo;")
    assert text.count("\n") == 1


@pytest.mark.parametrize("words", [["--traceback", "fake"], ["fake", "--traceback"]], ids=["before", "after"])
def test_traceback_shows_where(
    words: list[str], command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(raising(ValueError("bad row")))
    assert cli.main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "rapo: error: bad row"


def test_interrupting_is_quiet(command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]) -> None:
    command(raising(KeyboardInterrupt()))
    assert cli.main(["fake"]) == 130
    assert capsys.readouterr().err == "rapo: interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_a_request_to_end_cleans_up_as_ctrl_c_does(
    number: signal.Signals, command: Callable[[Command], None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def slow(args: argparse.Namespace) -> int:
        with paths.whole(tmp_path / "half.jsonl") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), number)
            pytest.fail("the signal did nothing")
        return 0

    command(slow)
    ours = signal.signal(number, signal.SIG_DFL)  # a job in a shell's background, or under nohup, may ignore it
    before = signal.getsignal(number)
    assert cli.main(["fake"]) == 128 + number
    assert capsys.readouterr().err == "rapo: terminated\n"
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) is before
    signal.signal(number, ours)


def test_a_warning_is_one_line(command: Callable[[Command], None], capsys: pytest.CaptureFixture[str]) -> None:
    def warn(args: argparse.Namespace) -> int:
        warnings.simplefilter("always")
        warnings.warn("3 ties were dropped", stacklevel=1)
        return 0

    command(warn)
    before = warnings.showwarning
    assert cli.main(["fake"]) == 0
    assert capsys.readouterr().err == "rapo: warning: 3 ties were dropped\n"
    assert warnings.showwarning is before


def test_a_reader_that_stops_early_is_no_error() -> None:
    code = (
        "import sys\nfrom rapo.cli import main, report\n"
        "report.run = lambda args: print('line\\n' * 10**6)\n"
        "sys.exit(main.main(['report']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141  # 128 + SIGPIPE (13), as a shell tells it


def test_python_m_rapo_is_rapo() -> None:
    done = subprocess.run([sys.executable, "-m", "rapo", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"rapo {rapo.__version__}\n"


def test_the_console_cuts_nothing_and_reads_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    options.console().print("[bold]a[/bold] :smile: " + "x" * 150)
    assert capsys.readouterr().out == "[bold]a[/bold] :smile: " + "x" * 150 + "\n"


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    asked: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: asked.append(address) or True)  # type: ignore[func-returns-value]
    return asked


def test_report_writes_the_page_and_says_where(
    rapo_root: Path, browser: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", "--scale", "smoke"]) == 0
    target = rapo_root / "build" / "smoke" / "figures" / "report.html"
    assert capsys.readouterr().out == f"{target}\n"
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert browser == []


def test_report_opens_the_kept_page_until_something_was_made_here(
    rapo_root: Path, browser: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    kept, made = rapo_root / "figures" / "report.html", rapo_root / "build" / "small" / "figures"
    kept.parent.mkdir()
    kept.write_text("kept")
    assert cli.main(["report", "--open"]) == 0
    assert not made.exists()
    (made / "claims").mkdir(parents=True)
    assert cli.main(["report", "--open"]) == 0
    assert browser == [kept.as_uri(), (made / "report.html").as_uri()]
    assert capsys.readouterr().out.splitlines() == [str(kept), str(made / "report.html")]


def test_a_machine_without_a_browser_is_told(
    rapo_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert cli.main(["report", "--open", "--scale", "smoke"]) == 0
    assert "No browser was found" in capsys.readouterr().err
