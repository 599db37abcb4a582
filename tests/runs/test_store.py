"""Results: stored whole, and kept."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from rapo import paths
from rapo.runs import store

FRAME = pd.DataFrame({"arm": ["UF", "RA"], "seed": [0, 1], "gold": [0.25, None]})


def listed(file: Path) -> Path:
    """Move a file to the kept ones and list it by hand."""
    target = paths.results() / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)
    record = {"sha256": hashlib.sha256(target.read_bytes()).hexdigest()}
    paths.write_text(paths.results() / "manifest.json", json.dumps({target.name: record}))
    return target


def test_stored_whole_with_what_it_was_made_by(rapo_root: Path) -> None:
    file = store.store(FRAME, "central", scale="smoke", config={"beta": 0.1})
    assert file == rapo_root / "build" / "smoke" / "results" / "central.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(file), FRAME)
    about = json.loads(pq.read_schema(file).metadata[b"rapo"])
    assert (about["name"], about["scale"], about["config"]) == ("central", "smoke", {"beta": 0.1})
    assert "python" in about["provenance"]
    assert [entry.name for entry in file.parent.iterdir()] == ["central.parquet"]


def test_missing_results_name_the_command(rapo_root: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"central.parquet; measure them with `rapo reproduce --scale small`"
    ):
        store.kept("central")
    (rapo_root / "notebooks").mkdir()
    (rapo_root / "notebooks" / "arms.ipynb").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"`rapo reproduce arms --scale small`"):
        store.kept("arms_answers")


def test_every_flipped_bit_of_a_kept_file_is_found(rapo_root: Path) -> None:
    file = listed(store.store(FRAME, "arms", scale="small"))
    whole = file.read_bytes()
    for bit in [*range(0, 8 * len(whole), 61), 8 * len(whole) - 1]:  # 61 is prime: every place in a byte
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"arms.parquet is damaged.*restore it \(`git checkout -- data/results`"
        ):
            store.kept("arms")
    file.write_bytes(whole)
    pd.testing.assert_frame_equal(store.kept("arms"), FRAME)


def test_a_kept_file_that_is_gone_or_not_listed_is_told(rapo_root: Path) -> None:
    file = listed(store.store(FRAME, "arms", scale="small"))
    file.with_name("others.parquet").write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match=r"others.parquet is not listed in manifest.json.*remove it, or measure"):
        store.kept("others")
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"arms.parquet is gone, though manifest.json lists it; restore"):
        store.kept("arms")
    (paths.results() / "manifest.json").write_text('{"arms.parquet": ')
    with pytest.raises(ValueError, match=r"manifest.json is damaged .*restore"):
        store.kept("arms")


def test_kept_claims_are_vouched_for_too(rapo_root: Path) -> None:
    assert store.kept_claims() == []
    paths.write_text(rapo_root / "claims.json", '[{"id": "X"}]')
    file = listed(rapo_root / "claims.json")
    assert store.kept_claims() == [{"id": "X"}]
    file.write_text('[{"id": "Y"}]')
    with pytest.raises(ValueError, match=r"claims.json is damaged"):
        store.kept_claims()


def test_what_is_kept_with_the_project_is_listed_and_whole(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPO_ROOT", str(repository))
    there = {file.name for file in paths.results().iterdir()} - {"manifest.json", "durations.json", store.OUTDATED}
    assert there == set(store.manifest())
    for name, about in store.manifest().items():
        documents = {
            "claims.json": store.kept_claims,
            "replication.json": lambda: store.kept_replication()["claims"],
        }
        rows = documents[name]() if name in documents else store.kept(name.removesuffix(".parquet"))
        assert len(rows) == about["rows"], name


def test_what_an_earlier_plan_measured_is_named_with_its_reason(rapo_root: Path) -> None:
    assert store.outdated() == {}
    paths.results().mkdir(parents=True, exist_ok=True)
    (paths.results() / store.OUTDATED).write_text('{"self_play": "its pairs are others"}')
    assert store.outdated() == {"self_play": "its pairs are others"}


def test_outdated_notebooks_are_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("RAPO_ROOT", str(root))
    assert set(store.outdated()) <= {file.stem for file in (root / "notebooks").glob("*.ipynb")}
