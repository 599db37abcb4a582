import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from scored_pairs import json_lines

from rapo.pairs import files, jsonlines

BAD = {
    r"row 3, column s: 'high' where most rows hold numbers": [{"s": 1}, {"s": 2}, {"s": "high"}],
    r"row 2, column s: True where most rows hold numbers": [{"s": 1}, {"s": True}],
    r"row 1, column s: '9/10' where most rows hold numbers": [{"s": "9/10"}, {"s": 1}, {"s": 2.5}],
    r"row 1, column s: \[1\] where most rows hold text": [{"s": [1]}, {"s": "a"}, {"s": None}, {"s": "b"}],
    r"row 2 is \[1\], no JSON object": [{"s": 1}, [1]],
}


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize("expected", BAD)
def test_a_bad_line_is_named(expected: str, rows: int, tmp_path: Path):
    path = json_lines(tmp_path / "a.jsonl", BAD[expected])
    with pytest.raises(ValueError, match=rf"a\.jsonl: {expected}" if rows == 100 else r"a\.jsonl: .*row [123]"):
        list(files.batches(path, rows=rows))


@pytest.mark.parametrize(
    "broken",
    [
        b'{"a": 1}\n{"a": 1, "a": 2}\n',
        b'{"a": 1}\n{"a": 1} {"a": 2}\n',
        b'{"a": 1}\nnull\n',
        b'{"a": 1}\n{"a": \n',
        b'{"a": "ok"}\n{"a": "\\ud83d"}\n',
        b'{"a": 1}\n{"a": "\xff"}\n',
    ],
)
def test_a_broken_line_is_named(broken: bytes, tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(broken)
    with pytest.raises(ValueError, match=r"a\.jsonl: row 2"):
        files.read(tmp_path / "a.jsonl")


def test_blank_lines_a_byte_order_mark_and_nan_are_read(tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"s": 1.5}\n\n  \n{"s": NaN}')
    assert str(files.read(tmp_path / "a.jsonl")["s"].to_pylist()) == "[1.5, nan]"


def test_lines_that_cannot_be_read_are_left_out_and_told(tmp_path: Path):
    wrong = [b'{"score_chosen": ', b'{"score_chosen": "9/10"}', b'{"t": "\xff"}', b"4"]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([b'{"score_chosen": 1}', *wrong, b'{"score_chosen": 3}']))
    for rows in (1, 2, 100):
        skipped: list[str] = []
        pieces = files.File(tmp_path / "a.jsonl", skip=skipped.append).pieces(rows)
        assert [row["score_chosen"] for piece in pieces for row in piece.to_pylist()] == [1, 3]
        assert len(skipped) == 4
        assert skipped[0].startswith("row 2 is not valid JSON")


def test_a_first_line_that_is_unlike_the_others_is_the_one_that_is_left_out(tmp_path: Path):
    """What the first row holds says the types of the others only until it is out: 1 and then 2.5 stay numbers."""
    path = json_lines(
        tmp_path / "a.jsonl", [{"score_chosen": "9/10"}, *({"score_chosen": n} for n in (1, 2.5, 3))]
    )
    skipped: list[str] = []
    pieces = list(files.File(path, skip=skipped.append).pieces(100))
    assert [piece["score_chosen"].to_pylist() for piece in pieces] == [[1, 2.5, 3]]
    assert [line[:5] for line in skipped] == ["row 1"]


def test_a_row_without_end_is_refused_in_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jsonlines, "ROW_BYTES", 1 << 20)
    long = b'{"s": "' + b"a" * (5 << 20) + b'"}\n'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"s": "b"}\n' + long + b'{"s": "c"}\n'))
    with pytest.raises(
        ValueError, match="row 2 is longer than 1 MiB, which no pair is; leave such rows out with --bad"
    ):
        files.read(tmp_path / "a.jsonl.gz")
    skipped: list[str] = []
    kept = files.File(tmp_path / "a.jsonl.gz", skip=skipped.append).pieces(10)
    assert [row["s"] for piece in kept for row in piece.to_pylist()] == ["b", "c"]
    assert skipped == ["row 2 is longer than 1 MiB"]


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_texts_that_look_like_dates_stay_texts_whichever_row_they_come_in(rows: int, tmp_path: Path):
    day = {"at": "2024-05-01", "calls": [{"args": {"day": "2024-05-01 10:00:00"}}]}
    given = [{"prompt": "q"}, {"prompt": "q", **day}]
    path = json_lines(tmp_path / "a.jsonl", given * 2)
    got = pa.concat_tables(files.File(path).pieces(rows), promote_options="default").to_pylist()
    assert [row.get("at") for row in got] == [None, "2024-05-01"] * 2
    assert got[1]["calls"] == given[1]["calls"]
