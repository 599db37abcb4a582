"""Replication: other seeds everywhere, in a folder of their own, held against the first time and kept with it."""

import json
import os
from pathlib import Path

import pytest

from rapo import paths
from rapo.claims import compare
from rapo.cli import main as cli
from rapo.config import seed_shift
from rapo.reproduction import keep, notebook, replication, report
from rapo.runs import keys

nbformat = pytest.importorskip("nbformat", reason="needs the extra 'notebooks'")
pytest.importorskip("papermill", reason="needs the extra 'notebooks'")

# Its one claim is its seed, and what a recipe's seeds would have been moved by.
CELL = """
from rapo.claims import claim
from rapo.config import shifted, seed_shift
value = float(more + seed + shifted({"seeds": [1]}, seed_shift())["seeds"][0])
one = claim.Claim("RA-T1", "s", "t", estimate=value, low=value - 1, high=value + 1)
claim.save(one, scale=scale, notebook="toy")
"""


@pytest.fixture
def project(rapo_root: Path) -> Path:
    v4 = nbformat.v4
    (rapo_root / "notebooks").mkdir()
    first = v4.new_code_cell('scale = "small"\nseed = 0\nmore = 0', metadata={"tags": ["parameters"]})
    document = v4.new_notebook(cells=[first, v4.new_code_cell(CELL)], metadata={"rapo": {"title": "toy"}})
    nbformat.write(document, rapo_root / "notebooks" / "toy.ipynb")
    return rapo_root


