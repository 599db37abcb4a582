import gzip
import zipfile
from pathlib import Path

import pytest

from rapo.pairs import sniff


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty: there is nothing to read"),
        (b"\n \n", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        ('{"a": "é"}'.encode("utf-16"), "is UTF-16; write it as UTF-8: iconv -f UTF-16 -t UTF-8"),
        (b"\0\1\2\3", "holds bytes that are no text"),
        (gzip.compress(b"PAR1", mtime=0), "is parquet inside gzip; unpack it first: gunzip"),
        (b"\x1f\x8b\0\0", "cannot be unpacked"),
    ],
)
def test_what_cannot_be_read_is_told_with_a_remedy(content: bytes, told: str, tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=f"^mine {told}"):
        sniff.look(tmp_path / "a.jsonl", "mine")


def test_an_archive_is_told(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jsonl", "{}")
    with pytest.raises(ValueError, match="is a zip archive"):
        sniff.look(tmp_path / "a.zip", "mine")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", b"{}", ""),
        ("a.json", b"{}\n{}", ""),
        ("stdin", b"{}", ""),
        ("a.jsonl", gzip.compress(b"{}", mtime=0), "holds jsonl inside gzip, whatever its name says"),
        ("a.parquet", b"{}", "holds jsonl, whatever its name says"),
    ],
)
def test_a_name_that_lies_is_told(name: str, content: bytes, told: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    assert sniff.look(tmp_path / name, name).told == told
