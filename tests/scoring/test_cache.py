import errno
import logging
from pathlib import Path

import pytest

from rapo import paths
from rapo.scoring.cache import Store

IDS = ["a", "b"]
COLUMNS = {"x": [-1.25, None], "n": [3, 0], "cut": [False, True]}


def stored(folder: Path) -> Store:
    store = Store(folder)
    store.write("key", IDS, COLUMNS)
    return store


def test_what_is_kept_is_read_again(tmp_path):
    stored(tmp_path)
    store = Store(tmp_path)
    assert store.read("key", IDS) == COLUMNS
    assert store.read("other", IDS) is None
    assert store.counts == {"pieces_reused": 1}


def test_numbers_keep_every_bit(tmp_path):
    value = 0.1 + 0.2
    Store(tmp_path).write("key", ["a"], {"x": [value]})
    assert Store(tmp_path).read("key", ["a"]) == {"x": [value]}


def damage(text: str) -> dict[str, str]:
    return {
        "empty": "",
        "cut short": text[:-10],
        "one digit changed": text.replace("-1.25", "-1.35"),
        "no checksum": text.partition("\n")[2],
        "not ours": "{}\n",
    }


@pytest.mark.parametrize("kind", damage(""))
def test_a_damaged_piece_is_told_and_missing(tmp_path, caplog, kind):
    store = stored(tmp_path)
    file = tmp_path / "key.json"
    file.write_text(damage(file.read_text())[kind])
    with caplog.at_level(logging.WARNING):
        assert store.read("key", IDS) is None
    assert store.counts["pieces_damaged"] == 1
    assert f"{file} is damaged (its checksum differs); its 2 rows are scored again" in caplog.text


@pytest.mark.parametrize("ids", [["a"], ["b", "a"], ["a", "b", "c"]])
def test_missing_and_foreign_rows_are_noticed(tmp_path, caplog, ids):
    assert stored(tmp_path).read("key", ids) is None
    assert "rows are missing or belong to another table" in caplog.text


def test_bytes_that_are_no_text_are_damage(tmp_path):
    store = stored(tmp_path)
    (tmp_path / "key.json").write_bytes(b"\xff\xfe\x00")
    assert store.read("key", IDS) is None


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Store(None)
    store.check_writable()
    store.write("key", IDS, COLUMNS)
    assert store.read("key", IDS) is None
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_was_kept_and_nothing_half_written(tmp_path, monkeypatch):
    store = stored(tmp_path)

    def full(self, text, **_):
        self.touch()
        with self.open("w") as file:
            file.write(text[:5])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left on device; make room and run again: everything") as caught:
        store.write("next", IDS, COLUMNS)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "next.json"))
    assert [file.name for file in tmp_path.iterdir()] == ["key.json"]
    assert store.read("key", IDS) == COLUMNS


def test_a_folder_that_cannot_be_written_to_is_told_first(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="choose another folder with cache="):
        Store(tmp_path / "file" / "below").check_writable()


def test_the_writability_test_leaves_no_trace(tmp_path):
    Store(tmp_path / "new").check_writable()
    assert list((tmp_path / "new").iterdir()) == []


def test_pieces_go_through_the_one_way_to_write(tmp_path, monkeypatch):
    """`paths.write_text` writes whole or not at all; a test of its own shows that."""
    written = []
    monkeypatch.setattr(paths, "write_text", lambda path, text: written.append(path))
    stored(tmp_path)
    assert written == [tmp_path / "key.json"]