def test_measures_with_other_seeds_and_tells_what_came_out_otherwise(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["reproduce", "--scale", "smoke"]) == 0
    capsys.readouterr()
    assert cli.main(["replicate", "--scale", "smoke", "--shift", "20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # First 0 + 1; anew (0 + 20) + (1 + 20) = 41.
    (one,) = found["claims"]
    assert (one["old_estimate"], one["new_estimate"], one["beyond"], one["turned"]) == (1.0, 41.0, True, False)
    assert found["total"] == {"compared": 1, "beyond": 1, "turned": 0, "moved": 1}
    assert found["second"]["python"] == keys.versions()["python"]
    assert (project / "build" / "replication" / "smoke" / "figures" / "claims" / "RA-T1.json").exists()
    first = json.loads((project / "build" / "smoke" / "figures" / "claims" / "RA-T1.json").read_text())
    assert first["estimate"] == 1.0, "what was measured first stays"
    assert not {"RAPO_SEED_SHIFT", "RAPO_BUILD"} & set(os.environ)
    # Another shift is measured, not taken over.
    assert cli.main(["replicate", "--scale", "smoke", "--shift", "7"]) == 0
    assert "RA-T1: 1 [0, 2] undecided, anew 15 [14, 16] holds (beyond, moved)" in capsys.readouterr().out


def test_takes_the_parameters_that_the_first_measurement_had(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["reproduce", "--scale", "smoke", "--set", "more=3"]) == 0
    assert cli.main(["replicate", "--scale", "smoke", "--shift", "20", "--set", "other=3"]) == 2
    assert "other" in capsys.readouterr().err
    assert cli.main(["replicate", "toy", "--scale", "smoke", "--shift", "20", "--set", "more=3", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["claims"]
    assert (one["old_estimate"], one["new_estimate"]) == (4.0, 44.0)  # 3 + 0 + 1; 3 + (0 + 20) + (1 + 20)
    assert cli.main(["replicate", "--set", "data=mine.csv"]) == 2
    assert "use rapo reproduce --set data=..." in capsys.readouterr().err


def test_is_kept_with_the_results_that_it_was_held_against(project: Path) -> None:
    with pytest.raises(ValueError, match="nothing is measured yet; run `rapo reproduce --scale small`"):
        replication.first_claims("small")
    assert cli.main(["reproduce"]) == 0
    assert cli.main(["keep"]) == 0
    assert not (paths.results() / replication.FILE).exists()
    assert cli.main(["replicate", "--shift", "500"]) == 0
    assert cli.main(["keep"]) == 0
    page = report.kept_pages()["report.html"]
    assert "Measured anew with other seeds" in page
    assert "1 (100 %)" in page
    assert json.loads((paths.results() / replication.FILE).read_text())["first"]["machine"]
    # The first results change: what was held against the old ones goes.
    file = project / "notebooks" / "toy.ipynb"
    file.write_text(file.read_text().replace("value - 1", "value - 2"))
    assert cli.main(["reproduce"]) == 0
    removed = paths.results() / replication.FILE
    assert removed in keep.keep()
    assert not removed.exists()


def test_stands_as_far_as_what_it_compared_does(project: Path) -> None:
    kept = [{"id": name, "estimate": 1.0, "low": 0.0, "high": 2.0, "notebook": "toy"} for name in ("A", "B", "C")]
    far = {**kept[1], "estimate": 9.0, "low": 8.0, "high": 10.0}
    found = replication.record([kept[0], far], kept, scale="smoke", shift=5)
    assert [row["id"] for row in found["claims"]] == ["A", "B"]
    replication.write(found, project / "build" / "replication")
    moved = [{**one, "low": -1.0} for one in kept]
    assert replication.of_these(kept, scale="smoke") == replication.of_these(kept[:2], scale="smoke") == found
    for now in ([moved[0], moved[1], kept[2]], kept[2:]):
        assert replication.of_these(now, scale="smoke") is None
    left = replication.of_these([kept[0], moved[1]], scale="smoke") or {}
    assert [row["id"] for row in left["claims"]] == ["A"]
    assert (left["total"]["compared"], left["total"]["beyond"]) == (1, 0)
    assert (left["since"]["compared"], left["since"]["beyond"]) == (1, 1)
    assert "Of 1 more, measured again since, 1 differed." in compare.told(left)
    earlier = {**found["claims"][1], "id": "D"}
    before = {**found, "since": {"compared": 1, "beyond": 1, "claims": [earlier]}}
    since = (compare.standing(before, [kept[0], moved[1]]) or {})["since"]
    assert (since["compared"], since["beyond"], [row["id"] for row in since["claims"]]) == (2, 2, ["D", "B"])
    nothing = compare.standing(left, [moved[0]])
    assert nothing is None


def test_a_replication_of_some_notebooks_leaves_that_of_the_others_as_it_was(project: Path) -> None:
    kept = [
        {"id": name, "estimate": 1.0, "low": 0.0, "high": 2.0, "notebook": f"of {name[0]}"}
        for name in ("A1", "A2", "B1", "B2")
    ]
    far = [{**one, "estimate": 9.0, "low": 8.0, "high": 10.0} for one in kept]
    whole = replication.record(far[:3], kept, scale="small", shift=5)
    moved = [kept[0], {**kept[1], "low": -1.0}, *kept[2:]]
    paths.results().mkdir(parents=True)
    (paths.results() / replication.FILE).write_text(json.dumps(compare.standing(whole, moved)))
    again = replication.of_these(moved, scale="small") or {}
    assert (again["total"]["beyond"], again["since"]["compared"]) == (2, 1)
    replication.write(
        replication.record([kept[0], moved[1]], moved, scale="small", shift=7), project / "build" / "replication"
    )
    found = replication.of_these(moved, scale="small") or {}
    assert {row["id"]: row["beyond"] for row in found["claims"]} == {"A1": False, "A2": False, "B1": True}
    assert (found["shift"], found["only_old"], "since" in found) == (7, ["B2"], False)
    assert found["notebooks"]["of B"] == again["notebooks"]["of B"]
    (paths.results() / replication.FILE).write_text(json.dumps(found))
    assert replication.of_these(moved, scale="small") == found


def test_shifts_that_meet_another_architectures_seeds_are_refused() -> None:
    for shift in (0, 1000, -3):
        with pytest.raises(ValueError, match=f"shift is {shift}; use 1 to 999"), replication.other_seeds(shift):
            pass
    assert seed_shift() == 0


def test_nothing_of_other_seeds_is_kept(rapo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPO_SEED_SHIFT", "5")
    with pytest.raises(ValueError, match="RAPO_SEED_SHIFT is 5"):
        keep.keep()


def test_other_seeds_are_another_run_of_a_notebook_without_seeds_of_its_own(repository: Path) -> None:
    (source,) = notebook.find([str(repository / "notebooks" / "central_results.ipynb")])
    before = notebook.digest(source, scale="smoke")
    with replication.other_seeds(3):
        three = notebook.digest(source, scale="smoke")
    with replication.other_seeds(4):
        four = notebook.digest(source, scale="smoke")
    assert len({before, three, four}) == 3
    assert notebook.digest(source, scale="smoke") == before
