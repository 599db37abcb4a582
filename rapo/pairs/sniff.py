"""What a file holds, by its first bytes: a name may lie, its content does not."""

import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

HEAD = 1 << 16
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_UNPACK = {"gzip": "gunzip", "zstd": "unzstd", "bz2": "bunzip2"}
_BINARY = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow"}
_SUFFIXES = {
    **dict.fromkeys(("jsonl", "ndjson"), "jsonl"),
    "json": "json",
    **dict.fromkeys(("parquet", "pq"), "parquet"),
    **dict.fromkeys(("csv", "tsv"), "csv"),
    **dict.fromkeys(("arrow", "feather", "ipc"), "arrow"),
}
_PACKED = {"gz": "gzip", "gzip": "gzip", "zst": "zstd", "zstd": "zstd", "bz2": "bz2"}
_HEADER = re.compile(rb'"?\w[\w .-]*"?([,;\t]"?\w[\w .-]*"?)+(\r\n?|\n)')


@dataclass(frozen=True)
class Form:
    """How a file is to be read.

    Attributes:
        kind: "jsonl", "json" (an array, or objects over several lines), "csv", "parquet", "arrow" or "folder".
        compression: "gzip", "zstd", "bz2", or None.
        told: what to tell where the name says something else, else "".
    """

    kind: str
    compression: str | None = None
    told: str = ""


def claimed(name: str) -> tuple[str | None, str | None]:
    """Format and compression that a file's name claims.

    >>> claimed("A.JSONL.GZ"), claimed("b")
    (('jsonl', 'gzip'), (None, None))
    """
    parts = name.lower().split(".")[1:]
    packed = _PACKED.get(parts[-1]) if parts else None
    rest = parts[:-1] if packed else parts
    return _SUFFIXES.get(rest[-1]) if rest else None, packed


def look(path: Path, name: str) -> Form:
    """Find out how to read a file or folder, which errors call ``name``.

    Raises:
        ValueError: it is empty, or holds nothing that can be read here; the message says what to type.
    """
    if path.is_dir():
        return Form("folder")
    with path.open("rb") as file:
        head = file.read(HEAD)
    packed = next((how for magic, how in _COMPRESSED.items() if head.startswith(magic)), None)
    if packed:
        head = _unpacked(path, packed, name)
    if not head.strip():
        raise ValueError(f"{name} is empty: there is nothing to read")
    kind = _kind(head, claimed(path.name)[0], name)
    if packed and kind in ("parquet", "arrow"):
        raise ValueError(f"{name} is {kind} inside {packed}; unpack it first: {_UNPACK[packed]} {name}")
    return Form(kind, packed, _told(path, kind, packed))


def _unpacked(path: Path, packed: str, name: str) -> bytes:
    try:
        with pa.input_stream(str(path), compression=packed) as stream:
            return stream.read(HEAD)
    except (OSError, pa.ArrowInvalid) as error:
        raise ValueError(f"{name} cannot be unpacked ({packed}): {told_of(error)}") from error


def told_of(error: Exception) -> str:
    """What a reader's error says, in one line."""
    text = str(error).partition("\n")[0]
    cut = "truncated" in text.lower() or "unexpected end" in text.lower()
    if cut:
        return "it is cut short; copy it again"
    if "invalid utf8" in text.lower():
        return f"it holds text that is no UTF-8; write it as UTF-8 ({text})"
    quotes = "; quote cells that hold a comma, a quote or a line break"
    return text + quotes * text.startswith("CSV parse error")


def _kind(head: bytes, claim: str | None, name: str) -> str:
    for magic, kind in _BINARY.items():
        if head.startswith(magic):
            return kind
    if head.startswith(b"PK\x03\x04"):
        raise ValueError(f"{name} is a zip archive (or a spreadsheet); unpack it, or save it as CSV, first")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:200]:
        if not head.startswith((b"\xff\xfe", b"\xfe\xff")) and head[:200].count(b"\x00") < 50:
            raise ValueError(f"{name} holds bytes that are no text; use JSON lines, CSV or parquet")
        raise ValueError(f"{name} is UTF-16; write it as UTF-8: iconv -f UTF-16 -t UTF-8 {name} > utf8.jsonl")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        first = text.partition(b"\n")[0].rstrip()
        return "json" if claim == "json" and not first.endswith(b"}") else "jsonl"
    if claim in ("parquet", "arrow"):
        raise ValueError(f"{name} cannot be read as {claim}: it does not begin like one; copy or make it again")
    return "csv" if claim == "csv" or _HEADER.match(text) else "jsonl"


def _told(path: Path, kind: str, packed: str | None) -> str:
    """What the name claims and the content is not."""
    claim, pack = claimed(path.name)
    alike = claim in (None, kind) or {claim, kind} == {"json", "jsonl"}
    if alike and (pack == packed or path.name.count(".") == 0):
        return ""
    content = f"{kind} inside {packed}" if packed else kind
    return f"holds {content}, whatever its name says"
