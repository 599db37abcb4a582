"""What every command that writes shares: nothing is lost, and what was made of what is told."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scored_pairs import json_lines, many

from rapo.cli import main as cli
from rapo.pairs import files, manifest, raw, targets

PAIRS = many(4)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    json_lines(tmp_path / "in.jsonl", PAIRS)
    return tmp_path


WRITERS = {
    "relabel": ["relabel", "in.jsonl"],
    "select": ["select", "in.jsonl", "--metric", "uniform", "-k", "2"],
    "pairs": ["pairs", "in.jsonl"],
    "world": ["world", "--prompts", "3"],
}


@pytest.mark.parametrize("command", WRITERS)
def test_every_command_replaces_what_is_there_only_when_asked(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "out.jsonl").write_text("mine\n")
    words = [*WRITERS[command], "--out", "out.jsonl"]
    assert cli.main(words) == 2
    assert "out.jsonl exists; choose another output, or say --overwrite" in capsys.readouterr().err
    assert (here / "out.jsonl").read_text() == "mine\n"
    assert cli.main([*words, "--overwrite"]) == 0
    assert len(files.read("out.jsonl")) > 0


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("out", ["mine.jsonl", "mine.parquet", "mine"])
def test_no_command_replaces_a_folder_that_is_no_product(command: str, out: str, here: Path) -> None:
    (here / out).mkdir()
    (here / out / "thesis.tex").write_text("dear")
    for further in ([], ["--overwrite"]):
        assert cli.main([*WRITERS[command], "--out", out, *further]) == 2
        assert (here / out / "thesis.tex").read_text() == "dear"


@pytest.mark.parametrize("name", ["out.jsonl.json", "out.jsonl.card.md", "out.jsonl.ids.jsonl"])
def test_a_persons_file_beside_the_output_is_never_written_over(
    name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / name).write_text('{"my": "notes"}')
    assert cli.main([*WRITERS["select"], "--out", "out.jsonl", "--overwrite"]) == 2
    assert f"{name} is in the way" in capsys.readouterr().err
    assert (here / name).read_text() == '{"my": "notes"}'
    assert not (here / "out.jsonl").exists()


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("out", ["out.parquet", "out"])
def test_record_and_card_say_what_was_made_of_what(
    command: str, out: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*WRITERS[command], "--out", out, "--json"]) == 0
    told = json.loads((here / f"{out}.json").read_text())
    assert json.loads(capsys.readouterr().out) == told
    assert (told["command"], told["output"]) == (command, out)
    assert told["written_by"].startswith("rapo ")
    assert set(told["versions"]) >= {"rapo", "pyarrow"}
    if command != "world":
        assert told["source"] == {
            "path": "in.jsonl",
            "sha256": hashlib.sha256(Path("in.jsonl").read_bytes()).hexdigest(),
        }
    card = (here / "out" / "README.md" if out == "out" else here / "out.parquet.card.md").read_text()
    assert card.startswith("---\n")
    assert targets.MARK in card
    assert str(told["source"]["sha256"]) in card
    assert (
        cli.main([*WRITERS[command], "--out", out, "--overwrite"]) == 0
    )  # its own record and card are no obstacle


def test_the_card_of_shards_names_them_for_a_hub(here: Path) -> None:
    assert cli.main([*WRITERS["relabel"], "--out", "rows.parquet", "--shard-rows", "3"]) == 0
    assert sorted(file.name for file in (here / "rows").iterdir()) == [
        "README.md",
        *(f"rows-{i:05d}-of-00003.parquet" for i in range(3)),
    ]
    head = (here / "rows" / "README.md").read_text().split("---\n")[1]
    import yaml

    assert yaml.safe_load(head)["configs"] == [{"config_name": "default", "data_files": "rows-*"}]
    assert json.loads((here / "rows.json").read_text())["counts"]["rows"] == 8


def test_which_subset_was_selected_has_an_answer(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for few in (False, True):
        if few:
            monkeypatch.setattr(manifest, "IDS_INSIDE", 1)
        assert cli.main([*WRITERS["select"], "--out", "out.parquet", "--overwrite"]) == 0
        told = json.loads((here / "out.parquet.json").read_text())
        ids = files.read("out.parquet")["pair_id"].to_pylist()
        assert told["ids"] == ("out.parquet.ids.jsonl" if few else ids)
        assert told["ids_sha256"] == hashlib.sha256("\n".join(ids).encode()).hexdigest()
    assert files.read("out.parquet.ids.jsonl")["pair_id"].to_pylist() == ids
    monkeypatch.setattr(manifest, "IDS_INSIDE", 10**6)
    assert cli.main([*WRITERS["select"], "--out", "out.parquet", "--overwrite"]) == 0
    assert not (here / "out.parquet.ids.jsonl").exists()


def test_a_folders_hash_knows_the_names_of_its_files(here: Path) -> None:
    for name, one, two in (("a", "x", "y"), ("b", "y", "x"), ("c", "x", "y")):
        (here / name).mkdir()
        (here / name / "one").write_text(one)
        (here / name / "two").write_text(two)
    hashes = [manifest.files_hash(here / name) for name in "abc"]
    assert hashes[0] == hashes[2] != hashes[1]


def test_a_pattern_of_shards_is_hashed_file_by_file(here: Path) -> None:
    expected = hashlib.sha256((here / "in.jsonl").read_bytes()).hexdigest()
    assert manifest.source("*.jsonl") == {"path": "*.jsonl", "sha256": {"in.jsonl": expected}}
    assert manifest.source("-") == {"path": "-", "sha256": None}


def test_rows_go_through_pipes(here: Path) -> None:
    rapo = [sys.executable, "-m", "rapo"]
    words = ["select", "-", "--metric", "uniform", "-k", "2", "--out", "-"]
    given = (here / "in.jsonl").read_text()
    made = subprocess.run([*rapo, *words], input=given, capture_output=True, check=True, text=True)
    assert [set(json.loads(line)) >= {"prompt", "uniform"} for line in made.stdout.splitlines()] == [True, True]
    assert made.stderr.splitlines()[-1].startswith("-: kept 2 of 4 pairs by uniform, threshold ")
    assert sorted(file.name for file in here.iterdir()) == ["in.jsonl"]


def test_sigterm_leaves_nothing_half_written(here: Path) -> None:
    code = (
        "import sys, time\nfrom rapo.pairs import writing\nfrom rapo.cli import main\nput = writing.watched\n"
        "def slow(tables, progress):\n"
        "    for table in put(tables, progress):\n"
        "        yield table\n        print('half', flush=True); time.sleep(60)\n"
        "writing.watched = slow\nsys.exit(main.main(['pairs', 'in.jsonl', '--out', 'out']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"half\n"
        assert any(entry.name.startswith(".out.") for entry in here.iterdir())
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == b"rapo: terminated\n"
        assert process.wait() == 143
    assert [entry.name for entry in here.iterdir()] == ["in.jsonl"]


def test_a_read_only_place_is_told_before_any_work(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, *args: object, **options: object) -> None:
        raise OSError(30, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "touch", refused)
    assert cli.main([*WRITERS["select"], "--out", "out.parquet"]) == 2
    assert capsys.readouterr().err == "rapo: error: out.parquet: Read-only file system\n"


@pytest.mark.parametrize("out", ["in.jsonl/new/out.parquet", "in.jsonl/out.parquet"])
def test_a_place_that_cannot_be_is_told_before_any_work(
    out: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*WRITERS["select"], "--out", out]) == 2
    assert capsys.readouterr().err == f"rapo: error: {out}: Not a directory\n"
    assert [file.name for file in here.iterdir()] == ["in.jsonl"]


def test_data_without_a_name_are_not_the_working_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", ""]) == 2
    assert "the name of the data is empty" in capsys.readouterr().err


def test_export_writes_what_another_library_reads(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "in.jsonl", "--to", "llama-factory", "--out", "rows.jsonl"]
    assert cli.main(words) == 0
    assert "4 rows for LLaMA-Factory, stages dpo and rm; entry in dataset_info.json" in capsys.readouterr().out
    entries = json.loads((here / "dataset_info.json").read_text())
    assert entries["rows"]["file_name"] == "rows.jsonl"
    assert set(files.read("rows.jsonl").column_names) == {"conversations", "chosen", "rejected"}
    for mine in ('{"mine": {}}', "[]", '{"mine": {}} // a comment'):
        (here / "dataset_info.json").write_text(mine)
        assert cli.main([*words, "--overwrite"]) == 0
        assert 'add to dataset_info.json: "rows": {"file_name": "rows.jsonl"' in capsys.readouterr().out
        assert (here / "dataset_info.json").read_text() == mine


def test_export_tells_what_it_leaves_out_and_what_is_ordered_against_its_scores(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = json.loads((here / "in.jsonl").read_text(encoding="utf-8").splitlines()[0])
    turned = {**row, "score_chosen": 3, "score_rejected": 9, "tools": "[{}]"}
    (here / "odd.jsonl").write_text(json.dumps(turned) + "\n", encoding="utf-8")
    for to, tools in (("ms-swift", True), ("trl", False)):
        assert cli.main(["export", "odd.jsonl", "--to", to, "--out", f"{to}.jsonl"]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert ("tools are left out, which rows for trl have" in told) is tools
        assert "in 1 pair chosen scores below rejected" in told
    (here / "seen.jsonl").write_text(json.dumps({**row, "images": ["cat.png"], "source": "x"}) + "\n")
    assert cli.main(["export", "seen.jsonl", "--to", "trl", "--out", "seen"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "; column images is left out: rows are texts" in told
    assert "source" not in told


def test_relabelled_rows_are_exported(here: Path) -> None:
    assert cli.main(["relabel", "in.jsonl", "--out", "goals.parquet"]) == 0
    assert cli.main(["export", "goals.parquet", "--to", "trl-kto", "--out", "kto.parquet"]) == 0
    assert len(files.read("kto.parquet")) == 2 * 2 * len(PAIRS)


def test_relabelled_rows_are_known_as_such_before_their_reversed_ones_are_told(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert cli.main(["relabel", "in.jsonl", "--out", "goals.parquet"]) == 0
    caplog.set_level("INFO")
    for file, told in (("goals.parquet", 1), ("in.jsonl", 0)):
        for command in ("check", "audit"):
            caplog.clear()
            assert cli.main([command, file]) == (2 if told and command == "check" else 0)
            assert (
                caplog.text.count(f"{file}: rows of rapo relabel, of which every pair has a reversed one") == told
            )


def test_records_beside_products_are_no_data(here: Path) -> None:
    (here / "data").mkdir()
    words = ["select", "in.jsonl", "--metric", "uniform", "-k", "3", "--out"]
    for name in ("data/a.parquet", "data/b"):
        assert cli.main([*words, name]) == 0
    assert (here / "data" / "b.json").exists()
    assert len(raw.read("data/a.parquet")) == 3
    (here / "data" / "b").rename(here / "b")
    (here / "data" / "b.json").unlink()
    assert len(raw.read("data")) == 3


def test_select_leaves_out_duplicates_before_it_ranks_and_alone(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*many(3), {**many(1)[0], "score_chosen": 10.0}, {**many(1)[0], "chosen": many(1)[0]["rejected"]}]
    json_lines(here / "in.jsonl", [{**row, "pair_id": name} for name, row in zip("abcde", rows, strict=True)])
    words = ["select", "in.jsonl", "--drop-duplicates", "exact", "--json", "--out", "out.jsonl"]
    assert cli.main(words) == 0
    record = json.loads(capsys.readouterr().out)
    expected = {"pairs": 5, "kept": 3, "duplicates": 2, "pairs equal to an earlier one": 1}
    assert record["counts"] == {**expected, "pairs whose responses are the same": 1}
    assert record["ids"] == files.read("out.jsonl")["pair_id"].to_pylist() == ["a", "b", "c"]
    assert cli.main([*words[:-2], "--metric", "uniform", "--fraction", "1", "--out", "-"]) == 0
    told = capsys.readouterr()
    assert [json.loads(line)["pair_id"] for line in told.out.splitlines()] == ["a", "b", "c"]
    assert cli.main(["select", "in.jsonl", "--out", "none.jsonl"]) == 2
    assert "say how many to keep with --fraction or -k" in capsys.readouterr().err
    json_lines(here / "in.jsonl", [rows[-1]] * 2)
    assert cli.main([*words[:-1], "none.jsonl"]) == 2
    assert "leaves no pair: 1 pair equal to an earlier one, 1 pair whose responses are the same" in (
        capsys.readouterr().err
    )
    assert not list(here.glob("none*"))


def test_the_record_counts_what_was_dropped_and_swapped(tmp_path: Path):
    good = {"prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": 9, "score_rejected": 2}
    rows = [good, {**good, "prompt": "r", "rejected": ""}, {**good, "prompt": "s", "score_rejected": 10}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ["--bad", "drop", "--reversed-pairs", "swap"]
    selected = ["select", "-k", "1", "--metric", "explicit-margin"]
    for command in (["relabel"], selected, ["export", "--to", "trl"], ["pairs"]):
        name, *more = command
        out = tmp_path / f"{name}.parquet"
        assert cli.main([name, str(tmp_path / "in.jsonl"), "--out", str(out), *more, *words]) == 0
        told = json.loads(Path(f"{out}.json").read_text(encoding="utf-8"))
        seen = {what: told["counts"][what] for what in ("rows_read", "pairs_dropped", "reversed_pairs_swapped")}
        assert seen == {"rows_read": 3, "pairs_dropped": 1, "reversed_pairs_swapped": 1}
        assert any("dropped 1 row: column rejected: empty response" in line for line in told["reading"])


def test_lines_that_cannot_be_read_are_counted_too(here: Path, capsys: pytest.CaptureFixture[str]):
    good = (here / "in.jsonl").read_text(encoding="utf-8")
    (here / "odd.jsonl").write_text("{broken\n" + good + "[1]\n", encoding="utf-8")
    for command in (["relabel"], ["export", "--to", "trl"]):
        assert cli.main([*command, "odd.jsonl", "--bad", "drop", "--out", "out.jsonl", "--overwrite"]) == 0
        assert json.loads(Path("out.jsonl.json").read_text(encoding="utf-8"))["counts"]["lines_dropped"] == 2
    capsys.readouterr()
    assert cli.main(["check", "odd.jsonl", "--bad", "drop", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["lines_dropped"], told["n"]) == (2, len(PAIRS))
