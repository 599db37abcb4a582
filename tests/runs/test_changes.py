"""What has changed since a run was made: told by name, from what was noted beside the run."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rapo.cli import main as cli
from rapo.runs import changes, keys
from rapo.runs.queue import run_all
from rapo.runs.run import Run

CODE = {
    "__init__": "",
    "work": """
from noted.tools import LIMIT, double, half

def base(config, folder, needs):
    return {"y": LIMIT}

def arm(config, folder, needs):
    return {"y": double(config["x"]) + half(config["x"])}
""",
    "tools": """
LIMIT = 3

def double(x):
    return 2 * x

def half(x):
    return x / 2
""",
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "noted"]:
        monkeypatch.delitem(sys.modules, name)

    def written(*edits: tuple[str, str, str]) -> None:
        (tmp_path / "noted").mkdir(exist_ok=True)
        for name, text in CODE.items():
            for module, old, new in edits:
                assert module != name or old in text
                text = text.replace(old, new) if module == name else text
            (tmp_path / "noted" / f"{name}.py").write_text(text)

    return written


@pytest.fixture
def made(write: Callable[..., None], rapo_root: Path) -> tuple[Run, Path]:
    """A run with a need, computed, and the folder of all runs."""
    write()
    root = rapo_root / "build" / "runs"
    run = Run("noted.work:arm", {"x": 1}, {"base": Run("noted.work:base", label="the base")}, label="the arm")
    run_all([run], name="s", jobs=1, root=root)
    return run, root


def test_nothing_changed(made: tuple[Run, Path], write: Callable[..., None]) -> None:
    run, root = made
    write(("tools", "def double", "# twice\ndef double"))
    found = changes.since(run.key, root)
    assert (found.now, found.code, found.libraries, found.needs) == (run.key, [], [], {})


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("tools", "2 * x", "x + x")], ["changed: noted.tools.double"]),
        (
            [("tools", "return x / 2", "return third(x)\n\ndef third(x):\n    return x / 3")],
            ["changed: noted.tools.half", "new: noted.tools.third"],
        ),
        (
            [("work", "double(config", "half(config"), ("tools", "x / 2", "x / 4")],
            ["changed: noted.work.arm", "changed: noted.tools.half", "gone: noted.tools.double"],
        ),
        (
            [("work", "double", "twice"), ("tools", "double", "twice"), ("tools", "x / 2", "x / 4")],
            ["changed: noted.tools.half", "moved: noted.tools.double -> noted.tools.twice"],
        ),
        (
            [("work", 'double(config["x"]) + half', 'half(config["x"]) + double')],
            ["names other code: noted.work.arm"],
        ),
    ],
)
def test_code_is_told_by_name(
    made: tuple[Run, Path], write: Callable[..., None], edits: list[tuple[str, str, str]], told: list[str]
) -> None:
    run, root = made
    write(*edits)
    found = changes.since(run.key, root)
    assert (found.code, found.libraries, found.needs) == (told, [], {})
    assert found.now == Run(run.function, run.config, {"base": Run("noted.work:base")}).key != run.key


def test_a_need_that_changed_is_told_below_its_run(made: tuple[Run, Path], write: Callable[..., None]) -> None:
    run, root = made
    write(("tools", "LIMIT = 3", "LIMIT = 4"))
    found = changes.since(run.key, root)
    assert found.code == []
    assert found.needs["base"].code == ["changed: noted.tools.LIMIT"]
    assert found.now not in (None, run.key)


def test_a_need_that_is_gone_is_told_and_the_run_that_is_reused_without_it_is_not_blamed(
    made: tuple[Run, Path], write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run, root = made
    base = run.needs["base"].key
    (root / base / "config.json").write_text("{")
    with pytest.raises(ValueError, match=f"^run {base} in ") as raised:
        changes.since(run.key, root)
    assert str(raised.value).count("remove its folder") == 1
    shutil.rmtree(root / base)
    assert changes.since(run.key, root).needs["base"].there is False
    assert cli.main(["runs", "why", run.key]) == 0
    assert f"its base, run {base}, is not on the disk" in capsys.readouterr().out


def test_another_library_is_told(made: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    run, root = made
    before = keys.libraries()["numpy"]
    monkeypatch.setattr(
        keys,
        "libraries",
        lambda: {**json.loads((root / run.key / "config.json").read_text())["libraries"], "numpy": "9.9"},
    )
    found = changes.since(run.key, root)
    assert found.libraries == [f"numpy {before} -> 9.9"]
    assert found.now != run.key


def test_a_function_that_is_gone_is_told(made: tuple[Run, Path], write: Callable[..., None]) -> None:
    run, root = made
    write(("work", "def arm", "def other"))
    found = changes.since(run.key, root)
    assert found.now is None
    assert found.code[0].startswith("gone: noted.work:arm")


def test_runs_are_listed_and_found_by_their_first_digits(made: tuple[Run, Path]) -> None:
    run, root = made
    there = {one.key: one for one in changes.finished(root)}
    assert (there[run.key].label, there[run.key].function) == ("the arm", "noted.work:arm")
    assert there[run.key].size == sum(file.stat().st_size for file in (root / run.key).iterdir())
    assert changes.find(run.key[:15], root) == run.key
    with pytest.raises(ValueError, match=r"no run in .* begins with 'xyz'; `rapo runs` lists the 2"):
        changes.find("xyz", root)
    with pytest.raises(ValueError, match=r"2 runs begin with ''.*give more of the key"):
        changes.find("", root)
    (root / run.key / "config.json").write_text("{")
    with pytest.raises(ValueError, match=f"run {run.key} in .* cannot be read"):
        changes.since(run.key, root)


def test_the_command_lists_and_tells(
    made: tuple[Run, Path], write: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = made
    assert cli.main(["runs"]) == 0
    listed = capsys.readouterr().out
    assert run.key in listed
    assert "the base" in listed
    assert cli.main(["runs", "why", run.key[:12]]) == 0
    assert "nothing: this run is what the code would make" in capsys.readouterr().out
    write(("tools", "LIMIT = 3", "LIMIT = 4"), ("tools", "2 * x", "3 * x"))
    assert cli.main(["runs", "why", run.key]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "changed: noted.tools.double"
    assert told[2].startswith("its base, run ")
    assert told[3] == "  changed: noted.tools.LIMIT"
    assert told[-1].startswith("config unchanged; the run is ")
    assert cli.main(["runs", "why", "xyz"]) == 2
    assert "no run in" in capsys.readouterr().err


def test_without_runs_it_says_so(rapo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runs"]) == 0
    assert "no finished run in" in capsys.readouterr().out
