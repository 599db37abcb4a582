"""Data that recipes name: what they were when a run was made is part of its key."""

import os
from pathlib import Path

from rapo.studies.common.inputs import pinned


def test_the_state_of_a_folder_follows_its_files(tmp_path: Path) -> None:
    def state() -> str:
        return pinned({"source": str(tmp_path), "split": "train"})["state"]

    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "rows.jsonl"
    file.write_text("1")
    os.utime(file, ns=(0, 1))
    found = [state()]
    assert state() == found[0]
    file.write_text("12")
    os.utime(file, ns=(0, 1))
    found.append(state())  # another size
    os.utime(file, ns=(0, 2))
    found.append(state())  # another time
    (tmp_path / "more.jsonl").touch()
    found.append(state())  # another file
    assert len(set(found)) == 4


def test_what_is_not_on_this_machine_has_no_state() -> None:
    assert pinned({"source": "owner/name"}) == {"source": "owner/name"}
