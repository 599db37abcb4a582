"""`rapo audit`: what it prints and writes, and how it exits."""

import json
from pathlib import Path

import pytest
import tiny
from scored_pairs import json_lines, many, of_texts

from rapo.cli.main import main

SAME = of_texts("p", "same", "same")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return json_lines(tmp_path / "pairs.jsonl", [*many(30), SAME])


def test_a_table_then_what_to_do(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(pairs)]) == 0
    told = capsys.readouterr().out
    assert f"{pairs}: 31 pairs; " in told
    assert "serious: identical-responses" in told
    assert "row 31, row-31 (chosen and rejected are the same): same" in told
    assert "do: remove these pairs" in told
    for title in ("Scores:", "Length bias:", "Contradictions:", "Duplicates:", "Turns:"):
        assert title in told


def test_json_is_one_document(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(pairs), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    found = {one["name"]: one for one in record["findings"]}
    assert found["identical-responses"]["count"] == 1
    assert found["identical-responses"]["examples"][0]["row"] == "31"


@pytest.mark.parametrize(
    ("rows", "level", "status"),
    [
        ([SAME], "serious", 1),
        ([SAME], "warning", 1),
        ([SAME], None, 0),
        ([of_texts("p", "yes", "no way")], "serious", 0),
    ],
)
def test_the_exit_status(rows: list[dict[str, object]], level: str | None, status: int, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [*rows])
    assert main(["audit", str(path), *(["--fail-on", level] if level else [])]) == status


def test_the_page_is_written(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "audit.html"
    assert main(["audit", str(pairs), "--html", str(page)]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert f"page: {page}" in capsys.readouterr().out


def test_nothing_is_replaced_unasked(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "audit.html"
    page.write_text("mine", encoding="utf-8")
    for target, told in ((page, "exists; choose another name, or say --overwrite"), (tmp_path, "is a folder")):
        assert main(["audit", str(pairs), "--html", str(target)]) == 2
        assert told in capsys.readouterr().err
    assert main(["audit", str(pairs), "--html", str(pairs), "--overwrite"]) == 2
    assert "is the input itself" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "mine"
    assert main(["audit", str(pairs), "--html", str(page), "--overwrite"]) == 0
    assert page.read_text(encoding="utf-8") != "mine"


def test_columns_benchmarks_and_a_preview(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"ask": "w1 w2 w3 w4 w5", "chosen": " w1 w2", "rejected": " w3"} for _ in range(2)]
    path = json_lines(tmp_path / "a.jsonl", rows)
    (tmp_path / "exam.txt").write_text("w1 w2 w3 w4 w5\n", encoding="utf-8")
    tiny.TOKENIZER.save_pretrained(tmp_path / "tokenizer")
    options = ["--column", "prompt=ask", "--benchmark", str(tmp_path / "exam.txt"), "--ngram", "4"]
    options += ["--tokenizer", str(tmp_path / "tokenizer"), "--max-length", "5", "--json"]
    assert main(["audit", str(path), *options]) == 0
    record = json.loads(capsys.readouterr().out)
    found = {one["name"]: one for one in record["findings"]}
    assert found["contaminated prompt: exam.txt"]["count"] == 2
    assert found["dropped-by-max-length"]["count"] == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--max-length", "9"], "--max-length counts tokens; say with --tokenizer whose"),
        (["--benchmark", "none.txt"], "none.txt: No such file or directory"),
        (["--ngram", "1"], "ngram is 1; use 3 or more"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    pairs: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(pairs), *options]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_rows_that_cannot_be_read_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = json_lines(tmp_path / "a.jsonl", many(3))
    path.write_bytes(path.read_bytes() + b'{"prompt": "a\xff", "chosen": "b", "rejected": "c"}\n')
    assert main(["audit", str(path)]) == 2
    assert "--bad drop" in capsys.readouterr().err
    assert main(["audit", str(path), "--bad", "drop"]) == 0
    assert f"{path}: 3 pairs" in capsys.readouterr().out


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "none.jsonl"]) == 2
    assert "none.jsonl does not exist" in capsys.readouterr().err


def test_a_file_of_no_rows_is_audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("prompt,chosen,rejected,score_chosen,score_rejected\n", encoding="utf-8")
    assert main(["audit", str(empty)]) == 0
    assert "0 pairs" in capsys.readouterr().out
