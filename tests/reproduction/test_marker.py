"""The marker of a notebook's last success."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from rapo import paths
from rapo.reproduction import marker


def test_marker_round_trip(rapo_root: Path) -> None:
    assert marker.read("a", "smoke") is None
    own, other = (paths.figures("smoke") / "claims" / name for name in ("X.json", "Y.json"))
    beside = paths.build("smoke") / "quickstart.jsonl"
    for file in (own, other, beside):
        paths.write_text(file, "{}")
    gone = paths.figures("smoke") / "gone.svg"
    noted = marker.write("a", "smoke", digest="d", began=0.0, saved=1e9, written=[own, own, beside, gone])
    assert noted == marker.read("a", "smoke")
    # SHA-256 of "{}", as `printf '{}' | sha256sum` prints it
    known = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert noted.products == {"build/smoke/figures/claims/X.json": known}
    assert noted.anew == pytest.approx(noted.seconds + 1e9)
    assert not marker.is_done("a", "smoke", "d")  # no executed copy
    paths.write_text(marker.executed_file("a", "smoke"), "")
    assert marker.is_done("a", "smoke", "d")
    assert not marker.is_done("a", "smoke", "other")
    assert not marker.is_done("a", "small", "d")
    assert not marker.is_done("a", "smoke", "d", measure=False)
    marker.marker_file("a", "smoke").write_text('{"digest": ')
    assert marker.read("a", "smoke") is None


def test_what_a_notebook_no_longer_makes_goes_unless_somebody_changed_it(rapo_root: Path) -> None:
    made, dropped, mine = (paths.figures("smoke") / "claims" / name for name in ("X.json", "Y.json", "Z.json"))
    for file in (made, dropped, mine):
        paths.write_text(file, "{}")
    first = marker.write("a", "smoke", digest="d", began=0.0, written=[made, dropped, mine])
    mine.write_text("edited")
    marker.write("a", "smoke", digest="e", began=0.0, written=[made], before=first)
    assert (made.exists(), dropped.exists(), mine.read_text()) == (True, False, "edited")


@pytest.mark.parametrize("damage", ["", "{", "{ }"], ids=["empty", "truncated", "changed"])
def test_a_damaged_product_is_not_done(rapo_root: Path, damage: str) -> None:
    products = [paths.figures("smoke") / "a.svg", marker.executed_file("a", "smoke")]
    for product in products:
        for file in products:
            paths.write_text(file, "{}")
        marker.write("a", "smoke", digest="d", began=0.0, written=products[:1])
        assert marker.is_done("a", "smoke", "d")
        product.write_text(damage)
        assert not marker.is_done("a", "smoke", "d")


@pytest.mark.parametrize("named", [False, True], ids=["linked", "linked and named"])
def test_the_build_folder_may_lie_on_another_disk(
    named: bool, rapo_root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rapo_root / "build").symlink_to(tmp_path_factory.mktemp("scratch"))
    if named:  # as a replication and runs on own data do
        monkeypatch.setenv("RAPO_BUILD", str(rapo_root / "build" / "replication"))
    picture, copy = paths.figures("smoke") / "a.svg", marker.executed_file("a", "smoke")
    for file in (picture, copy):
        paths.write_text(file, "{}")
    assert len(marker.write("a", "smoke", digest="d", began=0.0, written=[picture]).products) == 2
    assert marker.is_done("a", "smoke", "d")
    picture.write_text("other")
    assert not marker.is_done("a", "smoke", "d")


def test_what_made_the_results_names_versions_and_the_commit_of_the_code(repository: Path) -> None:
    found = marker.made_by()
    assert found["numpy"] == np.__version__
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=repository, capture_output=True, text=True)
    assert found["commit"] == (git.stdout.strip() or "unknown")
