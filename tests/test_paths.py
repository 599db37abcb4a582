"""Where things lie, and files that are written whole or not at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rapo import paths


def test_root_is_the_named_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(tmp_path))
    assert paths.root() == tmp_path
    assert paths.notebooks() == tmp_path / "notebooks"
    assert paths.results() == tmp_path / "data" / "results"


def test_root_is_found_from_a_folder_below_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAPO_ROOT", raising=False)
    for folder in ("notebooks/deep", "rapo"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert paths.root() == tmp_path


def test_root_outside_a_checkout_is_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RAPO_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert paths.root() == tmp_path


def test_small_owns_figures_and_the_other_scales_a_folder_in_it(rapo_root: Path) -> None:
    assert paths.figures("smoke") == rapo_root / "build" / "smoke" / "figures"
    assert paths.kept_figures() == rapo_root / "figures"
    assert paths.build("full") == rapo_root / "build" / "full"


@pytest.mark.parametrize("place", [paths.figures, paths.build, paths.check_scale])
def test_an_unknown_scale_is_refused_with_the_ones_there_are(place) -> None:
    with pytest.raises(ValueError, match="'tiny'; use one of smoke, small, full"):
        place("tiny")


def test_runs_are_shared_by_the_scales_and_can_be_moved(
    rapo_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert paths.runs() == rapo_root / "build" / "runs"
    monkeypatch.setenv("RAPO_RUNS", str(tmp_path / "scratch"))
    assert paths.runs() == tmp_path / "scratch"


def test_write_text_makes_folders_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b.txt"
    paths.write_text(target, "first")
    paths.write_text(target, "zweite Fassung: ä")
    assert target.read_text(encoding="utf-8") == "zweite Fassung: ä"
    assert [file.name for file in target.parent.iterdir()] == ["b.txt"]


def write_half(target: Path) -> None:
    with paths.whole(target) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise OSError("disk full")


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    paths.write_text(target, "old")
    with pytest.raises(UnicodeEncodeError):
        paths.write_text(target, "a lone surrogate cannot be written: \udc80")
    with pytest.raises(OSError, match="disk full"):
        write_half(target)
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_threads_that_write_one_file_leave_one_whole_text(tmp_path: Path) -> None:
    target = tmp_path / "one.txt"
    texts = [str(digit) * 200_000 for digit in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: paths.write_text(target, text), texts * 4))
    assert target.read_text(encoding="utf-8") in texts
    assert list(tmp_path.iterdir()) == [target]


def test_the_unfinished_file_is_not_taken_for_a_finished_one(tmp_path: Path) -> None:
    with paths.whole(tmp_path / "claim.json") as temporary:
        temporary.write_text("{", encoding="utf-8")
        assert list(tmp_path.glob("*.json")) == []


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with paths.whole(tmp_path / "data") as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["second"]
    assert [file.name for file in tmp_path.iterdir()] == ["data"]


def test_what_is_durable_is_on_the_disk_before_it_has_its_name_and_the_name_after(
    tmp_path: Path, disk: list[str]
) -> None:
    paths.write_text(tmp_path / "a.txt", "a")
    assert disk == ["renamed a.txt"]
    paths.write_text(tmp_path / "b.txt", "b", durable=True)
    assert disk[1:] == ["synced b.txt", "renamed b.txt", f"synced {tmp_path.name}"]
