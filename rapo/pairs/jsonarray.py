"""JSON that is no JSON lines: one array of objects, or objects that go over several lines, as one object a line."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from rapo.pairs.jsonlines import ROW_BYTES

_CHUNK = 1 << 20
_BETWEEN = re.compile(r"[\s,\ufeff]*")
_DECODER = json.JSONDecoder()


def lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Every element of the array, or every object, as a line; the file is never held whole.

    Arrays that follow each other, as when files were put one behind the other, are read as one.

    Raises:
        ValueError: an element is no JSON, or the array is cut short; its number is named.
    """
    decode = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape").decode
    text, row, ended, closed = "", 0, False, False
    opened: bool | None = None
    while True:
        start = _after(text, 0)
        if opened is None and start < len(text):
            opened = text[start] == "["
            start = _after(text, start + opened)
        while start < len(text):
            if (opened and text[start] == "]") or (closed and text[start] == "["):
                closed = text[start] == "]"
                start = _after(text, start + 1)
                continue
            if closed:
                raise ValueError(f"{name}: something follows the array after element {row}; mend the file")
            try:
                _, end = _DECODER.raw_decode(text, start)
            except ValueError as error:
                if ended or len(text) - start > ROW_BYTES:
                    why = (
                        "is cut short or no JSON" if ended else f"is longer than {ROW_BYTES >> 20} MiB, or no JSON"
                    )
                    raise ValueError(f"{name}: element {row + 1} {why} ({error}); mend the file") from error
                break
            if end == len(text) and not ended:
                break  # a number may go on
            row += 1
            yield re.sub(r"[\r\n]", " ", text[start:end]).encode(errors="surrogateescape") + b"\n"
            start = _after(text, end)
        text = text[start:]
        if ended:
            break
        more = file.read(max(_CHUNK, len(text)))
        ended = not more
        text += decode(more, final=ended)
    if opened and not closed:
        raise ValueError(f"{name}: the array has no end after element {row}: the file is cut short; copy it again")


def _after(text: str, place: int) -> int:
    """Where the next element begins, or the end of the text."""
    found = _BETWEEN.match(text, place)
    return found.end() if found else place
