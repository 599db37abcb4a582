"""CSV into Arrow, in batches: every cell is text until all of its column are known to be numbers."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_BLOCK = 16 << 20
# Columns whose cells are text, even where all of them could be read as numbers.
_TEXT = re.compile(
    r"(?i)prompt|chosen|rejected|response|answer|instruction|question|query|"
    r"(?<![a-z])(input|text|history|ref|id)s?(?![a-z])|(?-i:(?<=[a-z])(Input|Text|Ref|Id)(?![a-z]))"
)
_NUMBER = re.compile(
    r"(?i)(score|rating|reward|rank|grade|quality|helpful|implicit|prob|log_?p|tokens|length|margin|ratio)"
)
_KINDS = (pa.int64(), pa.float64(), pa.string())


def read(stream: Any, name: str, head: bytes) -> Iterator[pa.Table]:
    """Pieces of a file with a header, every column as text; an empty cell is missing.

    Args:
        stream: an Arrow stream.
        name: what errors call the file.
        head: its first bytes, which hold the header.

    Raises:
        ValueError: a row has another number of cells than the header, or names repeat.
    """
    import pyarrow.csv as pc_csv

    header = "\n".join(head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").splitlines())
    mark = max(",\t;", key=header.partition("\n")[0].count)
    names = next(csv.reader(io.StringIO(header), delimiter=mark))
    if len(set(names)) < len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise ValueError(f"{name}: the header names column {twice!r} twice; give every column its own name")
    reader = pc_csv.open_csv(
        stream,
        read_options=pc_csv.ReadOptions(block_size=_BLOCK, use_threads=False),
        parse_options=pc_csv.ParseOptions(delimiter=mark, newlines_in_values=True),
        convert_options=pc_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )
    done = False
    for batch in reader:
        yield pa.Table.from_batches([batch])
        done = True
    if not done:
        yield reader.schema.empty_table()


def numbers(piece: pa.Table, schema: pa.Schema) -> pa.Schema:
    """The narrowest types that hold a piece and everything before it, whose types are ``schema``."""
    return pa.schema([(column, _kind(piece[column], schema, column)) for column in piece.column_names])


def _kind(cells: pa.ChunkedArray, schema: pa.Schema, name: str) -> pa.DataType:
    if _TEXT.search(name) and not _NUMBER.search(name):
        return pa.string()
    before = schema.field(name).type if name in schema.names else pa.int64()
    for kind in _KINDS[_KINDS.index(before) :]:
        try:
            pc.cast(cells, kind)
            return kind
        except pa.ArrowInvalid:
            continue
    return pa.string()
