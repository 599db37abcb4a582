"""Broken input, as people have it: one line with file, row, column, value and a remedy; or left out and counted."""

import bz2
import gzip
import io
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapo.cli import main as cli

GOOD = {"prompt": "2 + 2 ?", "chosen": "4", "rejected": "5", "score_chosen": 9, "score_rejected": 2}
USER, ASSISTANT = ({"role": role, "content": "x"} for role in ("user", "assistant"))


class Broken(NamedTuple):
    """A file: its name and bytes, what the error says, and how many pairs are left with `--bad drop` (0: none)."""

    name: str
    content: bytes
    told: tuple[str, ...]
    kept: int = 0


def lines(*rows: Any) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def bad(name: str, row: Any, *told: str, kept: int = 2) -> tuple[str, Broken]:
    """Two good rows and, between them, a bad one."""
    return name, Broken("a.jsonl", lines(GOOD, row, GOOD), told, kept)


def turned(**changes: Any) -> dict[str, Any]:
    """A good row of messages, changed."""
    talk = {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [ASSISTANT]}
    return {**GOOD, **talk, **changes}


def talks(name: str, *told: str, kept: int = 2, **changes: Any) -> tuple[str, Broken]:
    """Two good rows of messages and, between them, a bad one."""
    return name, Broken("a.jsonl", lines(turned(), turned(**changes), turned()), told, kept)


def whole(name: str, content: bytes, *told: str, file: str = "a.jsonl", kept: int = 0) -> tuple[str, Broken]:
    """A file that is broken as a whole."""
    return name, Broken(file, content, told, kept)


def parquet_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def parquet(**columns: Any) -> bytes:
    return parquet_of(pa.table(columns))


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name not in names}


