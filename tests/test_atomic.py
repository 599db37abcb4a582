"""Names that are taken whole or not at all, whoever is killed when, and what killed processes leave."""

import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import filelock
import pyarrow as pa
import pytest

from rapo import atomic, paths
from rapo.pairs import raw, writing

# Replaces a folder of three files again and again; every version holds its number three times.
REPLACES = """
import itertools, sys
from pathlib import Path
from rapo import paths
sys.platform = sys.argv[2]
for version in itertools.count():
    with paths.whole(Path(sys.argv[1])) as folder:
        folder.mkdir()
        for name in "abc":
            (folder / name).write_text(str(version))
    if version == 1:
        print("ready", flush=True)
"""


@pytest.mark.parametrize("platform", [sys.platform, "another"], ids=["in one step", "renamed aside"])
def test_a_folder_whose_writer_is_killed_at_any_moment_is_the_old_or_the_new_one(
    platform: str, tmp_path: Path
) -> None:
    drawn = random.Random(0)
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", REPLACES, str(tmp_path / "data"), platform], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(drawn.uniform(0, 0.01))
            writer.kill()
        if platform == sys.platform == "linux":  # at no moment is there no folder of the name
            assert (tmp_path / "data").is_dir()
        atomic.sweep(tmp_path)
        assert [entry.name for entry in tmp_path.iterdir()] == ["data"]
        versions = {file.name: file.read_text() for file in (tmp_path / "data").iterdir()}
        assert sorted(versions) == ["a", "b", "c"]
        assert len(set(versions.values())) == 1


def test_killed_between_two_renames_the_old_folder_gets_its_name_again(tmp_path: Path) -> None:
    (tmp_path / ".data.0123456789ab.old").mkdir()
    (tmp_path / ".data.0123456789ab.old" / "pairs").write_text("old")
    (tmp_path / ".data.0123456789ab.tmp").mkdir()
    (tmp_path / ".data.0123456789ab.lock").touch()
    atomic.sweep(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]
    assert (tmp_path / "data" / "pairs").read_text() == "old"


def test_who_reads_what_was_set_aside_finds_it(tmp_path: Path) -> None:
    writing.write(pa.table({"n": [1]}), tmp_path / "data")
    (tmp_path / "data").rename(
        tmp_path / ".data.0123456789ab.old"
    )  # where a process was killed between two renames
    (tmp_path / ".data.0123456789ab.lock").touch()
    assert raw.read(tmp_path / "data")["n"].to_pylist() == [1]


def test_a_process_sweeps_a_folder_when_it_first_writes_into_it(tmp_path: Path) -> None:
    for name in (".old.jsonl.0123456789ab.tmp", ".old.jsonl.0123456789ab.lock"):
        (tmp_path / name).touch()
    paths.write_text(tmp_path / "new.txt", "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["new.txt"]


def test_nothing_is_swept_that_could_be_a_persons_own(tmp_path: Path) -> None:
    mine = [".notes.tmp", ".a.0123456789ab.tmp", "a.0123456789ab.lock", ".a.0123456789AB.lock", ".a.old", ".lock"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    atomic.sweep(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(mine)


def test_what_a_living_process_writes_is_not_swept(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from rapo import paths
        with paths.whole(Path(sys.argv[1])) as temporary:
            temporary.write_text("whole")
            print("half", flush=True)
            sys.stdin.readline()
    """)
    command = [sys.executable, "-c", code, str(tmp_path / "one.txt")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"half\n"
        atomic.sweep(tmp_path)  # another process writes into the same folder
        paths.write_text(tmp_path / "two.txt", "two")
        with paths.whole(tmp_path / "three.txt") as temporary:
            temporary.write_text("three")
            atomic.sweep(tmp_path)
        other.stdin.write(b"\n")
        other.stdin.close()
        assert other.wait() == 0
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["one.txt", "three.txt", "two.txt"]
    assert (tmp_path / "one.txt").read_text() == "whole"


@pytest.mark.parametrize("platform", [sys.platform, "another"])
@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_of_two_writers_of_a_new_name_the_second_is_told(
    folder: bool, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    def write(text: str) -> None:
        with paths.whole(tmp_path / "one", replace=False) as temporary:
            if folder:
                temporary.mkdir()
            if text == "slow":
                write("fast")
            (temporary / "x" if folder else temporary).write_text(text)

    with pytest.raises(FileExistsError, match="written meanwhile by another process") as told:
        write("slow")
    assert told.value.filename == str(tmp_path / "one")
    assert (tmp_path / "one" / "x" if folder else tmp_path / "one").read_text() == "fast"
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]


def test_a_file_never_takes_the_place_of_a_folder_nor_a_folder_that_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(IsADirectoryError, match="folder is a folder; choose another name"):
        paths.write_text(tmp_path / "folder", "text")
    with pytest.raises(NotADirectoryError, match="file is a file"), paths.whole(tmp_path / "file") as temporary:
        temporary.mkdir()
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "data")
    for text in ("first", "second"):
        with paths.whole(tmp_path / "link") as temporary:
            temporary.mkdir()
            (temporary / "x").write_text(text)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "data" / "x").read_text() == "second"
    assert len(list((tmp_path / "disk").iterdir())) == 1


@pytest.mark.parametrize("number", [28, 30])
def test_a_full_or_read_only_disk_is_told_with_the_files_name(number: int, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r".") as told, paths.whole(tmp_path / "out.jsonl"):
        raise OSError(number, os.strerror(number))
    assert told.value.filename == str(tmp_path / "out.jsonl")


def test_a_folder_that_cannot_be_written_is_told_with_the_files_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r".") as told, paths.whole(tmp_path / "out.jsonl") as temporary:
        (temporary / "x").touch()
    assert told.value.filename == str(tmp_path / "out.jsonl")


def test_where_the_file_system_has_no_locks_files_are_whole_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: filelock.FileLock) -> None:
        Path(self.lock_file).touch()
        raise NotImplementedError("no flock here")

    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    with paths.whole(tmp_path / "one") as temporary:
        temporary.write_text("whole")
        atomic.sweep(tmp_path)
    assert {entry.name: entry.read_text() for entry in tmp_path.iterdir()} == {"one": "whole"}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal: a job in a shell's background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with paths.whole(tmp_path / "data") as temporary:
            temporary.mkdir()
            (temporary / "half").touch()
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("the signal did nothing")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []
