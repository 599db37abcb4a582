from pathlib import Path

import pytest
from scored_pairs import json_lines

from rapo.pairs import files


def test_an_empty_file_of_json_lines_has_no_columns(tmp_path: Path):
    assert files.read(json_lines(tmp_path / "a.jsonl", [])).column_names == []
    assert len(list(files.batches(tmp_path / "a.jsonl"))) == 1


BAD = {
    r"row 3, column s: 'high' where the rows before hold numbers": [{"s": 1}, {"s": 2}, {"s": "high"}],
    r"row 2, column s: True where the rows before hold numbers": [{"s": 1}, {"s": True}],
    r"row 2 is \[1\], no JSON object": [{"s": 1}, [1]],
}


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize("expected", BAD)
def test_a_bad_line_is_named(expected: str, rows: int, tmp_path: Path):
    path = json_lines(tmp_path / "a.jsonl", BAD[expected])
    with pytest.raises(ValueError, match=rf"a\.jsonl: {expected}" if rows == 100 else r"a\.jsonl: .*row [23]"):
        list(files.batches(path, rows=rows))


@pytest.mark.parametrize(
    "broken", [b'{"a": 1}\n{"a": \n', b'{"a": "ok"}\n{"a": "\\ud83d"}\n', b'{"a": 1}\n{"a": "\xff"}\n']
)
def test_a_broken_line_is_named(broken: bytes, tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(broken)
    with pytest.raises(ValueError, match=r"a\.jsonl: row 2"):
        files.read(tmp_path / "a.jsonl")


def test_blank_lines_a_byte_order_mark_and_nan_are_read(tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"s": 1.5}\n\n  \n{"s": NaN}')
    assert str(files.read(tmp_path / "a.jsonl")["s"].to_pylist()) == "[1.5, nan]"