CUT = gzip.compress(lines(*[{**GOOD, "prompt": str(i) * (i % 50 + 1)} for i in range(9_000)]), 1, mtime=0)
LETTERS = [pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xe9")]
NO_UTF8 = {
    **{name: [value] for name, value in GOOD.items()},
    "prompt": pa.Array.from_buffers(pa.string(), 1, [None, *LETTERS]),
}
TWICE = parquet_of(
    pa.Table.from_arrays([pa.array([value]) for value in (*GOOD.values(), "c")], names=[*GOOD, "chosen"])
)
TWO_OF_EACH = {"prompt": ["q", "r"], "chosen": ["4", "5"], "rejected": ["1", "2"], "score_rejected": [2, 2]}
DROP = "--bad drop"
BROKEN = dict(
    [
        # a row's scores
        bad("a score of NaN", {**GOOD, "score_chosen": math.nan}, "score_chosen", "row 2", "nan", DROP),
        bad("an infinite score", {**GOOD, "score_rejected": -math.inf}, "score_rejected", "row 2", "-inf", DROP),
        bad("a score of null", {**GOOD, "score_chosen": None}, "score_chosen", "row 2", "no value", DROP),
        bad("a row without score", without("score_chosen"), "score_chosen", "row 2", "no value", DROP),
        bad("a score as text", {**GOOD, "score_chosen": "9"}, "score_chosen", "row 2", "'9'"),
        bad("a score of 9/10", {**GOOD, "score_chosen": "9/10"}, "score_chosen", "row 2", "'9/10'"),
        bad("a score that is true", {**GOOD, "score_chosen": True}, "score_chosen", "row 2", "True"),
        bad("a score in a list", {**GOOD, "score_chosen": [9]}, "score_chosen", "row 2", "[9]"),
        bad("a score too big", lines(GOOD).strip().replace(b"9", b"1e999"), "row 2", "too big"),
        bad("a reversed pair", {**GOOD, "score_chosen": 1}, "row 2", "1 < 2", "--reversed-pairs swap"),
        # a row's texts
        bad("an empty response", {**GOOD, "chosen": ""}, "chosen", "row 2", "empty response", DROP),
        bad("a blank response", {**GOOD, "rejected": " \n\t"}, "rejected", "row 2", DROP),
        bad("a response of null", {**GOOD, "rejected": None}, "rejected", "row 2", "None", DROP),
        bad("a row without response", without("rejected"), "rejected", "row 2", "None", DROP),
        bad("a blank prompt", {**GOOD, "prompt": "  "}, "prompt", "row 2", "blank turn", DROP),
        bad("a prompt of null", {**GOOD, "prompt": None}, "prompt", "row 2", DROP),
        bad("a response that is a number", {**GOOD, "chosen": 4}, "chosen", "row 2", "4"),
        bad("a prompt that is a list of text", {**GOOD, "prompt": ["q"]}, "prompt", "row 2", "['q']"),
        bad("a prompt that is an object", {**GOOD, "prompt": {"text": "q"}}, "prompt", "row 2"),
        # a row's turns
        talks("a prompt of [null]", "prompt", "row 2", DROP, prompt=[None]),
        talks("a prompt of no turn", "prompt", "row 2", "has no turn", DROP, prompt=[]),
        talks("an unknown role", "prompt", "row 2", "human", DROP, prompt=[{"role": "human", "content": "x"}]),
        talks("a role of null", "prompt", "row 2", "None", DROP, prompt=[{"role": None, "content": "x"}]),
        talks("two user turns in a row", "prompt", "row 2", "user: 'x'; user: 'x'", DROP, prompt=[USER, USER]),
        talks("a prompt that ends with an answer", "prompt", "row 2", DROP, prompt=[USER, ASSISTANT]),
        talks("a late system turn", "row 2", "Merge", DROP, prompt=[USER, {"role": "system", "content": "x"}, USER]),
        talks("a turn without content", "prompt", "row 2", "None", DROP, prompt=[{"role": "user"}]),
        talks("two assistant turns in a row", "chosen", "row 2", "Merge", DROP, chosen=[ASSISTANT, ASSISTANT]),
        talks("a response of no turn", "rejected", "row 2", "no turns", DROP, rejected=[]),
        talks("a user's response", "rejected", "row 2", "user", DROP, rejected=[USER]),
        talks("a tool's turn first", "chosen", "row 2", DROP, chosen=[{"role": "tool", "content": "x"}, ASSISTANT]),
        talks("a text among messages", "prompt", "row 2", "'q'", prompt="q"),
        talks("a further field", "prompt", "row 2", "name", "Remove", prompt=[{**USER, "name": "ann"}]),
        talks("contents that are numbers", "chosen", "row 2", chosen=[{"role": "assistant", "content": 4}]),
        # lines of JSON
        bad("a line cut short", b'{"prompt": "q", "cho', "row 2", "not valid JSON"),
        bad("a line of text", b"hello", "row 2", "not valid JSON"),
        bad("two objects in a line", lines(GOOD).strip() * 2, "row 2", "not valid JSON"),
        bad("a list in a line", [1], "row 2", "[1]", "no JSON object"),
        bad("null in a line", b"null", "row 2", "None", "no JSON object"),
        bad("a name that stands twice", b'{"prompt": "a", "prompt": "b"}', "row 2", "'prompt' stands in it twice"),
        bad("single quotes", str(GOOD).encode(), "row 2", "not valid JSON"),
        bad("a trailing comma", b'{"prompt": "q",}', "row 2", "not valid JSON"),
        bad("half a character", lines(GOOD).strip().replace(b"4", b"\\ud83d"), "row 2", "ud83d", "surrogate"),
        bad("bytes that are no UTF-8", lines(GOOD).strip().replace(b"4", b"caf\xe9"), "row 2", "xe9", "UTF-8", DROP),
        bad("a control character", lines(GOOD).strip().replace(b"4", b"a\x01"), "row 2", "not valid JSON"),
        # whole files
        whole("an empty file", b"", "is empty: there is nothing to read"),
        whole("blank lines only", b"\n\n \n", "is empty: there is nothing to read"),
        whole("an empty array", b"[]", "is empty", file="a.json"),
        whole("an empty gzip", gzip.compress(b"", mtime=0), "is empty", file="a.jsonl.gz"),
        whole("an empty CSV", ",".join(GOOD).encode() + b"\n", "holds no row", file="a.csv"),
        whole("an empty parquet", parquet(**{name: pa.array([], pa.string()) for name in GOOD}), "score"),
        whole("UTF-16", lines(GOOD).decode().encode("utf-16"), "is UTF-16", "iconv -f UTF-16 -t UTF-8"),
        whole("a gzip cut short", CUT[: len(CUT) // 2], "cut short", file="a.jsonl.gz"),
        whole("a gzip without its end", gzip.compress(lines(GOOD), mtime=0)[:-6], "cut short", file="a.jsonl.gz"),
        whole("a bzip2 cut short", bz2.compress(lines(GOOD))[:-6], "cut short", file="a.jsonl.bz2"),
        whole("a parquet cut short", parquet(a=["x"])[:-20], "cannot be read as parquet", file="a.parquet"),
        whole("a zip archive", b"PK\x03\x04 and more", "is a zip archive"),
        whole("binary", bytes(range(256)), "no text"),
        whole("a page of HTML", b"<html><body>404</body></html>", "row 1", "not valid JSON"),
        whole("an array cut short", json.dumps([GOOD, GOOD]).encode()[:-4], "element 2", "cut short", file="a.json"),
        whole("an array without end", json.dumps([GOOD]).encode()[:-1], "cut short", file="a.json"),
        whole("a row of CSV too short", b"prompt,chosen\nq\n", "Expected 2 columns, got 1", file="a.csv"),
        whole("a header that names twice", b"prompt,prompt\nq,r\n", "'prompt' twice", file="a.csv"),
        whole(
            "CSV scores as text",
            b"prompt,chosen,rejected,score_chosen,score_rejected\nq,a,b,9,2\nq,a,b,9/10,2\n",
            "score_chosen", "row 2", "'9/10'", file="a.csv", kept=1,
        ),
        whole("CSV of another encoding", ",".join(GOOD).encode() + b"\ncaf\xe9,a,b,9,2\n", "UTF-8", file="a.csv"),
        whole("CSV with an open quote", ",".join(GOOD).encode() + b'\n"q,a,b,9,2\n', "quote cells", file="a.csv"),
        whole("a parquet of another encoding", parquet(**NO_UTF8), "no UTF-8", "Column 0", file="a.parquet"),
        whole("a parquet that names twice", TWICE, "'chosen' stands in it twice", file="a.parquet"),
        whole("rows in an object", json.dumps({"data": [GOOD]}).encode(), "the rows in 'data'", "jq .data"),
        whole("columns in an object", json.dumps({k: [v, v] for k, v in GOOD.items()}).encode(), "orient='records'"),
        whole("pandas' columns", json.dumps({k: {"0": v} for k, v in GOOD.items()}).encode(), "orient='records'"),
        # columns
        whole("no scores", lines(without("score_chosen", "score_rejected")), "--column score_chosen=1"),
        whole("no prompt", lines(without("prompt")), "prompt is missing", "--column prompt=..."),
        whole("no response", lines(without("rejected")), "rejected is missing", "--column rejected=..."),
        whole("no known column", lines({"a": 1, "b": 2}), "There is a, b", "--column prompt=..."),
        whole("all scores as text", lines({**GOOD, "score_chosen": "8"}), "score_chosen", "row 1", "'8'", kept=1),
        whole("all prompts [null]", lines({**GOOD, "prompt": [None]}), "column prompt", "row 1", "[None]"),
        whole("ids that repeat", lines(*[{**GOOD, "pair_id": "p"}] * 2), "pair_id", "row 2", "'p'"),
        whole("one side's attributes", lines({**GOOD, "attributes_chosen": {"a": 1}}), "attributes_rejected is miss"),
        whole(
            "candidates without score",
            lines({"instruction": "q", "completions": [{"response": "a", "overall_score": None}] * 3}),
            "completions", "row 1", "completion 1", DROP,
        ),
        whole(
            "candidates without text",
            lines({"instruction": "q", "completions": [{"answer": "a", "overall_score": 1}]}),
            "completions have no field response",
        ),
    ]
)  # fmt: skip


def test_there_are_enough_of_them():
    assert len(BROKEN) >= 62


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_told_in_a_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    broken = BROKEN[name]
    path = tmp_path / broken.name
    path.write_bytes(broken.content)
    assert cli.main(["check", str(path)]) == 2
    told = capsys.readouterr().err
    errors = [line for line in told.splitlines() if line.startswith("rapo: error: ")]
    assert len(errors) == 1, told
    assert "columns={" not in told
    assert "Traceback" not in told
    for part in (str(path), *broken.told):
        assert part in told
    assert broken.kept or "pair_id" not in told or "pair_id" in broken.told


@pytest.mark.parametrize("name", BROKEN)
def test_bad_rows_are_left_out_and_counted(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    broken = BROKEN[name]
    (tmp_path / broken.name).write_bytes(broken.content)
    given = ["check", str(tmp_path / broken.name), "--bad", "drop", "--json"]
    assert cli.main(given) == (0 if broken.kept else 2)
    told = capsys.readouterr()
    if broken.kept:
        assert json.loads(told.out)["n"] == broken.kept


CSV = ",".join(GOOD) + "\n2 + 2 ?,4,5,9,2\n"
ODD = {
    "files one behind the other, each with its mark": ("a.jsonl", 2 * (b"\xef\xbb\xbf" + lines(GOOD))),
    "lines of Windows": ("a.jsonl", 2 * lines(GOOD).replace(b"\n", b"\r\n")),
    "CSV with semicolons": ("a.csv", (CSV + "1,2,3,4,3\n").replace(",", ";").encode()),
    "semicolons, no name": ("data", (CSV + "1,2,3,4,3\n").replace(",", ";").encode()),
    "CSV with old line ends": ("a.csv", (CSV + "1,2,3,4,3\n").replace("\n", "\r").encode()),
    "scores as decimals": ("a.parquet", parquet(**{**TWO_OF_EACH, "score_chosen": [Decimal("9.5"), Decimal(3)]})),
    "scores of half precision": ("a.parquet", parquet(**TWO_OF_EACH, score_chosen=np.array([9, 8], np.float16))),
    "columns with a dictionary": (
        "a.parquet",
        parquet(**{**TWO_OF_EACH, "score_chosen": [9, 8], "chosen": pa.array(["4", "5"]).dictionary_encode()}),
    ),
    "fields of turns that hold nothing": (
        "a.parquet",
        parquet(**{**TWO_OF_EACH, "score_chosen": [9, 8], "prompt": pa.array([[{**USER, "name": None}]] * 2)}),
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_and_right_is_read(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, content = ODD[name]
    (tmp_path / file).write_bytes(content)
    assert cli.main(["check", str(tmp_path / file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 2


def test_a_link_to_nothing_among_shards_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "a.jsonl").write_bytes(lines(GOOD))
    (tmp_path / "b.jsonl").symlink_to("gone.jsonl")
    assert cli.main(["check", str(tmp_path)]) == 2
    assert f"{tmp_path / 'b.jsonl'} is a link to nothing; mend or remove it" in capsys.readouterr().err


def test_nan_in_a_further_column_is_no_matter(tmp_path: Path):
    rows = [{**GOOD, "temperature": math.nan}, GOOD]
    (tmp_path / "a.jsonl").write_bytes(lines(*rows))
    assert cli.main(["check", str(tmp_path / "a.jsonl")]) == 0
    assert cli.main(["pairs", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "b.jsonl")]) == 0


@pytest.mark.parametrize("command", [["relabel"], ["pairs"], ["select", "--fraction", "1", "--metric", "uniform"]])
def test_no_pair_left_is_no_product(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "a.jsonl").write_bytes(lines({**GOOD, "chosen": ""}))
    given = [command[0], str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "b.jsonl"), "--bad", "drop"]
    assert cli.main([*given, *command[1:]]) == 2
    assert "no pair is left of 1 row" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_reversed_pairs_never_rank_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "a.jsonl").write_bytes(lines(GOOD, {**GOOD, "score_chosen": 0, "score_rejected": 9}))
    given = ["select", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "b.jsonl"), "-k", "1"]
    assert cli.main([*given, "--metric", "explicit-margin"]) == 2
    assert "row 2 (0 < 9)" in capsys.readouterr().err
