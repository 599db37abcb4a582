"""Kept answers: whoever is killed, wherever, loses at most the batch under way and draws nothing twice."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rapo.models.answers import Answer, Ask, collect, discard, keeping

SETTINGS = {"model": "m", "temperature": 1.0}


def asks(n: int) -> list[Ask]:
    return [Ask(f"key {i}", [{"role": "user", "content": "x" * (i % 3 + 1)}], seed=i) for i in range(n)]


class Engine:
    """Answers with the seed; remembers what it was asked, and may stop in a batch."""

    def __init__(self, *, stops: int = 1_000) -> None:
        self.batches: list[list[str]] = []
        self.stops = stops

    def check(self, asks: Sequence[Ask]) -> None: ...

    def __call__(self, asks: Sequence[Ask]) -> list[Answer]:
        if len(self.batches) == self.stops:
            raise KeyboardInterrupt
        self.batches.append([ask.key for ask in asks])
        return [Answer(f"answer {ask.seed}", 2, ask.seed % 2 == 0) for ask in asks]


def test_answers_come_in_the_order_of_the_asks_though_the_longest_go_first() -> None:
    engine, seen = Engine(), []
    with keeping(None, SETTINGS) as kept:
        made = collect(asks(7), engine, kept, batch=3, progress=seen.append)
    assert made == [Answer(f"answer {i}", 2, i % 2 == 0) for i in range(7)]
    assert engine.batches[0] == ["key 2", "key 5", "key 1"]
    assert seen == [0, 3, 3, 1]


def test_what_is_kept_is_not_asked_again(tmp_path: Path) -> None:
    path, first, second = tmp_path / "a.part", Engine(stops=2), Engine()
    with pytest.raises(KeyboardInterrupt), keeping(path, SETTINGS) as kept:
        collect(asks(10), first, kept, batch=3)
    with keeping(path, SETTINGS) as kept:
        assert kept.n_before == 6
        made = collect(asks(10), second, kept, batch=3)
    assert [answer.text for answer in made] == [f"answer {i}" for i in range(10)]
    drawn = [key for batch in first.batches + second.batches for key in batch]
    assert sorted(drawn) == sorted(ask.key for ask in asks(10))
    discard(path)
    discard(path)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_anywhere_is_drawn_again_and_the_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    with keeping(path, SETTINGS) as kept:
        collect(asks(3), Engine(), kept, batch=1)
    whole = path.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        engine = Engine()
        with keeping(path, SETTINGS) as kept:
            assert len(collect(asks(3), engine, kept, batch=1)) == 3
        lines = sum(end < cut for end in ends)
        assert len(engine.batches) == 3 - max(lines - 1, 0), cut
        assert path.read_bytes().count(b"\n") == 4


def test_killed_processes_leave_what_they_drew(tmp_path: Path) -> None:
    script = tmp_path / "draw.py"
    script.write_text(
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from rapo.models.answers import Answer, Ask, collect, keeping\n"
        "drawn = 0\n"
        "class Engine:\n"
        "    def __call__(self, asks):\n"
        "        global drawn\n"
        "        drawn += 1\n"
        "        if drawn > 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        Path('log').open('a').write(''.join(ask.key + '\\n' for ask in asks))\n"
        "        return [Answer(ask.key, 1, False) for ask in asks]\n"
        "asks = [Ask(f'key {i}', [{'role': 'user', 'content': 'q'}], i) for i in range(7)]\n"
        "with keeping(Path('a.part'), {'model': 'm'}) as kept:\n"
        "    made = collect(asks, Engine(), kept, batch=2)\n"
        "print(len(made))\n"
    )
    ends = [
        subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True) for _ in range(2)
    ]
    assert [end.returncode for end in ends] == [-signal.SIGKILL, 0], ends
    assert ends[1].stdout == "7\n"
    assert sorted((tmp_path / "log").read_text().split("\n")[:-1]) == [f"key {i}" for i in range(7)]  # none twice


def test_other_settings_are_refused_or_begin_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    with keeping(path, SETTINGS) as kept:
        collect(asks(2), Engine(), kept, batch=1)
    other = {**SETTINGS, "temperature": 0.5}
    with (
        pytest.raises(
            FileExistsError,
            match=r"keeps 2 answers under other settings: temperature was 1.0, is 0.5.*--overwrite",
        ),
        keeping(path, other),
    ):
        pass
    with keeping(path, other, afresh=True) as kept:
        assert kept.n_before == 0
    with keeping(path, other) as kept:
        assert kept.n_before == 0
    for notes in ("my own notes\n", "a line without an end"):
        path.write_text(notes)
        with (
            pytest.raises(FileExistsError, match="holds no answers of `rapo sample`"),
            keeping(path, SETTINGS, afresh=True),
        ):
            pass
        assert path.read_text() == notes
    path.write_text('{"sett')  # its own first line, of which a killed process left half
    with keeping(path, SETTINGS) as kept:
        assert kept.n_before == 0


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    with (
        keeping(path, SETTINGS),
        pytest.raises(RuntimeError, match="another process is writing"),
        keeping(path, SETTINGS),
    ):
        pass
    assert json.loads(path.read_text()) == {"settings": SETTINGS}
